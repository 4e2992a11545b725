/* How held-out pairs score under the dictionary: what AUROC, maxima and thresholds come from. */
#ifndef ASSETS_DEMO_DEMO_SCORES_H
#define ASSETS_DEMO_DEMO_SCORES_H

#include "assets/demo/demo_model.h"

struct demo_scores {
    const struct world *world;
    int n_concepts;
    size_t n_texts;
    float *max;             /* [n_texts, n_concepts] demo_max_acts of each text */
    int *owner;             /* [n_texts] the concept a text was drawn for */
    unsigned char *touches; /* [n_texts, n_concepts] demo_touches */
};

/* 36 held-out pairs of every concept (AxBench's number). {0} before, demo_scores_clear after. */
int demo_scores_collect(struct demo_scores *s, const struct demo *demo, struct demo_model *m,
                        struct err *err) ERR_CHECK;
void demo_scores_clear(struct demo_scores *s);

/* The evaluation set of a concept: its 36 pairs, and ten times 36 negatives in AxBench's mix of
 * genres (26 text, 5 mathematics, 5 code) from the pairs that do not touch it. Evenly spread over
 * the other concepts. scores and labels [DEMO_SCORES_MAX]; returns how many. */
size_t demo_scores_set(const struct demo_scores *s, int concept, float *scores, int *labels);
enum { DEMO_SCORES_MAX = 36 * 11 };

double demo_scores_auroc(const struct demo_scores *s, int concept);
float demo_scores_threshold(const struct demo_scores *s, int concept);
float demo_scores_max(const struct demo_scores *s, int concept); /* over that set */

/* Mean over concepts; *worst: the least. */
double demo_scores_macro(const struct demo_scores *s, double *worst);

#endif
