#include "core/quant_avx2.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/vec_avx2.h"
#include "data/quant.h"

#include <assert.h>
#include <stdint.h>

VEC_INLINE float load_f16(const uint8_t *p)
{
    return _cvtsh_ss(load_u16(p));
}

VEC_INLINE __m256i load32(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* dst[8] = scale * q - min for the low 8 bytes of q. The product is exact (data/quant.h), so the
 * fused operation rounds as the separate ones. */
VEC_INLINE void store8(float *dst, __m128i q, __m256 scale, __m256 min)
{
    __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q));
    _mm256_storeu_ps(dst, _mm256_fmsub_ps(scale, v, min));
}

VEC_INLINE void store16(float *dst, __m128i q, float scale, float min)
{
    __m256 s = _mm256_set1_ps(scale), m = _mm256_set1_ps(min);
    store8(dst, q, s, m);
    store8(dst + 8, _mm_srli_si128(q, 8), s, m);
}

/* 32 signed bytes with one scale and minimum. */
VEC_INLINE void store32(float *dst, __m256i q, float scale, float min)
{
    store16(dst, _mm256_castsi256_si128(q), scale, min);
    store16(dst + 16, _mm256_extracti128_si256(q, 1), scale, min);
}

/* The low (shift 0) or high (shift 4) nibbles of 32 bytes. */
VEC_INLINE __m256i nibbles(__m256i bytes, int shift)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, shift), _mm256_set1_epi8(15));
}

VEC_INLINE void q8_0_block(float *dst, const uint8_t *p)
{
    store32(dst, load32(p + 2), load_f16(p), 0);
}

VEC_INLINE void q4_0_block(float *dst, const uint8_t *p)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + 2));
    __m256i q = nibbles(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), 0);
    store32(dst, _mm256_sub_epi8(q, _mm256_set1_epi8(8)), load_f16(p), 0);
}

VEC_INLINE void q4_k_block(float *dst, const uint8_t *p)
{
    struct quant_scales s;
    quant_k_scales(&s, p + 4);
    float d = load_f16(p), m = load_f16(p + 2);
    for (int g = 0; g < 8; g += 2) {
        __m256i bytes = load32(p + 16 + 16 * g);
        store32(dst + 32 * g, nibbles(bytes, 0), d * s.scale[g], m * s.min[g]);
        store32(dst + 32 * g + 32, nibbles(bytes, 4), d * s.scale[g + 1], m * s.min[g + 1]);
    }
}

/* Bit g of 32 bytes, moved to bit 4. */
VEC_INLINE __m256i fifth_bits(__m256i bytes, int g)
{
    __m256i moved = g < 4 ? _mm256_slli_epi16(bytes, 4 - g) : _mm256_srli_epi16(bytes, g - 4);
    return _mm256_and_si256(moved, _mm256_set1_epi8(16));
}

VEC_INLINE void q5_k_block(float *dst, const uint8_t *p)
{
    struct quant_scales s;
    quant_k_scales(&s, p + 4);
    float d = load_f16(p), m = load_f16(p + 2);
    __m256i fifth = load32(p + 16);
    for (int g = 0; g < 8; g++) {
        __m256i q = nibbles(load32(p + 48 + g / 2 * 32), g % 2 * 4);
        store32(dst + 32 * g, _mm256_or_si256(q, fifth_bits(fifth, g)), d * s.scale[g],
                m * s.min[g]);
    }
}

/* A quarter of half a block: 32 elements with two scales. The shifts are constants. */
VEC_INLINE void q6_k_quarter(float *dst, __m256i low, int low_shift, __m256i high, int high_shift,
                             float d, const int8_t *scales)
{
    __m256i two = _mm256_and_si256(_mm256_srli_epi16(high, high_shift), _mm256_set1_epi8(3));
    __m256i q = _mm256_or_si256(nibbles(low, low_shift), _mm256_slli_epi16(two, 4));
    q = _mm256_sub_epi8(q, _mm256_set1_epi8(32));
    store16(dst, _mm256_castsi256_si128(q), d * (float)scales[0], 0);
    store16(dst + 16, _mm256_extracti128_si256(q, 1), d * (float)scales[1], 0);
}

VEC_INLINE void q6_k_block(float *dst, const uint8_t *p)
{
    float d = load_f16(p + 208);
    const int8_t *scales = (const int8_t *)p + 192;
    for (int half = 0; half < 2; half++, dst += 128, scales += 8) {
        __m256i high = load32(p + 128 + 32 * half);
        __m256i even = load32(p + 64 * half), odd = load32(p + 64 * half + 32);
        q6_k_quarter(dst, even, 0, high, 0, d, scales);
        q6_k_quarter(dst + 32, odd, 0, high, 2, d, scales + 2);
        q6_k_quarter(dst + 64, even, 4, high, 4, d, scales + 4);
        q6_k_quarter(dst + 96, odd, 4, high, 6, d, scales + 6);
    }
}

VEC_INLINE void convert(float *dst, const uint8_t *p, enum dtype dtype, size_t n)
{
    const size_t block = dtype_block(dtype), size = dtype_size(dtype);
    for (size_t i = 0; i < n; i += block, p += size) {
        if (dtype == DTYPE_Q8_0)
            q8_0_block(dst + i, p);
        else if (dtype == DTYPE_Q4_0)
            q4_0_block(dst + i, p);
        else if (dtype == DTYPE_Q4_K)
            q4_k_block(dst + i, p);
        else if (dtype == DTYPE_Q5_K)
            q5_k_block(dst + i, p);
        else
            q6_k_block(dst + i, p);
    }
}

VEC_TARGET void quant_avx2_to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    assert(n % dtype_block(dtype) == 0);
    switch (dtype) {
    case DTYPE_Q8_0:
        convert(dst, src, DTYPE_Q8_0, n);
        break;
    case DTYPE_Q4_0:
        convert(dst, src, DTYPE_Q4_0, n);
        break;
    case DTYPE_Q4_K:
        convert(dst, src, DTYPE_Q4_K, n);
        break;
    case DTYPE_Q5_K:
        convert(dst, src, DTYPE_Q5_K, n);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        convert(dst, src, DTYPE_Q6_K, n);
    }
}

#else

#include "data/quant.h"

/* never chosen here */
void quant_avx2_to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    quant_to_f32(dst, src, dtype, n);
}

#endif
