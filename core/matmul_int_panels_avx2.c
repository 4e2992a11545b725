/* Many rows of x: their lanes hold rows. */
#include "core/matmul_int_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/matmul_int_unpack_avx2.h"

#define PANELS_MAX 16 /* that are multiplied with weights once unpacked */

/* A tile is 8 weight rows x 1 panel of x, 4 x 2 or 3 x 3: its sums and their operands fit the 16
 * registers, and one load serves two products or more. */
#define MAX_SUMS 9

/* Sums [block of a chunk][weight row][row of x]. */
typedef float sums_of_panel[INT_BLOCKS][INT_AVX2_PANEL_ROWS][INT_LANES];

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
    return load32(x->q[b][k][0]);
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

AVX2_INLINE void add_pair(struct tile_sums *s, const struct int_panel *x, const struct int_chunk *w,
                          int b, int k, int n_x)
{
    if (n_x == 1)
        pair_8x1(s, x, w, b, k);
    else if (n_x == 2)
        pair_4x2(s, x, w, b, k);
    else
        pair_3x3(s, x, w, b, k);
}

/* sum[weight row][panel] = the integers of block b; n_x 1, 2 or 3. */
AVX2_INLINE void tile_block(__m256i sum[MAX_SUMS], const struct int_panel *x,
                            const struct int_chunk *w, int b, int n_x)
{
    const __m256i zero = _mm256_setzero_si256();
    struct tile_sums s = {zero, zero, zero, zero, zero, zero, zero, zero, zero};
    add_pair(&s, x, w, b, 0, n_x);
    add_pair(&s, x, w, b, 1, n_x);
    for (int k = 2; k < INT_BLOCK / 2; k += 2) {
        add_pair(&s, x, w, b, k, n_x);
        add_pair(&s, x, w, b, k + 1, n_x);
    }
    store_tile_sums(sum, s);
}

/* Adds the products of block b to those of its row's earlier blocks b. */
AVX2_INLINE void tile_scale(sums_of_panel *y, size_t row, const __m256i *sum,
                            const struct int_panel *x, const struct int_chunk *w, int b, int n_w,
                            int n_x, bool has_offset)
{
    for (int j = 0; j < n_w; j++) {
        const __m256 w_scale = _mm256_set1_ps(w[j].scale[b]);
        const __m256 w_offset = _mm256_set1_ps(w[j].offset[b]);
        for (int v = 0; v < n_x; v++) {
            float *at = y[v][b][row + (size_t)j];
            __m256 scale = _mm256_mul_ps(w_scale, _mm256_loadu_ps(x[v].scale[b]));
            __m256 s = _mm256_cvtepi32_ps(sum[j * n_x + v]);
            __m256 to = _mm256_fmadd_ps(s, scale, _mm256_loadu_ps(at));
            if (has_offset)
                to = _mm256_fnmadd_ps(w_offset, _mm256_loadu_ps(x[v].offset[b]), to);
            _mm256_storeu_ps(at, to);
        }
    }
}

/* All weight rows against n_x panels, one block after the other: what a block needs of x stays in
 * the first-level cache for all of them. */
AVX2_INLINE void tiles_as(sums_of_panel *y, const struct int_panel *x, const struct int_chunk *w,
                          size_t n_out, int n_w, int n_x, bool has_offset)
{
    for (int b = 0; b < INT_BLOCKS; b++)
        for (size_t j = 0; j < n_out; j += (size_t)n_w) {
            __m256i sum[MAX_SUMS];
            tile_block(sum, x, w + j, b, n_x);
            tile_scale(y, j, sum, x, w + j, b, n_w, n_x, has_offset);
        }
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

AVX2_INLINE __m256 two_sums(sums_of_panel sums, int a, int b, size_t row)
{
    return _mm256_add_ps(_mm256_loadu_ps(sums[a][row]), _mm256_loadu_ps(sums[b][row]));
}

/* Eight weight rows' sums of all blocks to those of block 0. */
AVX2_INLINE void add_blocks(sums_of_panel sums, size_t row)
{
    for (size_t j = row; j < row + 8; j++) {
        __m256 even = _mm256_add_ps(two_sums(sums, 0, 4, j), two_sums(sums, 2, 6, j));
        __m256 odd = _mm256_add_ps(two_sums(sums, 1, 5, j), two_sums(sums, 3, 7, j));
        _mm256_storeu_ps(sums[0][j], _mm256_add_ps(even, odd));
    }
}

AVX2_INLINE void store_sums(float *y, size_t ldy, sums_of_panel sums, size_t n, size_t n_out)
{
    for (size_t j = 0; j < n_out; j += 8) {
        float rows_of_x[INT_LANES][8];
        add_blocks(sums, j);
        transpose_bytes(rows_of_x, 32, sums[0][j], sizeof sums[0][j]);
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
        int_avx2_unpack(dst + j, int_chunk_at(w, dtype, n_in, c, room), dtype);
    }
}

/* x [chunks][x_stride panels], of which the first n_x <= PANELS_MAX are used. */
AVX2 static void panels_of(sums_of_panel *y, const struct int_panel *x, size_t x_stride, size_t n_x,
                           const uint8_t *w, enum dtype dtype, size_t n_out, size_t n_in)
{
    struct int_chunk chunks[INT_AVX2_PANEL_ROWS];
    memset(y, 0, n_x * sizeof *y);
    if (n_out < INT_AVX2_PANEL_ROWS)
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

AVX2 void int_avx2_panels(float *y, size_t ldy, const struct int_panel *x, size_t n, const void *w,
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

#endif
