#include "core/latents.h"
#include "core/matmul.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tui/lazy_acts.h"

#include <stdlib.h>
#include <string.h>

enum { N = 300, D = 24, N_A = 40, N_B = 30, N_ALL = N_A + N_B }; /* more than two stretches */

static float directions[N_ALL * D], resid_a[N * D], resid_b[N * D];
static float want[2][N * N_ALL]; /* rectified, signed */
static struct dictionary dict_a, dict_b;
static struct dictionary *dicts[2] = {&dict_a, &dict_b};
static int layers[2] = {1, 2};
static size_t first[3] = {0, N_A, N_ALL};
static struct dict_set set = {.dicts = dicts, .layers = layers, .first = first, .n = 2};
static bool counted[N];
static struct err err;

static void setup(void)
{
    random_floats(directions, N_ALL * D, 1);
    random_floats(resid_a, N * D, 2);
    random_floats(resid_b, N * D, 3);
    dict_a = (struct dictionary){.n_concepts = N_A, .d_model = D};
    dict_b = (struct dictionary){.n_concepts = N_B, .d_model = D};
    dict_a.directions = (struct matrix){DTYPE_F32, N_A, D, directions};
    dict_b.directions = (struct matrix){DTYPE_F32, N_B, D, directions + N_A * D};
    set.all.n_concepts = N_ALL;
    for (size_t t = 0; t < N; t++) {
        counted[t] = t > 3 && t % 7 != 0;
        for (size_t row = 0; row < N_ALL; row++) {
            const float *x = row < N_A ? resid_a + t * D : resid_b + t * D;
            double sum = 0;
            for (size_t i = 0; i < D; i++)
                sum += (double)x[i] * (double)directions[row * D + i];
            want[1][t * N_ALL + row] = (float)sum;
            want[0][t * N_ALL + row] = sum > 0 ? (float)sum : 0;
        }
    }
}

static float **resid_of_both(void)
{
    float **resid = mem_alloc(2, sizeof *resid);
    for (int d = 0; d < 2; d++) {
        resid[d] = mem_alloc(N * D, sizeof **resid);
        memcpy(resid[d], d == 0 ? resid_a : resid_b, sizeof resid_a);
    }
    return resid;
}

static struct lazy_acts *open_acts(bool is_signed)
{
    struct lazy_acts *a;
    int rc = lazy_acts_new(&a, &set, resid_of_both(), N, counted, is_signed, NULL, NULL, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    return a;
}

static void check_all(struct lazy_acts *a, const float *expected)
{
    float *got = mem_alloc(N * N_ALL, sizeof *got);
    for (size_t row = 0; row < N_ALL; row++) /* more rows than are kept, each twice */
        for (size_t t = 0; t < N; t++) {
            got[t * N_ALL + row] = lazy_acts_at(a, t, row);
            ck_assert(lazy_acts_at(a, t, row) == got[t * N_ALL + row]);
        }
    approx_tensor("rows", got, expected, N * N_ALL, 1e-6);
    for (size_t i = 0; i < N; i++) {
        size_t t = i * 211 % N;
        memcpy(got + t * N_ALL, lazy_acts_token(a, t), N_ALL * sizeof *got);
    }
    approx_tensor("tokens", got, expected, N * N_ALL, 1e-6);
    free(got);
}

START_TEST(tokens_and_rows_are_those_of_plain_products)
{
    struct lazy_acts *a = open_acts(false);
    check_all(a, want[0]);
    lazy_acts_one_by_one(a);
    check_all(a, want[0]);
    ck_assert_int_eq(lazy_acts_set_signed(a, true, &err), ERR_OK);
    check_all(a, want[1]);
    lazy_acts_free(a);
}
END_TEST

START_TEST(maxima_are_over_counted_positions)
{
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        struct lazy_acts *a = open_acts(is_signed == 1);
        for (size_t row = 0; row < N_ALL; row++) {
            int best = -1;
            for (int t = 0; t < N; t++)
                if (counted[t] && (best < 0 || want[is_signed][t * N_ALL + (int)row] >
                                                   want[is_signed][best * N_ALL + (int)row]))
                    best = t;
            ck_assert_int_eq(a->max_pos[row], best);
            ck_assert_float_eq_tol(a->max[row], want[is_signed][best * N_ALL + (int)row], 1e-5f);
        }
        lazy_acts_free(a);
    }
}
END_TEST

START_TEST(without_a_counted_position_there_is_no_maximum)
{
    static const bool none[N];
    struct lazy_acts *a;
    ck_assert_int_eq(lazy_acts_new(&a, &set, resid_of_both(), N, none, false, NULL, NULL, &err),
                     ERR_OK);
    ck_assert_int_eq(a->max_pos[5], -1);
    ck_assert_float_eq(a->max[5], 0);
    lazy_acts_free(a);
}
END_TEST

static bool stop_at_once(void *data, long done, long total)
{
    ck_assert(done > 0 && done < total && total == N);
    return ++*(int *)data == 1;
}

START_TEST(computing_stops_when_it_is_told_to)
{
    struct lazy_acts *a;
    int n_asked = 0;
    ck_assert_int_eq(
        lazy_acts_new(&a, &set, resid_of_both(), N, counted, false, stop_at_once, &n_asked, &err),
        ERR_CANCELLED);
    ck_assert_ptr_null(a);
    ck_assert_int_eq(n_asked, 1);
}
END_TEST

Suite *suite_lazy_acts(void)
{
    Suite *s = suite_create("lazy_acts");
    TCase *t = tcase_create("lazy_acts");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, tokens_and_rows_are_those_of_plain_products);
    tcase_add_test(t, maxima_are_over_counted_positions);
    tcase_add_test(t, without_a_counted_position_there_is_no_maximum);
    tcase_add_test(t, computing_stops_when_it_is_told_to);
    suite_add_tcase(s, t);
    return s;
}
