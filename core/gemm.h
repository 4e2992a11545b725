/* Matrix products whose result is the same on every processor, for training: each element is one
 * chain of fused multiply-adds in the order of k, whatever the instruction set or block size, so
 * that a model trained from a seed has the same bits everywhere. (core/matmul.h is the road for
 * running a model: faster for few rows, threaded, but OpenBLAS rounds differently per processor.)
 *
 * Row-major, on the calling thread. */
#ifndef CORE_GEMM_H
#define CORE_GEMM_H

#include "data/err.h"
#include "data/tensor.h"

#include <stdbool.h>

/* Element (i, j) lies at data[i * row_stride + j * col_stride]. */
struct gemm_operand {
    const void *data;
    enum dtype dtype; /* f32, f16 or bf16 */
    size_t row_stride, col_stride;
};

/* Scratch of one thread. */
struct gemm_space {
    float *a, *b; /* packed panels, owned */
};
int gemm_space_init(struct gemm_space *space, struct err *err) ERR_CHECK;
void gemm_space_clear(struct gemm_space *space);

/* c[m, n] (row stride ldc) = or += a[m, k] b[k, n]. */
void gemm(float *c, size_t ldc, struct gemm_operand a, struct gemm_operand b, size_t m, size_t n,
          size_t k, bool accumulate, struct gemm_space *space);

/* Views: a contiguous f32 block [*, n_cols], its transpose, and a stored matrix, which must not be
 * in blocks, and its transpose. */
struct gemm_operand gemm_rows(const float *x, size_t n_cols);
struct gemm_operand gemm_columns(const float *x, size_t n_cols);
struct gemm_operand gemm_matrix(const struct matrix *w);
struct gemm_operand gemm_matrix_transposed(const struct matrix *w);

#endif
