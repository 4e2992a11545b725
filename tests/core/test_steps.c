#include "core/steps.h"
#include "tests/support/runner.h"

/* Says yes after so many asks. */
struct asked {
    int n, n_stop;
};

static bool ask(void *data)
{
    struct asked *a = data;
    return ++a->n > a->n_stop;
}

START_TEST(rows_are_cut_into_equal_parts_of_whole_eights)
{
    for (int n = 1; n <= 300; n++)
        for (double most = 1; most < 300; most *= 1.7) {
            struct steps steps = {.cost = most};
            int first = 0, n_rows, n_left = n;
            for (; n_left > 0; n_left -= n_rows) {
                ck_assert_int_eq(steps_next(&n_rows, &steps, n_left, 1, NULL), ERR_OK);
                first = first ? first : n_rows;
                ck_assert(n_rows > 0 && n_rows <= n_left);
                ck_assert(n_rows == n_left || n_rows % 8 == 0);
                ck_assert(n_rows <= most || n_rows <= (int)most / 8 * 8 + 8);
                ck_assert_int_le(n_rows, first);
            }
            ck_assert_int_eq(n_left, 0);
        }
}
END_TEST

START_TEST(what_fits_a_step_is_not_cut)
{
    struct steps steps = {.cost = 1000};
    int n_rows;
    ck_assert_int_eq(steps_next(&n_rows, &steps, 100, 10, NULL), ERR_OK);
    ck_assert_int_eq(n_rows, 100);
    ck_assert_int_eq(steps_next(&n_rows, &steps, 101, 10, NULL), ERR_OK);
    ck_assert_int_lt(n_rows, 101);
}
END_TEST

START_TEST(it_is_asked_before_more_than_a_quarter_of_a_step_was_added)
{
    struct asked asked = {0, 1000};
    struct steps steps = {.cost = 80, .ask = ask, .data = &asked};
    int n_rows;
    for (int i = 1; i <= 12; i++) {
        ck_assert_int_eq(steps_next(&n_rows, &steps, 1, 10, NULL), ERR_OK);
        ck_assert_int_eq(asked.n, (i - 1) / 2); /* two tens are the quarter */
    }
    steps.unasked = 0;
    asked.n = 0;
    for (int i = 1; i <= 5; i++) {
        ck_assert_int_eq(steps_next(&n_rows, &steps, 8, 10, NULL), ERR_OK);
        ck_assert_int_eq(asked.n, i); /* whole steps */
    }
}
END_TEST

START_TEST(a_yes_is_a_cancelled_call)
{
    struct asked asked = {0, 2};
    struct steps steps = {.cost = 8, .ask = ask, .data = &asked};
    struct err err;
    int n_rows = 0;
    ck_assert_int_eq(steps_next(&n_rows, &steps, 8, 1, &err), ERR_OK);
    ck_assert_int_eq(steps_next(&n_rows, &steps, 8, 1, &err), ERR_OK);
    ck_assert_int_eq(steps_next(&n_rows, &steps, 8, 1, &err), ERR_CANCELLED);
    ck_assert_int_eq(err.code, ERR_CANCELLED);
    ck_assert_int_eq(n_rows, 8);
}
END_TEST

Suite *suite_steps(void)
{
    Suite *s = suite_create("steps");
    TCase *t = tcase_create("steps");
    tcase_add_test(t, rows_are_cut_into_equal_parts_of_whole_eights);
    tcase_add_test(t, what_fits_a_step_is_not_cut);
    tcase_add_test(t, it_is_asked_before_more_than_a_quarter_of_a_step_was_added);
    tcase_add_test(t, a_yes_is_a_cancelled_call);
    suite_add_tcase(s, t);
    return s;
}
