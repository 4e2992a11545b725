/* The products of attention for one instruction set: see core/vec.h. */
#include "core/attention_kernels.h"
#include "core/vec.h"

#define SCORE_KEYS 4
#define SCORE_ROWS (VEC_SUMS / SCORE_KEYS)
#define MIX_WIDTH (ATTENTION_LANES / VEC_LANES) /* vectors of a column */
#define MIX_ROWS (VEC_SUMS / 2)
#define ADD_KEYS 4
#define ADD_AHEAD 8 /* values that are asked for so far in advance */

/* n_rows is a constant wherever this is inlined, and the arrays are registers. */
VEC_INLINE void score_tile(float *scores, const float *q, size_t n_rows,
                           const float *const keys[SCORE_KEYS], size_t d)
{
    vec sum[SCORE_ROWS][SCORE_KEYS];
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < SCORE_KEYS; j++)
            sum[i][j] = vec_zero();
    for (size_t at = 0; at < d; at += VEC_LANES)
        for (size_t j = 0; j < SCORE_KEYS; j++) {
            vec k = vec_load(keys[j] + at);
            for (size_t i = 0; i < n_rows; i++)
                sum[i][j] = vec_fma(vec_load(q + i * d + at), k, sum[i][j]);
        }
    for (size_t i = 0; i < n_rows; i++)
        vec_sum_four(scores + i * ATTENTION_CHUNK, sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
}

/* Four keys at a time stay in the first-level cache for all rows. */
VEC_TARGET static void score(float *scores, const float *q, size_t n_rows, const float *keys,
                             size_t stride, size_t n_keys, size_t d)
{
    for (size_t j = 0; j < n_keys; j += SCORE_KEYS) {
        const float *four[SCORE_KEYS];
        for (size_t i = 0; i < SCORE_KEYS; i++) /* beyond the end, the last one again */
            four[i] = keys + (j + i < n_keys ? j + i : n_keys - 1) * stride;
        size_t i = 0;
        for (; i + SCORE_ROWS <= n_rows; i += SCORE_ROWS)
            score_tile(scores + i * ATTENTION_CHUNK + j, q + i * d, SCORE_ROWS, four, d);
        for (; i + 2 <= n_rows; i += 2)
            score_tile(scores + i * ATTENTION_CHUNK + j, q + i * d, 2, four, d);
        if (i < n_rows)
            score_tile(scores + i * ATTENTION_CHUNK + j, q + i * d, 1, four, d);
    }
}

VEC_INLINE void mix_tile(float *out, size_t d, const float *weights, size_t n_rows,
                         const float *column, size_t n_keys)
{
    vec sum[MIX_ROWS][MIX_WIDTH];
    for (size_t i = 0; i < n_rows; i++)
        for (size_t k = 0; k < MIX_WIDTH; k++)
            sum[i][k] = vec_zero();
    for (size_t j = 0; j < n_keys; j++) {
        vec v[MIX_WIDTH];
        for (size_t k = 0; k < MIX_WIDTH; k++)
            v[k] = vec_load(column + j * ATTENTION_LANES + k * VEC_LANES);
        for (size_t i = 0; i < n_rows; i++) {
            vec w = vec_all(weights[i * ATTENTION_CHUNK + j]);
            for (size_t k = 0; k < MIX_WIDTH; k++)
                sum[i][k] = vec_fma(w, v[k], sum[i][k]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t k = 0; k < MIX_WIDTH; k++)
            vec_store(out + i * d + k * VEC_LANES, sum[i][k]);
}

VEC_TARGET static void mix(float *out, const float *weights, size_t n_rows, const float *values,
                           size_t n_keys, size_t d)
{
    for (size_t at = 0; at < d; at += ATTENTION_LANES) {
        const float *column = values + at * n_keys;
        size_t i = 0;
        for (; i + MIX_ROWS <= n_rows; i += MIX_ROWS)
            mix_tile(out + i * d + at, d, weights + i * ATTENTION_CHUNK, MIX_ROWS, column, n_keys);
        for (; i + 2 <= n_rows; i += 2)
            mix_tile(out + i * d + at, d, weights + i * ATTENTION_CHUNK, 2, column, n_keys);
        if (i < n_rows)
            mix_tile(out + i * d + at, d, weights + i * ATTENTION_CHUNK, 1, column, n_keys);
    }
}

/* n_keys is a constant wherever this is inlined. Values of a head are a page apart, so that nothing
 * else foresees the next ones. */
VEC_INLINE void add_keys(float *out, const float *weights, size_t n_rows, const float *values,
                         size_t stride, size_t n_keys, size_t d)
{
    for (size_t at = 0; at < d; at += VEC_LANES) {
        vec v[ADD_KEYS];
        for (size_t j = 0; j < n_keys; j++) {
            v[j] = vec_load(values + j * stride + at);
            if (n_keys == ADD_KEYS && at % ATTENTION_LANES == 0)
                __builtin_prefetch(values + (j + ADD_AHEAD) * stride + at);
        }
        for (size_t i = 0; i < n_rows; i++) {
            vec sum = vec_load(out + i * d + at);
            for (size_t j = 0; j < n_keys; j++)
                sum = vec_fma(vec_all(weights[i * ATTENTION_CHUNK + j]), v[j], sum);
            vec_store(out + i * d + at, sum);
        }
    }
}

VEC_TARGET static void add(float *out, const float *weights, size_t n_rows, const float *values,
                           size_t stride, size_t n_keys, size_t d)
{
    size_t j = 0;
    for (; j + ADD_KEYS <= n_keys; j += ADD_KEYS)
        add_keys(out, weights + j, n_rows, values + j * stride, stride, ADD_KEYS, d);
    for (; j < n_keys; j++)
        add_keys(out, weights + j, n_rows, values + j * stride, stride, 1, d);
}

VEC_TARGET static void f16_to_f32s(float *dst, const uint16_t *src, size_t n)
{
    size_t i = 0;
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(dst + i, vec_from_f16(src + i));
    if (i < n)
        attention_generic.to_f32(dst + i, src + i, n - i);
}

VEC_TARGET static void f32_to_f16s(uint16_t *dst, const float *src, size_t n)
{
    size_t i = 0;
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_to_f16(dst + i, vec_load(src + i));
    if (i < n)
        attention_generic.to_f16(dst + i, src + i, n - i);
}

#define ATTENTION_KERNELS                         \
    {                                             \
        score, mix, add, f16_to_f32s, f32_to_f16s \
    }
