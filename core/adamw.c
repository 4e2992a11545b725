#include "core/adamw.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* the same bits as gcc's */
#endif

/* beta^step by repeated squaring: pow may differ between libraries in the last bit. */
static double power(double beta, long step)
{
    double result = 1;
    for (; step > 0; step >>= 1, beta *= beta)
        if (step & 1)
            result *= beta;
    return result;
}

void adamw_step(float *w, float *m, float *v, const float *g, size_t n, const struct adamw *options,
                float lr, long step)
{
    float b1 = options->beta1, b2 = options->beta2, eps = options->eps;
    float keep = 1 - lr * options->weight_decay;
    float rate = (float)(lr / (1 - power(b1, step)));
    float second = (float)(1 / (1 - power(b2, step)));
    for (size_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + (1 - b1) * g[i];
        v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i] * second) + eps);
    }
}

float cosine_lr(float lr, float floor_share, long step, long n_warmup, long n_steps)
{
    if (step < n_warmup)
        return lr * (float)(step + 1) / (float)n_warmup;
    if (step >= n_steps)
        return lr * floor_share;
    double share = (double)(step - n_warmup) / (double)(n_steps - n_warmup);
    return (float)(lr * (floor_share + (1 - floor_share) * 0.5 * (1 + cos(acos(-1) * share))));
}
