/* Inside of matmul: the kernels of one instruction set. For core/matmul*.c and their tests. */
#ifndef CORE_MATMUL_KERNELS_H
#define CORE_MATMUL_KERNELS_H

#include "data/tensor.h"

#include <stddef.h>

/* Columns whose products are summed in registers before they go to y. Every kernel sums a row in
 * the same order whatever the number of rows, so a row's result does not depend on its batch.
 * A multiple of all block sizes. */
#define MATMUL_CHUNK 1024

/* Up to so many rows of x take few_rows where the instruction set has kernels for panels, whose
 * making more rows pay for. */
#define MATMUL_FEW_ROWS 6

struct matmul_kernels {
    /* y[t * ldy + j] = x[t] . w[j] for t < n, j < n_out, reading each weight once. n is at most
     * MATMUL_FEW_ROWS but in plain C.
     * x [n, n_in] f32; w [n_out, n_in] as stored (f32, f16, bf16, whole blocks), need not be
     * aligned. */
    void (*few_rows)(float *y, size_t ldy, const float *x, size_t n, const void *w,
                     enum dtype dtype, size_t n_out, size_t n_in);

    /* dst [n] f32 from n stored elements (f32, f16, bf16, whole blocks), which need not be
     * aligned. */
    void (*to_f32)(float *dst, const void *src, enum dtype dtype, size_t n);
};

extern const struct matmul_kernels matmul_generic;
extern const struct matmul_kernels matmul_avx2, matmul_avx512, matmul_neon; /* where isa_has() */

const struct matmul_kernels *matmul_kernels_in_use(void);

#endif
