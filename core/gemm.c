#include "core/gemm.h"

#include "core/isa.h"
#include "core/parts.h"
#include "data/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

/* A register tile is MR x NR; panels of A are sized for the second-level cache. */
enum { MR = 6, NR = 16, MC = 96, KC = 256, NC = 1024 };

/* c [MR, NR] += a [k, MR] b [k, NR], a and b packed. */
typedef void kernel_fn(float *c, size_t ldc, const float *a, const float *b, size_t k);

static void kernel_generic(float *c, size_t ldc, const float *a, const float *b, size_t k)
{
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < MR; i++)
            for (size_t j = 0; j < NR; j++)
                c[i * ldc + j] = fmaf(a[p * MR + i], b[p * NR + j], c[i * ldc + j]);
}

#if defined(__x86_64__) && defined(__GNUC__)
#define LOAD(i) \
    __m256 c##i##0 = _mm256_loadu_ps(c + (i)*ldc), c##i##1 = _mm256_loadu_ps(c + (i)*ldc + 8)
#define STORE(i) _mm256_storeu_ps(c + (i)*ldc, c##i##0), _mm256_storeu_ps(c + (i)*ldc + 8, c##i##1)
#define STEP(i)                                                                    \
    ai = _mm256_broadcast_ss(a + (i)), c##i##0 = _mm256_fmadd_ps(ai, b0, c##i##0), \
    c##i##1 = _mm256_fmadd_ps(ai, b1, c##i##1)

/* Six by two accumulators, two of B and one of A fill fifteen of sixteen registers. */
__attribute__((target("avx2,fma"))) static void kernel_avx2(float *c, size_t ldc, const float *a,
                                                            const float *b, size_t k)
{
    LOAD(0);
    LOAD(1);
    LOAD(2);
    LOAD(3);
    LOAD(4);
    LOAD(5);
    for (size_t p = 0; p < k; p++, a += MR, b += NR) {
        __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8), ai;
        STEP(0);
        STEP(1);
        STEP(2);
        STEP(3);
        STEP(4);
        STEP(5);
    }
    STORE(0);
    STORE(1);
    STORE(2);
    STORE(3);
    STORE(4);
    STORE(5);
}

static kernel_fn *choose_kernel(void)
{
    return isa_uses_avx2() ? kernel_avx2 : kernel_generic;
}
#else
static kernel_fn *choose_kernel(void)
{
    return kernel_generic;
}
#endif

/* dst [n_minor-wide panels][k][width] from n_major x k elements; missing ones are zero. `major` is
 * the stride along the panel's width, `minor` along k. */
static void pack_f32(float *dst, const float *src, size_t n, size_t k, size_t width, size_t major,
                     size_t minor)
{
    for (size_t i0 = 0; i0 < n; i0 += width, dst += width * k) {
        size_t here = size_min(width, n - i0);
        const float *from = src + i0 * major;
        if (here < width)
            memset(dst, 0, width * k * sizeof *dst);
        if (major == 1) {
            for (size_t p = 0; p < k; p++)
                memcpy(dst + p * width, from + p * minor, here * sizeof *dst);
        } else if (here == MR && minor == 1) {
            for (size_t p = 0; p < k; p++)
                for (size_t i = 0; i < MR; i++)
                    dst[p * width + i] = from[i * major + p];
        } else {
            for (size_t i = 0; i < here; i++)
                for (size_t p = 0; p < k; p++)
                    dst[p * width + i] = from[i * major + p * minor];
        }
    }
}

static void pack_half(float *dst, const uint16_t *src, enum dtype dtype, size_t n, size_t k,
                      size_t width, size_t major, size_t minor)
{
    for (size_t i0 = 0; i0 < n; i0 += width, dst += width * k)
        for (size_t p = 0; p < k; p++)
            for (size_t i = 0; i < width; i++) {
                float v = 0;
                if (i0 + i < n) {
                    uint16_t bits = src[(i0 + i) * major + p * minor];
                    v = dtype == DTYPE_BF16 ? bf16_to_f32(bits) : f16_to_f32(bits);
                }
                dst[p * width + i] = v;
            }
}

static void pack(float *dst, const void *data, enum dtype dtype, size_t offset, size_t n, size_t k,
                 size_t width, size_t major, size_t minor)
{
    if (dtype == DTYPE_F32)
        pack_f32(dst, (const float *)data + offset, n, k, width, major, minor);
    else
        pack_half(dst, (const uint16_t *)data + offset, dtype, n, k, width, major, minor);
}

/* A partial tile goes through a full one on the stack: the kernel knows no edges. */
static void run_edge(float *c, size_t ldc, const float *a, const float *b, size_t m, size_t n,
                     size_t k, kernel_fn *kernel)
{
    float tile[MR * NR] = {0};
    for (size_t i = 0; i < m; i++)
        memcpy(tile + i * NR, c + i * ldc, n * sizeof *c);
    kernel(tile, NR, a, b, k);
    for (size_t i = 0; i < m; i++)
        memcpy(c + i * ldc, tile + i * NR, n * sizeof *c);
}

static void run_block(float *c, size_t ldc, const struct gemm_space *s, size_t m, size_t n,
                      size_t k, kernel_fn *kernel)
{
    for (size_t j = 0; j < n; j += NR)
        for (size_t i = 0; i < m; i += MR) {
            float *tile = c + i * ldc + j;
            const float *a = s->a + i * k, *b = s->b + j * k;
            if (m - i >= MR && n - j >= NR)
                kernel(tile, ldc, a, b, k);
            else
                run_edge(tile, ldc, a, b, size_min(MR, m - i), size_min(NR, n - j), k, kernel);
        }
}

void gemm(float *c, size_t ldc, struct gemm_operand a, struct gemm_operand b, size_t m, size_t n,
          size_t k, bool accumulate, struct gemm_space *s)
{
    kernel_fn *kernel = choose_kernel();
    for (size_t i = 0; i < m && !accumulate; i++)
        memset(c + i * ldc, 0, n * sizeof *c);
    for (size_t p = 0; p < k; p += KC) {
        size_t kc = size_min(KC, k - p);
        for (size_t j = 0; j < n; j += NC) {
            size_t nc = size_min(NC, n - j);
            pack(s->b, b.data, b.dtype, p * b.row_stride + j * b.col_stride, nc, kc, NR,
                 b.col_stride, b.row_stride);
            for (size_t i = 0; i < m; i += MC) {
                size_t mc = size_min(MC, m - i);
                pack(s->a, a.data, a.dtype, i * a.row_stride + p * a.col_stride, mc, kc, MR,
                     a.row_stride, a.col_stride);
                run_block(c + i * ldc + j, ldc, s, mc, nc, kc, kernel);
            }
        }
    }
}

int gemm_space_init(struct gemm_space *s, struct err *err)
{
    s->a = mem_try_alloc((size_t)MC * KC, sizeof *s->a);
    s->b = mem_try_alloc((size_t)NC * KC, sizeof *s->b);
    if (s->a && s->b)
        return ERR_OK;
    gemm_space_clear(s);
    return err_set(err, ERR_NOMEM, "no memory for the panels of a matrix product");
}

void gemm_space_clear(struct gemm_space *s)
{
    free(s->a);
    free(s->b);
    *s = (struct gemm_space){0};
}

struct gemm_operand gemm_rows(const float *x, size_t n_cols)
{
    return (struct gemm_operand){x, DTYPE_F32, n_cols, 1};
}

struct gemm_operand gemm_columns(const float *x, size_t n_cols)
{
    return (struct gemm_operand){x, DTYPE_F32, 1, n_cols};
}

struct gemm_operand gemm_matrix(const struct matrix *w)
{
    assert(dtype_block(w->dtype) == 1);
    return (struct gemm_operand){w->data, w->dtype, w->n_cols, 1};
}

struct gemm_operand gemm_matrix_transposed(const struct matrix *w)
{
    assert(dtype_block(w->dtype) == 1);
    return (struct gemm_operand){w->data, w->dtype, 1, w->n_cols};
}
