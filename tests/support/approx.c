#include "tests/support/approx.h"

#include <check.h>
#include <math.h>

double approx_worst(const float *got, const float *want, size_t n, size_t *where)
{
    double largest = 0, worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)got[i] - (double)want[i]);
        if (isnan(difference))
            difference = INFINITY;
        if (difference > worst) {
            worst = difference;
            at = i;
        }
    }
    if (where)
        *where = at;
    return worst == 0 ? 0 : worst / largest;
}

void approx_tensor(const char *what, const float *got, const float *want, size_t n,
                   double tolerance)
{
    size_t at;
    double worst = approx_worst(got, want, n, &at);
    ck_assert_msg(worst <= tolerance,
                  "%s: element %zu of %zu is %.8g, expected %.8g (relative to the largest: %.2g, "
                  "allowed %.2g)",
                  what, at, n, (double)got[at], (double)want[at], worst, tolerance);
}

void random_floats(float *out, size_t n, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        state ^= state << 13; /* xorshift */
        state ^= state >> 17;
        state ^= state << 5;
        out[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
}
