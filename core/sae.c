#include "core/sae.h"

#include "core/matmul.h"
#include "core/parts.h"
#include "data/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_TOKENS 256    /* rows that are encoded together */
#define LAYER_NORM_EPS 1e-5 /* SAELens: added to the deviation, not to the variance */

static float relu(float v)
{
    return v > 0 ? v : 0;
}

/* --- what goes in --- */

/* x' = (x - mean) * factor - b_dec; gain undoes the factor on output. */
struct input_norm {
    double mean, factor, gain;
};

static struct input_norm norm_of(const struct sae_params *sae, const float *h)
{
    size_t d = sae->w_enc.n_rows;
    double sum = 0, squares = 0;
    if (sae->config.norm == SAE_NORM_NONE)
        return (struct input_norm){0, 1, 1};
    for (size_t i = 0; i < d; i++)
        sum += h[i];
    double mean = sae->config.norm == SAE_NORM_LAYER ? sum / (double)d : 0;
    for (size_t i = 0; i < d; i++)
        squares += (h[i] - mean) * (h[i] - mean);
    if (sae->config.norm == SAE_NORM_LAYER) {
        double deviation = d > 1 ? sqrt(squares / (double)(d - 1)) : 0;
        return (struct input_norm){mean, 1 / (deviation + LAYER_NORM_EPS), deviation};
    }
    double factor = squares > 0 ? sqrt((double)d / squares) : 1;
    return (struct input_norm){0, factor, 1 / factor};
}

static void encoder_input(float *dst, const struct sae_params *sae, const float *h)
{
    struct input_norm norm = norm_of(sae, h);
    for (size_t i = 0; i < sae->w_enc.n_rows; i++)
        dst[i] = (float)((h[i] - norm.mean) * norm.factor) -
                 (sae->config.subtract_b_dec ? sae->b_dec[i] : 0);
}

/* --- all features --- */

void sae_project(float *out, const struct sae_params *sae, const float *resid, size_t n_tokens)
{
    size_t d = sae->w_enc.n_rows, n = sae->w_enc.n_cols;
    float *x = mem_alloc(BLOCK_TOKENS * d, sizeof *x);
    for (size_t first = 0; first < n_tokens; first += BLOCK_TOKENS) {
        size_t rows = size_min(BLOCK_TOKENS, n_tokens - first);
        for (size_t t = 0; t < rows; t++) {
            encoder_input(x + t * d, sae, resid + (first + t) * d);
            memcpy(out + (first + t) * n, sae->b_enc, n * sizeof *out);
        }
        matmul_untransposed(out + first * n, x, &sae->w_enc, rows);
    }
    free(x);
}

/* The smallest number of a heap goes to its root. */
static void sift_down(float *heap, size_t n, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (heap[child] < heap[least])
                least = child;
        if (least == i)
            return;
        float swap = heap[i];
        heap[i] = heap[least];
        heap[least] = swap;
        i = least;
    }
}

/* The k-th largest of n numbers, 1 <= k <= n; heap [k] is room to work in. */
static float kth_largest(const float *v, size_t n, size_t k, float *heap)
{
    memcpy(heap, v, k * sizeof *heap);
    for (size_t i = k; i-- > 0;)
        sift_down(heap, k, i);
    for (size_t i = k; i < n; i++) {
        if (v[i] <= heap[0])
            continue;
        heap[0] = v[i];
        sift_down(heap, k, 0);
    }
    return heap[0];
}

static void keep_largest(float *acts, size_t n, size_t k, float *heap)
{
    float least = kth_largest(acts, n, k, heap);
    size_t n_equal = k; /* of those that equal the k-th, the first so many are kept */
    for (size_t f = 0; f < n; f++)
        n_equal -= acts[f] > least;
    for (size_t f = 0; f < n; f++) {
        bool is_kept = acts[f] > least || (acts[f] == least && n_equal > 0);
        n_equal -= acts[f] == least && n_equal > 0;
        acts[f] = is_kept ? relu(acts[f]) : 0;
    }
}

/* In place of pre-activations of a topk autoencoder that compares them by what they add. */
static void rescale(float *pre, const struct sae_params *sae)
{
    if (sae->config.rescale_by_norms)
        for (size_t f = 0; f < sae->w_enc.n_cols; f++)
            pre[f] /= sae->out_scale[f];
}

/* The pre-activation of the magnitude from that of the gate. */
static float magnitude(const struct sae_params *sae, size_t feature, float gate)
{
    return (gate - sae->b_enc[feature]) * expf(sae->r_mag[feature]) + sae->b_mag[feature];
}

static void activate_row(float *acts, const struct sae_params *sae, bool is_signed, float *heap)
{
    size_t n = sae->w_enc.n_cols;
    switch (sae->config.kind) {
    case SAE_STANDARD:
        for (size_t f = 0; f < n && !is_signed; f++)
            acts[f] = relu(acts[f]);
        break;
    case SAE_JUMPRELU:
        for (size_t f = 0; f < n && !is_signed; f++)
            acts[f] = acts[f] > sae->threshold[f] ? relu(acts[f]) : 0;
        break;
    case SAE_TOPK:
        rescale(acts, sae);
        if (!is_signed)
            keep_largest(acts, n, sae->config.k, heap);
        break;
    case SAE_GATED:
        for (size_t f = 0; f < n; f++) {
            float v = magnitude(sae, f, acts[f]);
            acts[f] = is_signed ? v : acts[f] > 0 ? relu(v) : 0;
        }
        break;
    }
}

void sae_activate(float *acts, const struct sae_params *sae, size_t n_tokens, bool is_signed)
{
    float *heap = sae->config.kind == SAE_TOPK ? mem_alloc(sae->config.k, sizeof *heap) : NULL;
    for (size_t t = 0; t < n_tokens; t++)
        activate_row(acts + t * sae->w_enc.n_cols, sae, is_signed, heap);
    free(heap);
}

/* --- one feature --- */

void sae_encoder_column(float *dst, const struct sae_params *sae, size_t feature)
{
    const struct matrix *w = &sae->w_enc;
    assert(feature < w->n_cols);
    for (size_t i = 0; i < w->n_rows; i++)
        tensor_to_f32(dst + i, matrix_at(w, i, feature), w->dtype, 1);
}

static float topk_act(const struct sae_params *sae, size_t feature, const float *h)
{
    float *acts = mem_alloc(sae->w_enc.n_cols, sizeof *acts);
    sae_project(acts, sae, h, 1);
    sae_activate(acts, sae, 1, false);
    float act = acts[feature];
    free(acts);
    return act;
}

float sae_feature_act(const struct sae_params *sae, size_t feature, const float *column,
                      const float *h)
{
    if (sae->config.kind == SAE_TOPK)
        return topk_act(sae, feature, h);
    struct input_norm norm = norm_of(sae, h);
    double sum = sae->b_enc[feature];
    for (size_t i = 0; i < sae->w_enc.n_rows; i++) {
        double x = (h[i] - norm.mean) * norm.factor;
        sum += (x - (sae->config.subtract_b_dec ? (double)sae->b_dec[i] : 0)) * column[i];
    }
    float pre = (float)sum;
    switch (sae->config.kind) {
    case SAE_JUMPRELU:
        return pre > sae->threshold[feature] ? relu(pre) : 0;
    case SAE_GATED:
        return pre > 0 ? relu(magnitude(sae, feature, pre)) : 0;
    default:
        return relu(pre);
    }
}

float sae_feature_gain(const struct sae_params *sae, size_t feature, const float *h)
{
    float scale = sae->out_scale ? sae->out_scale[feature] : 1;
    return scale * (float)norm_of(sae, h).gain;
}
