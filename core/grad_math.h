/* Elementwise mathematics of the training path (internal to core/grad_*.c).
 *
 * Only + - * / and sqrtf, never a fused or reordered operation and never libm's expf: the results
 * have the same bits on every processor, and the loops vectorise. */
#ifndef CORE_GRAD_MATH_H
#define CORE_GRAD_MATH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* gcc's -std=c11 does not contract */
#endif

/* inlined into callers of any instruction set */
#define MATH_INLINE static inline __attribute__((always_inline))

/* e^x for -4e6 <= x <= 88, relative error below 2e-7 above -87 and no more than 1e-37 below.
 * The bound is on the exponent: one on x would become a branch and keep loops from vectorising. */
MATH_INLINE float math_exp(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float shifted = x * 1.44269504f + magic;
    float n = shifted - magic;
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    int32_t exponent;
    memcpy(&exponent, &shifted, sizeof exponent);
    exponent -= 0x4b400000; /* the bits of magic */
    exponent = exponent < -126 ? -126 : exponent;
    int32_t bits = (exponent + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* Absolute error below 2e-7, |x| < 2e6. */
MATH_INLINE float math_tanh(float x)
{
    float e = math_exp(-2 * fabsf(x));
    return copysignf((1 - e) / (1 + e), x);
}

/* Sums in eight lanes: a fixed order that vectorises. */
MATH_INLINE float math_sum_lanes(const float lanes[8])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

MATH_INLINE float math_dot(const float *a, const float *b, size_t n)
{
    float lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            lanes[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i < n; i++, j++)
        lanes[j] += a[i] * b[i];
    return math_sum_lanes(lanes);
}

#endif
