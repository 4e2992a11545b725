/* Matrix products with weights used as they are stored. Sole user of OpenBLAS, owner of the
 * thread pool and of the runtime choice of instruction set.
 *
 * All matrices row-major. Products split over the pool's threads; the numeric result does not
 * depend on the number of threads. With AVX2 a row's result does not depend on the other rows
 * either, but two roads round differently, and the number of rows decides between them
 * (panel_pays). */
#ifndef CORE_MATMUL_H
#define CORE_MATMUL_H

#include "data/tensor.h"

/* Starts the pool with n threads in all (0: one per physical core). Call once before any
 * product, from one thread; later calls change the number. OpenBLAS is set to one thread. */
void matmul_set_threads(int n_threads);
int matmul_threads(void);

/* Name of the instruction set chosen at run time: "generic", "avx2", ... AXSCOPE_ISA=generic in
 * the environment forces the plain C path. */
const char *matmul_isa(void);

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
