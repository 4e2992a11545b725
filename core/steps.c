#include "core/steps.h"

/* Below this, one more pass over the weights costs more than the products. Products of many rows
 * are fastest in multiples of it. */
#define MIN_ROWS 8

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static int rows_of_step(double cost, int n, double row_cost)
{
    double n_most = cost / row_cost;
    if (n_most >= n)
        return n;
    int n_rows = n_most > MIN_ROWS ? (int)n_most : MIN_ROWS;
    int n_equal = ceil_div(ceil_div(n, ceil_div(n, n_rows)), MIN_ROWS) * MIN_ROWS;
    return n_equal < n ? n_equal : n;
}

int steps_next(int *n_rows, struct steps *steps, int n, double row_cost, struct err *err)
{
    *n_rows = rows_of_step(steps->cost, n, row_cost);
    double cost = *n_rows * row_cost;
    steps->unasked += cost;
    if (steps->unasked <= steps->cost / 4)
        return ERR_OK;
    steps->unasked = cost;
    if (steps->ask && steps->ask(steps->data))
        return err_set(err, ERR_CANCELLED, "cancelled");
    return ERR_OK;
}
