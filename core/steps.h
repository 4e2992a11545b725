/* Long work over rows, cut into steps, so that a call that is to stop returns soon. */
#ifndef CORE_STEPS_H
#define CORE_STEPS_H

#include "data/err.h"

#include <stdbool.h>

/* Asked between steps. Returning true stops the work with ERR_CANCELLED. */
typedef bool steps_ask_fn(void *data);

/* Begins as {.cost = ...}. */
struct steps {
    double cost;       /* multiplications of a step, at most */
    steps_ask_fn *ask; /* may be NULL */
    void *data;
    double unasked; /* multiplications since it was asked last; private */
};

/* The rows of the next step, when n > 0 are left and each takes row_cost multiplications: equal
 * parts, of whole eights but for the last. Asks first if too much would be done since the last
 * time: a quarter of a step, so that a whole one never comes on top of nearly another.
 * ERR_CANCELLED; *n_rows is set in any case. */
int steps_next(int *n_rows, struct steps *steps, int n, double row_cost, struct err *err) ERR_CHECK;

#endif
