/* The integer kernels with AVX2, FMA and F16C, chosen at run time.
 *
 * Integers of 16 bits: one multiply-add of pairs and one addition per 16 products, as many as with
 * 8 bits, where the products of pairs have to be widened; and nothing saturates. */
#include "core/matmul_int.h"
#include "core/matmul_int_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/matmul_int_unpack_avx2.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* --- x --- */

/* The largest |x| of a block. As integers, so that Inf and NaN are the largest. */
AVX2_INLINE float largest_of(const float *x)
{
    const __m256i mask = _mm256_set1_epi32(INT32_MAX);
    __m256i top = _mm256_setzero_si256();
    for (int i = 0; i < INT_BLOCK; i += 8) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        top = _mm256_max_epi32(top, _mm256_and_si256(bits, mask));
    }
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(m));
}

AVX2_INLINE __m256i rounded(const float *x, __m256 inverse)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
}

/* The lanes of a and b with even (0x88) or odd (0xdd) numbers, as words; within halves of 128. */
#define EVERY_SECOND(a, b, which) \
    _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), which))

AVX2_INLINE int32_t sum_of(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

AVX2_INLINE void quantise_block(struct int_chunk *dst, size_t b, const float *x)
{
    const __m256i in_order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    const __m256i one = _mm256_set1_epi16(1);
    float largest = largest_of(x), scale = largest / INT_X_MAX;
    if (!(largest >= INT_X_TINY && largest <= FLT_MAX)) {
        memset(dst->q[b], 0, sizeof dst->q[b]);
        dst->scale[b] = dst->offset[b] = largest < INT_X_TINY ? 0 : NAN;
        return;
    }
    const __m256 inverse = _mm256_set1_ps(1 / scale);
    __m256i q0 = rounded(x, inverse), q1 = rounded(x + 8, inverse);
    __m256i q2 = rounded(x + 16, inverse), q3 = rounded(x + 24, inverse);
    __m256i even = _mm256_packs_epi32(EVERY_SECOND(q0, q1, 0x88), EVERY_SECOND(q2, q3, 0x88));
    __m256i odd = _mm256_packs_epi32(EVERY_SECOND(q0, q1, 0xdd), EVERY_SECOND(q2, q3, 0xdd));
    store32(dst->q[b], _mm256_permutevar8x32_epi32(even, in_order));
    store32(dst->q[b] + 16, _mm256_permutevar8x32_epi32(odd, in_order));
    dst->scale[b] = scale;
    dst->offset[b] = scale * (float)sum_of(_mm256_madd_epi16(_mm256_add_epi16(even, odd), one));
}

AVX2 static void quantise(struct int_chunk *dst, const float *x, size_t n)
{
    assert(n % INT_BLOCK == 0 && n <= INT_CHUNK);
    if (n < INT_CHUNK)
        memset(dst, 0, sizeof *dst);
    for (size_t b = 0; b < n / INT_BLOCK; b++)
        quantise_block(dst, b, x + b * INT_BLOCK);
}

AVX2 static void spread(struct int_chunk *chunk)
{
    int16_t q[INT_BLOCKS][INT_BLOCK];
    memcpy(q, chunk->q, sizeof q);
    for (int part = 0; part < 4; part++) { /* even columns, then odd ones */
        __m256i in[4], out[4];
        for (int k = 0; k < 4; k++)
            in[k] = two_at(q[k] + 8 * part, 4 * sizeof *q);
        spread_half(out, in);
        for (int i = 0; i < 4; i++)
            store32(chunk->q[part % 2 * 4 + i] + part / 2 * 16, out[i]);
    }
}

const struct int_kernels int_avx2 = {.quantise = quantise,
                                     .spread = spread,
                                     .rows = int_avx2_rows,
                                     .rows_max = INT_AVX2_ROWS,
                                     .panel = int_avx2_panel};

#else

/* never chosen here, but there must be something to name */
const struct int_kernels int_avx2 = {.rows_max = 0};

#endif
