#include "core/grad_rows.h"

#include "core/grad_math.h"
#include "core/isa.h"

#include <math.h>

/* gelu(g) = g/2 (1 + tanh(a (g + b g³))) */
static const float GELU_A = 0.79788456f, GELU_B = 0.044715f;

#define ROWS(name) name##_generic
#define TARGET
#include "core/grad_rows_body.h"
#undef ROWS
#undef TARGET

#if defined(__x86_64__) && defined(__GNUC__)
#define ROWS(name) name##_avx2
#define TARGET __attribute__((target("avx2")))
#include "core/grad_rows_body.h"
#define CALL(name, ...) (isa_uses_avx2() ? name##_avx2(__VA_ARGS__) : name##_generic(__VA_ARGS__))
#else
#define CALL(name, ...) name##_generic(__VA_ARGS__)
#endif

void softmax_row(float *x, size_t n)
{
    CALL(softmax, x, n);
}

void softcap_row(float *x, float cap, size_t n)
{
    if (cap != 0)
        CALL(softcap, x, cap, n);
}

double cross_entropy_row(float *logits, int target, size_t n, float cap)
{
    return CALL(cross_entropy, logits, target, n, cap);
}

void gated_forward(float *hidden, const float *gate, const float *up, size_t n)
{
    CALL(gated_forward, hidden, gate, up, n);
}

void gated_backward(float *hidden, float *d_gate, float *d_hidden, const float *gate,
                    const float *up, size_t n)
{
    CALL(gated_backward, hidden, d_gate, d_hidden, gate, up, n);
}

void scale_row(float *x, float scale, size_t n)
{
    CALL(scale, x, scale, n);
}
