/* The kernels with AVX2, FMA and F16C, chosen at run time. */
#include "core/matmul_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))

/* 4 weight rows x 3 rows of x: 12 sums, 4 weight vectors and 3 of x fit the 16 registers, and
 * 12 FMAs hide the latency of one. */
#define N_W 4
#define N_X 3

/* 8 stored elements as f32. */
AVX2_INLINE __m256 load8(const char *p, enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_BF16: {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
        return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
    }
    case DTYPE_F16:
        return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
    default:
        return _mm256_loadu_ps((const float *)(const void *)p);
    }
}

AVX2_INLINE float sum8(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

/* The last n_in % 8 columns, zero-filled. */
AVX2_INLINE __m256 load_tail(const char *p, enum dtype dtype, size_t n)
{
    char bytes[32] = {0};
    memcpy(bytes, p, n * (dtype == DTYPE_F32 ? 4 : 2));
    return load8(bytes, dtype);
}

/* y[t * ldy + j] += x[t] . w[j] over n columns, for nw weight rows and nx rows of x. The two are
 * constants wherever this is inlined. */
AVX2_INLINE void tile(float *y, size_t ldy, const float *x, size_t ldx, const char *w,
                      size_t w_stride, enum dtype dtype, size_t n, int nw, int nx)
{
    const size_t size = dtype == DTYPE_F32 ? 4 : 2;
    __m256 sum[N_W][N_X];
    for (int j = 0; j < nw; j++)
        for (int t = 0; t < nx; t++)
            sum[j][t] = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 xs[N_X];
        for (int t = 0; t < nx; t++)
            xs[t] = _mm256_loadu_ps(x + (size_t)t * ldx + i);
        for (int j = 0; j < nw; j++) {
            __m256 ws = load8(w + (size_t)j * w_stride + i * size, dtype);
            for (int t = 0; t < nx; t++)
                sum[j][t] = _mm256_fmadd_ps(ws, xs[t], sum[j][t]);
        }
    }
    if (i < n)
        for (int j = 0; j < nw; j++) {
            __m256 ws = load_tail(w + (size_t)j * w_stride + i * size, dtype, n - i);
            for (int t = 0; t < nx; t++) {
                const char *xt = (const char *)(x + (size_t)t * ldx + i);
                sum[j][t] = _mm256_fmadd_ps(ws, load_tail(xt, DTYPE_F32, n - i), sum[j][t]);
            }
        }
    for (int t = 0; t < nx; t++)
        for (int j = 0; j < nw; j++)
            y[(size_t)t * ldy + (size_t)j] += sum8(sum[j][t]);
}

/* One group of nw weight rows against all n rows of x, over one chunk of columns. */
AVX2_INLINE void all_x(float *y, size_t ldy, const float *x, size_t n, size_t ldx, const char *w,
                       size_t w_stride, enum dtype dtype, size_t n_chunk, int nw)
{
    size_t t = 0;
    for (; t + N_X <= n; t += N_X)
        tile(y + t * ldy, ldy, x + t * ldx, ldx, w, w_stride, dtype, n_chunk, nw, N_X);
    if (n - t == 2)
        tile(y + t * ldy, ldy, x + t * ldx, ldx, w, w_stride, dtype, n_chunk, nw, 2);
    else if (n - t == 1)
        tile(y + t * ldy, ldy, x + t * ldx, ldx, w, w_stride, dtype, n_chunk, nw, 1);
}

AVX2_INLINE void convert(float *dst, const char *src, enum dtype dtype, size_t n)
{
    const size_t size = dtype == DTYPE_F32 ? 4 : 2;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, load8(src + i * size, dtype));
    if (i < n) {
        float last[8];
        _mm256_storeu_ps(last, load_tail(src + i * size, dtype, n - i));
        memcpy(dst + i, last, (n - i) * sizeof *dst);
    }
}

AVX2_INLINE void group(float *y, size_t ldy, const float *x, size_t n, const char *w,
                       enum dtype dtype, size_t n_in, size_t n_chunk, int nw)
{
    const size_t stride = n_in * (dtype == DTYPE_F32 ? 4 : 2);
    if (dtype == DTYPE_F32 || n <= N_X) {
        all_x(y, ldy, x, n, n_in, w, stride, dtype, n_chunk, nw);
        return;
    }
    /* several passes over the weights: convert them once, into the first-level cache */
    float buf[N_W * MATMUL_CHUNK];
    for (int j = 0; j < nw; j++)
        convert(buf + (size_t)j * MATMUL_CHUNK, w + (size_t)j * stride, dtype, n_chunk);
    all_x(y, ldy, x, n, n_in, (const char *)buf, MATMUL_CHUNK * sizeof *buf, DTYPE_F32, n_chunk,
          nw);
}

AVX2_INLINE void rows_of(float *y, size_t ldy, const float *x, size_t n, const char *w,
                         enum dtype dtype, size_t n_out, size_t n_in)
{
    const size_t size = dtype == DTYPE_F32 ? 4 : 2;
    for (size_t t = 0; t < n; t++)
        memset(y + t * ldy, 0, n_out * sizeof *y);
    for (size_t i = 0; i < n_in; i += MATMUL_CHUNK) {
        size_t n_chunk = n_in - i < MATMUL_CHUNK ? n_in - i : MATMUL_CHUNK;
        size_t j = 0;
        for (; j + N_W <= n_out; j += N_W)
            group(y + j, ldy, x + i, n, w + (j * n_in + i) * size, dtype, n_in, n_chunk, N_W);
        for (; j < n_out; j++)
            group(y + j, ldy, x + i, n, w + (j * n_in + i) * size, dtype, n_in, n_chunk, 1);
    }
}

AVX2 static void few_rows(float *y, size_t ldy, const float *x, size_t n, const void *w,
                          enum dtype dtype, size_t n_out, size_t n_in)
{
    switch (dtype) {
    case DTYPE_BF16:
        rows_of(y, ldy, x, n, w, DTYPE_BF16, n_out, n_in);
        break;
    case DTYPE_F16:
        rows_of(y, ldy, x, n, w, DTYPE_F16, n_out, n_in);
        break;
    default:
        rows_of(y, ldy, x, n, w, DTYPE_F32, n_out, n_in);
        break;
    }
}

AVX2 static void to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    if (dtype == DTYPE_BF16)
        convert(dst, src, DTYPE_BF16, n);
    else if (dtype == DTYPE_F16)
        convert(dst, src, DTYPE_F16, n);
    else
        memcpy(dst, src, n * sizeof *dst);
}

static const struct matmul_isa avx2 = {"avx2", few_rows, to_f32};

const struct matmul_isa *matmul_avx2(void)
{
    unsigned eax, ebx, ecx, edx;
    /* F16C is bit 29 of leaf 1: not every compiler knows its name */
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & (1u << 29)))
        return NULL;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2 : NULL;
}

#else

const struct matmul_isa *matmul_avx2(void)
{
    return NULL;
}

#endif
