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

/* --- the integers of a chunk of a weight row: half of each block in four vectors --- */

/* The nibbles of two blocks stay in one byte: of block b those from bit 4 (b % 2) on count. */
AVX2_INLINE void spread_q4_k(__m256i bytes[4], const uint8_t *p, int half)
{
    __m256i a = two_at(p + 16 + 16 * half, 64), b = two_at(p + 48 + 16 * half, 64);
    bytes[0] = _mm256_unpacklo_epi64(a, b);
    bytes[1] = _mm256_shuffle_epi32(bytes[0], 0xb1);
    bytes[2] = _mm256_unpackhi_epi64(a, b);
    bytes[3] = _mm256_shuffle_epi32(bytes[2], 0xb1);
}

/* From whole blocks: twice as many loads of halves wait longer for memory. The empty statement
 * keeps the compiler from loading each block twice. */
AVX2_INLINE void spread_q8_0(__m256i bytes[8], const uint8_t *p)
{
    __m256i b[8], in[4];
    for (int g = 0; g < 8; g++) {
        b[g] = load32(p + Q8_0_BYTES * g + 2);
        __asm__("" : "+x"(b[g]));
    }
    for (int k = 0; k < 4; k++)
        in[k] = _mm256_permute2x128_si256(b[k], b[k + 4], 0x20);
    spread_half(bytes, in);
    for (int k = 0; k < 4; k++)
        in[k] = _mm256_permute2x128_si256(b[k], b[k + 4], 0x31);
    spread_half(bytes + 4, in);
}

AVX2_INLINE void spread_weights(__m256i bytes[8], const uint8_t *p, enum dtype dtype)
{
    if (dtype == DTYPE_Q8_0) {
        spread_q8_0(bytes, p);
        return;
    }
    for (int half = 0; half < 2; half++) {
        if (dtype == DTYPE_Q4_K) {
            spread_q4_k(bytes + 4 * half, p, half);
            continue;
        }
        const __m256i in[4] = {bytes_at(p, dtype, 0, half), bytes_at(p, dtype, 1, half),
                               bytes_at(p, dtype, 2, half), bytes_at(p, dtype, 3, half)};
        spread_half(bytes + 4 * half, in);
    }
}

/* Those of Q4_K are 16-fold in odd blocks. */
AVX2_INLINE struct words spread_words(__m256i bytes, enum dtype dtype)
{
    if (dtype != DTYPE_Q4_K)
        return words_of(bytes, dtype);
    const __m256i mask = _mm256_set1_epi64x(0x00f000f0000f000f);
    return (struct words){_mm256_and_si256(bytes, mask),
                          _mm256_and_si256(_mm256_srli_epi16(bytes, 8), mask)};
}

/* The empty statement keeps the compiler from changing the order of additions, which would take
 * more registers than there are. */
AVX2_INLINE __m256i add_products(__m256i sum, __m256i a, __m256i b)
{
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    __asm__("" : "+x"(sum));
    return sum;
}

/* Adds the products of half of each block to sum[t]. */
AVX2_INLINE void add_half(__m256i sum[], const struct int_chunk *x, size_t x_stride, int n,
                          const __m256i bytes[8], enum dtype dtype, int half)
{
    for (int i = 0; i < 4; i++) {
        const struct words w = spread_words(bytes[4 * half + i], dtype);
        for (int t = 0; t < n; t++) {
            const int16_t *q = x[(size_t)t * x_stride].q[4 * half + i];
            sum[t] = add_products(sum[t], w.even, load32(q));
            sum[t] = add_products(sum[t], w.odd, load32(q + 16));
        }
    }
}

/* --- products with a chunk of a weight row --- */

/* The scales of a Q6_K block's halves. */
AVX2_INLINE void q6_k_halves(__m256i scales[2], const uint8_t *p)
{
    const __m128i order = _mm_set_epi8(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
    __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(p + 192)), order);
    scales[0] = _mm256_cvtepi8_epi32(bytes);
    scales[1] = _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8));
}

/* sum[t] lane b = the integers of block b and row t of x. */
AVX2_INLINE void chunk_sums(__m256i sum[], const struct int_chunk *x, size_t x_stride, int n,
                            const uint8_t *p, enum dtype dtype)
{
    __m256i bytes[8];
    spread_weights(bytes, p, dtype);
    for (int t = 0; t < n; t++)
        sum[t] = _mm256_setzero_si256();
    add_half(sum, x, x_stride, n, bytes, dtype, 0);
    if (dtype != DTYPE_Q6_K) {
        add_half(sum, x, x_stride, n, bytes, dtype, 1);
        return;
    }
    __m256i second[INT_AVX2_ROWS], scales[2];
    for (int t = 0; t < n; t++)
        second[t] = _mm256_setzero_si256();
    add_half(second, x, x_stride, n, bytes, dtype, 1);
    q6_k_halves(scales, p);
    for (int t = 0; t < n; t++)
        sum[t] = _mm256_add_epi32(_mm256_mullo_epi32(sum[t], scales[0]),
                                  _mm256_mullo_epi32(second[t], scales[1]));
}

AVX2_INLINE __m256 add_scaled(__m256 sum, __m256i q, struct scales w, const struct int_chunk *x,
                              enum dtype dtype)
{
    if (dtype == DTYPE_Q4_K)
        q = _mm256_srav_epi32(q, _mm256_set1_epi64x(4LL << 32));
    const __m256 scale = _mm256_mul_ps(w.scale, _mm256_loadu_ps(x->scale));
    sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(q), scale, sum);
    return has_offsets(dtype) ? _mm256_fnmadd_ps(w.offset, _mm256_loadu_ps(x->offset), sum) : sum;
}

/* --- a weight row --- */

AVX2_INLINE float sum_lanes(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* y[t * ldy]; x [n][n_chunks]. n and dtype are constants: called for each, the steps would keep
 * their operands in memory. */
AVX2_INLINE void times_row(float *y, size_t ldy, const struct int_chunk *x, int n,
                           const uint8_t *row, enum dtype dtype, size_t n_in)
{
    const size_t n_chunks = int_n_chunks(n_in);
    __m256 sum[INT_AVX2_ROWS];
    for (int t = 0; t < n; t++)
        sum[t] = _mm256_setzero_ps();
    for (size_t c = 0; c < n_chunks; c++, x++) {
        uint8_t room[INT_CHUNK_BYTES];
        const uint8_t *p = int_chunk_at(row, dtype, n_in, c, room);
        prefetch(p, dtype);
        __m256i q[INT_AVX2_ROWS];
        chunk_sums(q, x, n_chunks, n, p, dtype);
        const struct scales w = scales_at(p, dtype);
        for (int t = 0; t < n; t++)
            sum[t] = add_scaled(sum[t], q[t], w, x + (size_t)t * n_chunks, dtype);
    }
    for (int t = 0; t < n; t++)
        y[(size_t)t * ldy] = sum_lanes(sum[t]);
}

AVX2_INLINE void times_rows(float *y, size_t ldy, const struct int_chunk *x, int n,
                            const uint8_t *row, enum dtype dtype, size_t n_out, size_t n_in)
{
    const size_t stride = dtype_bytes(dtype, n_in);
    for (size_t j = 0; j < n_out; j++, row += stride)
        times_row(y + j, ldy, x, n, row, dtype, n_in);
}

AVX2_INLINE void rows_as(float *y, size_t ldy, const struct int_chunk *x, size_t n,
                         const uint8_t *w, enum dtype dtype, size_t n_out, size_t n_in)
{
    switch (n) {
    case 1:
        times_rows(y, ldy, x, 1, w, dtype, n_out, n_in);
        break;
    case 2:
        times_rows(y, ldy, x, 2, w, dtype, n_out, n_in);
        break;
    case 3:
        times_rows(y, ldy, x, 3, w, dtype, n_out, n_in);
        break;
    case 4:
        times_rows(y, ldy, x, 4, w, dtype, n_out, n_in);
        break;
    case 5:
        times_rows(y, ldy, x, 5, w, dtype, n_out, n_in);
        break;
    default:
        assert(n == INT_AVX2_ROWS);
        times_rows(y, ldy, x, INT_AVX2_ROWS, w, dtype, n_out, n_in);
    }
}

AVX2 void int_avx2_rows(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                        enum dtype dtype, size_t n_out, size_t n_in)
{
    switch (dtype) {
    case DTYPE_Q8_0:
        rows_as(y, ldy, x, n, w, DTYPE_Q8_0, n_out, n_in);
        break;
    case DTYPE_Q4_0:
        rows_as(y, ldy, x, n, w, DTYPE_Q4_0, n_out, n_in);
        break;
    case DTYPE_Q4_K:
        rows_as(y, ldy, x, n, w, DTYPE_Q4_K, n_out, n_in);
        break;
    case DTYPE_Q5_K:
        rows_as(y, ldy, x, n, w, DTYPE_Q5_K, n_out, n_in);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        rows_as(y, ldy, x, n, w, DTYPE_Q6_K, n_out, n_in);
    }
}

#endif
