#include "core/bench.h"

#include "data/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_clear(struct bench *b)
{
    free(b->figures);
    b->figures = NULL;
    b->n = b->cap = 0;
}

const struct bench_figure *bench_find(const struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->figures[i].name, name) == 0)
            return &b->figures[i];
    return NULL;
}

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct bench_figure *bench_add(struct bench *b, const char *group, const char *name,
                               const char *text, const char *unit)
{
    b->figures = mem_grow(b->figures, &b->cap, b->n + 1, sizeof *b->figures);
    struct bench_figure *f = &b->figures[b->n++];
    *f = (struct bench_figure){.group = group, .unit = unit};
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->text, sizeof f->text, "%s", text);
    return f;
}

struct bench_figure *bench_add_missing(struct bench *b, const char *group, const char *name,
                                       const char *text, const char *unit, const char *why)
{
    struct bench_figure *f = bench_add(b, group, name, text, unit);
    snprintf(f->why, sizeof f->why, "%s", why);
    return f;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_set(struct bench_figure *f, double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    f->n = n;
    f->median = (values[n / 2] + values[(n - 1) / 2]) / 2;
    f->low = values[0];
    f->high = values[n - 1];
}

void bench_compare(const struct bench *b, struct bench_figure *f, const char *name)
{
    const struct bench_figure *other = bench_find(b, name);
    if (!other || other == f)
        return;
    f->compared = name;
    if (f->n > 0 && other->n > 0)
        f->ratio = f->median / other->median;
}

/* The least time is that of the scarcer of the two. */
static void set_ceiling(const struct bench *b, struct bench_figure *f,
                        const struct bench_work *work)
{
    double by_bytes = b->bandwidth > 0 ? work->bytes / b->bandwidth : 0;
    double by_flops = b->fma > 0 ? work->flops / b->fma : 0;
    if (by_bytes <= 0 && by_flops <= 0)
        return;
    f->ceiling = by_bytes > by_flops ? "bandwidth" : "fma";
    f->share = (by_bytes > by_flops ? by_bytes : by_flops) / f->median;
}

static int run_once(double *seconds, const struct bench_work *work, int run, struct err *err)
{
    int rc = work->prepare ? work->prepare(work->data, run, err) : ERR_OK;
    double start = bench_now();
    if (rc == ERR_OK)
        rc = work->run(work->data, run, err);
    *seconds = bench_now() - start;
    return rc;
}

struct bench_figure *bench_measure(struct bench *b, const char *group, const char *name,
                                   const char *text, const struct bench_work *work)
{
    const int most = work->n_runs > 0 ? work->n_runs : b->n_runs;
    struct bench_figure *f = bench_add(b, group, name, text, "s");
    double *seconds = mem_alloc((size_t)most + 1, sizeof *seconds), start = bench_now();
    struct err err = {0};
    int n = 0, least = 1, rc = ERR_OK;
    do {
        if (b->progress)
            b->progress(b->data, f->text);
        rc = run_once(&seconds[n], work, n, &err);
        if (n == 0 && bench_now() - start < b->max_seconds)
            least = 2;
        n++;
    } while (rc == ERR_OK && n <= most && (n <= least || bench_now() - start < b->max_seconds));
    f->n_tokens = work->n_tokens;
    if (rc != ERR_OK) {
        snprintf(f->why, sizeof f->why, "%s", err.message);
    } else {
        bench_set(f, seconds + 1, n - 1);
        set_ceiling(b, f, work);
    }
    free(seconds);
    return f;
}
