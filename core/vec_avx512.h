/* The vectors of core/vec.h with AVX512: one register. */
#ifndef CORE_VEC_AVX512_H
#define CORE_VEC_AVX512_H

#include "core/vec_x86.h"
#include "data/bytes.h"

#define VEC_TARGET __attribute__((target("avx512f,avx512dq,avx2,fma,f16c")))
#define VEC_INLINE \
    static inline __attribute__((target("avx512f,avx512dq,avx2,fma,f16c"), always_inline))
#define VEC_LANES 16
#define VEC_SUMS 24

typedef __m512 vec;

VEC_INLINE vec vec_zero(void)
{
    return _mm512_setzero_ps();
}

VEC_INLINE vec vec_all(float x)
{
    return _mm512_set1_ps(x);
}

VEC_INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

VEC_INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}

VEC_INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

VEC_INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

VEC_INLINE vec vec_from_bf16(const void *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

VEC_INLINE vec vec_from_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}

VEC_INLINE vec vec_from_i8(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p)));
}

VEC_INLINE vec vec_all_from_f16(const void *p)
{
    return vec_all(_cvtsh_ss(load_u16(p)));
}

VEC_INLINE void vec_to_f16(void *p, vec v)
{
    _mm256_storeu_si256(p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

VEC_INLINE __m256 vec_halves(vec v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

VEC_INLINE float vec_sum(vec v)
{
    return sum_of_8(vec_halves(v));
}

VEC_INLINE void vec_sum_four(float *p, vec a, vec b, vec c, vec d)
{
    _mm_storeu_ps(p, sum_each(vec_halves(a), vec_halves(b), vec_halves(c), vec_halves(d)));
}

#endif
