/* y = x Wᵀ for half a dozen to some hundred rows of x, bound by arithmetic: the road of reading.
 *
 * A panel is 32 weight rows by a chunk of columns, as f32 and transposed: the rows lie in the lanes
 * of vectors, and the inner loop broadcasts x. A panel (16 KB) is made in the first-level cache by
 * the task that multiplies it, and used by all rows of x before the next one is made, so its making
 * is shared by all of them. Rows of x go through in groups of as many as the registers have sums
 * for. A group may be smaller, so no sum is computed in vain: the cost of n rows is that of n - 1
 * and a little more. Each sum adds a chunk's columns in order, and the chunks are added in order:
 * a row's result depends neither on the other rows nor on the number of threads. */
#ifndef CORE_PANEL_H
#define CORE_PANEL_H

#include "core/matmul_kernels.h"
#include "data/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Weight rows of a panel. */
#define PANEL_ROWS 32

/* Stored weights to ask for, so that they are in the cache when their panel is made. */
struct panel_fetch {
    const char *at;
    size_t stride;          /* bytes between rows */
    size_t n_rows, n_lines; /* of n_lines times 64 bytes each */
};

/* The first n <= PANEL_ROWS sums of a row of x to their place in y. */
static inline void panel_copy_sums(float *y, const float *sums, size_t n)
{
    if (n == PANEL_ROWS) /* a constant size: some moves instead of a loop */
        memcpy(y, sums, PANEL_ROWS * sizeof *y);
    else
        memcpy(y, sums, n * sizeof *y);
}

struct panel_kernels {
    /* dst [n_cols, PANEL_ROWS] from w [n_rows <= PANEL_ROWS, n_cols] as stored (f32, f16, bf16),
     * rows `stride` bytes apart, unaligned. Lanes of absent rows get numbers without a meaning. dst
     * has room for n_cols rounded up to a multiple of 8 and is 64-byte aligned. */
    void (*make)(float *dst, const char *w, enum dtype dtype, size_t stride, size_t n_rows,
                 size_t n_cols);

    /* sums [n_x, PANEL_ROWS] += x w, x [n_cols, n_x], w [n_cols, PANEL_ROWS] a panel, sums and w
     * 64-byte aligned. 1 <= n_x <= max_x. Asks for at most n_cols / 4 lines on the way. */
    void (*multiply)(float *sums, const float *x, size_t n_x, const float *w, size_t n_cols,
                     const struct panel_fetch *fetch);
    size_t max_x;
};

extern const struct panel_kernels panel_avx2, panel_avx512, panel_neon; /* where isa_has() them */

/* Those of the set in use; NULL in plain C, where OpenBLAS stands in. */
const struct panel_kernels *panel_kernels_in_use(void);

/* The part of panel_avx2 that panel_avx512 has too. */
void panel_avx2_make(float *dst, const char *w, enum dtype dtype, size_t stride, size_t n_rows,
                     size_t n_cols);

/* Whether n rows are faster this way than with matmul_kernels.few_rows. */
bool panel_pays(size_t n);

/* y[n, out] = x[n, in] Wᵀ with the kernels for panels and, for blocks, those that convert. */
void panel_product(float *y, const float *x, const struct matrix *w, size_t n,
                   const struct panel_kernels *panels, const struct matmul_kernels *kernels);

#endif
