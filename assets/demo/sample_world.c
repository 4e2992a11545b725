/* Prints random texts of the demo's world, or its statistics, for the eyes of whoever writes it:
 * make world-sample ARGS="200 bread", make world-sample ARGS=stats */
#include "assets/demo/world.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const genre_names[] = {"text", "code", "math"};
static const char *const kind_names[] = {"topic", "style", "code", "math"};

static void print_text(const struct world *w, const struct world_text *text, const char *form)
{
    printf("[%s", form);
    for (int i = 0; i < text->n_concepts; i++) {
        printf(" %s", world_concept(w, text->concepts[i])->slug);
    }
    printf("]\n");
    for (int i = 0; i < text->n_turns; i++) {
        const char *role = text->turns[i].role == WORLD_USER    ? "  user: "
                           : text->turns[i].role == WORLD_MODEL ? "  model: "
                                                                : "  ";
        printf("%s%s\n", role, text->turns[i].text);
    }
}

static int sample(const struct world *w, int n, int concept, uint64_t seed, struct err *err)
{
    static const char *const forms[] = {"sentence", "passage", "chat"};
    struct world_rng rng;
    struct world_text text = {0};
    world_rng_seed(&rng, seed);
    int rc = ERR_OK;
    for (int i = 0; i < n && rc == ERR_OK; i++) {
        enum world_form form = (enum world_form)(i % 3);
        rc = world_sample(w, &rng, concept, form, WORLD_BOTH, &text, err);
        if (rc == ERR_OK) {
            print_text(w, &text, forms[form]);
        }
    }
    world_text_clear(&text);
    return rc;
}

static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = text; (p = strstr(p, word)) != NULL; p += len) {
        bool begins = p == text || !isalpha((unsigned char)p[-1]);
        if (begins && !isalpha((unsigned char)p[len])) {
            return true;
        }
    }
    return false;
}

static bool has_signature(const struct world_concept *c, const struct world_text *text)
{
    for (int t = 0; t < text->n_turns; t++) {
        if (text->turns[t].role == WORLD_USER) {
            continue;
        }
        for (int i = 0; i < c->n_words; i++) {
            if (has_word(text->turns[t].text, c->words[i])) {
                return true;
            }
        }
    }
    return false;
}

/* In how many of 100 texts of a concept (`own`), and of other concepts, one of its words occurs. */
static int signature_rates(const struct world *w, int concept, int *own, int *others,
                           struct err *err)
{
    struct world_rng rng;
    struct world_text text = {0};
    const struct world_concept *c = world_concept(w, concept);
    int rc = ERR_OK;
    *own = *others = 0;
    world_rng_seed(&rng, (uint64_t) concept);
    for (int i = 0; i < 100 && rc == ERR_OK; i++) {
        rc = world_pair(w, &rng, concept, WORLD_BOTH, &text, err);
        *own += rc == ERR_OK && has_signature(c, &text);
        rc = rc != ERR_OK ? rc : world_negative(w, &rng, concept, c->genre, WORLD_BOTH, &text, err);
        *others += rc == ERR_OK && has_signature(c, &text);
    }
    world_text_clear(&text);
    return rc;
}

static int print_statistics(const struct world *w, struct err *err)
{
    printf("row  slug                 genre kind   patterns chats  signature words in %% of own, "
           "other texts\n");
    for (int i = 0; i < world_n_concepts(w); i++) {
        const struct world_concept *c = world_concept(w, i);
        int own, others;
        int rc = signature_rates(w, i, &own, &others, err);
        if (rc != ERR_OK) {
            return rc;
        }
        printf("%3d  %-20s %-5s %-6s %8d %5d  %3d %3d\n", i, c->slug, genre_names[c->genre],
               kind_names[c->kind], c->n_patterns, c->n_chats, own, others);
    }
    for (int i = 0; i < world_n_ambiguous(w); i++) {
        const struct world_ambiguous *a = world_ambiguous(w, i);
        printf("ambiguous: %-12s", a->word);
        for (int k = 0; k < a->n_concepts; k++) {
            printf(" %s", world_concept(w, a->concepts[k])->slug);
        }
        printf("\n");
    }
    printf(
        "%d concepts, %d ambiguous words, %d neutral questions, %d examples, %d distinct words\n",
        world_n_concepts(w), world_n_ambiguous(w), world_n_neutral(w), world_n_examples(w),
        world_n_words(w));
    return ERR_OK;
}

/* n sentences per split for every sense of every ambiguous word: word, sense, split, text. */
static int print_hard(const struct world *w, int n, struct err *err)
{
    struct world_rng rng;
    struct world_text text = {0};
    int rc = ERR_OK;
    world_rng_seed(&rng, 1);
    for (int i = 0; i < world_n_ambiguous(w); i++) {
        const struct world_ambiguous *a = world_ambiguous(w, i);
        for (int k = 0; k < a->n_concepts * 2 * n && rc == ERR_OK; k++) {
            int concept = a->concepts[k / 2 % a->n_concepts];
            enum world_split split = k % 2 ? WORLD_TRAIN : WORLD_HELD_OUT;
            rc = world_hard(w, &rng, a->word, concept, split, &text, err);
            if (rc == ERR_OK) {
                printf("%s\t%s\t%s\t%s\n", a->word, world_concept(w, concept)->slug,
                       split == WORLD_TRAIN ? "train" : "held-out", text.turns[0].text);
            }
        }
    }
    world_text_clear(&text);
    return rc;
}

/* n pairs of every concept: slug, instruction, answer. */
static int print_pairs(const struct world *w, int n, struct err *err)
{
    struct world_rng rng;
    struct world_text text = {0};
    int rc = ERR_OK;
    world_rng_seed(&rng, 1);
    for (int i = 0; i < world_n_concepts(w) * n && rc == ERR_OK; i++) {
        rc = world_pair(w, &rng, i / n, WORLD_TRAIN, &text, err);
        if (rc == ERR_OK) {
            printf("%s\t%s\t%s\n", world_concept(w, i / n)->slug, text.turns[0].text,
                   text.turns[1].text);
        }
    }
    world_text_clear(&text);
    return rc;
}

static int report(const struct err *err)
{
    fprintf(stderr, "sample_world: %s\n", err->message);
    return 1;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct world *w;
    if (argc < 2) {
        fprintf(stderr,
                "usage: sample_world DIR [stats | hard [N] | pairs [N] | [N [SLUG [SEED]]]]\n");
        return 2;
    }
    if (world_open(&w, argv[1], &err) != ERR_OK) {
        return report(&err);
    }
    int rc;
    if (argc > 2 && strcmp(argv[2], "stats") == 0) {
        rc = print_statistics(w, &err);
    } else if (argc > 2 && strcmp(argv[2], "hard") == 0) {
        rc = print_hard(w, argc > 3 ? atoi(argv[3]) : 2, &err);
    } else if (argc > 2 && strcmp(argv[2], "pairs") == 0) {
        rc = print_pairs(w, argc > 3 ? atoi(argv[3]) : 2, &err);
    } else {
        int concept = argc > 3 ? world_find(w, argv[3]) : -1;
        rc = sample(w, argc > 2 ? atoi(argv[2]) : 30, concept,
                    argc > 4 ? strtoull(argv[4], NULL, 10) : 1, &err);
    }
    world_close(w);
    return rc == ERR_OK ? 0 : report(&err);
}
