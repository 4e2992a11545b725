#include "core/matmul_int.h"

#include "core/isa.h"
#include "core/matmul.h"
#include "core/matmul_int_kernels.h"
#include "core/parts.h"
#include "core/pool.h"
#include "core/thread_room.h"

#include <stdatomic.h>

/* Where x has few rows, a task is so much of the weights, which the processor fetches ahead only
 * within one; but no more than a fourth of a thread's share. */
#define TASK_BYTES (160 << 10)

static atomic_bool is_exact;

void matmul_set_exact(bool exact)
{
    atomic_store(&is_exact, exact);
}

bool matmul_int_takes(const struct matrix *w)
{
    return dtype_block(w->dtype) > 1 && !atomic_load(&is_exact);
}

struct int_product {
    const struct int_kernels *kernels;
    float *y;
    const float *x;
    const struct matrix *w;
    size_t n;
    size_t task_rows;       /* weight rows of a task */
    struct int_chunk *rows; /* [n][n_chunks], for panels [n_chunks][n] */
};

static void quantise_chunk(struct int_chunk *dst, const struct int_product *p, size_t t, size_t c)
{
    const size_t n_in = p->w->n_cols, col = c * INT_CHUNK;
    p->kernels->quantise(dst, p->x + t * n_in + col, size_min(INT_CHUNK, n_in - col));
}

static void quantise_for_rows(void *data, size_t t)
{
    const struct int_product *p = data;
    const size_t n_chunks = int_n_chunks(p->w->n_cols);
    for (size_t c = 0; c < n_chunks; c++) {
        struct int_chunk *chunk = p->rows + t * n_chunks + c;
        quantise_chunk(chunk, p, t, c);
        if (p->kernels->spread)
            p->kernels->spread(chunk);
    }
}

static void rows_task(void *data, size_t task)
{
    const struct int_product *p = data;
    const struct matrix *w = p->w;
    size_t j = task * p->task_rows;
    p->kernels->rows(p->y + j, w->n_rows, p->rows, p->n, matrix_at(w, j, 0), w->dtype,
                     size_min(p->task_rows, w->n_rows - j), w->n_cols);
}

static size_t rows_of_task(const struct matrix *w)
{
    size_t share = w->n_rows / ((size_t)pool_threads() * 4) + 1;
    return size_min(TASK_BYTES / dtype_bytes(w->dtype, w->n_cols) + 1, share);
}

static void run_rows(struct int_product *p, double cost)
{
    p->rows = thread_room(ROOM_PACKED, p->n * int_n_chunks(p->w->n_cols) * sizeof *p->rows);
    pool_run(quantise_for_rows, p, p->n, (double)p->n * (double)p->w->n_cols);
    p->task_rows = rows_of_task(p->w);
    pool_run(rows_task, p, n_parts(p->w->n_rows, p->task_rows), cost);
}

static void quantise_for_panels(void *data, size_t t)
{
    const struct int_product *p = data;
    const size_t n_chunks = int_n_chunks(p->w->n_cols);
    for (size_t c = 0; c < n_chunks; c++)
        quantise_chunk(p->rows + c * p->n + t, p, t, c);
}

static void panel_task(void *data, size_t task)
{
    const struct int_product *p = data;
    const struct matrix *w = p->w;
    const size_t j = task * PANEL_ROWS;
    /* what this thread will probably do next */
    const size_t next = j + (size_t)pool_threads() * PANEL_ROWS;
    p->kernels->panel(p->y + j, w->n_rows, p->rows, p->n, matrix_at(w, j, 0), w->dtype,
                      size_min(PANEL_ROWS, w->n_rows - j), w->n_cols,
                      next + PANEL_ROWS <= w->n_rows ? matrix_at(w, next, 0) : NULL);
}

static void run_panels(struct int_product *p, double cost)
{
    p->rows = thread_room(ROOM_PACKED, p->n * int_n_chunks(p->w->n_cols) * sizeof *p->rows);
    pool_run(quantise_for_panels, p, p->n, (double)p->n * (double)p->w->n_cols);
    pool_run(panel_task, p, n_parts(p->w->n_rows, PANEL_ROWS), cost);
}

void matmul_int(float *y, const float *x, const struct matrix *w, size_t n)
{
    const struct int_kernels *kernels = isa_uses_avx2() ? &int_avx2 : &int_generic;
    const size_t part = n_parts(n, n_parts(n, INT_MAX_X));
    for (size_t t = 0; t < n; t += part) {
        struct int_product p = {.kernels = kernels,
                                .y = y + t * w->n_rows,
                                .x = x + t * w->n_cols,
                                .w = w,
                                .n = size_min(part, n - t)};
        double cost = (double)p.n * (double)w->n_rows * (double)w->n_cols;
        if (p.n <= kernels->rows_max)
            run_rows(&p, cost);
        else
            run_panels(&p, cost);
    }
}
