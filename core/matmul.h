/* Matrix products with weights used as they are stored. Sole user of OpenBLAS, whose own threads
 * stay off: products split over those of core/pool.h.
 *
 * All matrices row-major. The numeric result does not depend on the number of threads. Where the
 * set in use (core/isa.h) has kernels for panels, a row's result does not depend on the other rows
 * either, but two roads round differently, and the number of rows decides between them
 * (panel_pays, and for blocks int_kernels.rows_max). */
#ifndef CORE_MATMUL_H
#define CORE_MATMUL_H

#include "data/tensor.h"

/* y[n, out] = x[n, in] Wᵀ, W [out, in] stored. y is overwritten and must not alias x. Weights in
 * blocks are multiplied in integers: x is rounded as core/matmul_int.h says. */
void matmul(float *y, const float *x, const struct matrix *w, size_t n);

/* From now on x is not rounded. Off at first. */
void matmul_set_exact(bool exact);

/* dx[n, in] += dy[n, out] W: the backward product through stored weights. */
void matmul_backward(float *dx, const float *dy, const struct matrix *w, size_t n);

/* y[n, out] += x[n, in] W for W [in, out], stored the other way round as autoencoders have it. The
 * same as matmul_backward, but made for few rows too. */
void matmul_untransposed(float *y, const float *x, const struct matrix *w, size_t n);

#endif
