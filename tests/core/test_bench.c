#include "core/bench.h"

#include "tests/support/runner.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define FOREVER 1e9 /* seconds */

/* A work that takes 2 ms at least, but run 0, the warm-up, does not: times have no upper bound on a
 * machine that does other things as well. */
struct nap {
    int n_prepared, n_run, fails_at;
    bool in_order;
};

static int prepare(void *data, int run, struct err *err)
{
    struct nap *nap = data;
    (void)err;
    nap->in_order = nap->in_order && run == nap->n_prepared && nap->n_prepared == nap->n_run;
    nap->n_prepared++;
    return ERR_OK;
}

static int take_nap(void *data, int run, struct err *err)
{
    struct nap *nap = data;
    nap->n_run++;
    if (run == nap->fails_at)
        return err_set(err, ERR_LIMIT, "run %d woke up", run);
    if (run > 0)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    return ERR_OK;
}

static struct bench_work work_of(struct nap *nap)
{
    return (struct bench_work){.prepare = prepare, .run = take_nap, .data = nap};
}

START_TEST(the_median_is_that_of_the_sorted_values)
{
    struct bench_figure f = {0};
    double odd[] = {3, 1, 9}, even[] = {4, 1, 2, 100};
    bench_set(&f, odd, 3);
    ck_assert(f.n == 3 && f.median == 3 && f.low == 1 && f.high == 9);
    bench_set(&f, even, 4);
    ck_assert(f.n == 4 && f.median == 3 && f.low == 1 && f.high == 100);
}
END_TEST

START_TEST(the_warm_up_does_not_count)
{
    struct bench b = {.n_runs = 5, .max_seconds = FOREVER};
    struct nap nap = {.fails_at = -1, .in_order = true};
    struct bench_work work = work_of(&nap);
    struct bench_figure *f = bench_measure(&b, "g", "nap", "a nap", &work);
    ck_assert_int_eq(f->n, 5);
    ck_assert(nap.n_run == 6 && nap.n_prepared == 6 && nap.in_order);
    ck_assert(f->low >= 0.002 && f->low <= f->median && f->median <= f->high);
    ck_assert_ptr_null(f->ceiling);
    bench_clear(&b);
}
END_TEST

START_TEST(time_that_is_up_leaves_one_run)
{
    struct bench b = {.n_runs = 50, .max_seconds = 0};
    struct nap nap = {.fails_at = -1, .in_order = true};
    struct bench_work work = work_of(&nap);
    ck_assert_int_eq(bench_measure(&b, "g", "nap", "a nap", &work)->n, 1);
    bench_clear(&b);
}
END_TEST

/* After the warm-up the time is up. */
static int use_up_time(void *data, int run, struct err *err)
{
    struct bench *b = data;
    (void)err;
    if (run > 0)
        b->max_seconds = 0;
    return ERR_OK;
}

START_TEST(time_that_is_not_up_after_the_warm_up_leaves_two_runs)
{
    struct bench b = {.n_runs = 50, .max_seconds = FOREVER};
    struct bench_work work = {.run = use_up_time, .data = &b};
    ck_assert_int_eq(bench_measure(&b, "g", "nap", "a nap", &work)->n, 2);
    bench_clear(&b);
}
END_TEST

START_TEST(a_failure_becomes_the_reason)
{
    struct bench b = {.n_runs = 5, .max_seconds = FOREVER, .fma = 1, .bandwidth = 1};
    struct nap nap = {.fails_at = 2, .in_order = true};
    struct bench_work work = work_of(&nap);
    struct bench_figure *f = bench_measure(&b, "g", "nap", "a nap", &work);
    ck_assert_int_eq(f->n, 0);
    ck_assert_str_eq(f->why, "run 2 woke up");
    ck_assert_ptr_null(f->ceiling);
    ck_assert_int_eq(nap.n_run, 3);
    bench_clear(&b);
}
END_TEST

START_TEST(the_ceiling_is_the_scarcer_of_the_two)
{
    struct bench b = {.n_runs = 3, .max_seconds = FOREVER, .fma = 1e9, .bandwidth = 1e9};
    struct nap nap = {.fails_at = -1, .in_order = true};
    struct bench_work work = work_of(&nap);
    work.flops = 1e6; /* 1 ms */
    work.bytes = 5e5; /* 0.5 ms */
    struct bench_figure f = *bench_measure(&b, "g", "one", "one", &work);
    ck_assert_str_eq(f.ceiling, "fma");
    ck_assert_double_eq_tol(f.share * f.median, 1e-3, 1e-9);
    work.bytes = 2e6;
    f = *bench_measure(&b, "g", "two", "two", &work);
    ck_assert_str_eq(f.ceiling, "bandwidth");
    ck_assert_double_eq_tol(f.share * f.median, 2e-3, 1e-9);
    bench_clear(&b);
}
END_TEST

START_TEST(a_figure_is_compared_with_one_that_was_measured)
{
    struct bench b = {0};
    double two = 2, six = 6;
    bench_set(bench_add(&b, "g", "a", "a", "s"), &two, 1);
    bench_add(&b, "g", "none", "none", "s");
    struct bench_figure *f = bench_add(&b, "g", "b", "b", "s");
    bench_set(f, &six, 1);
    bench_compare(&b, f, "none");
    ck_assert(f->ratio == 0);
    bench_compare(&b, f, "b");
    ck_assert(f->ratio == 0);
    bench_compare(&b, f, "a");
    ck_assert(f->ratio == 3);
    ck_assert_str_eq(f->compared, "a");
    ck_assert_ptr_null(bench_find(&b, "c"));
    bench_clear(&b);
}
END_TEST

Suite *suite_bench(void)
{
    Suite *s = suite_create("bench");
    TCase *t = tcase_create("figures");
    tcase_add_test(t, the_median_is_that_of_the_sorted_values);
    tcase_add_test(t, the_warm_up_does_not_count);
    tcase_add_test(t, time_that_is_up_leaves_one_run);
    tcase_add_test(t, time_that_is_not_up_after_the_warm_up_leaves_two_runs);
    tcase_add_test(t, a_failure_becomes_the_reason);
    tcase_add_test(t, the_ceiling_is_the_scarcer_of_the_two);
    tcase_add_test(t, a_figure_is_compared_with_one_that_was_measured);
    suite_add_tcase(s, t);
    return s;
}
