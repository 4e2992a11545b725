/* DiffMean (AXBENCH.md 2.1, 2.2): the mean residual over all tokens of the positives minus that
 * over all tokens of the negatives, token-weighted, then unit norm; bias 0. */
#ifndef CORE_DIFFMEAN_H
#define CORE_DIFFMEAN_H

#include <stdbool.h>
#include <stddef.h>

struct diffmean {
    double *sum_pos, *sum_neg; /* [d_model], owned */
    size_t n_pos, n_neg;       /* tokens */
    size_t d_model;
};

void diffmean_init(struct diffmean *d, size_t d_model);
void diffmean_clear(struct diffmean *d);
/* resid [n_tokens, d_model]: the tokens that count (prefix removed by the caller). */
void diffmean_add(struct diffmean *d, const float *resid, size_t n_tokens, bool is_positive);
/* direction [d_model], unit norm; zeros if one side has no tokens or the means are equal. */
void diffmean_finish(float *direction, const struct diffmean *d);

#endif
