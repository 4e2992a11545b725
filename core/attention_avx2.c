/* The products of attention with AVX2, FMA and F16C, chosen at run time. */
#include "core/attention_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))

/* Register tiles: 12 sums and what they are made of fit the 16 registers, and hide the latency of
 * an FMA. */
#define SCORE_ROWS 3
#define SCORE_KEYS 4
#define MIX_ROWS 6
#define ADD_KEYS 4
#define ADD_AHEAD 8 /* values that are asked for so far in advance */

/* The sums of four registers. */
AVX2_INLINE __m128 sum_each(const __m256 v[SCORE_KEYS])
{
    __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}

/* n_rows is a constant wherever this is inlined, and the arrays are registers. */
AVX2_INLINE void score_tile(float *scores, const float *q, size_t n_rows,
                            const float *const keys[SCORE_KEYS], size_t d)
{
    __m256 sum[SCORE_ROWS][SCORE_KEYS];
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < SCORE_KEYS; j++)
            sum[i][j] = _mm256_setzero_ps();
    for (size_t at = 0; at < d; at += 8)
        for (size_t j = 0; j < SCORE_KEYS; j++) {
            __m256 k = _mm256_loadu_ps(keys[j] + at);
            for (size_t i = 0; i < n_rows; i++)
                sum[i][j] = _mm256_fmadd_ps(_mm256_loadu_ps(q + i * d + at), k, sum[i][j]);
        }
    for (size_t i = 0; i < n_rows; i++)
        _mm_storeu_ps(scores + i * ATTENTION_CHUNK, sum_each(sum[i]));
}

/* Four keys at a time stay in the first-level cache for all rows. */
AVX2 static void scores_avx2(float *scores, const float *q, size_t n_rows, const float *keys,
                             size_t stride, size_t n_keys, size_t d)
{
    for (size_t j = 0; j < n_keys; j += SCORE_KEYS) {
        const float *four[SCORE_KEYS];
        for (size_t i = 0; i < SCORE_KEYS; i++) /* beyond the end, the last one again */
            four[i] = keys + (j + i < n_keys ? j + i : n_keys - 1) * stride;
        size_t i = 0;
        for (; i + 3 <= n_rows; i += 3)
            score_tile(scores + i * ATTENTION_CHUNK + j, q + i * d, 3, four, d);
        if (i + 2 <= n_rows)
            score_tile(scores + i * ATTENTION_CHUNK + j, q + i * d, 2, four, d);
        else if (i < n_rows)
            score_tile(scores + i * ATTENTION_CHUNK + j, q + i * d, 1, four, d);
    }
}

AVX2_INLINE void mix_tile(float *out, size_t d, const float *weights, size_t n_rows,
                          const float *column, size_t n_keys)
{
    __m256 sum[MIX_ROWS][2];
    for (size_t i = 0; i < n_rows; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (size_t j = 0; j < n_keys; j++) {
        __m256 v0 = _mm256_loadu_ps(column + j * ATTENTION_LANES);
        __m256 v1 = _mm256_loadu_ps(column + j * ATTENTION_LANES + 8);
        for (size_t i = 0; i < n_rows; i++) {
            __m256 w = _mm256_broadcast_ss(weights + i * ATTENTION_CHUNK + j);
            sum[i][0] = _mm256_fmadd_ps(w, v0, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(w, v1, sum[i][1]);
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        _mm256_storeu_ps(out + i * d, sum[i][0]);
        _mm256_storeu_ps(out + i * d + 8, sum[i][1]);
    }
}

AVX2 static void mix_avx2(float *out, const float *weights, size_t n_rows, const float *values,
                          size_t n_keys, size_t d)
{
    for (size_t at = 0; at < d; at += ATTENTION_LANES) {
        const float *column = values + at * n_keys;
        size_t i = 0;
        for (; i + 6 <= n_rows; i += 6)
            mix_tile(out + i * d + at, d, weights + i * ATTENTION_CHUNK, 6, column, n_keys);
        for (; i + 2 <= n_rows; i += 2)
            mix_tile(out + i * d + at, d, weights + i * ATTENTION_CHUNK, 2, column, n_keys);
        if (i < n_rows)
            mix_tile(out + i * d + at, d, weights + i * ATTENTION_CHUNK, 1, column, n_keys);
    }
}

/* n_keys is a constant wherever this is inlined. Values of a head are a page apart, so that nothing
 * else foresees the next ones. */
AVX2_INLINE void add_keys(float *out, const float *weights, size_t n_rows, const float *values,
                          size_t stride, size_t n_keys, size_t d)
{
    for (size_t at = 0; at < d; at += 8) {
        __m256 v[ADD_KEYS];
        for (size_t j = 0; j < n_keys; j++) {
            v[j] = _mm256_loadu_ps(values + j * stride + at);
            if (n_keys == ADD_KEYS && at % 16 == 0)
                _mm_prefetch((const char *)(values + (j + ADD_AHEAD) * stride + at), _MM_HINT_T0);
        }
        for (size_t i = 0; i < n_rows; i++) {
            __m256 sum = _mm256_loadu_ps(out + i * d + at);
            for (size_t j = 0; j < n_keys; j++)
                sum = _mm256_fmadd_ps(_mm256_broadcast_ss(weights + i * ATTENTION_CHUNK + j), v[j],
                                      sum);
            _mm256_storeu_ps(out + i * d + at, sum);
        }
    }
}

AVX2 static void add_avx2(float *out, const float *weights, size_t n_rows, const float *values,
                          size_t stride, size_t n_keys, size_t d)
{
    size_t j = 0;
    for (; j + ADD_KEYS <= n_keys; j += ADD_KEYS)
        add_keys(out, weights + j, n_rows, values + j * stride, stride, ADD_KEYS, d);
    for (; j < n_keys; j++)
        add_keys(out, weights + j, n_rows, values + j * stride, stride, 1, d);
}

AVX2 static void to_f32_avx2(float *dst, const uint16_t *src, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(
            dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(src + i))));
    if (i < n)
        attention_generic.to_f32(dst + i, src + i, n - i);
}

AVX2 static void to_f16_avx2(uint16_t *dst, const float *src, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(void *)(dst + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT));
    if (i < n)
        attention_generic.to_f16(dst + i, src + i, n - i);
}

const struct attention_kernels attention_avx2 = {scores_avx2, mix_avx2, add_avx2, to_f32_avx2,
                                                 to_f16_avx2};

#else

/* Never chosen: isa_best() is ISA_GENERIC here. */
const struct attention_kernels attention_avx2 = {0};

#endif
