/* Inside of matmul_int: operands as integers, and the kernels of one instruction set. For
 * core/matmul_int*.c and their tests. */
#ifndef CORE_MATMUL_INT_KERNELS_H
#define CORE_MATMUL_INT_KERNELS_H

#include "core/panel.h"
#include "data/quant.h"
#include "data/tensor.h"

#include <stdint.h>
#include <string.h>

#define INT_BLOCK 32  /* columns that share a scale */
#define INT_BLOCKS 8  /* of them in a chunk */
#define INT_CHUNK 256 /* columns unpacked at a time; what a row lacks is 0 */
#define INT_MAX_X 512 /* rows of x that go together */
#define INT_CHUNK_BYTES (INT_BLOCKS * Q8_0_BYTES)

/* 256 columns of a row, of x or of weights: x = scale q, w = scale q - offset. For x the offset is
 * the sum of the block's values instead, so that a block adds to the product
 *     w.scale x.scale (w.q . x.q) - w.offset x.offset
 * The largest |q| are 16383 and, of weights in blocks of 6 bits with their scales, 4096: the sum of
 * 32 products stays below 2^31. */
struct int_chunk {
    int16_t q[INT_BLOCKS][INT_BLOCK]; /* the even columns of each block, then the odd ones */
    float scale[INT_BLOCKS];
    float offset[INT_BLOCKS];
};

/* The same of 32 weight rows, which lie in the lanes of vectors. */
struct int_panel {
    int16_t q[INT_BLOCKS][INT_BLOCK / 2][PANEL_ROWS][2]; /* pairs of neighbours in a chunk */
    float scale[INT_BLOCKS][PANEL_ROWS];
    float offset[INT_BLOCKS][PANEL_ROWS];
};

/* `rows` adds up a row so that its lanes may hold blocks: block b of every chunk to sum b, and at
 * the end ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)). `panel` adds one block after the other. */
struct int_kernels {
    /* n <= 256 columns, whole blocks, of one row of x; further columns become 0. */
    void (*quantise)(struct int_chunk *dst, const float *x, size_t n);

    /* NULL, or brings a chunk of x into the order of rows: q[i] is then a pair of even columns of
     * each block, and a pair of odd ones. */
    void (*spread)(struct int_chunk *chunk);

    /* y[t * ldy + j] = x[t] . w[j] for t < n, j < n_out. x [n][chunks of n_in columns]; w
     * [n_out, n_in] as stored, read once. */
    void (*rows)(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                 enum dtype dtype, size_t n_out, size_t n_in);

    /* The way for more than rows_max rows of x, up to INT_MAX_X: as rows, but x [chunks of n_in
     * columns][n], and n_out <= PANEL_ROWS. Meanwhile as many weight rows from `next` on,
     * unless it is NULL, are asked for. */
    size_t rows_max;
    void (*panel)(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                  enum dtype dtype, size_t n_out, size_t n_in, const void *next);
};

extern const struct int_kernels int_generic;
extern const struct int_kernels int_avx2; /* where isa_has() */

/* The part of int_generic that takes weights apart: 256 columns, stored in whole blocks at src. */
void int_generic_unpack(struct int_chunk *dst, const void *src, enum dtype dtype);

/* The parts of int_avx2 that have files of their own. */
#define INT_AVX2_ROWS 6 /* above, lanes that hold weight rows are faster */
void int_avx2_rows(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                   enum dtype dtype, size_t n_out, size_t n_in);
void int_avx2_panel(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                    enum dtype dtype, size_t n_out, size_t n_in, const void *next);

static inline size_t int_n_chunks(size_t n_in)
{
    return (n_in + INT_CHUNK - 1) / INT_CHUNK;
}

/* Bytes of 256 columns of weights. */
static inline size_t int_chunk_bytes(enum dtype dtype)
{
    return dtype == DTYPE_Q8_0   ? INT_BLOCKS * Q8_0_BYTES
           : dtype == DTYPE_Q4_0 ? INT_BLOCKS * Q4_0_BYTES
           : dtype == DTYPE_Q4_K ? Q4_K_BYTES
           : dtype == DTYPE_Q5_K ? Q5_K_BYTES
                                 : Q6_K_BYTES;
}

/* Chunk c of a stored row. Where the row ends before the chunk does, it is completed in `room`. */
static inline const uint8_t *int_chunk_at(const uint8_t *row, enum dtype dtype, size_t n_in,
                                          size_t c, uint8_t room[INT_CHUNK_BYTES])
{
    const uint8_t *p = row + c * int_chunk_bytes(dtype);
    size_t n = n_in - c * INT_CHUNK;
    if (n >= INT_CHUNK)
        return p;
    memset(room, 0, INT_CHUNK_BYTES);
    memcpy(room, p, dtype_bytes(dtype, n));
    return room;
}

#endif
