/* Long elementwise loops of the training path, chosen at run time for the processor's vector
 * width. Internal to core/grad*.c; the same bits on every instruction set (grad_math.h). */
#ifndef CORE_GRAD_ROWS_H
#define CORE_GRAD_ROWS_H

#include <stddef.h>

/* x [n] = softmax(x), n >= 1. */
void softmax_row(float *x, size_t n);

/* x [n] = cap * tanh(x / cap); cap 0: unchanged. */
void softcap_row(float *x, float cap, size_t n);

/* logits [n] before the soft-cap become the gradient of the cross-entropy with respect to them;
 * returns the loss in nats. */
double cross_entropy_row(float *logits, int target, size_t n, float cap);

/* hidden = gelu_tanh(gate) * up, all [n]. */
void gated_forward(float *hidden, const float *gate, const float *up, size_t n);

/* From d_hidden [n]: hidden again and d_gate; d_hidden itself becomes d_up. */
void gated_backward(float *hidden, float *d_gate, float *d_hidden, const float *gate,
                    const float *up, size_t n);

/* x [n] *= scale. */
void scale_row(float *x, float scale, size_t n);

#endif
