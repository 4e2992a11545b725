/* The integer kernels in plain C: the road for processors without a set of their own, and the
 * yardstick for those that have one. */
#include "core/matmul_int.h"
#include "core/matmul_int_kernels.h"
#include "data/bytes.h"
#include "data/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Where column i of a block is in int_chunk.q. */
static int place(int i)
{
    return i / 2 + i % 2 * (INT_BLOCK / 2);
}

/* --- x --- */

/* The scale of a block of x: NaN if that holds one or infinity, 0 if it is as good as 0. */
static float block_scale(const float *x)
{
    float largest = 0;
    for (int i = 0; i < INT_BLOCK; i++) {
        if (!isfinite(x[i]))
            return NAN;
        largest = fmaxf(largest, fabsf(x[i]));
    }
    return largest < INT_X_TINY ? 0 : largest / INT_X_MAX;
}

static void quantise_block(struct int_chunk *dst, size_t b, const float *x)
{
    const float scale = block_scale(x), inverse = scale > 0 ? 1 / scale : 0;
    int32_t sum = 0;
    for (int i = 0; i < INT_BLOCK; i++) {
        /* a product with NaN is not to become an integer */
        long q = inverse > 0 ? lrintf(x[i] * inverse) : 0;
        dst->q[b][place(i)] = (int16_t)q;
        sum += (int32_t)q;
    }
    dst->scale[b] = scale;
    dst->offset[b] = scale * (float)sum;
}

static void quantise(struct int_chunk *dst, const float *x, size_t n)
{
    assert(n % INT_BLOCK == 0 && n <= INT_CHUNK);
    memset(dst, 0, sizeof *dst);
    for (size_t b = 0; b < n / INT_BLOCK; b++)
        quantise_block(dst, b, x + b * INT_BLOCK);
}

/* --- weights --- */

static float load_f16(const uint8_t *p)
{
    return f16_to_f32(load_u16(p));
}

static void unpack_q8_0(struct int_chunk *dst, const uint8_t *p)
{
    for (int b = 0; b < INT_BLOCKS; b++, p += Q8_0_BYTES) {
        dst->scale[b] = load_f16(p);
        for (int i = 0; i < INT_BLOCK; i++)
            dst->q[b][place(i)] = (int8_t)p[2 + i];
    }
}

static void unpack_q4_0(struct int_chunk *dst, const uint8_t *p)
{
    for (int b = 0; b < INT_BLOCKS; b++, p += Q4_0_BYTES) {
        dst->scale[b] = load_f16(p);
        for (int i = 0; i < 16; i++) {
            dst->q[b][place(i)] = (int16_t)((p[2 + i] & 15) - 8);
            dst->q[b][place(16 + i)] = (int16_t)((p[2 + i] >> 4) - 8);
        }
    }
}

/* Four bits at q and, unless NULL, the fifth ones. */
static void unpack_k(struct int_chunk *dst, const uint8_t *p, const uint8_t *q,
                     const uint8_t *fifth)
{
    struct quant_scales s;
    quant_k_scales(&s, p + 4);
    const float d = load_f16(p), m = load_f16(p + 2);
    for (int g = 0; g < INT_BLOCKS; g++) {
        dst->scale[g] = d * (float)s.scale[g];
        dst->offset[g] = m * (float)s.min[g];
        for (int i = 0; i < INT_BLOCK; i++) {
            int low = q[g / 2 * 32 + i] >> g % 2 * 4 & 15;
            int high = fifth ? fifth[i] >> g & 1 : 0;
            dst->q[g][place(i)] = (int16_t)(low | high << 4);
        }
    }
}

static void unpack_q6_k(struct int_chunk *dst, const uint8_t *p)
{
    const float d = load_f16(p + 208);
    for (int g = 0; g < INT_BLOCKS; g++) {
        const int half = g / 4, k = g % 4;
        const uint8_t *low = p + 64 * half + 32 * (k % 2), *high = p + 128 + 32 * half;
        dst->scale[g] = d;
        for (int i = 0; i < INT_BLOCK; i++) {
            int q = (low[i] >> k / 2 * 4 & 15) | (high[i] >> 2 * k & 3) << 4;
            int scale = (int8_t)p[192 + 2 * g + i / 16];
            dst->q[g][place(i)] = (int16_t)(scale * (q - 32));
        }
    }
}

void int_generic_unpack(struct int_chunk *dst, const void *src, enum dtype dtype)
{
    const uint8_t *p = src;
    memset(dst->offset, 0, sizeof dst->offset);
    switch (dtype) {
    case DTYPE_Q8_0:
        unpack_q8_0(dst, p);
        break;
    case DTYPE_Q4_0:
        unpack_q4_0(dst, p);
        break;
    case DTYPE_Q4_K:
        unpack_k(dst, p, p + 16, NULL);
        break;
    case DTYPE_Q5_K:
        unpack_k(dst, p, p + 48, p + 16);
        break;
    default:
        assert(dtype == DTYPE_Q6_K);
        unpack_q6_k(dst, p);
    }
}

/* --- products --- */

/* Adds the products of a chunk's blocks to their sums. */
static void add_products(float sum[INT_BLOCKS], const struct int_chunk *w,
                         const struct int_chunk *x)
{
    for (int b = 0; b < INT_BLOCKS; b++) {
        int32_t q = 0;
        for (int i = 0; i < INT_BLOCK; i++)
            q += (int32_t)w->q[b][i] * x->q[b][i];
        sum[b] += (float)q * (w->scale[b] * x->scale[b]);
        /* without a minimum a sum of x that overflowed does not count */
        if (w->offset[b] != 0)
            sum[b] -= w->offset[b] * x->offset[b];
    }
}

static float sum_blocks(const float s[INT_BLOCKS])
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void rows(float *y, size_t ldy, const struct int_chunk *x, size_t n, const void *w,
                 enum dtype dtype, size_t n_out, size_t n_in)
{
    const uint8_t *row = w;
    const size_t n_chunks = int_n_chunks(n_in);
    float(*sums)[INT_BLOCKS] = mem_alloc(n, sizeof *sums);
    for (size_t j = 0; j < n_out; j++, row += dtype_bytes(dtype, n_in)) {
        memset(sums, 0, n * sizeof *sums);
        for (size_t c = 0; c < n_chunks; c++) {
            uint8_t room[INT_CHUNK_BYTES];
            struct int_chunk chunk;
            int_generic_unpack(&chunk, int_chunk_at(row, dtype, n_in, c, room), dtype);
            for (size_t t = 0; t < n; t++)
                add_products(sums[t], &chunk, x + t * n_chunks + c);
        }
        for (size_t t = 0; t < n; t++)
            y[t * ldy + j] = sum_blocks(sums[t]);
    }
    free(sums);
}

const struct int_kernels int_generic = {.quantise = quantise, .rows = rows, .rows_max = SIZE_MAX};
