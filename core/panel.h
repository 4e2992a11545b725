/* y = x Wᵀ for a dozen to some hundred rows of x, bound by arithmetic: the road of reading.
 *
 * The rows of x (tokens) lie in the lanes of the vectors, so the weights need no transposing: a
 * task converts some weight rows to f32 as they are stored, a chunk of columns at a time, and the
 * inner loop broadcasts them. Only x is packed, once per product: for each chunk of columns, tiles
 * of 24 or 16 tokens, column by column, so that one tile of a chunk (24 KB) stays in the
 * first-level cache while all weight rows of the task pass by. A register tile is 3 vectors of
 * tokens x 4 weight rows, or 2 x 6: 12 sums hide the latency of an FMA, and with their operands
 * fill 16 registers. Each sum adds its chunk's columns in order, and the chunks are added in
 * order: a row's result depends neither on the other rows nor on the number of threads. */
#ifndef CORE_PANEL_H
#define CORE_PANEL_H

#include "core/matmul_kernels.h"
#include "data/tensor.h"

#include <stdbool.h>
#include <stddef.h>

/* Columns of x that are summed in registers. A multiple of all block sizes. */
#define PANEL_CHUNK 256

/* Tokens of a tile, and weight rows of the register tile that goes with it. */
#define PANEL_WIDE 24
#define PANEL_WIDE_ROWS 4
#define PANEL_NARROW 16
#define PANEL_NARROW_ROWS 6

/* Weights that will be needed soon: [rows of the register tile, n_cols], n_cols a multiple of 8. */
struct panel_next {
    float *dst; /* rows as far apart as those of w */
    const char *src;
    size_t stride;    /* bytes between rows of src */
    size_t ahead;     /* each is followed, so many bytes further, by one to ask for */
    enum dtype dtype; /* f32, f16 or bf16 */
};

struct panel_kernels {
    /* dst [n_cols, width] from x [n_tokens <= width, n_cols] with rows ldx apart; absent tokens
     * are 0. width is a multiple of 8. */
    void (*pack)(float *dst, const float *x, size_t ldx, size_t n_tokens, size_t width,
                 size_t n_cols);

    /* sums [height, width] += w [height, n_cols] x, x [n_cols, width] packed, rows of w ldw apart:
     * the register tiles 4 x 24 and 6 x 16. next: what is converted meanwhile, so that fetching
     * and converting weights hides behind the arithmetic; may be NULL. */
    void (*wide)(float *sums, const float *x, const float *w, size_t ldw, size_t n_cols,
                 const struct panel_next *next);
    void (*narrow)(float *sums, const float *x, const float *w, size_t ldw, size_t n_cols,
                   const struct panel_next *next);

    /* y[t * ldy + j] = sums[j * width + t] for t < n_tokens, j < n_rows. */
    void (*unpack)(float *y, size_t ldy, const float *sums, size_t width, size_t n_tokens,
                   size_t n_rows);
};

extern const struct panel_kernels panel_avx2; /* only where isa_best() says so */

/* Whether n rows are faster this way than with matmul_kernels.few_rows, which computes no more rows
 * than there are: above 40, and below where fewer than one lane in 16 is empty. */
bool panel_pays(size_t n);

/* y[n, out] = x[n, in] Wᵀ with the kernels for panels and those that convert. */
void panel_product(float *y, const float *x, const struct matrix *w, size_t n,
                   const struct panel_kernels *panels, const struct matmul_kernels *kernels);

#endif
