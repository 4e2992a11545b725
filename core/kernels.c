#include "core/kernels.h"

#include "core/isa.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Hot loops are written once, as inline functions, and compiled twice: for any processor, and for
 * AVX2, where the compiler makes vectors of 8 of them. Both give the same bits: no sum is
 * reordered and no product fused with a sum. */
#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) && defined(__GNUC__)
#define AVX2 __attribute__((target("avx2")))
#else
#define AVX2
#endif

/* --- sums --- */

#define N_SUMS 16

/* Many sums instead of one: the compiler may not reorder a float sum by itself. */
INLINE float add_up(const float sum[N_SUMS])
{
    float total = 0;
    for (size_t j = 0; j < N_SUMS / 2; j++)
        total += sum[j] + sum[j + N_SUMS / 2];
    return total;
}

INLINE float dot_loop(const float *a, const float *b, size_t n)
{
    float sum[N_SUMS] = {0};
    size_t i = 0;
    for (; i + N_SUMS <= n; i += N_SUMS)
        for (size_t j = 0; j < N_SUMS; j++)
            sum[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return add_up(sum);
}

AVX2 static float dot_avx2(const float *a, const float *b, size_t n)
{
    return dot_loop(a, b, n);
}

float dot(const float *a, const float *b, size_t n)
{
    return isa_uses_avx2() ? dot_avx2(a, b, n) : dot_loop(a, b, n);
}

void axpy(float *y, float a, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

void rescale(float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= a;
}

/* --- norm --- */

void rms_norm(float *y, const float *x, const float *w, size_t n, float eps)
{
    float scale = 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale * w[i];
}

/* --- rotary embedding --- */

void rope_table(float *cosines, float *sines, int pos, size_t d_head, float theta)
{
    for (size_t i = 0; i < d_head / 2; i++) {
        float frequency = (float)pow(theta, -2.0 * (double)i / (double)d_head);
        float angle = (float)pos * frequency;
        cosines[i] = cosf(angle);
        sines[i] = sinf(angle);
    }
}

void rope_rotate(float *x, const float *cosines, const float *sines, size_t d_head)
{
    const size_t half = d_head / 2;
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * cosines[i] - b * sines[i];
        x[i + half] = b * cosines[i] + a * sines[i];
    }
}

/* --- exp and what is made of it --- */

/* x = k ln 2 + r with k whole and |r| <= ln(2)/2; 2^k is returned. |x| < 88. No branch and no
 * library call, so that the loops below become vector code. NaN goes to r. */
INLINE float reduce(float *r, float x)
{
    /* adding 1.5 * 2^23 leaves the rounded integer in the low bits */
    const float magic = 12582912.0f;
    float shifted = x * 1.44269504f + magic;
    float k = shifted - magic;
    /* ln 2 in two parts: k * 0.693359375 is exact */
    *r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* (e^r - 1) / r by its Taylor series to the 6th power: relative error 4e-8 for |r| <= ln(2)/2. */
INLINE float exp_slope(float r)
{
    float e = 1.0f / 5040;
    e = e * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    return e * r + 1.0f;
}

/* Clamped to where 2^k is a normal number; NaN fails both comparisons. */
INLINE float exp_fast(float x)
{
    x = x > 87.0f ? 87.0f : x;
    x = x < -87.0f ? -87.0f : x;
    float r, power = reduce(&r, x);
    return (exp_slope(r) * r + 1.0f) * power;
}

/* -d / (2 + d) for d = e^-2|x| - 1, which keeps its digits near 0. Beyond 10 it is 1. */
INLINE float tanh_fast(float x)
{
    float a = fabsf(x);
    a = a > 10.0f ? 10.0f : a;
    float r, power = reduce(&r, -2.0f * a);
    float d = power * (exp_slope(r) * r) + (power - 1.0f);
    return copysignf(d / (2.0f + d), x);
}

INLINE void gelu_loop(float *y, const float *gate, const float *up, size_t n)
{
    /* (1 + tanh u) / 2 = 1 / (1 + e^-2u), which keeps its digits for large negative u */
    for (size_t i = 0; i < n; i++) {
        float x = gate[i];
        float u2 = 1.59576912f * (x + 0.044715f * x * x * x);
        y[i] = x / (1.0f + exp_fast(-u2)) * up[i];
    }
}

AVX2 static void gelu_avx2(float *y, const float *gate, const float *up, size_t n)
{
    gelu_loop(y, gate, up, n);
}

void gelu_tanh_mul(float *y, const float *gate, const float *up, size_t n)
{
    if (isa_uses_avx2())
        gelu_avx2(y, gate, up, n);
    else
        gelu_loop(y, gate, up, n);
}

INLINE void softcap_loop(float *x, float cap, size_t n)
{
    const float scale = 1.0f / cap;
    for (size_t i = 0; i < n; i++)
        x[i] = cap * tanh_fast(x[i] * scale);
}

AVX2 static void softcap_avx2(float *x, float cap, size_t n)
{
    softcap_loop(x, cap, n);
}

void softcap(float *x, float cap, size_t n)
{
    if (cap == 0)
        return;
    if (isa_uses_avx2())
        softcap_avx2(x, cap, n);
    else
        softcap_loop(x, cap, n);
}

INLINE float exp_loop(float *x, float max, size_t n)
{
    float sum[N_SUMS] = {0};
    size_t i = 0;
    for (; i + N_SUMS <= n; i += N_SUMS)
        for (size_t j = 0; j < N_SUMS; j++)
            sum[j] += x[i + j] = exp_fast(x[i + j] - max);
    for (; i < n; i++)
        sum[0] += x[i] = exp_fast(x[i] - max);
    return add_up(sum);
}

AVX2 static float exp_avx2(float *x, float max, size_t n)
{
    return exp_loop(x, max, n);
}

float exp_minus(float *x, float max, size_t n)
{
    return isa_uses_avx2() ? exp_avx2(x, max, n) : exp_loop(x, max, n);
}

bool all_finite(const float *x, size_t n)
{
    /* 0 * infinity and 0 * NaN are NaN */
    float sum[N_SUMS] = {0};
    size_t i = 0;
    for (; i + N_SUMS <= n; i += N_SUMS)
        for (size_t j = 0; j < N_SUMS; j++)
            sum[j] += x[i + j] * 0.0f;
    for (; i < n; i++)
        sum[0] += x[i] * 0.0f;
    return add_up(sum) == 0;
}
