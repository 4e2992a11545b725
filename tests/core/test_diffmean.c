#include "core/diffmean.h"
#include "tests/support/runner.h"

#include <math.h>

START_TEST(direction_is_the_token_weighted_difference_of_means_at_unit_norm)
{
    /* positives: three tokens in two texts, mean (2, 1); negatives: mean (-1, 5) */
    const float first[] = {0, 0, 2, 1}, second[] = {4, 2}, negative[] = {-2, 4, 0, 6};
    struct diffmean d;
    float w[2];
    diffmean_init(&d, 2);
    diffmean_add(&d, first, 2, true);
    diffmean_add(&d, negative, 2, false);
    diffmean_add(&d, second, 1, true);
    diffmean_finish(w, &d);
    ck_assert_float_eq_tol(w[0], 3.0f / 5, 1e-6f);
    ck_assert_float_eq_tol(w[1], -4.0f / 5, 1e-6f);
    diffmean_clear(&d);
}
END_TEST

START_TEST(without_a_side_or_a_difference_the_direction_is_zero)
{
    const float same[] = {1, 2};
    struct diffmean d;
    float w[2] = {9, 9};
    diffmean_init(&d, 2);
    diffmean_add(&d, same, 1, true);
    diffmean_finish(w, &d);
    ck_assert(w[0] == 0 && w[1] == 0);
    diffmean_add(&d, same, 1, false);
    diffmean_finish(w, &d);
    ck_assert(w[0] == 0 && w[1] == 0);
    diffmean_clear(&d);
}
END_TEST

Suite *suite_diffmean(void)
{
    Suite *s = suite_create("diffmean");
    TCase *t = tcase_create("diffmean");
    tcase_add_test(t, direction_is_the_token_weighted_difference_of_means_at_unit_norm);
    tcase_add_test(t, without_a_side_or_a_difference_the_direction_is_zero);
    suite_add_tcase(s, t);
    return s;
}
