/* y = x Wᵀ in integers, for weights in blocks (data/quant.h).
 *
 * Per row and block of 32 columns x becomes d q, d = max |x| / INT_X_MAX, |q| <= INT_X_MAX: it is
 * off by at most d / 2, a 2^-15th of the block's largest. The weights' integers are used as they
 * are, so the sum over a block is exact in 32 bits; blocks are added in f32. Blocks of x that
 * hold Inf or NaN make the results of their row NaN; those below INT_X_TINY count as 0.
 *
 * Few rows and many add their blocks in different orders (int_kernels.rows_max is the border). On
 * either side of it a row's result depends neither on the other rows nor on the number of threads.
 * The instruction sets differ by the rounding of f32 sums alone. */
#ifndef CORE_MATMUL_INT_H
#define CORE_MATMUL_INT_H

#include "data/tensor.h"

#include <stdbool.h>

#define INT_X_MAX 16383
#define INT_X_TINY 1e-30F

/* Whether the product with w goes this way: blocks, and matmul_set_exact is not on. */
bool matmul_int_takes(const struct matrix *w);

/* y [n, n_rows] f32, overwritten; x [n, n_cols] f32. Called by matmul. */
void matmul_int(float *y, const float *x, const struct matrix *w, size_t n);

#endif
