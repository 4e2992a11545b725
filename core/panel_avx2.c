/* The panel kernels with AVX2, FMA and F16C. */
#include "core/panel.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE static inline __attribute__((target("avx2,fma,f16c"), always_inline))

/* Sums are named one by one: gcc 12 keeps an array of them in memory. The loops over columns are
 * not unrolled: then it spills, and two columns at a time took 1.17 times as long. */
#define ZERO3(r) __m256 s##r##0 = _mm256_setzero_ps(), s##r##1 = s##r##0, s##r##2 = s##r##0
#define STEP3(r, at)                                                          \
    wr = _mm256_broadcast_ss(at), s##r##0 = _mm256_fmadd_ps(wr, x0, s##r##0), \
    s##r##1 = _mm256_fmadd_ps(wr, x1, s##r##1), s##r##2 = _mm256_fmadd_ps(wr, x2, s##r##2)
#define ADD3(r)                                                         \
    add8(sums + 24 * (r), s##r##0), add8(sums + 24 * (r) + 8, s##r##1), \
        add8(sums + 24 * (r) + 16, s##r##2)

#define ZERO2(r) __m256 s##r##0 = _mm256_setzero_ps(), s##r##1 = s##r##0
#define STEP2(r, at)                                                          \
    wr = _mm256_broadcast_ss(at), s##r##0 = _mm256_fmadd_ps(wr, x0, s##r##0), \
    s##r##1 = _mm256_fmadd_ps(wr, x1, s##r##1)
#define ADD2(r) add8(sums + 16 * (r), s##r##0), add8(sums + 16 * (r) + 8, s##r##1)

AVX2_INLINE void add8(float *p, __m256 v)
{
    _mm256_storeu_ps(p, _mm256_add_ps(_mm256_loadu_ps(p), v));
}

AVX2_INLINE __m256 load8(const char *p, enum dtype dtype)
{
    const __m128i *halves = (const __m128i *)(const void *)p;
    switch (dtype) {
    case DTYPE_BF16:
        return _mm256_castsi256_ps(
            _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves)), 16));
    case DTYPE_F16:
        return _mm256_cvtph_ps(_mm_loadu_si128(halves));
    default:
        return _mm256_loadu_ps((const float *)(const void *)p);
    }
}

/* 8 of the next weights, and a request for those that will be next after them. */
AVX2_INLINE void convert8(const struct panel_next *next, size_t row, size_t col, size_t ldw,
                          enum dtype dtype)
{
    const size_t size = dtype == DTYPE_F32 ? 4 : 2;
    const char *src = next->src + row * next->stride + col * size;
    _mm_prefetch(src + next->ahead, _MM_HINT_T1);
    _mm256_storeu_ps(next->dst + row * ldw + col, load8(src, dtype));
}

#define COLUMN3()                                                                                  \
    do {                                                                                           \
        __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8), x2 = _mm256_loadu_ps(x + 16); \
        __m256 wr;                                                                                 \
        STEP3(0, w);                                                                               \
        STEP3(1, w + ldw);                                                                         \
        STEP3(2, w + 2 * ldw);                                                                     \
        STEP3(3, w + 3 * ldw);                                                                     \
        x += 24, w++;                                                                              \
    } while (0)

AVX2_INLINE void wide_of(float *sums, const float *x, const float *w, size_t ldw, size_t n_cols,
                         const struct panel_next *next, enum dtype dtype)
{
    ZERO3(0);
    ZERO3(1);
    ZERO3(2);
    ZERO3(3);
    size_t n_left = n_cols;
    for (size_t row = 0; next && row < PANEL_WIDE_ROWS; row++)
        for (size_t col = 0; col < n_cols; col += 8, n_left--) {
            convert8(next, row, col, ldw, dtype);
            COLUMN3();
        }
    for (; n_left > 0; n_left--)
        COLUMN3();
    ADD3(0);
    ADD3(1);
    ADD3(2);
    ADD3(3);
}

#define COLUMN2()                                                        \
    do {                                                                 \
        __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8), wr; \
        STEP2(0, w);                                                     \
        STEP2(1, w + ldw);                                               \
        STEP2(2, w + 2 * ldw);                                           \
        STEP2(3, w + 3 * ldw);                                           \
        STEP2(4, w + 4 * ldw);                                           \
        STEP2(5, w + 5 * ldw);                                           \
        x += 16, w++;                                                    \
    } while (0)

AVX2_INLINE void narrow_of(float *sums, const float *x, const float *w, size_t ldw, size_t n_cols,
                           const struct panel_next *next, enum dtype dtype)
{
    ZERO2(0);
    ZERO2(1);
    ZERO2(2);
    ZERO2(3);
    ZERO2(4);
    ZERO2(5);
    size_t n_left = n_cols;
    for (size_t row = 0; next && row < PANEL_NARROW_ROWS; row++)
        for (size_t col = 0; col < n_cols; col += 8, n_left--) {
            convert8(next, row, col, ldw, dtype);
            COLUMN2();
        }
    for (; n_left > 0; n_left--)
        COLUMN2();
    ADD2(0);
    ADD2(1);
    ADD2(2);
    ADD2(3);
    ADD2(4);
    ADD2(5);
}

/* One copy of a register tile for each kind of weights, and one that converts nothing. */
#define BY_DTYPE(name)                                                                            \
    AVX2 static void name##_bf16(float *sums, const float *x, const float *w, size_t ldw,         \
                                 size_t n_cols, const struct panel_next *next)                    \
    {                                                                                             \
        name##_of(sums, x, w, ldw, n_cols, next, DTYPE_BF16);                                     \
    }                                                                                             \
    AVX2 static void name##_f16(float *sums, const float *x, const float *w, size_t ldw,          \
                                size_t n_cols, const struct panel_next *next)                     \
    {                                                                                             \
        name##_of(sums, x, w, ldw, n_cols, next, DTYPE_F16);                                      \
    }                                                                                             \
    AVX2 static void name##_f32(float *sums, const float *x, const float *w, size_t ldw,          \
                                size_t n_cols, const struct panel_next *next)                     \
    {                                                                                             \
        name##_of(sums, x, w, ldw, n_cols, next, DTYPE_F32);                                      \
    }                                                                                             \
    AVX2 static void name(float *sums, const float *x, const float *w, size_t ldw, size_t n_cols, \
                          const struct panel_next *next)                                          \
    {                                                                                             \
        if (!next)                                                                                \
            name##_of(sums, x, w, ldw, n_cols, NULL, DTYPE_F32);                                  \
        else if (next->dtype == DTYPE_BF16)                                                       \
            name##_bf16(sums, x, w, ldw, n_cols, next);                                           \
        else if (next->dtype == DTYPE_F16)                                                        \
            name##_f16(sums, x, w, ldw, n_cols, next);                                            \
        else                                                                                      \
            name##_f32(sums, x, w, ldw, n_cols, next);                                            \
    }

BY_DTYPE(wide)
BY_DTYPE(narrow)

AVX2_INLINE void transpose(__m256 v[8])
{
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/* dst[j * ldd + i] = src[i * lds + j] for 8 x 8 values, of which the rows i >= n are 0. */
AVX2_INLINE void transpose_block(float *dst, size_t ldd, const float *src, size_t lds, size_t n)
{
    __m256 v[8];
    for (size_t i = 0; i < 8; i++)
        v[i] = i < n ? _mm256_loadu_ps(src + i * lds) : _mm256_setzero_ps();
    transpose(v);
    for (size_t i = 0; i < 8; i++)
        _mm256_storeu_ps(dst + i * ldd, v[i]);
}

AVX2 static void pack(float *dst, const float *x, size_t ldx, size_t n_tokens, size_t width,
                      size_t n_cols)
{
    for (size_t t = 0; t < width; t += 8) {
        const size_t n = t >= n_tokens ? 0 : n_tokens - t < 8 ? n_tokens - t : 8;
        const float *rows = n > 0 ? x + t * ldx : x;
        size_t i = 0;
        if (n == 8)
            for (; i + 8 <= n_cols; i += 8)
                transpose_block(dst + i * width + t, width, rows + i, ldx, 8);
        else
            for (; i + 8 <= n_cols; i += 8)
                transpose_block(dst + i * width + t, width, rows + i, ldx, n);
        for (; i < n_cols; i++)
            for (size_t k = 0; k < 8; k++)
                dst[i * width + t + k] = k < n ? rows[k * ldx + i] : 0;
    }
}

AVX2 static void unpack(float *y, size_t ldy, const float *sums, size_t width, size_t n_tokens,
                        size_t n_rows)
{
    size_t j = 0;
    for (; j + 8 <= n_rows; j += 8) {
        size_t t = 0;
        for (; t + 8 <= n_tokens; t += 8)
            transpose_block(y + t * ldy + j, ldy, sums + j * width + t, width, 8);
        for (; t < n_tokens; t++)
            for (size_t k = 0; k < 8; k++)
                y[t * ldy + j + k] = sums[(j + k) * width + t];
    }
    for (; j < n_rows; j++)
        for (size_t t = 0; t < n_tokens; t++)
            y[t * ldy + j] = sums[j * width + t];
}

const struct panel_kernels panel_avx2 = {pack, wide, narrow, unpack};

#else

/* never chosen here, but there must be something to name */
const struct panel_kernels panel_avx2 = {NULL, NULL, NULL, NULL};

#endif
