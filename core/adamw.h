/* AdamW (Loshchilov and Hutter 2019): Adam with weight decay apart from the gradient. */
#ifndef CORE_ADAMW_H
#define CORE_ADAMW_H

#include <stddef.h>

struct adamw {
    float beta1, beta2; /* e.g. 0.9, 0.98 */
    float eps;          /* added to the root of the second moment */
    float weight_decay; /* per unit of learning rate */
};

/* One update. w, m, v [n]: weights and the two moments (zero before the first step); g [n].
 * step counts from 1. Plain f32 operations: the same bits on every processor. */
void adamw_step(float *w, float *m, float *v, const float *g, size_t n, const struct adamw *options,
                float lr, long step);

/* Cosine schedule: linear warm-up over n_warmup steps to lr, then half a cosine down to
 * lr * floor_share at n_steps. step counts from 0. */
float cosine_lr(float lr, float floor_share, long step, long n_warmup, long n_steps);

#endif
