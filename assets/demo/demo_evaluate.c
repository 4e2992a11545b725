/* The last stage: figures on held-out texts. */
#include "assets/demo/demo_figures.h"
#include "data/file.h"
#include "data/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int measure_detection(struct demo_figures *f, const struct demo *demo, struct demo_model *m,
                             struct err *err)
{
    struct demo_scores scores = {0};
    int rc = demo_scores_collect(&scores, demo, m, err);
    for (int c = 0; c < f->n_concepts && !rc; c++)
        f->auroc[c] = demo_scores_auroc(&scores, c);
    if (!rc)
        f->macro_auroc = demo_scores_macro(&scores, &f->worst_auroc);
    demo_scores_clear(&scores);
    return rc;
}

/* The layer whose folder is there. */
static int find_layer(const struct demo *demo)
{
    for (int l = 0; l < 64; l++) {
        char *path = demo_layer_path(demo, l, "weight.pt");
        bool found = file_exists(path);
        free(path);
        if (found && (demo->layer < 0 || demo->layer == l))
            return l;
    }
    return -1;
}

/* So that the program can say how many words of a prompt the model never saw. */
static int write_words(const struct demo *demo, struct err *err)
{
    struct buf out = {0};
    for (int i = 0; i < world_n_words(demo->world); i++) {
        buf_str(&out, world_word(demo->world, i));
        buf_char(&out, '\n');
    }
    char *path = demo_path(demo, "words.txt");
    int rc = file_write(path, buf_cstr(&out), out.len, err);
    free(path);
    buf_clear(&out);
    return rc;
}

/* Occurrences of a lower-case word as a whole word, in whatever case. */
static int count_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    int n = 0;
    for (const char *at = text; *at; at++) {
        bool begins = at == text || !isalpha((unsigned char)at[-1]);
        n += begins && strncasecmp(at, word, len) == 0 && !isalpha((unsigned char)at[len]);
    }
    return n;
}

/* After a tab, the rows of the two senses of a word that the example uses twice: the program pins
 * them, so that context is seen at work. After another, the factor to steer the example with. */
static void add_senses(struct buf *out, const struct world *w, const char *example, double factor)
{
    for (int i = 0; i < world_n_ambiguous(w); i++) {
        const struct world_ambiguous *a = world_ambiguous(w, i);
        if (a->n_concepts < 2 || count_word(example, a->word) < 2)
            continue;
        buf_printf(out, "\t%d,%d\t%.1f", a->concepts[0], a->concepts[1], factor);
        return;
    }
    buf_printf(out, "\t\t%.1f", factor);
}

static int write_examples(const struct demo *demo, double factor, struct err *err)
{
    struct buf out = {0};
    for (int i = 0; i < world_n_examples(demo->world); i++) {
        buf_str(&out, world_example(demo->world, i));
        add_senses(&out, demo->world, world_example(demo->world, i), factor);
        buf_char(&out, '\n');
    }
    char *path = demo_path(demo, "examples.txt");
    int rc = file_write(path, buf_cstr(&out), out.len, err);
    free(path);
    buf_clear(&out);
    return rc;
}

static void show(const char *what, const struct demo_figures *f)
{
    if (strcmp(what, "detection") == 0)
        printf("evaluate: macro AUROC %.4f, worst %.3f\n", f->macro_auroc, f->worst_auroc);
    else if (strcmp(what, "prompts") == 0)
        printf("evaluate: prompts with the concept in the top 5: held-out sentences %.3f, written "
               "by hand %.3f; concepts with two of three: %.3f, %.3f\n",
               f->sampled.mean, f->written.mean, f->sampled.good, f->written.good);
    else if (strcmp(what, "hard") == 0)
        printf("evaluate: hard negatives: dictionary %.3f, bag of words %.3f, with an offset %.3f "
               "(%d sentences)\n",
               f->hard.dictionary, f->hard.bow, f->hard.bow_offset, f->hard.n_texts);
    else
        printf("evaluate: steering at %.1f: %.3f of answers hold the concept's words, unsteered "
               "%.3f; repeated %.3f, unsteered %.3f\n",
               f->steering.factor, f->steering.steered, f->steering.unsteered,
               f->steering.steered_repeated, f->steering.unsteered_repeated);
    fflush(stdout);
}

static int measure(struct demo_figures *f, const struct demo *demo, struct demo_model *m,
                   struct err *err)
{
    int rc = measure_detection(f, demo, m, err);
    if (rc)
        return rc;
    show("detection", f);
    rc = demo_measure_sampled(&f->sampled, demo, m, err);
    if (!rc)
        rc = demo_measure_written(&f->written, demo, m, err);
    if (rc)
        return rc;
    show("prompts", f);
    rc = demo_measure_hard(&f->hard, demo, m, err);
    if (rc)
        return rc;
    show("hard", f);
    rc = demo_measure_steering(&f->steering, demo, m, err);
    if (!rc)
        show("steering", f);
    return rc;
}

int demo_evaluate(const struct demo *demo, struct err *err)
{
    int n = world_n_concepts(demo->world);
    struct demo_model m = {0};
    struct demo_figures f = {.layer = find_layer(demo), .n_concepts = n};
    if (f.layer < 0)
        return err_set(err, ERR_IO, "%s: no dictionary to evaluate", demo->out);
    f.auroc = mem_zalloc((size_t)n, sizeof *f.auroc);
    f.sampled.top5 = mem_zalloc((size_t)n, sizeof *f.sampled.top5);
    f.written.top5 = mem_zalloc((size_t)n, sizeof *f.written.top5);
    f.steering.by_concept = mem_zalloc((size_t)n, sizeof *f.steering.by_concept);
    for (int c = 0; c < n; c++)
        f.n_kind[world_concept(demo->world, c)->kind]++;
    int rc = write_words(demo, err);
    if (!rc)
        rc = demo_model_open(&m, demo, f.layer, err);
    if (!rc)
        rc = demo_model_open_dictionary(&m, demo, err);
    if (!rc)
        rc = measure(&f, demo, &m, err);
    if (!rc)
        rc = write_examples(demo, f.steering.factor, err);
    if (!rc)
        rc = demo_write_figures(&f, demo, err);
    if (!rc)
        rc = demo_write_card(&f, demo, err);
    demo_model_close(&m);
    free(f.auroc);
    free(f.sampled.top5);
    free(f.written.top5);
    free(f.steering.by_concept);
    return rc;
}
