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

/* Up to here the lanes of a register hold columns, beyond they hold rows of x. */
#define ROWS_MAX 4

/* Weight rows that are unpacked at a time, whole tiles of any height. With four panels of x they
 * fit the first-level cache. */
#define PANEL_ROWS 24
#define PANELS_MAX 16 /* that are multiplied with them */

AVX2_INLINE __m256i load_q(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2_INLINE void store_q(void *p, __m256i q)
{
    _mm256_storeu_si256(p, q);
}

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
    store_q(dst->q[b], _mm256_permutevar8x32_epi32(even, in_order));
    store_q(dst->q[b] + 16, _mm256_permutevar8x32_epi32(odd, in_order));
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

/* Eight rows of 32 bytes to eight columns of 4 bytes. */
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

/* dst: eight runs of 32 bytes, src: eight of them, so many bytes apart. */
AVX2_INLINE void transpose_bytes(void *dst, const void *src, size_t stride)
{
    __m256i in[8], out[8];
    for (int i = 0; i < 8; i++)
        in[i] = load32((const uint8_t *)src + (size_t)i * stride);
    transpose8(out, in);
    for (int i = 0; i < 8; i++)
        store_q((uint8_t *)dst + 32 * i, out[i]);
}

AVX2 static void pack(struct int_panel *dst, const struct int_chunk rows[INT_LANES])
{
    for (int b = 0; b < INT_BLOCKS; b++) {
        transpose_bytes(dst->q[b], rows->q[b], sizeof *rows);
        transpose_bytes(dst->q[b] + 8, rows->q[b] + 16, sizeof *rows);
    }
    transpose_bytes(dst->scale, rows->scale, sizeof *rows);
    transpose_bytes(dst->offset, rows->offset, sizeof *rows);
}

/* --- weights --- */

AVX2_INLINE void store_block(struct int_chunk *dst, const uint8_t *p, enum dtype dtype, int g)
{
    struct block q = block_at(p, dtype, g);
    store_q(dst->q[g], q.even);
    store_q(dst->q[g] + 16, q.odd);
}

AVX2_INLINE void unpack_as(struct int_chunk *dst, const uint8_t *p, enum dtype dtype)
{
    struct scales s = scales_at(p, dtype);
    _mm256_storeu_ps(dst->scale, s.scale);
    _mm256_storeu_ps(dst->offset, s.offset);
    for (int g = 0; g < INT_BLOCKS; g += 4) {
        store_block(dst, p, dtype, g);
        store_block(dst, p, dtype, g + 1);
        store_block(dst, p, dtype, g + 2);
        store_block(dst, p, dtype, g + 3);
    }
}

AVX2 static void unpack(struct int_chunk *dst, const void *src, enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_Q8_0:
        unpack_as(dst, src, DTYPE_Q8_0);
        break;
    case DTYPE_Q4_0:
        unpack_as(dst, src, DTYPE_Q4_0);
        break;
    case DTYPE_Q4_K:
        unpack_as(dst, src, DTYPE_Q4_K);
        break;
    case DTYPE_Q5_K:
        unpack_as(dst, src, DTYPE_Q5_K);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        unpack_as(dst, src, DTYPE_Q6_K);
    }
}

/* --- few rows of x: columns in lanes --- */

/* Eight sums of pairs of products, of which the halves of 128 are to be added up. */
AVX2_INLINE __m256i block_sums(struct block w, const int16_t *x)
{
    return _mm256_add_epi32(_mm256_madd_epi16(w.even, load_q(x)),
                            _mm256_madd_epi16(w.odd, load_q(x + 16)));
}

AVX2_INLINE __m256i add_pairs(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

/* The sums of four blocks as f32. */
AVX2_INLINE __m128 four_sums(__m256i a, __m256i b, __m256i c, __m256i d)
{
    __m256i ab = add_pairs(a, b), cd = add_pairs(c, d);
    __m256i s = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
    return _mm_cvtepi32_ps(
        _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
}

/* sum + the products of blocks 0 and 4, + those of 1 and 5, ... */
AVX2_INLINE float add_chunk(float sum, __m128 low, __m128 high, struct scales w,
                            const struct int_chunk *x, bool has_offset)
{
    __m256 scale = _mm256_mul_ps(w.scale, _mm256_loadu_ps(x->scale));
    __m128 part = _mm_mul_ps(low, _mm256_castps256_ps128(scale));
    if (has_offset)
        part = _mm_fnmadd_ps(_mm256_castps256_ps128(w.offset), _mm_loadu_ps(x->offset), part);
    part = _mm_fmadd_ps(high, _mm256_extractf128_ps(scale, 1), part);
    if (has_offset)
        part = _mm_fnmadd_ps(_mm256_extractf128_ps(w.offset, 1), _mm_loadu_ps(x->offset + 4), part);
    sum += _mm_cvtss_f32(part);
    sum += _mm_cvtss_f32(_mm_movehdup_ps(part));
    part = _mm_movehl_ps(part, part);
    sum += _mm_cvtss_f32(part);
    return sum + _mm_cvtss_f32(_mm_movehdup_ps(part));
}

AVX2_INLINE __m256i stored_sums(const uint8_t *p, enum dtype dtype, const struct int_chunk *x,
                                int g)
{
    return block_sums(block_at(p, dtype, g), x->q[g]);
}

/* One row of x: the weights go through registers only. */
AVX2_INLINE float add_stored(float sum, const uint8_t *p, enum dtype dtype,
                             const struct int_chunk *x)
{
    __m128 low = four_sums(stored_sums(p, dtype, x, 0), stored_sums(p, dtype, x, 1),
                           stored_sums(p, dtype, x, 2), stored_sums(p, dtype, x, 3));
    __m128 high = four_sums(stored_sums(p, dtype, x, 4), stored_sums(p, dtype, x, 5),
                            stored_sums(p, dtype, x, 6), stored_sums(p, dtype, x, 7));
    return add_chunk(sum, low, high, scales_at(p, dtype), x, has_offsets(dtype));
}

AVX2_INLINE __m256i unpacked_sums(const struct int_chunk *w, const struct int_chunk *x, int g)
{
    return block_sums((struct block){load_q(w->q[g]), load_q(w->q[g] + 16)}, x->q[g]);
}

AVX2_INLINE float add_unpacked(float sum, const struct int_chunk *w, const struct int_chunk *x,
                               bool has_offset)
{
    struct scales s = {_mm256_loadu_ps(w->scale), _mm256_loadu_ps(w->offset)};
    __m128 low = four_sums(unpacked_sums(w, x, 0), unpacked_sums(w, x, 1), unpacked_sums(w, x, 2),
                           unpacked_sums(w, x, 3));
    __m128 high = four_sums(unpacked_sums(w, x, 4), unpacked_sums(w, x, 5), unpacked_sums(w, x, 6),
                            unpacked_sums(w, x, 7));
    return add_chunk(sum, low, high, s, x, has_offset);
}

/* One weight row; x [n][n_chunks]. n is a constant where this is inlined. */
AVX2_INLINE void row_times(float *sum, const struct int_chunk *x, size_t n, const uint8_t *row,
                           enum dtype dtype, size_t n_in)
{
    const size_t n_chunks = int_n_chunks(n_in);
    for (size_t t = 0; t < n; t++)
        sum[t] = 0;
    for (size_t c = 0; c < n_chunks; c++) {
        uint8_t room[INT_CHUNK_BYTES];
        const uint8_t *p = int_chunk_at(row, dtype, n_in, c, room);
        struct int_chunk chunk;
        if (n == 1) {
            sum[0] = add_stored(sum[0], p, dtype, x + c);
            continue;
        }
        unpack_as(&chunk, p, dtype);
        for (size_t t = 0; t < n; t++)
            sum[t] = add_unpacked(sum[t], &chunk, x + t * n_chunks + c, has_offsets(dtype));
    }
}

AVX2_INLINE void rows_as(float *y, size_t ldy, const struct int_chunk *x, size_t n,
                         const uint8_t *row, enum dtype dtype, size_t n_out, size_t n_in)
{
    const size_t stride = dtype_bytes(dtype, n_in);
    for (size_t j = 0; j < n_out; j++, row += stride) {
        float sum[ROWS_MAX];
        if (n == 1)
            row_times(sum, x, 1, row, dtype, n_in);
        else if (n == 2)
            row_times(sum, x, 2, row, dtype, n_in);
        else
            row_times(sum, x, n, row, dtype, n_in);
        for (size_t t = 0; t < n; t++)
            y[t * ldy + j] = sum[t];
    }
}

AVX2 static void rows(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                      enum dtype dtype, size_t n_out, size_t n_in)
{
    assert(n <= ROWS_MAX);
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

/* --- many rows of x: rows in lanes --- */

/* A tile is 8 weight rows x 1 panel of x, 4 x 2 or 3 x 3: its sums and their operands fit the 16
 * registers, and one load serves two products or more. */
#define MAX_SUMS 9

/* Sums [panel][weight row][row of x]. */
typedef float sums_of_panel[PANEL_ROWS][INT_LANES];

/* By name: the elements of an array would not stay in registers. */
struct tile_sums {
    __m256i s0, s1, s2, s3, s4, s5, s6, s7, s8;
};

AVX2_INLINE void store_tile_sums(__m256i out[MAX_SUMS], struct tile_sums s)
{
    const __m256i all[MAX_SUMS] = {s.s0, s.s1, s.s2, s.s3, s.s4, s.s5, s.s6, s.s7, s.s8};
    for (int i = 0; i < MAX_SUMS; i++)
        out[i] = all[i];
}

/* Column pair k of block b of a weight row, in all lanes. */
AVX2_INLINE __m256i pair_at(const struct int_chunk *w, int b, int k)
{
    int pair;
    memcpy(&pair, w->q[b] + 2 * k, sizeof pair);
    return _mm256_set1_epi32(pair);
}

AVX2_INLINE __m256i panel_at(const struct int_panel *x, int b, int k)
{
    return load_q(x->q[b][k][0]);
}

/* The empty statement keeps the compiler from changing the order of additions, which would take
 * more registers than there are. */
AVX2_INLINE void add_products(__m256i *sum, __m256i a, __m256i b)
{
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(a, b));
    __asm__("" : "+x"(*sum));
}

AVX2_INLINE void pair_8x1(struct tile_sums *s, const struct int_panel *x, const struct int_chunk *w,
                          int b, int k)
{
    const __m256i x0 = panel_at(x, b, k);
    add_products(&s->s0, pair_at(w, b, k), x0);
    add_products(&s->s1, pair_at(w + 1, b, k), x0);
    add_products(&s->s2, pair_at(w + 2, b, k), x0);
    add_products(&s->s3, pair_at(w + 3, b, k), x0);
    add_products(&s->s4, pair_at(w + 4, b, k), x0);
    add_products(&s->s5, pair_at(w + 5, b, k), x0);
    add_products(&s->s6, pair_at(w + 6, b, k), x0);
    add_products(&s->s7, pair_at(w + 7, b, k), x0);
}

AVX2_INLINE void row_of_2(__m256i *s0, __m256i *s1, __m256i pair, __m256i x0, __m256i x1)
{
    add_products(s0, pair, x0);
    add_products(s1, pair, x1);
}

AVX2_INLINE void pair_4x2(struct tile_sums *s, const struct int_panel *x, const struct int_chunk *w,
                          int b, int k)
{
    const __m256i x0 = panel_at(x, b, k), x1 = panel_at(x + 1, b, k);
    row_of_2(&s->s0, &s->s1, pair_at(w, b, k), x0, x1);
    row_of_2(&s->s2, &s->s3, pair_at(w + 1, b, k), x0, x1);
    row_of_2(&s->s4, &s->s5, pair_at(w + 2, b, k), x0, x1);
    row_of_2(&s->s6, &s->s7, pair_at(w + 3, b, k), x0, x1);
}

AVX2_INLINE void row_of_3(__m256i *s0, __m256i *s1, __m256i *s2, __m256i pair, __m256i x0,
                          __m256i x1, __m256i x2)
{
    add_products(s0, pair, x0);
    add_products(s1, pair, x1);
    add_products(s2, pair, x2);
}

AVX2_INLINE void pair_3x3(struct tile_sums *s, const struct int_panel *x, const struct int_chunk *w,
                          int b, int k)
{
    const __m256i x0 = panel_at(x, b, k), x1 = panel_at(x + 1, b, k), x2 = panel_at(x + 2, b, k);
    row_of_3(&s->s0, &s->s1, &s->s2, pair_at(w, b, k), x0, x1, x2);
    row_of_3(&s->s3, &s->s4, &s->s5, pair_at(w + 1, b, k), x0, x1, x2);
    row_of_3(&s->s6, &s->s7, &s->s8, pair_at(w + 2, b, k), x0, x1, x2);
}

/* sum[weight row][panel] = the integers of block b; n_x 1, 2 or 3. */
AVX2_INLINE void tile_block(__m256i sum[MAX_SUMS], const struct int_panel *x,
                            const struct int_chunk *w, int b, int n_x)
{
    const __m256i zero = _mm256_setzero_si256();
    struct tile_sums s = {zero, zero, zero, zero, zero, zero, zero, zero, zero};
    for (int k = 0; k < INT_BLOCK / 2; k += 2) {
        if (n_x == 1)
            pair_8x1(&s, x, w, b, k), pair_8x1(&s, x, w, b, k + 1);
        else if (n_x == 2)
            pair_4x2(&s, x, w, b, k), pair_4x2(&s, x, w, b, k + 1);
        else
            pair_3x3(&s, x, w, b, k), pair_3x3(&s, x, w, b, k + 1);
    }
    store_tile_sums(sum, s);
}

/* part[n_w][n_x] (+)= the products of block b. */
AVX2_INLINE void tile_scale(__m256 *part, const __m256i *sum, const struct int_panel *x,
                            const struct int_chunk *w, int b, int n_w, int n_x, bool has_offset,
                            bool is_first)
{
    for (int j = 0; j < n_w; j++) {
        const __m256 w_scale = _mm256_set1_ps(w[j].scale[b]);
        const __m256 w_offset = _mm256_set1_ps(w[j].offset[b]);
        for (int v = 0; v < n_x; v++) {
            const int i = j * n_x + v;
            __m256 scale = _mm256_mul_ps(w_scale, _mm256_loadu_ps(x[v].scale[b]));
            __m256 s = _mm256_cvtepi32_ps(sum[i]);
            part[i] = is_first ? _mm256_mul_ps(s, scale) : _mm256_fmadd_ps(s, scale, part[i]);
            if (has_offset)
                part[i] = _mm256_fnmadd_ps(w_offset, _mm256_loadu_ps(x[v].offset[b]), part[i]);
        }
    }
}

/* One chunk of columns; weight rows from row on. */
AVX2_INLINE void tile(sums_of_panel *y, const struct int_panel *x, const struct int_chunk *w,
                      size_t row, int n_w, int n_x, bool has_offset)
{
    w += row;
    for (int b = 0; b < INT_BLOCKS / 2; b++) {
        __m256 part[MAX_SUMS];
        __m256i sum[MAX_SUMS];
        tile_block(sum, x, w, b, n_x);
        tile_scale(part, sum, x, w, b, n_w, n_x, has_offset, true);
        tile_block(sum, x, w, b + 4, n_x);
        tile_scale(part, sum, x, w, b + 4, n_w, n_x, has_offset, false);
        for (int j = 0; j < n_w; j++)
            for (int v = 0; v < n_x; v++) {
                float *at = y[v][row + (size_t)j];
                _mm256_storeu_ps(at, _mm256_add_ps(_mm256_loadu_ps(at), part[j * n_x + v]));
            }
    }
}

/* All weight rows against n_x panels. */
AVX2_INLINE void tiles_as(sums_of_panel *y, const struct int_panel *x, const struct int_chunk *w,
                          size_t n_out, int n_w, int n_x, bool has_offset)
{
    for (size_t j = 0; j < n_out; j += (size_t)n_w)
        tile(y, x, w, j, n_w, n_x, has_offset);
}

/* One chunk of columns of n_out weight rows and n_x panels. */
AVX2 static void tiles(sums_of_panel *y, const struct int_panel *x, const struct int_chunk *w,
                       size_t n_out, int n_x, bool has_offset)
{
    if (n_x == 1 && has_offset)
        tiles_as(y, x, w, n_out, 8, 1, true);
    else if (n_x == 1)
        tiles_as(y, x, w, n_out, 8, 1, false);
    else if (n_x == 2 && has_offset)
        tiles_as(y, x, w, n_out, 4, 2, true);
    else if (n_x == 2)
        tiles_as(y, x, w, n_out, 4, 2, false);
    else if (has_offset)
        tiles_as(y, x, w, n_out, 3, 3, true);
    else
        tiles_as(y, x, w, n_out, 3, 3, false);
}

/* How many of n panels to take next: three, but rather two and two than three and one. */
static int next_width(size_t n)
{
    return n == 4 ? 2 : n > 3 ? 3 : (int)n;
}

AVX2_INLINE void store_sums(float *y, size_t ldy, sums_of_panel sums, size_t n, size_t n_out)
{
    for (size_t j = 0; j < n_out; j += 8) {
        float rows_of_x[INT_LANES][8];
        transpose_bytes(rows_of_x, sums[j], sizeof *sums);
        for (size_t t = 0; t < n && t < INT_LANES; t++)
            memcpy(y + t * ldy + j, rows_of_x[t], (n_out - j < 8 ? n_out - j : 8) * sizeof *y);
    }
}

/* The rows are read in stretches that the processor does not foresee. */
AVX2_INLINE void prefetch(const uint8_t *p, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 64)
        _mm_prefetch((const char *)p + i, _MM_HINT_T0);
}

/* Chunk c of n_out weight rows, while the next ones are fetched. */
AVX2_INLINE void unpack_rows(struct int_chunk *dst, const uint8_t *w, enum dtype dtype,
                             size_t n_out, size_t n_in, size_t c)
{
    const size_t stride = dtype_bytes(dtype, n_in), size = int_chunk_bytes(dtype);
    uint8_t room[INT_CHUNK_BYTES];
    for (size_t j = 0; j < n_out; j++, w += stride) {
        prefetch(w + (c + 1) * size, size);
        unpack(dst + j, int_chunk_at(w, dtype, n_in, c, room), dtype);
    }
}

/* x [chunks][x_stride panels], of which the first n_x <= PANELS_MAX are used. */
AVX2 static void panels_of(sums_of_panel *y, const struct int_panel *x, size_t x_stride, size_t n_x,
                           const uint8_t *w, enum dtype dtype, size_t n_out, size_t n_in)
{
    struct int_chunk chunks[PANEL_ROWS];
    memset(y, 0, n_x * sizeof *y);
    if (n_out < PANEL_ROWS)
        memset(chunks, 0, sizeof chunks);
    for (size_t j = 0; j < n_out; j++)
        prefetch(w + j * dtype_bytes(dtype, n_in), int_chunk_bytes(dtype));
    for (size_t c = 0; c < int_n_chunks(n_in); c++, x += x_stride) {
        unpack_rows(chunks, w, dtype, n_out, n_in, c);
        for (size_t v = 0; v < n_x;) {
            int width = next_width(n_x - v);
            tiles(y + v, x + v, chunks, n_out, width, has_offsets(dtype));
            v += (size_t)width;
        }
    }
}

AVX2 static void panels(float *y, size_t ldy, const struct int_panel *x, size_t n, const void *w,
                        enum dtype dtype, size_t n_out, size_t n_in)
{
    const size_t n_panels = (n + INT_LANES - 1) / INT_LANES;
    sums_of_panel sums[PANELS_MAX];
    for (size_t v = 0; v < n_panels; v += PANELS_MAX) {
        size_t n_x = n_panels - v < PANELS_MAX ? n_panels - v : PANELS_MAX;
        panels_of(sums, x + v, n_panels, n_x, w, dtype, n_out, n_in);
        for (size_t i = 0; i < n_x; i++) {
            size_t t = (v + i) * INT_LANES;
            store_sums(y + t * ldy, ldy, sums[i], n - t, n_out);
        }
    }
}

const struct int_kernels int_avx2 = {.quantise = quantise,
                                     .unpack = unpack,
                                     .rows = rows,
                                     .rows_max = ROWS_MAX,
                                     .pack = pack,
                                     .panel_rows = PANEL_ROWS,
                                     .panels = panels};

#else

/* never chosen here, but there must be something to name */
const struct int_kernels int_avx2 = {.rows_max = 0};

#endif
