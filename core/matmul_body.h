/* The kernels for few rows and the conversions for one instruction set: see core/vec.h. Its file
 * also defines BLOCKS_TO_F32(dst, src, dtype, n), the conversion of blocks. */
#include "core/matmul_kernels.h"
#include "core/vec.h"
#include "data/quant.h"

#include <assert.h>

/* A register tile is n_w weight rows x n_x rows of x: 4 x 1..6 where there are registers for 24
 * sums, else 4 x 1..3, 3 x 4 or 2 x 5..6. */
#define MAX_W 4
#define MAX_X MATMUL_FEW_ROWS

/* The sums of one tile over a chunk of columns. The sizes and dtype are constants wherever this
 * is inlined, and the arrays registers. */
struct tile {
    const float *x; /* [nx, ..] rows ldx apart */
    size_t ldx;
    const char *w; /* [nw, ..] rows w_stride bytes apart */
    size_t w_stride;
};

/* Whether a tile's weights come from memory. Then those of the next tile, which lie behind them,
 * are asked for: rows are too short for the processor to follow several at a time. */
enum source { FROM_MEMORY, FROM_CACHE };

/* Blocks go through f32 in the first-level cache, but for those of 8 bits, which are simple. */
VEC_INLINE bool is_converted(enum dtype dtype)
{
    return dtype != DTYPE_F32 && dtype != DTYPE_BF16 && dtype != DTYPE_F16 && dtype != DTYPE_Q8_0;
}

VEC_INLINE size_t bytes_of(enum dtype dtype, size_t n)
{
    return dtype == DTYPE_F32    ? 4 * n
           : dtype == DTYPE_Q8_0 ? n / QUANT_BLOCK * Q8_0_BYTES
           : is_converted(dtype) ? dtype_bytes(dtype, n)
                                 : 2 * n;
}

/* A vector of columns from column i on, of which the last n_valid count. */
VEC_INLINE void step(vec sum[MAX_W][MAX_X], const struct tile *at, size_t i, size_t n_valid,
                     enum dtype dtype, enum source source, int nw, int nx)
{
    vec ws[MAX_W];
    for (int j = 0; j < nw; j++) {
        const char *p = at->w + (size_t)j * at->w_stride + i * vec_element(dtype);
        ws[j] = n_valid == VEC_LANES ? vec_from(p, dtype) : vec_from_tail(p, dtype, n_valid);
        if (source == FROM_MEMORY)
            __builtin_prefetch(p + (size_t)nw * at->w_stride);
    }
    for (int t = 0; t < nx; t++) {
        const float *p = at->x + (size_t)t * at->ldx + i;
        vec xs = n_valid == VEC_LANES ? vec_load(p) : vec_from_tail(p, DTYPE_F32, n_valid);
        VEC_KEEP(xs);
        for (int j = 0; j < nw; j++)
            sum[j][t] = vec_fma(ws[j], xs, sum[j][t]);
    }
}

/* The 32 columns from column i on of weights in blocks of 8 bits. */
VEC_INLINE void step_q8(vec sum[MAX_W][MAX_X], const struct tile *at, size_t i, int nw, int nx)
{
    const char *block = at->w + i / QUANT_BLOCK * Q8_0_BYTES;
    vec scale[MAX_W], ws[MAX_W];
    for (int j = 0; j < nw; j++)
        scale[j] = vec_all_from_f16(block + (size_t)j * at->w_stride);
    for (size_t k = 0; k < QUANT_BLOCK; k += VEC_LANES) {
        for (int j = 0; j < nw; j++) {
            const char *p = block + (size_t)j * at->w_stride + 2 + k;
            ws[j] = vec_mul(scale[j], vec_from_i8(p));
        }
        for (int t = 0; t < nx; t++) {
            vec xs = vec_load(at->x + (size_t)t * at->ldx + i + k);
            for (int j = 0; j < nw; j++)
                sum[j][t] = vec_fma(ws[j], xs, sum[j][t]);
        }
    }
}

/* y[t * ldy + j] += x[t] . w[j] over n columns. */
VEC_INLINE void run_tile(float *y, size_t ldy, const struct tile *at, enum dtype dtype,
                         enum source source, size_t n, int nw, int nx)
{
    vec sum[MAX_W][MAX_X];
    for (int j = 0; j < nw; j++)
        for (int t = 0; t < nx; t++)
            sum[j][t] = vec_zero();
    size_t i = 0;
    for (; dtype == DTYPE_Q8_0 && i < n; i += QUANT_BLOCK)
        step_q8(sum, at, i, nw, nx);
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        step(sum, at, i, VEC_LANES, dtype, source, nw, nx);
    if (i < n)
        step(sum, at, i, n - i, dtype, source, nw, nx);
    for (int t = 0; t < nx; t++)
        for (int j = 0; j < nw; j++)
            y[(size_t)t * ldy + (size_t)j] += vec_sum(sum[j][t]);
}

/* nw weight rows against all n rows of x over one chunk of columns. */
VEC_INLINE void group(float *y, size_t ldy, struct tile at, size_t n, enum dtype dtype,
                      enum source source, size_t n_chunk, int nw)
{
    switch (n) {
    case 1:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 1);
        break;
    case 2:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 2);
        break;
    case 3:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 3);
        break;
    case 4:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 4);
        break;
    case 5:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 5);
        break;
    default:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 6);
    }
}

/* The same for weights in blocks. */
VEC_INLINE void converted(float *y, size_t ldy, struct tile at, size_t n, enum dtype dtype,
                          size_t n_chunk, int nw)
{
    float buf[MAX_W * MATMUL_CHUNK];
    for (int j = 0; j < nw; j++)
        BLOCKS_TO_F32(buf + j * MATMUL_CHUNK, at.w + (size_t)j * at.w_stride, dtype, n_chunk);
    at.w = (const char *)buf;
    at.w_stride = MATMUL_CHUNK * sizeof *buf;
    group(y, ldy, at, n, DTYPE_F32, FROM_CACHE, n_chunk, nw);
}

/* nw weight rows, chunk by chunk. */
VEC_INLINE void columns(float *y, size_t ldy, const float *x, size_t n, const char *w,
                        enum dtype dtype, size_t n_in, int nw)
{
    const size_t stride = bytes_of(dtype, n_in);
    for (size_t i = 0; i < n_in; i += MATMUL_CHUNK) {
        size_t n_chunk = n_in - i < MATMUL_CHUNK ? n_in - i : MATMUL_CHUNK;
        struct tile at = {x + i, n_in, w + bytes_of(dtype, i), stride};
        if (is_converted(dtype))
            converted(y, ldy, at, n, dtype, n_chunk, nw);
        else
            group(y, ldy, at, n, dtype, FROM_MEMORY, n_chunk, nw);
    }
}

VEC_INLINE void rows_of(float *y, size_t ldy, const float *x, size_t n, const char *w,
                        enum dtype dtype, size_t n_out, size_t n_in)
{
    const size_t stride = bytes_of(dtype, n_in);
    size_t j = 0;
    for (size_t t = 0; t < n; t++)
        memset(y + t * ldy, 0, n_out * sizeof *y);
    if (VEC_SUMS == 12 && n == 4)
        for (; j + 3 <= n_out; j += 3)
            columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, 3);
    else if (VEC_SUMS == 12 && n > 4)
        for (; j + 2 <= n_out; j += 2)
            columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, 2);
    else
        for (; j + 4 <= n_out; j += 4)
            columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, 4);
    for (; j < n_out; j++)
        columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, 1);
}

/* One copy for all kinds of blocks that are converted first: the conversion tells them apart. */
VEC_TARGET static void block_rows(float *y, size_t ldy, const float *x, size_t n, const char *w,
                                  enum dtype dtype, size_t n_out, size_t n_in)
{
    assert(is_converted(dtype));
    rows_of(y, ldy, x, n, w, dtype, n_out, n_in);
}

VEC_TARGET static void few_rows(float *y, size_t ldy, const float *x, size_t n, const void *w,
                                enum dtype dtype, size_t n_out, size_t n_in)
{
    assert(n <= MATMUL_FEW_ROWS);
    switch (dtype) {
    case DTYPE_BF16:
        rows_of(y, ldy, x, n, w, DTYPE_BF16, n_out, n_in);
        break;
    case DTYPE_F16:
        rows_of(y, ldy, x, n, w, DTYPE_F16, n_out, n_in);
        break;
    case DTYPE_Q8_0:
        rows_of(y, ldy, x, n, w, DTYPE_Q8_0, n_out, n_in);
        break;
    case DTYPE_F32:
        rows_of(y, ldy, x, n, w, DTYPE_F32, n_out, n_in);
        break;
    default:
        block_rows(y, ldy, x, n, w, dtype, n_out, n_in);
        break;
    }
}

VEC_INLINE void convert(float *dst, const char *src, enum dtype dtype, size_t n)
{
    size_t i = 0;
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(dst + i, vec_from(src + i * 2, dtype));
    if (i < n) {
        float last[VEC_LANES];
        vec_store(last, vec_from_tail(src + i * 2, dtype, n - i));
        memcpy(dst + i, last, (n - i) * sizeof *dst);
    }
}

VEC_TARGET static void to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    if (dtype == DTYPE_BF16)
        convert(dst, src, DTYPE_BF16, n);
    else if (dtype == DTYPE_F16)
        convert(dst, src, DTYPE_F16, n);
    else if (dtype == DTYPE_F32)
        memcpy(dst, src, n * sizeof *dst);
    else
        BLOCKS_TO_F32(dst, src, dtype, n);
}

#define MATMUL_KERNELS   \
    {                    \
        few_rows, to_f32 \
    }
