#include "core/isa.h"
#include "core/kernels.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define N 203 /* no multiple of a vector's length */

START_TEST(dot_and_axpy_equal_double_loops)
{
    float a[N], b[N];
    random_floats(a, N, 1);
    random_floats(b, N, 2);
    for (size_t n = 0; n <= N; n++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)a[i] * (double)b[i];
        ck_assert_double_eq_tol(dot(a, b, n), sum, 2e-5);
    }
    float y[N];
    memcpy(y, b, sizeof y);
    axpy(y, 0.5f, a, N - 1);
    for (size_t i = 0; i < N - 1; i++)
        ck_assert_float_eq_tol(y[i], b[i] + 0.5f * a[i], 1e-6f);
    ck_assert_float_eq(y[N - 1], b[N - 1]);
}
END_TEST

START_TEST(rms_norm_divides_by_the_root_mean_square_and_multiplies_by_w)
{
    float x[N], w[N], y[N], want[N];
    random_floats(x, N, 1);
    random_floats(w, N, 2);
    double squares = 0;
    for (size_t i = 0; i < N; i++)
        squares += (double)x[i] * (double)x[i];
    double scale = 1 / sqrt(squares / N + 1e-6);
    for (size_t i = 0; i < N; i++)
        want[i] = (float)((double)x[i] * scale * (double)w[i]);
    rms_norm(y, x, w, N, 1e-6f);
    approx_tensor("rms_norm", y, want, N, 1e-6);
    rms_norm(x, x, w, N, 1e-6f);
    ck_assert_mem_eq(x, y, sizeof y);
}
END_TEST

START_TEST(rms_norm_of_zeros_is_zero)
{
    float x[N] = {0}, w[N], y[N];
    random_floats(w, N, 2);
    rms_norm(y, x, w, N, 1e-6f);
    for (size_t i = 0; i < N; i++)
        ck_assert_float_eq(y[i], 0);
}
END_TEST

START_TEST(rope_rotates_halves)
{
    float x[32], before[32], cosines[16], sines[16];
    random_floats(x, 32, 1);
    memcpy(before, x, sizeof x);
    rope_table(cosines, sines, 37, 32, 10000.0f);
    rope_rotate(x, cosines, sines, 32);
    for (size_t i = 0; i < 16; i++) {
        double angle = 37 * pow(10000, -2.0 * (double)i / 32);
        double a = (double)before[i], b = (double)before[i + 16];
        ck_assert_double_eq_tol(x[i], a * cos(angle) - b * sin(angle), 1e-5);
        ck_assert_double_eq_tol(x[i + 16], b * cos(angle) + a * sin(angle), 1e-5);
    }
}
END_TEST

START_TEST(rope_leaves_position_zero_alone)
{
    float x[8], before[8], cosines[4], sines[4];
    random_floats(x, 8, 1);
    memcpy(before, x, sizeof x);
    rope_table(cosines, sines, 0, 8, 10000.0f);
    rope_rotate(x, cosines, sines, 8);
    ck_assert_mem_eq(x, before, sizeof x);
}
END_TEST

static double gelu(double x)
{
    const double pi = 3.14159265358979323846;
    return x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
}

START_TEST(gelu_tanh_is_accurate_over_the_whole_range)
{
    for (double x = -30; x < 30; x += 0.0137) {
        float gate = (float)x, up = 1.5f, y;
        gelu_tanh_mul(&y, &gate, &up, 1);
        double want = 1.5 * gelu((double)gate);
        ck_assert_double_eq_tol(y, want, 1e-6 * fabs(want) + 1e-7);
    }
    float gate[N], up[N], y[N];
    random_floats(gate, N, 1);
    random_floats(up, N, 2);
    gelu_tanh_mul(y, gate, up, N);
    for (size_t i = 0; i < N; i++)
        ck_assert_double_eq_tol(y[i], gelu((double)gate[i]) * (double)up[i], 1e-6);
    gelu_tanh_mul(gate, gate, up, N);
    ck_assert_mem_eq(gate, y, sizeof y);
}
END_TEST

START_TEST(softcap_is_accurate_to_a_millionth)
{
    for (double x = -400; x < 400; x += 0.0913) {
        float y = (float)x;
        double want = 30 * tanh((double)y / 30);
        softcap(&y, 30, 1);
        ck_assert_double_eq_tol(y, want, 1e-6 * fabs(want));
    }
    float tiny = 1e-20f, huge = FLT_MAX, zero = 0;
    softcap(&tiny, 30, 1);
    softcap(&huge, 30, 1);
    softcap(&zero, 30, 1);
    ck_assert_float_eq_tol(tiny, 1e-20f, 1e-26f);
    ck_assert_float_eq(huge, 30);
    ck_assert_float_eq(zero, 0);
}
END_TEST

START_TEST(no_cap_means_no_change)
{
    float x[3] = {-1000, 0.5f, 77};
    softcap(x, 0, 3);
    ck_assert_float_eq(x[0], -1000);
    ck_assert_float_eq(x[2], 77);
}
END_TEST

START_TEST(exp_minus_returns_the_sum_of_what_it_writes)
{
    float x[N], want[N];
    double sum = 0;
    random_floats(x, N, 1);
    for (size_t i = 0; i < N; i++) {
        x[i] = 20 * x[i] + 500; /* exp alone would overflow */
        want[i] = (float)exp((double)x[i] - 520);
        sum += exp((double)x[i] - 520);
    }
    ck_assert_double_eq_tol(exp_minus(x, 520, N) / sum, 1, 2e-6);
    approx_tensor("exp_minus", x, want, N, 2e-6);
}
END_TEST

START_TEST(nan_goes_through_every_kernel)
{
    float x[N], y[N], up[N];
    random_floats(up, N, 1);
    memcpy(x, up, sizeof x);
    x[3] = NAN;
    gelu_tanh_mul(y, x, up, N);
    ck_assert(isnan(y[3]) && !isnan(y[4]));
    memcpy(y, x, sizeof y);
    softcap(y, 30, N);
    ck_assert(isnan(y[3]) && !isnan(y[4]));
    rms_norm(y, x, up, N, 1e-6f);
    ck_assert(isnan(y[4]));
    ck_assert(isnan(exp_minus(x, 1, N)) && isnan(x[3]) && !isnan(x[4]));
}
END_TEST

START_TEST(all_finite_finds_one_bad_number_anywhere)
{
    float x[N];
    random_floats(x, N, 1);
    ck_assert(all_finite(x, N));
    x[7] = FLT_MAX;
    ck_assert(all_finite(x, N));
    for (size_t i = 0; i < N; i++) {
        float good = x[i];
        x[i] = i % 3 ? NAN : -INFINITY;
        ck_assert(!all_finite(x, N));
        x[i] = good;
    }
    ck_assert(all_finite(x, 0));
}
END_TEST

/* --- instruction sets --- */

static enum isa isa_before;

static void use_plain_c(void)
{
    isa_before = isa_current();
    isa_use(ISA_GENERIC);
}

static void use_the_best(void)
{
    isa_before = isa_current();
    isa_use(isa_best());
}

static void restore_isa(void)
{
    isa_use(isa_before);
}

struct results {
    float dot, exp_sum, gelu[N], capped[N], exps[N];
    int is_finite;
};

static void compute(struct results *r, enum isa isa)
{
    float x[N], y[N];
    isa_use(isa);
    random_floats(x, N, 1);
    random_floats(y, N, 2);
    *r = (struct results){.dot = dot(x, y, N), .is_finite = all_finite(x, N)};
    gelu_tanh_mul(r->gelu, x, y, N);
    memcpy(r->capped, x, sizeof x);
    softcap(r->capped, 0.7f, N);
    memcpy(r->exps, x, sizeof x);
    r->exp_sum = exp_minus(r->exps, 1, N);
}

START_TEST(instruction_sets_agree_to_the_bit)
{
    static struct results plain, best;
    const enum isa before = isa_current();
    if (isa_best() == ISA_GENERIC)
        puts("skipped: this processor has nothing but plain C");
    compute(&plain, ISA_GENERIC);
    compute(&best, isa_best());
    isa_use(before);
    ck_assert_mem_eq(&plain, &best, sizeof plain);
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, dot_and_axpy_equal_double_loops);
    tcase_add_test(t, rms_norm_divides_by_the_root_mean_square_and_multiplies_by_w);
    tcase_add_test(t, rms_norm_of_zeros_is_zero);
    tcase_add_test(t, rope_rotates_halves);
    tcase_add_test(t, rope_leaves_position_zero_alone);
    tcase_add_test(t, gelu_tanh_is_accurate_over_the_whole_range);
    tcase_add_test(t, softcap_is_accurate_to_a_millionth);
    tcase_add_test(t, no_cap_means_no_change);
    tcase_add_test(t, exp_minus_returns_the_sum_of_what_it_writes);
    tcase_add_test(t, nan_goes_through_every_kernel);
    tcase_add_test(t, all_finite_finds_one_bad_number_anywhere);
}

Suite *suite_kernels(void)
{
    Suite *s = suite_create("kernels");
    TCase *plain = tcase_create("plain C"), *best = tcase_create("best set");
    TCase *both = tcase_create("both");
    tcase_add_checked_fixture(plain, use_plain_c, restore_isa);
    tcase_add_checked_fixture(best, use_the_best, restore_isa);
    add_tests(plain);
    add_tests(best);
    tcase_add_test(both, instruction_sets_agree_to_the_bit);
    suite_add_tcase(s, plain);
    suite_add_tcase(s, best);
    suite_add_tcase(s, both);
    return s;
}
