/* The vectors of core/vec.h with AVX2, FMA and F16C: one register of the 16. */
#ifndef CORE_VEC_AVX2_H
#define CORE_VEC_AVX2_H

#include "core/vec_x86.h"
#include "data/bytes.h"

#define VEC_TARGET __attribute__((target("avx2,fma,f16c")))
#define VEC_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))
#define VEC_LANES 8
#define VEC_SUMS 12

typedef __m256 vec;

VEC_INLINE vec vec_zero(void)
{
    return _mm256_setzero_ps();
}

VEC_INLINE vec vec_all(float x)
{
    return _mm256_set1_ps(x);
}

VEC_INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

VEC_INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

VEC_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

VEC_INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

VEC_INLINE vec vec_from_bf16(const void *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

VEC_INLINE vec vec_from_f16(const void *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128(p));
}

VEC_INLINE vec vec_from_i8(const void *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(p)));
}

VEC_INLINE vec vec_all_from_f16(const void *p)
{
    return vec_all(_cvtsh_ss(load_u16(p)));
}

VEC_INLINE void vec_to_f16(void *p, vec v)
{
    _mm_storeu_si128(p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

VEC_INLINE float vec_sum(vec v)
{
    return sum_of_8(v);
}

VEC_INLINE void vec_sum_four(float *p, vec a, vec b, vec c, vec d)
{
    _mm_storeu_ps(p, sum_each(a, b, c, d));
}

#endif
