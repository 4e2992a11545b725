/* The kernels in plain C: the road for processors without a set of their own, and the yardstick
 * for those that have one. */
#include "core/matmul_kernels.h"
#include "core/parts.h"

/* Eight sums, as a vector unit would keep them: the compiler can use one. */
static float dot_chunk(const float *a, const float *b, size_t n)
{
    float sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            sum[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

static void few_rows(float *y, size_t ldy, const float *x, size_t n, const void *w,
                     enum dtype dtype, size_t n_out, size_t n_in)
{
    const char *rows = w;
    float buf[MATMUL_CHUNK];
    for (size_t j = 0; j < n_out; j++) {
        for (size_t t = 0; t < n; t++)
            y[t * ldy + j] = 0;
        for (size_t i = 0; i < n_in; i += MATMUL_CHUNK) {
            size_t n_chunk = size_min(MATMUL_CHUNK, n_in - i);
            tensor_to_f32(buf, rows + dtype_bytes(dtype, j * n_in + i), dtype, n_chunk);
            for (size_t t = 0; t < n; t++)
                y[t * ldy + j] += dot_chunk(x + t * n_in + i, buf, n_chunk);
        }
    }
}

const struct matmul_kernels matmul_generic = {few_rows, tensor_to_f32};
