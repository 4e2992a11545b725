/* Many rows of x: 32 weight rows, made integers and transposed, lie in the lanes of vectors, and
 * the inner loop broadcasts x. Rows of x go through in groups of as many as the registers have
 * sums for, of any size: no lane is empty. */
#include "core/matmul_int_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/matmul_int_unpack_avx2.h"
#include "core/parts.h"

#include <assert.h>

#define MAX_GROUP 6 /* rows of x */
#define LINE 64

/* --- making a panel: half a block of eight rows at a time --- */

struct rows8 {
    const uint8_t *at[8];
};

/* The words of 4 columns of 8 rows, with Q6_K times `scale`. */
AVX2_INLINE void store_pairs(int16_t (*dst)[PANEL_ROWS][2], __m256i bytes, enum dtype dtype,
                             __m256i scale)
{
    struct words q = words_of(bytes, dtype);
    if (dtype == DTYPE_Q6_K) {
        q.even = _mm256_mullo_epi16(q.even, scale);
        q.odd = _mm256_mullo_epi16(q.odd, scale);
    }
    store32(dst[0], q.even);
    store32(dst[INT_BLOCK / 4], q.odd);
}

/* One of two words, in both. */
AVX2_INLINE __m256i word_of(__m256i pairs, int half)
{
    return half ? _mm256_blend_epi16(pairs, _mm256_srli_epi32(pairs, 16), 0x55)
                : _mm256_blend_epi16(pairs, _mm256_slli_epi32(pairs, 16), 0xaa);
}

AVX2_INLINE __m256i two_rows(const struct rows8 *rows, int j, enum dtype dtype, int g, int half)
{
    return bytes_of((struct two_blocks){rows->at[j], rows->at[j + 4], g, g}, dtype, half);
}

AVX2_INLINE void make_half(int16_t (*dst)[PANEL_ROWS][2], const struct rows8 *rows,
                           enum dtype dtype, int g, int half, __m256i scale)
{
    const __m256i r0 = two_rows(rows, 0, dtype, g, half), r1 = two_rows(rows, 1, dtype, g, half);
    const __m256i r2 = two_rows(rows, 2, dtype, g, half), r3 = two_rows(rows, 3, dtype, g, half);
    const __m256i a0 = _mm256_unpacklo_epi32(r0, r1), a1 = _mm256_unpackhi_epi32(r0, r1);
    const __m256i a2 = _mm256_unpacklo_epi32(r2, r3), a3 = _mm256_unpackhi_epi32(r2, r3);
    store_pairs(dst, _mm256_unpacklo_epi64(a0, a2), dtype, scale);
    store_pairs(dst + 1, _mm256_unpackhi_epi64(a0, a2), dtype, scale);
    store_pairs(dst + 2, _mm256_unpacklo_epi64(a1, a3), dtype, scale);
    store_pairs(dst + 3, _mm256_unpackhi_epi64(a1, a3), dtype, scale);
}

/* Block g; scales are the words of Q6_K. */
AVX2_INLINE void make_block(struct int_panel *dst, size_t lane, const struct rows8 *rows,
                            enum dtype dtype, int g, const __m256i *scales)
{
    int16_t(*q)[PANEL_ROWS][2] = (void *)dst->q[g][0][lane];
    __m256i scale = _mm256_setzero_si256();
    if (dtype == DTYPE_Q6_K)
        scale = load32(scales + g);
    make_half(q, rows, dtype, g, 0, word_of(scale, 0));
    make_half(q + 4, rows, dtype, g, 1, word_of(scale, 1));
}

/* f16 of eight rows. */
AVX2_INLINE __m256 f16_of(const struct rows8 *rows, size_t offset)
{
    __m128i h = _mm_cvtsi32_si128(load_u16(rows->at[0] + offset));
    h = _mm_insert_epi16(h, load_u16(rows->at[1] + offset), 1);
    h = _mm_insert_epi16(h, load_u16(rows->at[2] + offset), 2);
    h = _mm_insert_epi16(h, load_u16(rows->at[3] + offset), 3);
    h = _mm_insert_epi16(h, load_u16(rows->at[4] + offset), 4);
    h = _mm_insert_epi16(h, load_u16(rows->at[5] + offset), 5);
    h = _mm_insert_epi16(h, load_u16(rows->at[6] + offset), 6);
    h = _mm_insert_epi16(h, load_u16(rows->at[7] + offset), 7);
    return _mm256_cvtph_ps(h);
}

AVX2_INLINE void make_k_scales(struct int_panel *dst, size_t lane, const struct rows8 *rows)
{
    float scale[8][8], offset[8][8];
    for (int j = 0; j < 8; j++) {
        struct scales s = k_scales(rows->at[j]);
        _mm256_storeu_ps(scale[j], s.scale);
        _mm256_storeu_ps(offset[j], s.offset);
    }
    transpose_bytes(&dst->scale[0][lane], sizeof dst->scale[0], scale, 32);
    transpose_bytes(&dst->offset[0][lane], sizeof dst->offset[0], offset, 32);
}

AVX2_INLINE void make_scales(struct int_panel *dst, size_t lane, const struct rows8 *rows,
                             enum dtype dtype)
{
    const size_t stride = dtype == DTYPE_Q8_0 ? Q8_0_BYTES : dtype == DTYPE_Q4_0 ? Q4_0_BYTES : 0;
    if (has_offsets(dtype))
        make_k_scales(dst, lane, rows);
    else
        for (size_t g = 0; g < INT_BLOCKS; g++)
            _mm256_storeu_ps(dst->scale[g] + lane,
                             f16_of(rows, dtype == DTYPE_Q6_K ? 208 : stride * g));
}

AVX2_INLINE void make_rows(struct int_panel *dst, size_t lane, const struct rows8 *rows,
                           enum dtype dtype)
{
    __m256i scales[8];
    if (dtype == DTYPE_Q6_K) {
        int16_t words[8][16];
        for (int j = 0; j < 8; j++)
            store32(words[j], q6_k_scales(rows->at[j]));
        transpose_bytes(scales, 32, words, 32);
    }
    make_block(dst, lane, rows, dtype, 0, scales);
    make_block(dst, lane, rows, dtype, 1, scales);
    make_block(dst, lane, rows, dtype, 2, scales);
    make_block(dst, lane, rows, dtype, 3, scales);
    make_block(dst, lane, rows, dtype, 4, scales);
    make_block(dst, lane, rows, dtype, 5, scales);
    make_block(dst, lane, rows, dtype, 6, scales);
    make_block(dst, lane, rows, dtype, 7, scales);
    make_scales(dst, lane, rows, dtype);
}

/* The chunk at w of n_rows rows `stride` bytes apart. */
AVX2_INLINE void make_as(struct int_panel *dst, const uint8_t *w, enum dtype dtype, size_t stride,
                         size_t n_rows)
{
    for (size_t j = 0; j < n_rows; j += 8) {
        struct rows8 rows;
        for (size_t i = 0; i < 8; i++) /* absent ones repeat the last */
            rows.at[i] = w + (j + i < n_rows ? j + i : n_rows - 1) * stride;
        make_rows(dst, j, &rows, dtype);
    }
}

AVX2 static void make(struct int_panel *dst, const uint8_t *w, enum dtype dtype, size_t stride,
                      size_t n_rows)
{
    switch (dtype) {
    case DTYPE_Q8_0:
        make_as(dst, w, DTYPE_Q8_0, stride, n_rows);
        break;
    case DTYPE_Q4_0:
        make_as(dst, w, DTYPE_Q4_0, stride, n_rows);
        break;
    case DTYPE_Q4_K:
        make_as(dst, w, DTYPE_Q4_K, stride, n_rows);
        break;
    case DTYPE_Q5_K:
        make_as(dst, w, DTYPE_Q5_K, stride, n_rows);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        make_as(dst, w, DTYPE_Q6_K, stride, n_rows);
    }
}

/* Chunk c of n_out rows. Where they end before it does, they are completed. */
AVX2 static void make_chunk(struct int_panel *dst, const uint8_t *w, enum dtype dtype, size_t n_out,
                            size_t n_in, size_t c)
{
    const size_t stride = dtype_bytes(dtype, n_in);
    if (n_in - c * INT_CHUNK >= INT_CHUNK) {
        make(dst, w + c * int_chunk_bytes(dtype), dtype, stride, n_out);
        return;
    }
    uint8_t room[PANEL_ROWS][INT_CHUNK_BYTES];
    for (size_t j = 0; j < n_out; j++)
        int_chunk_at(w + j * stride, dtype, n_in, c, room[j]);
    make(dst, room[0], dtype, sizeof *room, n_out);
}

/* --- weights to ask for: while one chunk of a panel is multiplied, the next one --- */

struct fetch {
    const uint8_t *at;
    size_t stride, n_rows, n_bytes; /* of each row */
};

/* Files need not align weights to lines: the one in which a chunk begins came with the columns
 * before it, so each is asked for by the last of 64 bytes. */
AVX2_INLINE void fetch_row(struct fetch *f)
{
    if (f->n_rows == 0)
        return;
    for (size_t i = LINE - 1; i < f->n_bytes + LINE - 1; i += LINE)
        _mm_prefetch((const char *)f->at + i, _MM_HINT_T1);
    f->at += f->stride;
    f->n_rows--;
}

/* --- products --- */

/* Sums of 16 weight rows and up to six of x. By name: the elements of an array would not stay in
 * registers. */
struct tile_sums {
    __m256i a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5;
};

/* The empty statement keeps the compiler from changing the order of additions, which would take
 * more registers than there are. */
AVX2_INLINE void add_products(__m256i *sum, __m256i a, __m256i b, bool is_first)
{
    __m256i products = _mm256_madd_epi16(a, b);
    *sum = is_first ? products : _mm256_add_epi32(*sum, products);
    __asm__("" : "+x"(*sum));
}

AVX2_INLINE void add_row(__m256i *a, __m256i *b, __m256i w0, __m256i w1, const int16_t *x,
                         bool is_first)
{
    int pair;
    memcpy(&pair, x, sizeof pair);
    const __m256i pairs = _mm256_set1_epi32(pair);
    add_products(a, w0, pairs, is_first);
    add_products(b, w1, pairs, is_first);
}

/* Pair k of block b of x with w, that of 16 weight rows. */
AVX2_INLINE void add_pair(struct tile_sums *s, const int16_t *w, const struct int_chunk *x, int n_x,
                          int b, int k)
{
    const __m256i w0 = load32(w), w1 = load32(w + 16);
    add_row(&s->a0, &s->b0, w0, w1, x->q[b] + 2 * k, k == 0);
    if (n_x > 1)
        add_row(&s->a1, &s->b1, w0, w1, x[1].q[b] + 2 * k, k == 0);
    if (n_x > 2)
        add_row(&s->a2, &s->b2, w0, w1, x[2].q[b] + 2 * k, k == 0);
    if (n_x > 3)
        add_row(&s->a3, &s->b3, w0, w1, x[3].q[b] + 2 * k, k == 0);
    if (n_x > 4)
        add_row(&s->a4, &s->b4, w0, w1, x[4].q[b] + 2 * k, k == 0);
    if (n_x > 5)
        add_row(&s->a5, &s->b5, w0, w1, x[5].q[b] + 2 * k, k == 0);
}

/* The products of block g of 16 weight rows with one row of x. */
AVX2_INLINE void scale_row(float *y, __m256i a, __m256i b, const struct int_chunk *x,
                           const struct int_panel *w, size_t lane, int g, bool has_offset)
{
    const __m256 scale = _mm256_set1_ps(x->scale[g]), offset = _mm256_set1_ps(x->offset[g]);
    const __m256 scale_a = _mm256_mul_ps(scale, _mm256_loadu_ps(w->scale[g] + lane));
    const __m256 scale_b = _mm256_mul_ps(scale, _mm256_loadu_ps(w->scale[g] + lane + 8));
    __m256 to_a = _mm256_fmadd_ps(_mm256_cvtepi32_ps(a), scale_a, _mm256_loadu_ps(y));
    __m256 to_b = _mm256_fmadd_ps(_mm256_cvtepi32_ps(b), scale_b, _mm256_loadu_ps(y + 8));
    if (has_offset) {
        to_a = _mm256_fnmadd_ps(offset, _mm256_loadu_ps(w->offset[g] + lane), to_a);
        to_b = _mm256_fnmadd_ps(offset, _mm256_loadu_ps(w->offset[g] + lane + 8), to_b);
    }
    _mm256_storeu_ps(y, to_a);
    _mm256_storeu_ps(y + 8, to_b);
}

/* The rows of x after n_x, of which step `step` of 16 asks for its share. */
AVX2_INLINE void fetch_x(const struct int_chunk *x, int n_x, size_t step)
{
    const char *at = (const char *)(x + n_x) + 4 * LINE * step;
    _mm_prefetch(at, _MM_HINT_T0);
    _mm_prefetch(at + LINE, _MM_HINT_T0);
    _mm_prefetch(at + 2 * LINE, _MM_HINT_T0);
    _mm_prefetch(at + 3 * LINE, _MM_HINT_T0);
}

/* 16 weight rows from `lane` on, n_x rows of x. */
AVX2_INLINE void tile(float (*y)[PANEL_ROWS], const struct int_chunk *x, int n_x,
                      const struct int_panel *w, size_t lane, bool has_offset, struct fetch *fetch)
{
    for (int g = 0; g < INT_BLOCKS; g++) {
        struct tile_sums s;
        fetch_row(fetch);
        fetch_x(x, n_x, lane / 2 + (size_t)g);
        add_pair(&s, w->q[g][0][lane], x, n_x, g, 0);
#pragma GCC unroll 15
        for (int k = 1; k < INT_BLOCK / 2; k++)
            add_pair(&s, w->q[g][k][lane], x, n_x, g, k);
        scale_row(y[0] + lane, s.a0, s.b0, x, w, lane, g, has_offset);
        if (n_x > 1)
            scale_row(y[1] + lane, s.a1, s.b1, x + 1, w, lane, g, has_offset);
        if (n_x > 2)
            scale_row(y[2] + lane, s.a2, s.b2, x + 2, w, lane, g, has_offset);
        if (n_x > 3)
            scale_row(y[3] + lane, s.a3, s.b3, x + 3, w, lane, g, has_offset);
        if (n_x > 4)
            scale_row(y[4] + lane, s.a4, s.b4, x + 4, w, lane, g, has_offset);
        if (n_x > 5)
            scale_row(y[5] + lane, s.a5, s.b5, x + 5, w, lane, g, has_offset);
        __asm__("" ::: "memory"); /* or gcc 12 writes y twice: here and to the stack */
    }
}

AVX2_INLINE void tiles(float (*y)[PANEL_ROWS], const struct int_chunk *x, int n_x,
                       const struct int_panel *w, bool has_offset, struct fetch *fetch)
{
    for (size_t lane = 0; lane < PANEL_ROWS; lane += 16)
        tile(y, x, n_x, w, lane, has_offset, fetch);
}

AVX2_INLINE void group_as(float (*y)[PANEL_ROWS], const struct int_chunk *x, size_t n_x,
                          const struct int_panel *w, bool has_offset, struct fetch *fetch)
{
    switch (n_x) {
    case 1:
        tiles(y, x, 1, w, has_offset, fetch);
        break;
    case 2:
        tiles(y, x, 2, w, has_offset, fetch);
        break;
    case 3:
        tiles(y, x, 3, w, has_offset, fetch);
        break;
    case 4:
        tiles(y, x, 4, w, has_offset, fetch);
        break;
    case 5:
        tiles(y, x, 5, w, has_offset, fetch);
        break;
    default:
        assert(n_x == MAX_GROUP);
        tiles(y, x, MAX_GROUP, w, has_offset, fetch);
    }
}

/* y [n_x, PANEL_ROWS] += the products of a chunk. */
AVX2 static void group(float (*y)[PANEL_ROWS], const struct int_chunk *x, size_t n_x,
                       const struct int_panel *w, bool has_offset, struct fetch *fetch)
{
    if (has_offset)
        group_as(y, x, n_x, w, true, fetch);
    else
        group_as(y, x, n_x, w, false, fetch);
}

/* n rows of x in groups that differ by one row at most. */
AVX2 static void groups(float (*y)[PANEL_ROWS], const struct int_chunk *x, size_t n,
                        const struct int_panel *w, bool has_offset, struct fetch fetch)
{
    const size_t n_groups = n_parts(n, MAX_GROUP);
    const size_t n_x = n / n_groups, n_larger = n % n_groups;
    for (size_t i = 0; i < n_groups; i++) {
        const size_t n_here = n_x + (i < n_larger);
        group(y, x, n_here, w, has_offset, &fetch);
        y += n_here;
        x += n_here;
    }
}

AVX2 void int_avx2_panel(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                         enum dtype dtype, size_t n_out, size_t n_in, const void *next)
{
    _Alignas(LINE) struct int_panel panel;
    _Alignas(LINE) float sums[INT_MAX_X][PANEL_ROWS];
    const size_t n_chunks = int_n_chunks(n_in), size = int_chunk_bytes(dtype);
    assert(n >= 1 && n <= INT_MAX_X && n_out <= PANEL_ROWS);
    memset(sums, 0, n * sizeof *sums);
    for (size_t c = 0; c < n_chunks; c++, x += n) {
        struct fetch fetch = {next, dtype_bytes(dtype, n_in), next ? n_out : 0, size};
        if (c + 1 < n_chunks) {
            fetch.at = (const uint8_t *)w + (c + 1) * size;
            fetch.n_rows = n_out;
        }
        make_chunk(&panel, w, dtype, n_out, n_in, c);
        groups(sums, x, n, &panel, has_offsets(dtype), fetch);
    }
    for (size_t t = 0; t < n; t++)
        panel_copy_sums(y + t * ldy, sums[t], n_out);
}

#endif
