/* The product of a panel for one instruction set: see core/vec.h. Its file defines PANEL_MAX_X, the
 * rows of x that go together: with all vectors of a panel's row that many sums fit the registers.
 */
#include "core/panel.h"
#include "core/vec.h"

#include <assert.h>

/* Sums hide the latency of an FMA from about 8 on. They are named one by one: gcc 12 keeps an array
 * of them in memory. n_x is a constant wherever this is inlined, and what it does not need goes
 * away. */
#define ZERO(j)                                                                        \
    vec s##j##0 = vec_zero(), s##j##1 = s##j##0, s##j##2 = s##j##0, s##j##3 = s##j##0, \
        s##j##4 = s##j##0, s##j##5 = s##j##0;

#define STEP_X(j, t) \
    if (n_x > t)     \
        s##j##t = vec_fma(wj, x##t, s##j##t);

#define STEP(j)                                                                       \
    do {                                                                              \
        const vec wj = vec_load(w + VEC_LANES * j);                                   \
        STEP_X(j, 0) STEP_X(j, 1) STEP_X(j, 2) STEP_X(j, 3) STEP_X(j, 4) STEP_X(j, 5) \
    } while (0);

#define ADD_X(j, t) \
    if (n_x > t)    \
        add_to(sums + PANEL_ROWS * t + VEC_LANES * j, s##j##t);
#define ADD(j) ADD_X(j, 0) ADD_X(j, 1) ADD_X(j, 2) ADD_X(j, 3) ADD_X(j, 4) ADD_X(j, 5)

#define EACH2(DO) DO(0) DO(1)
#define EACH4(DO) EACH2(DO) DO(2) DO(3)
#define EACH6(DO) EACH4(DO) DO(4) DO(5)
#define EACH8(DO) EACH6(DO) DO(6) DO(7)
#if VEC_LANES == 16
#define EACH_VECTOR EACH2
#elif VEC_LANES == 8
#define EACH_VECTOR EACH4
#else
#define EACH_VECTOR EACH8
#endif

#define X_AT(t) const vec x##t = vec_all(x[n_x > t ? t : 0]);

#define COLUMN()                   \
    do {                           \
        EACH6(X_AT)                \
        EACH_VECTOR(STEP)          \
        x += n_x, w += PANEL_ROWS; \
    } while (0)

VEC_INLINE void add_to(float *p, vec v)
{
    vec_store(p, vec_add(vec_load(p), v));
}

VEC_INLINE void multiply_of(float *sums, const float *x, size_t n_x, const float *w, size_t n_cols,
                            const struct panel_fetch *fetch)
{
    EACH_VECTOR(ZERO)
    size_t n_left = n_cols;
    const char *row = fetch->at;
    for (size_t j = 0; j < fetch->n_rows; j++, row += fetch->stride)
        for (size_t i = 0; i < fetch->n_lines; i++, n_left -= 4) {
            __builtin_prefetch(row + i * 64, 0, 2);
            COLUMN();
            COLUMN();
            COLUMN();
            COLUMN();
        }
    for (; n_left >= 4; n_left -= 4) {
        COLUMN();
        COLUMN();
        COLUMN();
        COLUMN();
    }
    for (; n_left > 0; n_left--)
        COLUMN();
    EACH_VECTOR(ADD)
}

VEC_TARGET static void multiply(float *sums, const float *x, size_t n_x, const float *w,
                                size_t n_cols, const struct panel_fetch *fetch)
{
    assert(n_x >= 1 && n_x <= PANEL_MAX_X && fetch->n_rows * fetch->n_lines <= n_cols / 4);
    switch (n_x) {
    case 1:
        multiply_of(sums, x, 1, w, n_cols, fetch);
        break;
    case 2:
        multiply_of(sums, x, 2, w, n_cols, fetch);
        break;
    case 3:
        multiply_of(sums, x, 3, w, n_cols, fetch);
        break;
#if PANEL_MAX_X > 3
    case 4:
        multiply_of(sums, x, 4, w, n_cols, fetch);
        break;
    case 5:
        multiply_of(sums, x, 5, w, n_cols, fetch);
        break;
    default:
        multiply_of(sums, x, 6, w, n_cols, fetch);
#endif
    }
}
