/* Verdicts: one value against another, and the line that tells. */
#include "core/selftest.h"

#include "data/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void selftest_clear(struct selftest *t)
{
    free(t->lines);
    *t = (struct selftest){0};
}

void selftest_add(struct selftest *t, enum selftest_status status, const char *name,
                  const char *fmt, ...)
{
    va_list args;
    t->lines = mem_grow(t->lines, &t->cap, t->n + 1, sizeof *t->lines);
    struct selftest_line *line = &t->lines[t->n++];
    line->status = status;
    snprintf(line->name, sizeof line->name, "%s", name);
    va_start(args, fmt);
    vsnprintf(line->text, sizeof line->text, fmt, args);
    va_end(args);
    t->n_failed += status == SELFTEST_FAIL;
    if (t->shown)
        t->shown(t->data, line);
}

static bool within(double got, double want, struct tolerance tolerance)
{
    return fabs(got - want) <= tolerance.rel * fabs(want) + tolerance.abs;
}

void selftest_number(struct selftest *t, const char *name, double got, double want,
                     struct tolerance exact, struct tolerance coarse)
{
    if (within(got, want, exact))
        selftest_add(t, SELFTEST_PASS, name, "%.7g, published %.7g (as in float32)", got, want);
    else if (within(got, want, coarse))
        selftest_add(t, SELFTEST_PASS, name, "%.7g, published %.7g (as in bfloat16)", got, want);
    else
        selftest_add(t, SELFTEST_FAIL, name, "%.7g, published %.7g, %.2g allowed", got, want,
                     coarse.rel * fabs(want) + coarse.abs);
}

void selftest_floats(struct selftest *t, const char *name, const float *got, const float *want,
                     size_t n, double allowed)
{
    double worst = 0, largest = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)got[i] - (double)want[i]);
        largest = fabs((double)want[i]) > largest ? fabs((double)want[i]) : largest;
        if (!isfinite(off) || off > worst) {
            worst = isfinite(off) ? off : INFINITY;
            at = i;
        }
    }
    bool fine = n > 0 && isfinite(largest) && worst <= allowed * largest;
    if (n == 0)
        selftest_add(t, SELFTEST_FAIL, name, "there is nothing to compare");
    else if (fine && worst == 0)
        selftest_add(t, SELFTEST_PASS, name, "all %zu numbers are the same", n);
    else
        selftest_add(t, fine ? SELFTEST_PASS : SELFTEST_FAIL, name,
                     "at most %.2g of the largest value apart (number %zu of %zu); %.2g is allowed",
                     largest > 0 ? worst / largest : worst, at + 1, n, allowed);
}

void selftest_ints(struct selftest *t, const char *name, const int *got, size_t n_got,
                   const int *want, size_t n_want)
{
    if (n_got != n_want) {
        selftest_add(t, SELFTEST_FAIL, name, "%zu, wanted %zu", n_got, n_want);
        return;
    }
    for (size_t i = 0; i < n_got; i++) {
        if (got[i] == want[i])
            continue;
        selftest_add(t, SELFTEST_FAIL, name, "number %zu is %d, wanted %d", i, got[i], want[i]);
        return;
    }
    selftest_add(t, SELFTEST_PASS, name, "all %zu are the same", n_got);
}
