/* Tensors as files store them: a view of bytes with a dtype and a shape. Knows no arithmetic
 * beyond turning stored numbers into f32. */
#ifndef DATA_TENSOR_H
#define DATA_TENSOR_H

#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_U8,
    /* blocks of consecutive elements of a row that share scales (data/quant.h): GGUF only */
    DTYPE_Q8_0,
    DTYPE_Q4_0,
    DTYPE_Q4_K,
    DTYPE_Q5_K,
    DTYPE_Q6_K,
};

#define TENSOR_MAX_DIMS 4

struct tensor {
    const char *name; /* borrowed from the file that holds it */
    enum dtype dtype;
    int n_dims; /* 0..TENSOR_MAX_DIMS; outermost first, row-major, contiguous */
    size_t shape[TENSOR_MAX_DIMS];
    const void *data; /* borrowed; aligned to the element size except in numpy's files */
    size_t n_bytes;
};

/* A stored matrix used as y = x Wᵀ: [n_rows, n_cols] row-major, one output per row. */
struct matrix {
    enum dtype dtype; /* f32, f16, bf16 or blocks */
    size_t n_rows;
    size_t n_cols;    /* whole blocks */
    const void *data; /* borrowed; at any address */
};

size_t dtype_block(enum dtype dtype);     /* elements per block; 1 where there are no blocks */
size_t dtype_size(enum dtype dtype);      /* bytes per block, so per element if that is a block */
const char *dtype_name(enum dtype dtype); /* "F32", "Q8_0", ...: as safetensors and GGUF say */

/* Bytes of n elements, which are whole blocks; the caller knows that it does not overflow. */
size_t dtype_bytes(enum dtype dtype, size_t n);
/* F32, F16, BF16 or blocks: what a matrix may be stored in. */
bool dtype_is_weight(enum dtype dtype);

/* Number of elements; ERR_SHAPE if it overflows. */
int tensor_n_elements(size_t *out, const struct tensor *t, struct err *err) ERR_CHECK;

float f16_to_f32(uint16_t bits);
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float v); /* round to nearest even; NaN stays NaN */
uint16_t f32_to_f16(float v);

/* Converts n stored elements (f32, f16, bf16, f64, or whole blocks) from src, which need not be
 * aligned. */
void tensor_to_f32(float *dst, const void *src, enum dtype dtype, size_t n);

/* Where element (row, col) is stored; with blocks, where the one that begins there is. */
const char *matrix_at(const struct matrix *m, size_t row, size_t col);

/* Row `row` of a matrix as f32: dst [n_cols]. */
void matrix_row(float *dst, const struct matrix *m, size_t row);

/* Views a 2-d tensor of weights as a matrix; ERR_SHAPE or ERR_UNSUPPORTED otherwise. */
int matrix_from_tensor(struct matrix *out, const struct tensor *t, struct err *err) ERR_CHECK;

/* The same, and f64 too: rounded to f32 in *owned, which the caller frees; else *owned is NULL. */
int matrix_take(struct matrix *out, float **owned, const struct tensor *t,
                struct err *err) ERR_CHECK;

#endif
