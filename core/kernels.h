/* The small operations between the matrix products, all on f32, on the calling thread.
 * Destination first, then sources, then sizes. Sums run in a fixed order. NaN goes through. */
#ifndef CORE_KERNELS_H
#define CORE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* a [n] . b [n] */
float dot(const float *a, const float *b, size_t n);

/* y [n] += a * x [n] */
void axpy(float *y, float a, const float *x, size_t n);

/* x [n] *= a */
void rescale(float *x, float a, size_t n);

/* y [n] = x [n] / sqrt(mean(x²) + eps) * w [n]. w is the factor itself: Gemma stores w - 1, the
 * model adds the 1 once at load. y may be x. */
void rms_norm(float *y, const float *x, const float *w, size_t n, float eps);

/* Rotary embedding. The table of one position holds the d_head / 2 angles
 * pos * theta^(-2i / d_head); they are rounded to f32 where the reference rounds them. */
void rope_table(float *cosines, float *sines, int pos, size_t d_head, float theta);
/* Rotates one head in place: element i with element i + d_head / 2 (halves, not neighbours). */
void rope_rotate(float *x, const float *cosines, const float *sines, size_t d_head);

/* y [n] = gelu(gate) * up, gelu in its tanh form: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))).
 * y may be gate or up. */
void gelu_tanh_mul(float *y, const float *gate, const float *up, size_t n);

/* x [n] = cap * tanh(x / cap), relative error of tanh below 1e-6; cap 0: left alone. */
void softcap(float *x, float cap, size_t n);

/* x [n] = exp(x - max) for x <= max; returns their sum. */
float exp_minus(float *x, float max, size_t n);

/* Is every element of x [n] finite? */
bool all_finite(const float *x, size_t n);

#endif
