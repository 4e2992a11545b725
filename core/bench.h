/* Measuring: repeated timings, and how near they come to what the machine allows.
 *
 * A figure is the median of several runs after one warm-up, with the least and the largest. What
 * could not be measured is a figure too, without runs and with the reason. */
#ifndef CORE_BENCH_H
#define CORE_BENCH_H

#include "data/err.h"

#include <stddef.h>

struct bench_figure {
    char name[32];     /* "read_128": a key of the JSON */
    char text[48];     /* what a person reads */
    const char *group; /* static */
    const char *unit;  /* static: "s", "GB/s", "GFLOP/s", "MB" */
    int n;             /* runs; 0: not measured */
    double median, low, high;
    int n_tokens;         /* that one run reads or makes; 0: does not apply */
    const char *ceiling;  /* static: "bandwidth" or "fma", whichever binds; NULL: neither */
    double share;         /* of that ceiling that the median reaches */
    const char *compared; /* static: name of another figure, or NULL */
    double ratio;         /* median over that one's; 0: it was not measured */
    char why[384];        /* of a figure that could not be measured */
};

struct bench {
    int n_runs;            /* at most, after the warm-up */
    double max_seconds;    /* of one figure; 2 runs at least, or 1 if the warm-up took so long */
    double bandwidth, fma; /* bytes and operations per second of all threads; 0: not measured */
    struct bench_figure *figures; /* [n] owned */
    size_t n, cap;
    /* called before each run with the figure's text; may be NULL */
    void (*progress)(void *data, const char *text);
    void *data;
};

void bench_clear(struct bench *b);
const struct bench_figure *bench_find(const struct bench *b, const char *name); /* or NULL */

/* Time in seconds since some fixed moment. */
double bench_now(void);

/* Adds a figure without runs. The pointer is valid until the next one is added. */
struct bench_figure *bench_add(struct bench *b, const char *group, const char *name,
                               const char *text, const char *unit);
/* The same with the reason why it has none. */
struct bench_figure *bench_add_missing(struct bench *b, const char *group, const char *name,
                                       const char *text, const char *unit, const char *why);
/* Median, least and largest of values [n], n >= 1, which are sorted. */
void bench_set(struct bench_figure *f, double *values, int n);
/* Sets f->ratio to what f's median is in medians of the figure called `name`. */
void bench_compare(const struct bench *b, struct bench_figure *f, const char *name);

/* What is timed. run is timed, prepare (or NULL) is not; both get the number of the run, from 0
 * (the warm-up). flops and bytes: least arithmetic and memory traffic of one run; 0: not known. */
struct bench_work {
    int (*prepare)(void *data, int run, struct err *err);
    int (*run)(void *data, int run, struct err *err);
    void *data;
    double flops, bytes;
    int n_tokens;
    int n_runs; /* in place of the bench's; 0: that */
};

/* Times it and adds the figure, in seconds. A failure of run or prepare becomes its reason. */
struct bench_figure *bench_measure(struct bench *b, const char *group, const char *name,
                                   const char *text, const struct bench_work *work);

#endif
