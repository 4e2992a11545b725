#include "tui/bench_start.h"

#include "tui/pty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_OF_FRAME "q quit" /* at the right end of the last line of every screen */
#define LIST_KEY "2"           /* to the list of concepts, which is scrolled to the selected one */
#define LIST_TAB "[2 Concepts]"
#define ROW_MARK "#" /* begins the name of every row, and stands nowhere else on that screen */

enum { MAX_ARGS = 20, MAX_SECONDS = 20 };

struct start_args {
    const char *argv[MAX_ARGS];
    int n;
    char layer[16], threads[16];
};

static void add_pair(struct start_args *a, const char *name, const char *value)
{
    if (!value)
        return;
    a->argv[a->n++] = name;
    a->argv[a->n++] = value;
}

/* The command line of the screens with the files of this one. */
static void make_args(struct start_args *a, const struct args *args)
{
    const struct scope_options *scope = &args->scope;
    *a = (struct start_args){.argv = {scope->argv0}, .n = 1};
    snprintf(a->layer, sizeof a->layer, "%d", scope->layer);
    snprintf(a->threads, sizeof a->threads, "%d", args->threads);
    add_pair(a, "--model", scope->model);
    add_pair(a, "--dict", scope->dict);
    add_pair(a, "--acts", scope->acts);
    add_pair(a, "--labels", scope->labels);
    if (scope->weights == WEIGHTS_Q8)
        add_pair(a, "--weights", "q8");
    if (scope->caches_weights)
        a->argv[a->n++] = "--cache-weights";
    add_pair(a, "--layer", scope->layer >= 0 ? a->layer : NULL);
    add_pair(a, "--threads", args->threads > 0 ? a->threads : NULL);
}

/* This program's file; where /proc does not tell, as it was called. */
static const char *own_program(const struct args *args)
{
    static const char link[] = "/proc/self/exe";
    return access(link, X_OK) == 0 ? link : args->scope.argv0;
}

static int start_once(double *frame, double *labels, const struct args *args, struct err *err)
{
    struct start_args a;
    struct pty pty;
    make_args(&a, args);
    double start = bench_now();
    int rc = pty_start(&pty, own_program(args), (char *const *)(uintptr_t)a.argv, 24, 80, err);
    if (rc != ERR_OK)
        return rc;
    rc = pty_expect(&pty, LAST_OF_FRAME, MAX_SECONDS, err);
    *frame = bench_now() - start;
    if (rc == ERR_OK)
        rc = pty_type(&pty, LIST_KEY, err);
    if (rc == ERR_OK)
        rc = pty_expect(&pty, LIST_TAB, MAX_SECONDS, err);
    if (rc == ERR_OK)
        rc = pty_expect(&pty, ROW_MARK, MAX_SECONDS, err);
    *labels = bench_now() - start;
    pty_stop(&pty);
    return rc;
}

static void add_times(struct bench *b, const char *name, const char *text, double *seconds, int n,
                      const struct err *err)
{
    if (err->code == ERR_OK)
        bench_set(bench_add(b, "start", name, text, "s"), seconds, n);
    else
        bench_add_missing(b, "start", name, text, "s", err->message);
}

void bench_start(struct bench *b, const struct args *args)
{
    const size_t n = (size_t)b->n_runs;
    double *frames = mem_alloc(n, sizeof *frames), *labels = mem_alloc(n, sizeof *labels), ignored;
    struct err err = {0};
    if (b->progress)
        b->progress(b->data, "start to first frame");
    int rc = start_once(&ignored, &ignored, args, &err);
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = start_once(&frames[i], &labels[i], args, &err);
    add_times(b, "first_frame", "start to first frame", frames, b->n_runs, &err);
    add_times(b, "labels", "start to a list of labels", labels, b->n_runs, &err);
    free(frames);
    free(labels);
}
