#include "core/auroc.h"

#include "data/mem.h"

#include <math.h>
#include <stdlib.h>

struct scored {
    float score;
    int label;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

/* Mann and Whitney: the ranks of the positives, equal scores sharing their mean rank. */
double auroc(const float *scores, const int *labels, size_t n)
{
    struct scored *all = mem_alloc(n, sizeof *all);
    double rank_sum = 0, n_pos = 0;
    for (size_t i = 0; i < n; i++)
        all[i] = (struct scored){scores[i], labels[i]};
    qsort(all, n, sizeof *all, by_score);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && all[j].score == all[i].score; j++)
            ;
        for (size_t k = i; k < j; k++)
            if (all[k].label) {
                rank_sum += (double)(i + 1 + j) / 2;
                n_pos++;
            }
    }
    free(all);
    double n_neg = (double)n - n_pos;
    return n_pos > 0 && n_neg > 0 ? (rank_sum - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg) : NAN;
}
