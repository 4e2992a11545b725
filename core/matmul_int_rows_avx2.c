/* Few rows of x: lanes hold blocks of a chunk, so that the sums of eight blocks grow side by side.
 */
#include "core/matmul_int_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/matmul_int_unpack_avx2.h"

#include <assert.h>

/* So far ahead weights are fetched: there is too much to do with each for the processor to see the
 * next ones early. */
#define PREFETCH_BYTES 2048

AVX2_INLINE void prefetch(const uint8_t *p, enum dtype dtype)
{
    for (size_t i = 0; i < int_chunk_bytes(dtype); i += 64)
        _mm_prefetch((const char *)p + PREFETCH_BYTES + i, _MM_HINT_T0);
}

/* Adds a chunk's products to sum; sums lane b are the integers of block b. */
AVX2_INLINE __m256 add_scaled(__m256 sum, __m256i sums, struct scales w, const struct int_chunk *x,
                              bool has_offset)
{
    const __m256 scale = _mm256_mul_ps(w.scale, _mm256_loadu_ps(x->scale));
    sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, sum);
    return has_offset ? _mm256_fnmadd_ps(w.offset, _mm256_loadu_ps(x->offset), sum) : sum;
}

AVX2_INLINE float sum_lanes(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* --- one row of x: lanes hold columns of a block --- */

/* The integers of block g; those of odd blocks of Q4_K come 16-fold, which saves a shift. */
AVX2_INLINE struct words words_at(const uint8_t *p, enum dtype dtype, int g)
{
    if (dtype != DTYPE_Q4_K)
        return words_of(bytes_at(p, dtype, g), dtype);
    const __m256i mask = _mm256_set1_epi16(g % 2 ? 0xf0 : 0x0f);
    const __m256i nibbles = load32(p + 16 + g / 2 * 32);
    return (struct words){_mm256_and_si256(nibbles, mask),
                          _mm256_and_si256(_mm256_srli_epi16(nibbles, 8), mask)};
}

/* Eight sums of products; of Q6_K those of the block's halves are in the halves of 128 bits. */
AVX2_INLINE __m256i block_sums(const uint8_t *p, enum dtype dtype, const struct int_chunk *x, int g)
{
    struct words w = words_at(p, dtype, g);
    return _mm256_add_epi32(_mm256_madd_epi16(w.even, load32(x->q[g])),
                            _mm256_madd_epi16(w.odd, load32(x->q[g] + 16)));
}

AVX2_INLINE __m256i add_pairs(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

AVX2_INLINE __m256i four_sums(__m256i a, __m256i b, __m256i c, __m256i d)
{
    __m256i ab = add_pairs(a, b), cd = add_pairs(c, d);
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

/* The sums of both halves of each, low's before high's. */
AVX2_INLINE __m256i add_halves(__m256i low, __m256i high)
{
    return _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20),
                            _mm256_permute2x128_si256(low, high, 0x31));
}

/* The scales of a Q6_K block in the order of four_sums: blocks 0 to 3 in *low, 4 to 7 in *high. */
AVX2_INLINE void q6_k_halves(__m256i *low, __m256i *high, const uint8_t *p)
{
    const __m128i order = _mm_set_epi8(15, 13, 11, 9, 14, 12, 10, 8, 7, 5, 3, 1, 6, 4, 2, 0);
    __m128i scales = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(p + 192)), order);
    *low = _mm256_cvtepi8_epi32(scales);
    *high = _mm256_cvtepi8_epi32(_mm_srli_si128(scales, 8));
}

/* The sums of eight blocks. */
AVX2_INLINE __m256i eight_sums(const struct int_chunk *x, const uint8_t *p, enum dtype dtype)
{
    __m256i low = four_sums(block_sums(p, dtype, x, 0), block_sums(p, dtype, x, 1),
                            block_sums(p, dtype, x, 2), block_sums(p, dtype, x, 3));
    __m256i high = four_sums(block_sums(p, dtype, x, 4), block_sums(p, dtype, x, 5),
                             block_sums(p, dtype, x, 6), block_sums(p, dtype, x, 7));
    if (dtype == DTYPE_Q6_K) {
        __m256i s0, s1;
        q6_k_halves(&s0, &s1, p);
        low = _mm256_mullo_epi32(low, s0);
        high = _mm256_mullo_epi32(high, s1);
    }
    __m256i sums = add_halves(low, high);
    return dtype == DTYPE_Q4_K ? _mm256_srav_epi32(sums, _mm256_set1_epi64x(4LL << 32)) : sums;
}

AVX2_INLINE float times_one(const struct int_chunk *x, const uint8_t *row, enum dtype dtype,
                            size_t n_in)
{
    __m256 sum = _mm256_setzero_ps();
    for (size_t c = 0; c < int_n_chunks(n_in); c++, x++) {
        uint8_t room[INT_CHUNK_BYTES];
        const uint8_t *p = int_chunk_at(row, dtype, n_in, c, room);
        prefetch(p, dtype);
        sum = add_scaled(sum, eight_sums(x, p, dtype), scales_at(p, dtype), x, has_offsets(dtype));
    }
    return sum_lanes(sum);
}

/* --- several rows of x: lanes hold blocks, so that the sums of eight grow side by side --- */

/* A chunk of a weight row. */
struct stretch {
    __m256i bytes[8];      /* four of each block at a time */
    __m256i first, second; /* the scales of Q6_K for the halves of blocks */
    struct scales scales;
};

AVX2_INLINE void spread_as(struct stretch *w, const uint8_t *p, enum dtype dtype)
{
    const __m256i bytes[8] = {bytes_at(p, dtype, 0), bytes_at(p, dtype, 1), bytes_at(p, dtype, 2),
                              bytes_at(p, dtype, 3), bytes_at(p, dtype, 4), bytes_at(p, dtype, 5),
                              bytes_at(p, dtype, 6), bytes_at(p, dtype, 7)};
    transpose8(w->bytes, bytes);
    w->scales = scales_at(p, dtype);
    if (dtype == DTYPE_Q6_K) {
        const __m256i pairs = q6_k_scales(p);
        w->first = _mm256_blend_epi16(pairs, _mm256_slli_epi32(pairs, 16), 0xaa);
        w->second = _mm256_blend_epi16(_mm256_srli_epi32(pairs, 16), pairs, 0xaa);
    }
}

AVX2 static void spread_weights(struct stretch *w, const uint8_t *p, enum dtype dtype)
{
    prefetch(p, dtype);
    switch (dtype) {
    case DTYPE_Q8_0:
        spread_as(w, p, DTYPE_Q8_0);
        break;
    case DTYPE_Q4_0:
        spread_as(w, p, DTYPE_Q4_0);
        break;
    case DTYPE_Q4_K:
        spread_as(w, p, DTYPE_Q4_K);
        break;
    case DTYPE_Q5_K:
        spread_as(w, p, DTYPE_Q5_K);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        spread_as(w, p, DTYPE_Q6_K);
    }
}

AVX2_INLINE struct words spread_words(const struct stretch *w, enum dtype kind, int i)
{
    struct words q = words_of(w->bytes[i], kind);
    return kind == DTYPE_Q6_K ? scaled(q, i < 4 ? w->first : w->second) : q;
}

/* The empty statement keeps the compiler from changing the order of additions, which would take
 * more registers than there are. */
AVX2_INLINE __m256i add_products(__m256i sum, __m256i a, __m256i b)
{
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    __asm__("" : "+x"(sum));
    return sum;
}

/* sum[t][j] lane b = the products of block b of row t of x and weight row j. */
AVX2_INLINE void chunk_sums(__m256i sum[][2], const struct int_chunk *x, size_t x_stride, int n,
                            const struct stretch w[2], enum dtype kind)
{
    for (int t = 0; t < n; t++)
        sum[t][0] = sum[t][1] = _mm256_setzero_si256();
    for (int i = 0; i < 8; i++) {
        const struct words w0 = spread_words(w, kind, i), w1 = spread_words(w + 1, kind, i);
        for (int t = 0; t < n; t++) {
            const int16_t *q = x[(size_t)t * x_stride].q[i];
            const __m256i even = load32(q), odd = load32(q + 16);
            sum[t][0] = add_products(sum[t][0], w0.even, even);
            sum[t][1] = add_products(sum[t][1], w1.even, even);
            sum[t][0] = add_products(sum[t][0], w0.odd, odd);
            sum[t][1] = add_products(sum[t][1], w1.odd, odd);
        }
    }
}

/* y[t][j] for two weight rows, stride bytes apart; x [n][n_chunks]. kind is Q8_0, Q5_K or Q6_K for
 * blocks with nothing, with minima, with two scales; it and n are constants. */
AVX2_INLINE void times_two(float y[][2], const struct int_chunk *x, int n, const uint8_t *row,
                           size_t stride, enum dtype dtype, size_t n_in, enum dtype kind)
{
    const size_t n_chunks = int_n_chunks(n_in);
    __m256 sum[INT_AVX2_ROWS][2];
    for (int t = 0; t < n; t++)
        sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    for (size_t c = 0; c < n_chunks; c++, x++) {
        uint8_t room[INT_CHUNK_BYTES];
        __m256i sums[INT_AVX2_ROWS][2];
        struct stretch w[2];
        spread_weights(w, int_chunk_at(row, dtype, n_in, c, room), dtype);
        spread_weights(w + 1, int_chunk_at(row + stride, dtype, n_in, c, room), dtype);
        chunk_sums(sums, x, n_chunks, n, w, kind);
        for (int t = 0; t < n; t++)
            for (int j = 0; j < 2; j++)
                sum[t][j] = add_scaled(sum[t][j], sums[t][j], w[j].scales, x + (size_t)t * n_chunks,
                                       has_offsets(kind));
    }
    for (int t = 0; t < n; t++)
        for (int j = 0; j < 2; j++)
            y[t][j] = sum_lanes(sum[t][j]);
}

/* The weight rows in two halves, so that both are read in one go. */
AVX2_INLINE void several_as(float *y, size_t ldy, const struct int_chunk *x, size_t n,
                            const uint8_t *row, enum dtype dtype, size_t n_out, size_t n_in,
                            enum dtype kind)
{
    const size_t stride = dtype_bytes(dtype, n_in), half = (n_out + 1) / 2;
    for (size_t j = 0; j < half; j++, row += stride) {
        const bool has_two = j + half < n_out;
        const size_t next = has_two ? half * stride : 0;
        float sum[INT_AVX2_ROWS][2];
        if (n == 2)
            times_two(sum, x, 2, row, next, dtype, n_in, kind);
        else if (n == 3)
            times_two(sum, x, 3, row, next, dtype, n_in, kind);
        else if (n == 4)
            times_two(sum, x, 4, row, next, dtype, n_in, kind);
        else if (n == 5)
            times_two(sum, x, 5, row, next, dtype, n_in, kind);
        else
            times_two(sum, x, 6, row, next, dtype, n_in, kind);
        for (size_t t = 0; t < n; t++) {
            y[t * ldy + j] = sum[t][0];
            if (has_two)
                y[t * ldy + j + half] = sum[t][1];
        }
    }
}

AVX2 static void several_rows(float *y, size_t ldy, const struct int_chunk *x, size_t n,
                              const uint8_t *row, enum dtype dtype, size_t n_out, size_t n_in)
{
    if (dtype == DTYPE_Q6_K)
        several_as(y, ldy, x, n, row, dtype, n_out, n_in, DTYPE_Q6_K);
    else if (has_offsets(dtype))
        several_as(y, ldy, x, n, row, dtype, n_out, n_in, DTYPE_Q5_K);
    else
        several_as(y, ldy, x, n, row, dtype, n_out, n_in, DTYPE_Q8_0);
}

AVX2_INLINE void one_row(float *y, const struct int_chunk *x, const uint8_t *row, enum dtype dtype,
                         size_t n_out, size_t n_in)
{
    const size_t stride = dtype_bytes(dtype, n_in);
    for (size_t j = 0; j < n_out; j++, row += stride)
        y[j] = times_one(x, row, dtype, n_in);
}

AVX2 void int_avx2_rows(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                        enum dtype dtype, size_t n_out, size_t n_in)
{
    assert(n >= 1 && n <= INT_AVX2_ROWS);
    if (n > 1) {
        several_rows(y, ldy, x, n, w, dtype, n_out, n_in);
        return;
    }
    switch (dtype) {
    case DTYPE_Q8_0:
        one_row(y, x, w, DTYPE_Q8_0, n_out, n_in);
        break;
    case DTYPE_Q4_0:
        one_row(y, x, w, DTYPE_Q4_0, n_out, n_in);
        break;
    case DTYPE_Q4_K:
        one_row(y, x, w, DTYPE_Q4_K, n_out, n_in);
        break;
    case DTYPE_Q5_K:
        one_row(y, x, w, DTYPE_Q5_K, n_out, n_in);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        one_row(y, x, w, DTYPE_Q6_K, n_out, n_in);
    }
}

#endif
