#include "core/quant_q8.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/vec_avx2.h"

#include "core/vec.h"
#include "data/quant.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

VEC_INLINE __m256 magnitude(__m256 v)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

VEC_INLINE float largest_of(__m256 v)
{
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* roundf: halves away from zero. What truncation leaves over is exact. */
VEC_INLINE __m256i round_away(__m256 v)
{
    __m256 whole = _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    __m256 rest = magnitude(_mm256_sub_ps(v, whole));
    __m256 sign = _mm256_and_ps(v, _mm256_set1_ps(-0.0f));
    __m256 one = _mm256_or_ps(sign, _mm256_set1_ps(1));
    __m256 is_up = _mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ);
    return _mm256_cvtps_epi32(_mm256_add_ps(whole, _mm256_and_ps(is_up, one)));
}

/* The low bytes of 32 numbers within a byte's range, in order. */
VEC_INLINE __m256i pack32(const __m256i q[4])
{
    __m256i low = _mm256_packs_epi32(q[0], q[1]), high = _mm256_packs_epi32(q[2], q[3]);
    __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
}

VEC_INLINE void store_block(uint8_t *p, const uint8_t *src, enum dtype dtype, size_t at)
{
    __m256 x[4], largest = _mm256_setzero_ps(), is_nan = _mm256_setzero_ps();
    __m256i q[4];
    for (size_t k = 0; k < 4; k++) {
        x[k] = vec_from(src + vec_element(dtype) * (at + VEC_LANES * k), dtype);
        largest = _mm256_max_ps(largest, magnitude(x[k]));
        is_nan = _mm256_or_ps(is_nan, _mm256_cmp_ps(x[k], x[k], _CMP_UNORD_Q));
    }
    float d = largest_of(largest) / 127, inverse = 1 / d;
    if (_mm256_movemask_ps(is_nan) || !isfinite(d) || !isfinite(inverse)) {
        quant_q8_generic(p, src + vec_element(dtype) * at, dtype, QUANT_BLOCK);
        return;
    }
    for (size_t k = 0; k < 4; k++)
        q[k] = round_away(_mm256_mul_ps(x[k], _mm256_set1_ps(inverse)));
    store_u16(p, f32_to_f16(d));
    _mm256_storeu_si256((__m256i *)(void *)(p + 2), pack32(q));
}

VEC_INLINE void quantise(uint8_t *dst, const uint8_t *src, enum dtype dtype, size_t n)
{
    for (size_t i = 0; i < n; i += QUANT_BLOCK, dst += Q8_0_BYTES)
        store_block(dst, src, dtype, i);
}

VEC_TARGET void quant_q8_avx2(void *dst, const void *src, enum dtype dtype, size_t n)
{
    assert(n % QUANT_BLOCK == 0);
    if (dtype == DTYPE_BF16)
        quantise(dst, src, DTYPE_BF16, n);
    else if (dtype == DTYPE_F16)
        quantise(dst, src, DTYPE_F16, n);
    else
        quantise(dst, src, DTYPE_F32, n);
}

#else

/* never chosen here */
void quant_q8_avx2(void *dst, const void *src, enum dtype dtype, size_t n)
{
    quant_q8_generic(dst, src, dtype, n);
}

#endif
