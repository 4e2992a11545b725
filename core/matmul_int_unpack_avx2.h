/* Inside of matmul_int*_avx2.c: blocks of weights (data/quant.h) to integers of 16 bits. The dtype
 * and the block's number are constants wherever these are inlined. */
#ifndef CORE_MATMUL_INT_UNPACK_AVX2_H
#define CORE_MATMUL_INT_UNPACK_AVX2_H

#include "data/bytes.h"
#include "data/quant.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))

AVX2_INLINE __m256i load32(const void *p)
{
    return _mm256_loadu_si256(p);
}

AVX2_INLINE void store32(void *p, __m256i v)
{
    _mm256_storeu_si256(p, v);
}

/* out[i] lane j = in[j] lane i, lanes of 4 bytes. */
AVX2_INLINE void transpose8(__m256i out[8], const __m256i in[8])
{
    __m256i pair[8], four[8];
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_epi32(in[i], in[i + 1]);
        pair[i + 1] = _mm256_unpackhi_epi32(in[i], in[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            four[i + 2 * k] = _mm256_unpacklo_epi64(pair[i + k], pair[i + k + 2]);
            four[i + 2 * k + 1] = _mm256_unpackhi_epi64(pair[i + k], pair[i + k + 2]);
        }
    for (int i = 0; i < 4; i++) {
        out[i] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x20);
        out[i + 4] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x31);
    }
}

/* Eight runs of 32 bytes, so many bytes apart. */
AVX2_INLINE void transpose_bytes(void *dst, size_t dst_stride, const void *src, size_t src_stride)
{
    __m256i in[8], out[8];
    for (int i = 0; i < 8; i++)
        in[i] = load32((const uint8_t *)src + (size_t)i * src_stride);
    transpose8(out, in);
    for (int i = 0; i < 8; i++)
        store32((uint8_t *)dst + (size_t)i * dst_stride, out[i]);
}

/* 16 bytes at each. */
AVX2_INLINE __m256i two_of(const void *a, const void *b)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(a)), _mm_loadu_si128(b),
                                   1);
}

/* 16 bytes at p, and as many so much further on. */
AVX2_INLINE __m256i two_at(const void *p, size_t stride)
{
    return two_of(p, (const char *)p + stride);
}

/* in[k] has 16 bytes of block k, then of block k + 4; out[i] lane b has four of block b, those
 * from 4 (i ^ b % 2) on: the order that Q4_K, where neighbours share their bytes, comes to with
 * the fewest steps. */
AVX2_INLINE void spread_half(__m256i out[4], const __m256i in[4])
{
    __m256i a = _mm256_unpacklo_epi64(in[0], in[2]), b = _mm256_unpacklo_epi64(in[1], in[3]);
    __m256i c = _mm256_unpackhi_epi64(in[0], in[2]), d = _mm256_unpackhi_epi64(in[1], in[3]);
    out[0] = _mm256_blend_epi32(a, b, 0xaa);
    out[1] = _mm256_shuffle_epi32(_mm256_blend_epi32(a, b, 0x55), 0xb1);
    out[2] = _mm256_blend_epi32(c, d, 0xaa);
    out[3] = _mm256_shuffle_epi32(_mm256_blend_epi32(c, d, 0x55), 0xb1);
}

/* --- half of a block of each of two chunks as 16 integers of 8 bits each, those of Q6_K without
 *     their scales --- */

/* The blocks' numbers are equal modulo 4. */
struct two_blocks {
    const uint8_t *a, *b; /* the chunks */
    int block_a, block_b;
};

/* Of both, 16 bytes of an array in which blocks begin `size` bytes apart. */
AVX2_INLINE __m256i load_two(struct two_blocks of, size_t offset, size_t size)
{
    return two_of(of.a + offset + size * (size_t)of.block_a,
                  of.b + offset + size * (size_t)of.block_b);
}

/* The same where `share` blocks share their bytes. */
AVX2_INLINE __m256i load_two_shared(struct two_blocks of, size_t offset, size_t size, int share)
{
    of.block_a /= share;
    of.block_b /= share;
    return load_two(of, offset, size);
}

/* Four bits of each byte, from bit `shift` on. */
AVX2_INLINE __m256i nibbles(__m256i q, int shift)
{
    return _mm256_and_si256(_mm256_srli_epi16(q, shift), _mm256_set1_epi8(15));
}

AVX2_INLINE __m256i q4_0_bytes(struct two_blocks of, int half)
{
    return _mm256_sub_epi8(nibbles(load_two(of, 2, Q4_0_BYTES), 4 * half), _mm256_set1_epi8(8));
}

AVX2_INLINE __m256i q4_k_bytes(struct two_blocks of, size_t offset, size_t half)
{
    return nibbles(load_two_shared(of, offset + 16 * half, 32, 2), of.block_a % 2 * 4);
}

AVX2_INLINE __m256i q5_k_bytes(struct two_blocks of, size_t half)
{
    const int a = of.block_a, b = of.block_b;
    __m256i fifth = _mm256_srlv_epi32(two_of(of.a + 16 + 16 * half, of.b + 16 + 16 * half),
                                      _mm256_set_epi32(b, b, b, b, a, a, a, a));
    __m256i bit_4 = _mm256_and_si256(_mm256_slli_epi16(fifth, 4), _mm256_set1_epi8(0x10));
    return _mm256_or_si256(q4_k_bytes(of, 48, half), bit_4);
}

AVX2_INLINE __m256i q6_k_bytes(struct two_blocks of, size_t half)
{
    /* 16 (h - 2), where h are the lower or the upper two of four bits */
    const __m256i lower = _mm256_set1_epi32(0x1000f0e0);
    const __m256i upper =
        _mm256_broadcastsi128_si256(_mm_set_epi32(0x10101010, 0, (int)0xf0f0f0f0, (int)0xe0e0e0e0));
    const int k = of.block_a % 4, shift = k / 2 * 4;
    __m256i low = nibbles(load_two_shared(of, 32 * (size_t)(k % 2) + 16 * half, 64, 4), shift);
    __m256i high = nibbles(load_two_shared(of, 128 + 16 * half, 32, 4), shift);
    return _mm256_or_si256(low, _mm256_shuffle_epi8(k % 2 ? upper : lower, high));
}

AVX2_INLINE __m256i bytes_of(struct two_blocks of, enum dtype dtype, int half)
{
    switch (dtype) {
    case DTYPE_Q8_0:
        return load_two(of, 2 + 16 * (size_t)half, Q8_0_BYTES);
    case DTYPE_Q4_0:
        return q4_0_bytes(of, half);
    case DTYPE_Q4_K:
        return q4_k_bytes(of, 16, (size_t)half);
    case DTYPE_Q5_K:
        return q5_k_bytes(of, (size_t)half);
    default:
        return q6_k_bytes(of, (size_t)half);
    }
}

/* Blocks k < 4 and k + 4 of a chunk. */
AVX2_INLINE __m256i bytes_at(const uint8_t *p, enum dtype dtype, int k, int half)
{
    return bytes_of((struct two_blocks){p, p, k, k + 4}, dtype, half);
}

/* --- bytes to words --- */

/* Those of even and of odd number. */
struct words {
    __m256i even, odd;
};

AVX2_INLINE struct words words_of(__m256i bytes, enum dtype dtype)
{
    if (dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K) /* not negative */
        return (struct words){_mm256_and_si256(bytes, _mm256_set1_epi16(255)),
                              _mm256_srli_epi16(bytes, 8)};
    return (struct words){_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8),
                          _mm256_srai_epi16(bytes, 8)};
}

/* The 16 scales of a Q6_K block as words. With them |s (q - 32)| <= 4096. */
AVX2_INLINE __m256i q6_k_scales(const uint8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(p + 192)));
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

AVX2_INLINE __m256 bytes_to_ps(__m128i bytes)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

/* quant_k_scales: first scales 0 to 3 and 4 to 7, then minima 0 to 3 and 4 to 7. */
AVX2_INLINE __m128i k_scale_bytes(__m128i p)
{
    const __m128i from = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 15, 14, 13, 12, 7, 6, 5, 4);
    const __m128i top_from = _mm_set_epi8(11, 10, 9, 8, -1, -1, -1, -1, 7, 6, 5, 4, -1, -1, -1, -1);
    const __m128i mask = _mm_set_epi32(0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f);
    __m128i low = _mm_srlv_epi32(_mm_shuffle_epi8(p, from), _mm_set_epi32(4, 0, 0, 0));
    __m128i top = _mm_srli_epi16(_mm_shuffle_epi8(p, top_from), 2);
    return _mm_or_si128(_mm_and_si128(low, mask), _mm_and_si128(top, _mm_set1_epi8(0x30)));
}

AVX2_INLINE struct scales k_scales(const uint8_t *p)
{
    __m128i head = _mm_loadu_si128((const void *)p), bytes = k_scale_bytes(head);
    __m128 d_m = _mm_cvtph_ps(head);
    return (struct scales){_mm256_mul_ps(_mm256_broadcastss_ps(d_m), bytes_to_ps(bytes)),
                           _mm256_mul_ps(_mm256_broadcastss_ps(_mm_movehdup_ps(d_m)),
                                         bytes_to_ps(_mm_unpackhi_epi64(bytes, bytes)))};
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
