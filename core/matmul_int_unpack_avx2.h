/* Inside of matmul_int_avx2.c: blocks of weights (data/quant.h) to integers of 16 bits. The dtype
 * and the block's number are constants wherever these are inlined. */
#ifndef CORE_MATMUL_INT_UNPACK_AVX2_H
#define CORE_MATMUL_INT_UNPACK_AVX2_H

#include "data/bytes.h"
#include "data/quant.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))

/* The columns of a block with even and with odd numbers, 16 each: bytes that share a word. */
struct block {
    __m256i even, odd;
};

AVX2_INLINE __m256i load32(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2_INLINE struct block q8_0_block(const uint8_t *p)
{
    __m256i q = load32(p + 2);
    return (struct block){_mm256_srai_epi16(_mm256_slli_epi16(q, 8), 8), _mm256_srai_epi16(q, 8)};
}

/* Four bits of each byte, from bit `shift` on. */
AVX2_INLINE struct block nibbles(__m256i q, int shift)
{
    const __m256i mask = _mm256_set1_epi16(15);
    return (struct block){_mm256_and_si256(_mm256_srli_epi16(q, shift), mask),
                          _mm256_and_si256(_mm256_srli_epi16(q, shift + 8), mask)};
}

AVX2_INLINE struct block q4_0_block(const uint8_t *p)
{
    const __m256i eight = _mm256_set1_epi16(8);
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)(p + 2));
    struct block b = nibbles(_mm256_set_m128i(_mm_srli_epi16(q, 4), q), 0);
    return (struct block){_mm256_sub_epi16(b.even, eight), _mm256_sub_epi16(b.odd, eight)};
}

AVX2_INLINE struct block q4_k_block(const uint8_t *p, int g)
{
    return nibbles(load32(p + 16 + g / 2 * 32), g % 2 * 4);
}

/* The bits of mask, whose lowest is bit 4, from bit `bit` on of each word. */
AVX2_INLINE __m256i bits_to_4(__m256i words, int bit, int mask)
{
    __m256i moved = bit < 4 ? _mm256_slli_epi16(words, 4 - bit) : _mm256_srli_epi16(words, bit - 4);
    return _mm256_and_si256(moved, _mm256_set1_epi16((short)mask));
}

AVX2_INLINE struct block with_high_bits(struct block low, __m256i words, int bit, int mask)
{
    return (struct block){_mm256_or_si256(low.even, bits_to_4(words, bit, mask)),
                          _mm256_or_si256(low.odd, bits_to_4(words, bit + 8, mask))};
}

AVX2_INLINE struct block q5_k_block(const uint8_t *p, int g)
{
    struct block low = nibbles(load32(p + 48 + g / 2 * 32), g % 2 * 4);
    return with_high_bits(low, load32(p + 16), g, 0x10);
}

/* The scales of a Q6_K block as words: those of first halves of 32, then those of second ones. */
AVX2_INLINE __m256i q6_k_scales(const uint8_t *p)
{
    const __m128i order = _mm_set_epi8(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
    __m128i scales = _mm_loadu_si128((const __m128i *)(const void *)(p + 192));
    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(scales, order));
}

/* With the scales: |s (q - 32)| <= 4096. */
AVX2_INLINE struct block q6_k_block(const uint8_t *p, int g)
{
    const int half = g / 4, k = g % 4;
    const __m256i middle = _mm256_set1_epi16(32);
    struct block q = nibbles(load32(p + 64 * half + 32 * (k % 2)), k / 2 * 4);
    q = with_high_bits(q, load32(p + 128 + 32 * half), 2 * k, 0x30);
    __m256i scale =
        _mm256_shuffle_epi8(q6_k_scales(p), _mm256_set1_epi16((short)((2 * g + 1) << 8 | 2 * g)));
    return (struct block){_mm256_mullo_epi16(_mm256_sub_epi16(q.even, middle), scale),
                          _mm256_mullo_epi16(_mm256_sub_epi16(q.odd, middle), scale)};
}

/* Block g of a chunk. */
AVX2_INLINE struct block block_at(const uint8_t *p, enum dtype dtype, int g)
{
    switch (dtype) {
    case DTYPE_Q8_0:
        return q8_0_block(p + Q8_0_BYTES * g);
    case DTYPE_Q4_0:
        return q4_0_block(p + Q4_0_BYTES * g);
    case DTYPE_Q4_K:
        return q4_k_block(p, g);
    case DTYPE_Q5_K:
        return q5_k_block(p, g);
    default:
        return q6_k_block(p, g);
    }
}

/* The scales and offsets of a chunk's eight blocks. */
struct scales {
    __m256 scale, offset;
};

AVX2_INLINE bool has_offsets(enum dtype dtype)
{
    return dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K;
}

/* Eight f16, so many bytes apart. */
AVX2_INLINE __m256 gather_f16(const uint8_t *p, int stride)
{
    __m128i h = _mm_cvtsi32_si128(load_u16(p));
    h = _mm_insert_epi16(h, load_u16(p + stride), 1);
    h = _mm_insert_epi16(h, load_u16(p + 2 * stride), 2);
    h = _mm_insert_epi16(h, load_u16(p + 3 * stride), 3);
    h = _mm_insert_epi16(h, load_u16(p + 4 * stride), 4);
    h = _mm_insert_epi16(h, load_u16(p + 5 * stride), 5);
    h = _mm_insert_epi16(h, load_u16(p + 6 * stride), 6);
    h = _mm_insert_epi16(h, load_u16(p + 7 * stride), 7);
    return _mm256_cvtph_ps(h);
}

AVX2_INLINE __m256 bytes_to_ps(uint32_t low, uint32_t high)
{
    __m128i bytes = _mm_cvtsi64_si128((long long)((uint64_t)high << 32 | low));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

/* quant_k_scales, four at a time. */
AVX2_INLINE struct scales k_scales(const uint8_t *p)
{
    const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x30303030;
    uint32_t s = load_u32(p + 4), m = load_u32(p + 8), high = load_u32(p + 12);
    __m256 scale = bytes_to_ps(s & six, (high & four) | (s >> 2 & two));
    __m256 min = bytes_to_ps(m & six, (high >> 4 & four) | (m >> 2 & two));
    return (struct scales){_mm256_mul_ps(_mm256_set1_ps(_cvtsh_ss(load_u16(p))), scale),
                           _mm256_mul_ps(_mm256_set1_ps(_cvtsh_ss(load_u16(p + 2))), min)};
}

AVX2_INLINE struct scales scales_at(const uint8_t *p, enum dtype dtype)
{
    if (has_offsets(dtype))
        return k_scales(p);
    if (dtype == DTYPE_Q6_K)
        return (struct scales){_mm256_set1_ps(_cvtsh_ss(load_u16(p + 208))), _mm256_setzero_ps()};
    const int stride = dtype == DTYPE_Q8_0 ? Q8_0_BYTES : Q4_0_BYTES;
    return (struct scales){gather_f16(p, stride), _mm256_setzero_ps()};
}

#endif
