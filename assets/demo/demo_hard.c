/* Hard negatives: sentences that use an ambiguous word in one of its senses. The dictionary
 * decides between two senses by the difference of their rows' latents; a bag of words, trained on
 * the same pairs as those rows, by its score. The difference has the offset that decides best on
 * sentences of the training split; the classifier is judged with such an offset and with the one
 * it has learned from its pairs. Counted are held-out sentences. */
#include "assets/demo/demo_figures.h"
#include "core/bow.h"
#include "core/latents.h"
#include "data/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { N_TRAIN = 36, N_HELD_OUT = 12, N_BOW = 72 }; /* of one sense */

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

/* --- one sentence --- */

/* Where a sentence's latents are read: at the last token of the ambiguous word, as the mean from
 * there to the end, or as the mean over the sentence. The last judge is the bag of words. */
enum { READ_WORD, READ_ONWARD, READ_MEAN, N_READS, BY_WORDS = N_READS, N_JUDGES };

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

/* Two senses of a word, and the classifier between them. */
struct senses {
    const char *word;
    int a, b; /* concepts */
    struct bow *bow;
};

/* Mean of (latent of a - latent of b) over the tokens [from, to). */
static float mean_difference(const float *acts, size_t n, const struct senses *s, size_t from,
                             size_t to)
{
    double sum = 0;
    for (size_t t = from; t < to; t++)
        sum += acts[t * n + (size_t)s->a] - acts[t * n + (size_t)s->b];
    return (float)(sum / (double)(to - from));
}

/* scores [N_JUDGES]: the more, the more it is sense a. */
static int judge(float *scores, struct demo_model *m, const struct world_text *text,
                 const struct senses *s, struct err *err)
{
    const float *resid;
    size_t n_tokens, n = m->dict->n_concepts;
    struct token_ids ids = {0};
    int rc = demo_residual(&resid, &n_tokens, &ids, m, text, VIEW_PROMPT, err);
    int found = rc ? -1 : word_token(m, &ids, s->word);
    token_ids_clear(&ids);
    if (rc)
        return rc;
    size_t at = found >= 0 ? (size_t)found : n_tokens - 1;
    float *acts = mem_alloc(n_tokens * n, sizeof *acts);
    rc =
        latents_encode(acts, m->dict, resid, n_tokens, (size_t)m->model->config.d_model, true, err);
    if (!rc) {
        scores[READ_WORD] = mean_difference(acts, n, s, at, at + 1);
        scores[READ_ONWARD] = mean_difference(acts, n, s, at, n_tokens);
        scores[READ_MEAN] = mean_difference(acts, n, s, 0, n_tokens);
        scores[BY_WORDS] = (float)bow_score(s->bow, text->turns[0].text);
    }
    free(acts);
    return rc;
}

/* --- all sentences of two senses --- */

struct judged {
    int n; /* of each sense */
    float scores[N_JUDGES][2 * N_TRAIN];
    int labels[2 * N_TRAIN]; /* 1: sense a */
};

static int judge_split(struct judged *out, const struct demo *demo, struct demo_model *m,
                       const struct senses *s, enum world_split split, struct err *err)
{
    struct world_text text = {0};
    int rc = ERR_OK, n = split == WORLD_TRAIN ? N_TRAIN : N_HELD_OUT;
    out->n = n;
    for (int i = 0; i < 2 * n && !rc; i++) {
        int concept = i < n ? s->a : s->b;
        uint64_t number = (uint64_t)(1000 + 10 * concept + (int)split) * 2 * N_TRAIN + (uint64_t)i;
        struct world_rng rng = demo_rng(demo, STREAM_HARD, number);
        float scores[N_JUDGES] = {0};
        rc = world_hard(demo->world, &rng, s->word, concept, split, &text, err);
        if (!rc)
            rc = judge(scores, m, &text, s, err);
        for (int j = 0; j < N_JUDGES; j++)
            out->scores[j][i] = scores[j];
        out->labels[i] = i < n;
    }
    world_text_clear(&text);
    return rc;
}

struct tally {
    int n, train[N_JUDGES], held_out[N_JUDGES]; /* right answers */
    int by_words_as_learned;
};

static int count_right(const struct judged *x, int judge, float threshold)
{
    int n = 0;
    for (int i = 0; i < 2 * x->n; i++)
        n += (x->scores[judge][i] > threshold) == (x->labels[i] == 1);
    return n;
}

static int judge_senses(struct tally *tally, const struct demo *demo, struct demo_model *m,
                        struct senses *s, struct err *err)
{
    struct judged *train = mem_zalloc(1, sizeof *train), *held_out = mem_zalloc(1, sizeof *train);
    int rc = demo_train_bow(&s->bow, demo, s->a, s->b, err);
    if (!rc)
        rc = judge_split(train, demo, m, s, WORLD_TRAIN, err);
    if (!rc)
        rc = judge_split(held_out, demo, m, s, WORLD_HELD_OUT, err);
    for (int j = 0; j < N_JUDGES && !rc; j++) {
        float offset = demo_youden(train->scores[j], train->labels, 2 * N_TRAIN);
        tally->train[j] += count_right(train, j, offset);
        tally->held_out[j] += count_right(held_out, j, offset);
    }
    tally->by_words_as_learned += rc ? 0 : count_right(held_out, BY_WORDS, 0);
    tally->n += rc ? 0 : 2 * N_HELD_OUT;
    bow_free(s->bow);
    free(train);
    free(held_out);
    return rc;
}

int demo_measure_hard(struct hard_figures *f, const struct demo *demo, struct demo_model *m,
                      struct err *err)
{
    struct tally tally = {0};
    int rc = ERR_OK;
    for (int w = 0; w < world_n_ambiguous(demo->world) && !rc; w++) {
        const struct world_ambiguous *word = world_ambiguous(demo->world, w);
        for (int a = 0; a < word->n_concepts; a++, f->n_senses++)
            for (int b = a + 1; b < word->n_concepts && !rc; b++)
                rc = judge_senses(
                    &tally, demo, m,
                    &(struct senses){word->word, word->concepts[a], word->concepts[b], NULL}, err);
    }
    for (int j = 0; j < N_READS; j++)
        f->read = tally.train[j] > tally.train[f->read] ? j : f->read;
    if (tally.n > 0) {
        f->n_words = world_n_ambiguous(demo->world);
        f->n_texts = tally.n;
        f->dictionary = tally.held_out[f->read] / (double)f->n_texts;
        f->bow = tally.by_words_as_learned / (double)f->n_texts;
        f->bow_offset = tally.held_out[BY_WORDS] / (double)f->n_texts;
    }
    return rc;
}

const char *demo_read_name(int read)
{
    static const char *const names[N_READS] = {"read at the word", "their mean from the word on",
                                               "their mean over the sentence"};
    return names[read];
}
