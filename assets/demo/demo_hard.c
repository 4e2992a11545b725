/* Hard negatives: sentences that use an ambiguous word in one of its senses. The dictionary
 * decides between two senses by their rows; a bag of words, trained on the same pairs as those
 * rows, by its words. */
#include "assets/demo/demo_figures.h"
#include "core/bow.h"
#include "core/latents.h"
#include "data/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { N_TEXTS = 12, N_BOW = 72 };

static char *join_turns(const struct world_text *text)
{
    struct buf joined = {0};
    for (int i = 0; i < text->n_turns; i++) {
        buf_str(&joined, text->turns[i].text);
        buf_char(&joined, ' ');
    }
    return joined.data;
}

int demo_train_bow(struct bow **out, const struct demo *demo, int concept, int other,
                   struct err *err)
{
    char *texts[2 * N_BOW];
    int labels[2 * N_BOW], n = 0, rc = ERR_OK;
    *out = NULL;
    struct world_text text = {0};
    struct world_rng positive = demo_rng(demo, STREAM_POSITIVE, (uint64_t) concept);
    struct world_rng negative = demo_rng(demo, STREAM_NEGATIVE, (uint64_t) concept);
    if (other >= 0)
        negative = demo_rng(demo, STREAM_POSITIVE, (uint64_t)other);
    for (int i = 0; i < 2 * N_BOW && !rc; i++) {
        if (i < N_BOW)
            rc = world_pair(demo->world, &positive, concept, WORLD_TRAIN, &text, err);
        else if (other >= 0)
            rc = world_pair(demo->world, &negative, other, WORLD_TRAIN, &text, err);
        else
            rc =
                world_negative(demo->world, &negative, concept,
                               world_concept(demo->world, concept)->genre, WORLD_TRAIN, &text, err);
        if (rc)
            break;
        labels[n] = i < N_BOW;
        texts[n++] = join_turns(&text);
    }
    if (!rc)
        bow_train(out, (const char *const *)texts, labels, (size_t)n, 100);
    for (int i = 0; i < n; i++)
        free(texts[i]);
    world_text_clear(&text);
    return rc;
}

/* --- the dictionary's judgement --- */

/* Where a sentence's latents are read: at the last token of the ambiguous word, or as the mean
 * over the sentence. Which is better is decided on sentences of the training split. */
enum { READ_WORD, READ_MEAN, N_READS };

/* The token that holds the last byte of the word's first occurrence; -1 if there is none. */
static int word_token(const struct demo_model *m, const struct token_ids *ids, const char *word)
{
    struct buf text = {0};
    size_t len = strlen(word);
    int found = -1;
    for (size_t i = N_PREFIX; i < ids->n && found < 0; i++) {
        tokenizer_decode_one(&text, m->tok, ids->ids[i]);
        for (size_t at = 0; at + len <= text.len; at++) {
            bool begins = at == 0 || !isalpha((unsigned char)text.data[at - 1]);
            if (begins && strncasecmp(text.data + at, word, len) == 0)
                found = (int)i - N_PREFIX;
        }
    }
    buf_clear(&text);
    return found;
}

/* reads [N_READS, n_concepts] of a sentence that the user says. */
static int read_sentence(float *reads, struct demo_model *m, const struct world_text *text,
                         const char *word, struct err *err)
{
    const float *resid;
    size_t n_tokens, n = m->dict->n_concepts;
    struct token_ids ids = {0};
    int rc = demo_residual(&resid, &n_tokens, &ids, m, text, VIEW_PROMPT, err);
    int at = rc || !word ? -1 : word_token(m, &ids, word);
    token_ids_clear(&ids);
    if (rc)
        return rc;
    float *acts = mem_alloc(n_tokens * n, sizeof *acts);
    rc =
        latents_encode(acts, m->dict, resid, n_tokens, (size_t)m->model->config.d_model, true, err);
    for (size_t c = 0; c < n && !rc; c++) {
        float mean = 0;
        for (size_t t = 0; t < n_tokens; t++)
            mean += acts[t * n + c] / (float)n_tokens;
        reads[READ_MEAN * n + c] = mean;
        reads[READ_WORD * n + c] = at >= 0 ? acts[(size_t)at * n + c] : mean;
    }
    free(acts);
    return rc;
}

/* A row's mean latent over plain sentences of its own and over those of all concepts: rows are
 * compared by where a latent lies between the two. */
struct scale {
    double own, all;
};

static int measure_scales(struct scale *scales, const struct demo *demo, struct demo_model *m,
                          struct err *err)
{
    int n = world_n_concepts(demo->world), rc = ERR_OK;
    float *reads = mem_alloc((size_t)n * N_READS, sizeof *reads);
    const float *mean = reads + (size_t)READ_MEAN * (size_t)n;
    struct world_text text = {0};
    for (int c = 0; c < n && !rc; c++) {
        struct world_rng rng = demo_rng(demo, STREAM_HARD, (uint64_t)c);
        for (int i = 0; i < N_TEXTS && !rc; i++) {
            rc = world_sample(demo->world, &rng, c, WORLD_SENTENCE, WORLD_TRAIN, &text, err);
            if (!rc)
                rc = read_sentence(reads, m, &text, NULL, err);
            scales[c].own += rc ? 0 : mean[c] / (double)N_TEXTS;
            for (int other = 0; other < n && !rc; other++)
                scales[other].all += mean[other] / ((double)N_TEXTS * n);
        }
    }
    free(reads);
    world_text_clear(&text);
    return rc;
}

static double share(const struct scale *s, float latent)
{
    return (latent - s->all) / (s->own - s->all);
}

struct tally {
    int n, dictionary[N_READS], bow;
};

/* The sentences of one sense against another: counts right answers. */
static int judge_sense(struct tally *tally, const struct demo *demo, struct demo_model *m,
                       const struct scale *scales, const char *word, const int *senses,
                       enum world_split split, struct err *err)
{
    struct bow *bow;
    struct world_text text = {0};
    struct world_rng rng =
        demo_rng(demo, STREAM_HARD, (uint64_t)(1000 + 10 * senses[0] + (int)split));
    size_t n = m->dict->n_concepts;
    float *reads = mem_alloc(n * N_READS, sizeof *reads);
    int rc = demo_train_bow(&bow, demo, senses[0], senses[1], err);
    for (int i = 0; i < N_TEXTS && !rc; i++) {
        rc = world_hard(demo->world, &rng, word, senses[0], split, &text, err);
        if (!rc)
            rc = read_sentence(reads, m, &text, word, err);
        for (size_t r = 0; r < N_READS && !rc; r++)
            tally->dictionary[r] += share(&scales[senses[0]], reads[r * n + (size_t)senses[0]]) >
                                    share(&scales[senses[1]], reads[r * n + (size_t)senses[1]]);
        tally->bow += !rc && bow_score(bow, text.turns[0].text) > 0;
        tally->n += !rc;
    }
    bow_free(bow);
    free(reads);
    world_text_clear(&text);
    return rc;
}

static int judge_all(struct tally *tally, int *n_senses, const struct demo *demo,
                     struct demo_model *m, const struct scale *scales, enum world_split split,
                     struct err *err)
{
    int rc = ERR_OK;
    *n_senses = 0;
    for (int w = 0; w < world_n_ambiguous(demo->world) && !rc; w++) {
        const struct world_ambiguous *a = world_ambiguous(demo->world, w);
        for (int s = 0; s < a->n_concepts && !rc; s++, ++*n_senses)
            for (int o = 0; o < a->n_concepts && !rc; o++)
                if (o != s)
                    rc = judge_sense(tally, demo, m, scales, a->word,
                                     (int[]){a->concepts[s], a->concepts[o]}, split, err);
    }
    return rc;
}

int demo_measure_hard(struct hard_figures *f, const struct demo *demo, struct demo_model *m,
                      struct err *err)
{
    struct scale *scales = mem_zalloc((size_t)world_n_concepts(demo->world), sizeof *scales);
    struct tally train = {0}, held_out = {0};
    int rc = measure_scales(scales, demo, m, err);
    if (!rc)
        rc = judge_all(&train, &f->n_senses, demo, m, scales, WORLD_TRAIN, err);
    if (!rc)
        rc = judge_all(&held_out, &f->n_senses, demo, m, scales, WORLD_HELD_OUT, err);
    if (!rc && held_out.n > 0) {
        f->at_word = train.dictionary[READ_WORD] > train.dictionary[READ_MEAN];
        f->n_words = world_n_ambiguous(demo->world);
        f->n_texts = held_out.n;
        f->dictionary =
            held_out.dictionary[f->at_word ? READ_WORD : READ_MEAN] / (double)f->n_texts;
        f->bow = held_out.bow / (double)f->n_texts;
    }
    free(scales);
    return rc;
}
