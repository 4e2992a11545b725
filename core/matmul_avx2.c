/* The kernels with AVX2, FMA and F16C, chosen at run time. */
#include "core/matmul_kernels.h"
#include "core/quant_avx2.h"
#include "data/quant.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))

/* A register tile is n_w weight rows x n_x rows of x: 4 x 1..3, 3 x 4 or 2 x 5..6, so that at most
 * 12 sums and their operands fit the 16 registers, and enough of them hide the latency of an FMA.
 */
#define MAX_W 4
#define MAX_X 6

/* Up to here all of x is reread for every few weight rows, which then stream through whole;
 * beyond, x no longer fits the second-level cache and goes chunk by chunk. */
#define MAX_STREAMED 12

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

/* Where a tile's weights are. */
struct weights {
    const char *at;
    size_t stride; /* bytes between rows */
};

/* The sums of one tile over a chunk of columns. The sizes and dtype are constants wherever this
 * is inlined, and the arrays registers. */
struct tile {
    const float *x; /* [nx, ..] rows ldx apart */
    size_t ldx;
    const char *w; /* [nw, ..] rows w_stride bytes apart */
    size_t w_stride;
    float *save; /* NULL, or [nw, MATMUL_CHUNK]: gets the weights as f32, for further tiles */
};

/* Whether a tile's weights come from memory. Then those of the next tile, which lie behind them,
 * are asked for: rows are too short for the processor to follow several at a time. */
enum source { FROM_MEMORY, FROM_CACHE };

/* Blocks go through f32 in the first-level cache, but for those of 8 bits, which are simple. */
AVX2_INLINE bool is_converted(enum dtype dtype)
{
    return dtype != DTYPE_F32 && dtype != DTYPE_BF16 && dtype != DTYPE_F16 && dtype != DTYPE_Q8_0;
}

AVX2_INLINE size_t bytes_of(enum dtype dtype, size_t n)
{
    return dtype == DTYPE_F32    ? 4 * n
           : dtype == DTYPE_Q8_0 ? n / QUANT_BLOCK * Q8_0_BYTES
           : is_converted(dtype) ? dtype_bytes(dtype, n)
                                 : 2 * n;
}

/* 8 columns from column i on, of which the last n_valid count. */
AVX2_INLINE void step(__m256 sum[MAX_W][MAX_X], const struct tile *at, size_t i, size_t n_valid,
                      enum dtype dtype, enum source source, int nw, int nx)
{
    const size_t size = dtype == DTYPE_F32 ? 4 : 2;
    __m256 ws[MAX_W];
    for (int j = 0; j < nw; j++) {
        const char *p = at->w + (size_t)j * at->w_stride + i * size;
        ws[j] = n_valid == 8 ? load8(p, dtype) : load_tail(p, dtype, n_valid);
        if (source == FROM_MEMORY)
            _mm_prefetch(p + (size_t)nw * at->w_stride, _MM_HINT_T0);
        if (at->save)
            _mm256_storeu_ps(at->save + (size_t)j * MATMUL_CHUNK + i, ws[j]);
    }
    for (int t = 0; t < nx; t++) {
        const float *p = at->x + (size_t)t * at->ldx + i;
        __m256 xs =
            n_valid == 8 ? _mm256_loadu_ps(p) : load_tail((const char *)p, DTYPE_F32, n_valid);
        for (int j = 0; j < nw; j++)
            sum[j][t] = _mm256_fmadd_ps(ws[j], xs, sum[j][t]);
    }
}

/* The 32 columns from column i on of weights in blocks of 8 bits. */
AVX2_INLINE void step_q8(__m256 sum[MAX_W][MAX_X], const struct tile *at, size_t i, int nw, int nx)
{
    const char *block = at->w + i / QUANT_BLOCK * Q8_0_BYTES;
    __m256 scale[MAX_W], ws[MAX_W];
    for (int j = 0; j < nw; j++) {
        uint16_t d;
        memcpy(&d, block + (size_t)j * at->w_stride, sizeof d);
        scale[j] = _mm256_set1_ps(_cvtsh_ss(d));
    }
    for (size_t k = 0; k < QUANT_BLOCK; k += 8) {
        for (int j = 0; j < nw; j++) {
            const char *p = block + (size_t)j * at->w_stride + 2 + k;
            __m256i q = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
            ws[j] = _mm256_mul_ps(scale[j], _mm256_cvtepi32_ps(q));
            if (at->save)
                _mm256_storeu_ps(at->save + (size_t)j * MATMUL_CHUNK + i + k, ws[j]);
        }
        for (int t = 0; t < nx; t++) {
            __m256 xs = _mm256_loadu_ps(at->x + (size_t)t * at->ldx + i + k);
            for (int j = 0; j < nw; j++)
                sum[j][t] = _mm256_fmadd_ps(ws[j], xs, sum[j][t]);
        }
    }
}

/* y[t * ldy + j] += x[t] . w[j] over n columns. */
AVX2_INLINE void run_tile(float *y, size_t ldy, const struct tile *at, enum dtype dtype,
                          enum source source, size_t n, int nw, int nx)
{
    __m256 sum[MAX_W][MAX_X];
    for (int j = 0; j < nw; j++)
        for (int t = 0; t < nx; t++)
            sum[j][t] = _mm256_setzero_ps();
    size_t i = 0;
    for (; dtype == DTYPE_Q8_0 && i < n; i += QUANT_BLOCK)
        step_q8(sum, at, i, nw, nx);
    for (; i + 8 <= n; i += 8)
        step(sum, at, i, 8, dtype, source, nw, nx);
    if (i < n)
        step(sum, at, i, n - i, dtype, source, nw, nx);
    for (int t = 0; t < nx; t++)
        for (int j = 0; j < nw; j++)
            y[(size_t)t * ldy + (size_t)j] += sum8(sum[j][t]);
}

/* Rows t.. of x, nx of them. */
AVX2_INLINE void tile_at(float *y, size_t ldy, struct tile at, size_t t, enum dtype dtype,
                         enum source source, size_t n_chunk, int nw, int nx)
{
    at.x += t * at.ldx;
    run_tile(y + t * ldy, ldy, &at, dtype, source, n_chunk, nw, nx);
}

/* nw weight rows against n > 6 rows of x: the first tile converts the weights into the
 * first-level cache, the others take them from there. */
AVX2_INLINE void many_tiles(float *y, size_t ldy, struct tile at, size_t n, enum dtype dtype,
                            enum source source, size_t n_chunk, int nw)
{
    float buf[MAX_W * MATMUL_CHUNK];
    at.save = buf;
    tile_at(y, ldy, at, 0, dtype, source, n_chunk, nw, 3);
    at.save = NULL;
    at.w = (const char *)buf;
    at.w_stride = MATMUL_CHUNK * sizeof *buf;
    size_t t = 3;
    for (; t + 3 <= n && n - t != 4; t += 3)
        tile_at(y, ldy, at, t, DTYPE_F32, FROM_CACHE, n_chunk, nw, 3);
    for (; t + 2 <= n; t += 2)
        tile_at(y, ldy, at, t, DTYPE_F32, FROM_CACHE, n_chunk, nw, 2);
}

/* nw weight rows against all n rows of x over one chunk of columns. */
AVX2_INLINE void group(float *y, size_t ldy, struct tile at, size_t n, enum dtype dtype,
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
    case 6:
        run_tile(y, ldy, &at, dtype, source, n_chunk, nw, 6);
        break;
    default:
        many_tiles(y, ldy, at, n, dtype, source, n_chunk, nw);
    }
}

/* The same for weights in blocks. */
AVX2_INLINE void converted(float *y, size_t ldy, struct tile at, size_t n, enum dtype dtype,
                           size_t n_chunk, int nw)
{
    float buf[MAX_W * MATMUL_CHUNK];
    for (int j = 0; j < nw; j++)
        quant_avx2_to_f32(buf + j * MATMUL_CHUNK, at.w + (size_t)j * at.w_stride, dtype, n_chunk);
    at.w = (const char *)buf;
    at.w_stride = MATMUL_CHUNK * sizeof *buf;
    group(y, ldy, at, n, DTYPE_F32, FROM_CACHE, n_chunk, nw);
}

/* Weight rows j .. j + nw over the columns from i0 to i1, chunk by chunk. */
AVX2_INLINE void columns(float *y, size_t ldy, const float *x, size_t n, const char *w,
                         enum dtype dtype, size_t n_in, size_t i0, size_t i1, int nw)
{
    const size_t stride = bytes_of(dtype, n_in);
    for (size_t i = i0; i < i1; i += MATMUL_CHUNK) {
        size_t n_chunk = i1 - i < MATMUL_CHUNK ? i1 - i : MATMUL_CHUNK;
        struct tile at = {x + i, n_in, w + bytes_of(dtype, i), stride, NULL};
        if (is_converted(dtype))
            converted(y, ldy, at, n, dtype, n_chunk, nw);
        else
            group(y, ldy, at, n, dtype, FROM_MEMORY, n_chunk, nw);
    }
}

AVX2_INLINE void rows_of(float *y, size_t ldy, const float *x, size_t n, const char *w,
                         enum dtype dtype, size_t n_out, size_t n_in)
{
    const size_t stride = bytes_of(dtype, n_in);
    const size_t width = n <= MAX_STREAMED ? n_in : MATMUL_CHUNK;
    for (size_t t = 0; t < n; t++)
        memset(y + t * ldy, 0, n_out * sizeof *y);
    for (size_t i0 = 0; i0 < n_in; i0 += width) {
        size_t i1 = n_in - i0 < width ? n_in : i0 + width, j = 0;
        if (n == 4)
            for (; j + 3 <= n_out; j += 3)
                columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, i0, i1, 3);
        else if (n == 5 || n == 6)
            for (; j + 2 <= n_out; j += 2)
                columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, i0, i1, 2);
        else
            for (; j + 4 <= n_out; j += 4)
                columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, i0, i1, 4);
        for (; j < n_out; j++)
            columns(y + j, ldy, x, n, w + j * stride, dtype, n_in, i0, i1, 1);
    }
}

/* One copy for all kinds of blocks that are converted first: the conversion tells them apart. */
AVX2 static void block_rows(float *y, size_t ldy, const float *x, size_t n, const char *w,
                            enum dtype dtype, size_t n_out, size_t n_in)
{
    assert(is_converted(dtype));
    rows_of(y, ldy, x, n, w, dtype, n_out, n_in);
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

AVX2_INLINE void convert(float *dst, const char *src, enum dtype dtype, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, load8(src + i * 2, dtype));
    if (i < n) {
        float last[8];
        _mm256_storeu_ps(last, load_tail(src + i * 2, dtype, n - i));
        memcpy(dst + i, last, (n - i) * sizeof *dst);
    }
}

AVX2 static void to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    if (dtype == DTYPE_BF16)
        convert(dst, src, DTYPE_BF16, n);
    else if (dtype == DTYPE_F16)
        convert(dst, src, DTYPE_F16, n);
    else if (dtype == DTYPE_F32)
        memcpy(dst, src, n * sizeof *dst);
    else
        quant_avx2_to_f32(dst, src, dtype, n);
}

const struct matmul_kernels matmul_avx2 = {few_rows, to_f32};

#else

/* never chosen here, but there must be something to name */
const struct matmul_kernels matmul_avx2 = {NULL, NULL};

#endif
