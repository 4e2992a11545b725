#include "core/diffmean.h"

#include "data/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void diffmean_init(struct diffmean *d, size_t d_model)
{
    *d = (struct diffmean){.d_model = d_model};
    d->sum_pos = mem_zalloc(d_model, sizeof *d->sum_pos);
    d->sum_neg = mem_zalloc(d_model, sizeof *d->sum_neg);
}

void diffmean_clear(struct diffmean *d)
{
    free(d->sum_pos);
    free(d->sum_neg);
    *d = (struct diffmean){0};
}

void diffmean_add(struct diffmean *d, const float *resid, size_t n_tokens, bool is_positive)
{
    double *sum = is_positive ? d->sum_pos : d->sum_neg;
    for (size_t t = 0; t < n_tokens; t++)
        for (size_t i = 0; i < d->d_model; i++)
            sum[i] += resid[t * d->d_model + i];
    *(is_positive ? &d->n_pos : &d->n_neg) += n_tokens;
}

void diffmean_finish(float *direction, const struct diffmean *d)
{
    memset(direction, 0, d->d_model * sizeof *direction);
    if (d->n_pos == 0 || d->n_neg == 0)
        return;
    double *difference = mem_alloc(d->d_model, sizeof *difference), square = 0;
    for (size_t i = 0; i < d->d_model; i++) {
        difference[i] = d->sum_pos[i] / (double)d->n_pos - d->sum_neg[i] / (double)d->n_neg;
        square += difference[i] * difference[i];
    }
    for (size_t i = 0; i < d->d_model && square > 0; i++)
        direction[i] = (float)(difference[i] / sqrt(square));
    free(difference);
}
