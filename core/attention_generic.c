/* The products of attention in plain C, for any processor. */
#include "core/attention_kernels.h"
#include "core/kernels.h"
#include "data/tensor.h"

#include <string.h>

static void scores(float *out, const float *q, size_t n_rows, const float *keys, size_t stride,
                   size_t n_keys, size_t d)
{
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_keys; j++)
            out[i * ATTENTION_CHUNK + j] = dot(q + i * d, keys + j * stride, d);
}

static void mix(float *out, const float *weights, size_t n_rows, const float *values, size_t n_keys,
                size_t d)
{
    for (size_t at = 0; at < d; at += ATTENTION_LANES)
        for (size_t i = 0; i < n_rows; i++) {
            const float *w = weights + i * ATTENTION_CHUNK, *column = values + at * n_keys;
            float sum[ATTENTION_LANES] = {0};
            for (size_t j = 0; j < n_keys; j++)
                for (size_t c = 0; c < ATTENTION_LANES; c++)
                    sum[c] += w[j] * column[j * ATTENTION_LANES + c];
            memcpy(out + i * d + at, sum, sizeof sum);
        }
}

static void add(float *out, const float *weights, size_t n_rows, const float *values, size_t stride,
                size_t n_keys, size_t d)
{
    for (size_t j = 0; j < n_keys; j++)
        for (size_t i = 0; i < n_rows; i++)
            for (size_t c = 0; c < d; c++)
                out[i * d + c] += weights[i * ATTENTION_CHUNK + j] * values[j * stride + c];
}

static void to_f32(float *dst, const uint16_t *src, size_t n)
{
    tensor_to_f32(dst, src, DTYPE_F16, n);
}

static void to_f16(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = f32_to_f16(src[i]);
}

const struct attention_kernels attention_generic = {scores, mix, add, to_f32, to_f16};
