#include "assets/demo/demo_scores.h"

#include "core/auroc.h"
#include "data/mem.h"

#include <math.h>
#include <stdlib.h>

enum { N_HELD_OUT = 36 };

/* Negatives per genre, in the order of enum world_genre: text, code, mathematics. */
static const int n_negative[] = {260, 50, 50};

int demo_scores_collect(struct demo_scores *s, const struct demo *demo, struct demo_model *m,
                        struct err *err)
{
    struct world_text text = {0};
    int n = world_n_concepts(demo->world), rc = ERR_OK;
    s->world = demo->world;
    s->n_concepts = n;
    s->n_texts = (size_t)n * N_HELD_OUT;
    s->max = mem_alloc(s->n_texts * (size_t)n, sizeof *s->max);
    s->owner = mem_alloc(s->n_texts, sizeof *s->owner);
    s->touches = mem_alloc(s->n_texts * (size_t)n, 1);
    for (size_t i = 0; i < s->n_texts && !rc; i++) {
        int c = (int)(i / N_HELD_OUT);
        struct world_rng rng = demo_rng(demo, STREAM_EVAL_POSITIVE, i);
        s->owner[i] = c;
        rc = world_pair(demo->world, &rng, c, WORLD_HELD_OUT, &text, err);
        if (!rc)
            rc = demo_max_acts(s->max + i * (size_t)n, m, &text, VIEW_SCORE, err);
        for (int other = 0; other < n && !rc; other++)
            s->touches[i * (size_t)n + (size_t)other] = demo_touches(demo->world, &text, other);
    }
    world_text_clear(&text);
    return rc;
}

void demo_scores_clear(struct demo_scores *s)
{
    free(s->max);
    free(s->owner);
    free(s->touches);
    *s = (struct demo_scores){0};
}

size_t demo_scores_set(const struct demo_scores *s, int concept, float *scores, int *labels)
{
    size_t n = 0, n_concepts = (size_t)s->n_concepts, c = (size_t) concept;
    int left[3] = {n_negative[0], n_negative[1], n_negative[2]};
    for (size_t i = c * N_HELD_OUT; i < (c + 1) * N_HELD_OUT; i++, n++) {
        scores[n] = s->max[i * n_concepts + c];
        labels[n] = 1;
    }
    /* the first pair of every concept, then the second ... until each genre has its number */
    for (size_t k = 0; k < N_HELD_OUT; k++)
        for (size_t other = 0; other < n_concepts; other++) {
            size_t i = other * N_HELD_OUT + k;
            enum world_genre genre = world_concept(s->world, (int)other)->genre;
            if (left[genre] == 0 || s->touches[i * n_concepts + c])
                continue;
            left[genre]--;
            scores[n] = s->max[i * n_concepts + c];
            labels[n++] = 0;
        }
    return n;
}

double demo_scores_auroc(const struct demo_scores *s, int concept)
{
    float scores[DEMO_SCORES_MAX];
    int labels[DEMO_SCORES_MAX];
    size_t n = demo_scores_set(s, concept, scores, labels);
    return auroc(scores, labels, n);
}

float demo_scores_threshold(const struct demo_scores *s, int concept)
{
    float scores[DEMO_SCORES_MAX];
    int labels[DEMO_SCORES_MAX];
    size_t n = demo_scores_set(s, concept, scores, labels);
    return demo_youden(scores, labels, n);
}

float demo_scores_max(const struct demo_scores *s, int concept)
{
    float scores[DEMO_SCORES_MAX], max = 0;
    int labels[DEMO_SCORES_MAX];
    size_t n = demo_scores_set(s, concept, scores, labels);
    for (size_t i = 0; i < n; i++)
        max = i == 0 ? scores[i] : fmaxf(max, scores[i]);
    return max;
}

double demo_scores_macro(const struct demo_scores *s, double *worst)
{
    double sum = 0;
    *worst = 1;
    for (int c = 0; c < s->n_concepts; c++) {
        double a = demo_scores_auroc(s, c);
        sum += a;
        *worst = fmin(*worst, a);
    }
    return sum / s->n_concepts;
}
