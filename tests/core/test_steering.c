#include "core/steering.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <limits.h>
#include <string.h>

#define D 67
#define N_CONCEPTS 3

static float directions[N_CONCEPTS * D], act_max[N_CONCEPTS] = {40, 0, 7}, h[D];

static struct dictionary dict = {
    .name = "d/l3",
    .n_concepts = N_CONCEPTS,
    .d_model = D,
    .directions = {DTYPE_F32, N_CONCEPTS, D, directions},
};

static void setup(void)
{
    random_floats(directions, N_CONCEPTS * D, 1);
    random_floats(h, D, 2);
    dict.act_max = act_max;
}

static double project(const float *x, size_t row)
{
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += (double)x[i] * (double)directions[row * D + i];
    return sum;
}

static struct steering one_edit(enum intervention_kind kind, size_t row, float strength)
{
    struct steering s = {0};
    struct intervention what = {kind, row, strength};
    ck_assert_int_eq(steering_add(&s, &dict, what, NULL), ERR_OK);
    return s;
}

/* h after one edit must be h + coefficient * w. */
static void check_edit(struct steering s, size_t row, double coefficient)
{
    float want[D], got[D];
    memcpy(got, h, sizeof got);
    for (size_t i = 0; i < D; i++)
        want[i] = (float)((double)h[i] + coefficient * (double)directions[row * D + i]);
    steering_apply(got, &s, 0, 5, 10);
    approx_tensor("edited row", got, want, D, 2e-6);
    steering_clear(&s);
}

START_TEST(add_adds_strength_times_the_direction)
{
    check_edit(one_edit(INTERVENTION_ADD, 1, 2.5f), 1, 2.5);
    check_edit(one_edit(INTERVENTION_ADD, 2, -0.5f), 2, -0.5);
}
END_TEST

START_TEST(clamp_replaces_a_positive_latent_and_ignores_a_negative_one)
{
    int n_positive = 0;
    for (size_t row = 0; row < N_CONCEPTS; row++)
        for (int sign = -1; sign <= 1; sign += 2) {
            for (size_t i = 0; i < D; i++)
                h[i] = -h[i];
            double latent = project(h, row);
            n_positive += latent > 0;
            check_edit(one_edit(INTERVENTION_CLAMP, row, 3), row, 3 - (latent > 0 ? latent : 0));
        }
    ck_assert_int_eq(n_positive, N_CONCEPTS);
}
END_TEST

START_TEST(threshold_adds_only_where_the_latent_is_below)
{
    double latent = project(h, 0);
    check_edit(one_edit(INTERVENTION_THRESHOLD, 0, (float)latent + 0.1f), 0,
               (double)((float)latent + 0.1f));
    check_edit(one_edit(INTERVENTION_THRESHOLD, 0, (float)latent - 0.1f), 0, 0);
}
END_TEST

START_TEST(a_latent_that_equals_the_threshold_is_not_below_it)
{
    memset(directions, 0, D * sizeof *directions);
    directions[3] = 2;
    h[3] = 1.5f;
    check_edit(one_edit(INTERVENTION_THRESHOLD, 0, 3), 0, 0);
    check_edit(one_edit(INTERVENTION_THRESHOLD, 0, 3.25f), 0, 3.25);
}
END_TEST

START_TEST(project_out_leaves_no_projection)
{
    double norm2 = project(directions + D, 1);
    check_edit(one_edit(INTERVENTION_PROJECT_OUT, 1, 0), 1, -project(h, 1) / norm2);
    memset(directions, 0, D * sizeof *directions);
    check_edit(one_edit(INTERVENTION_PROJECT_OUT, 0, 0), 0, 0);
}
END_TEST

START_TEST(edits_apply_in_order_each_to_the_result_of_the_one_before)
{
    struct steering s = one_edit(INTERVENTION_ADD, 0, 4);
    ck_assert_int_eq(
        steering_add(&s, &dict, (struct intervention){INTERVENTION_PROJECT_OUT, 0, 0}, NULL), 0);
    float got[D];
    memcpy(got, h, sizeof got);
    steering_apply(got, &s, 0, 0, 1);
    ck_assert_double_eq_tol(project(got, 0), 0, 1e-4);
    steering_clear(&s);

    s = one_edit(INTERVENTION_PROJECT_OUT, 0, 0);
    steering_add_direction(&s, directions, D, 0, (struct intervention){INTERVENTION_ADD, 0, 4});
    steering_apply(got, &s, 0, 0, 1);
    ck_assert_double_eq_tol(project(got, 0), 4 * project(directions, 0), 1e-4);
    steering_clear(&s);
}
END_TEST

START_TEST(the_schedule_decides_which_positions_change)
{
    static const struct {
        enum steer_at at;
        int from;
        bool reaches[4]; /* positions 0..3 of a prompt of 2 tokens */
    } cases[] = {
        {0, 0, {1, 1, 1, 1}},
        {STEER_BOTH, 0, {1, 1, 1, 1}},
        {STEER_PROMPT, 0, {1, 1, 0, 0}},
        {STEER_GENERATED, 0, {0, 0, 1, 1}},
        {STEER_FROM, 1, {0, 1, 1, 1}},
        {STEER_FROM, 3, {0, 0, 0, 1}},
    };
    struct steering s = one_edit(INTERVENTION_ADD, 0, 1);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        s.at = cases[c].at;
        s.from = cases[c].from;
        for (int pos = 0; pos < 4; pos++) {
            float got[D];
            memcpy(got, h, sizeof got);
            steering_apply(got, &s, 0, pos, 2);
            ck_assert_int_eq(memcmp(got, h, sizeof got) != 0, cases[c].reaches[pos]);
            ck_assert_int_eq(steering_reaches(&s, 0, pos, 2), cases[c].reaches[pos]);
            ck_assert(!cases[c].reaches[pos] || steering_first_pos(&s, 2) <= pos);
        }
    }
    steering_clear(&s);
    ck_assert(!steering_reaches(&s, 0, 0, 2));
    ck_assert_int_eq(steering_first_pos(&s, 2), INT_MAX);
}
END_TEST

START_TEST(only_the_clamp_spares_the_prefix)
{
    static const enum intervention_kind kinds[] = {INTERVENTION_ADD, INTERVENTION_CLAMP,
                                                   INTERVENTION_PROJECT_OUT};
    for (int k = 0; k < 3; k++) {
        struct steering s = one_edit(kinds[k], 0, 9);
        s.n_spared = 4;
        for (int pos = 0; pos < 6; pos++) {
            float got[D];
            memcpy(got, h, sizeof got);
            steering_apply(got, &s, 0, pos, 5);
            bool is_spared = kinds[k] == INTERVENTION_CLAMP && pos < 4;
            ck_assert_int_eq(memcmp(got, h, sizeof got) == 0, is_spared);
            ck_assert_int_eq(steering_reaches(&s, 0, pos, 5), !is_spared);
        }
        steering_clear(&s);
    }
}
END_TEST

START_TEST(an_answer_is_not_spared_where_the_prompt_is_shorter_than_the_prefix)
{
    struct steering s = one_edit(INTERVENTION_CLAMP, 0, 9);
    s.n_spared = 4;
    for (int pos = 0; pos < 6; pos++)
        ck_assert_int_eq(steering_reaches(&s, 0, pos, 2), pos >= 2);
    steering_clear(&s);
}
END_TEST

START_TEST(strength_zero_changes_no_bit)
{
    struct steering s = one_edit(INTERVENTION_ADD, 0, 0);
    float got[D];
    memcpy(got, h, sizeof got);
    steering_apply(got, &s, 0, 0, 1);
    ck_assert_mem_eq(got, h, sizeof got);
    steering_clear(&s);
}
END_TEST

START_TEST(a_copy_shares_nothing_with_its_original)
{
    struct steering s = one_edit(INTERVENTION_ADD, 1, 2), copy;
    s.n_spared = 4;
    s.at = STEER_FROM;
    s.from = 3;
    steering_copy(&copy, &s);
    ck_assert_ptr_ne(copy.edits[0].direction, s.edits[0].direction);
    ck_assert_mem_eq(copy.edits[0].direction, directions + D, D * sizeof(float));
    steering_clear(&s);
    ck_assert_uint_eq(copy.n, 1);
    ck_assert_int_eq(copy.n_spared, 4);
    ck_assert_int_eq(copy.at, STEER_FROM);
    ck_assert_int_eq(copy.from, 3);
    steering_clear(&copy);
    steering_copy(&copy, &s);
    ck_assert_uint_eq(copy.n, 0);
}
END_TEST

START_TEST(factor_times_maximum_is_the_strength)
{
    float strength;
    struct err err = {0};
    ck_assert_int_eq(steering_strength(&strength, &dict, 0, -0.5f, &err), ERR_OK);
    ck_assert_float_eq(strength, -20);
    ck_assert_int_eq(steering_strength(&strength, &dict, 1, 2, &err), ERR_OK);
    ck_assert_float_eq(strength, 100); /* a maximum of 0 counts as 50 */
    ck_assert_int_eq(steering_strength(&strength, &dict, 3, 1, &err), ERR_LIMIT);
    dict.act_max = NULL;
    ck_assert_int_eq(steering_strength(&strength, &dict, 0, 1, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.hint, "--strength"));
}
END_TEST

START_TEST(rows_that_do_not_exist_and_other_widths_are_refused)
{
    struct steering s = one_edit(INTERVENTION_ADD, 0, 1);
    struct err err = {0};
    struct intervention what = {INTERVENTION_ADD, N_CONCEPTS, 1};
    ck_assert_int_eq(steering_add(&s, &dict, what, &err), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "row 3"));
    struct dictionary other = dict;
    other.d_model = other.directions.n_cols = D - 1;
    what.concept = 0;
    ck_assert_int_eq(steering_add(&s, &other, what, &err), ERR_SHAPE);
    ck_assert_uint_eq(s.n, 1);
    steering_clear(&s);
}
END_TEST

START_TEST(an_edit_belongs_to_the_layer_of_its_dictionary)
{
    struct dictionary higher = dict;
    higher.hook_layer = 7;
    struct steering s = one_edit(INTERVENTION_ADD, 0, 2), copy;
    ck_assert_int_eq(steering_add(&s, &higher, (struct intervention){INTERVENTION_ADD, 1, 3}, NULL),
                     ERR_OK);
    steering_copy(&copy, &s);
    ck_assert_int_eq(steering_next_layer(&copy, 0), 0);
    ck_assert_int_eq(steering_next_layer(&copy, 1), 7);
    ck_assert_int_eq(steering_next_layer(&copy, 8), -1);
    for (int layer = 0; layer < 9; layer++) {
        float want[D], got[D];
        double strength = layer == 0 ? 2 : layer == 7 ? 3 : 0;
        size_t row = layer == 7;
        for (size_t i = 0; i < D; i++)
            want[i] = (float)((double)h[i] + strength * (double)directions[row * D + i]);
        memcpy(got, h, sizeof got);
        steering_apply(got, &copy, layer, 0, 1);
        approx_tensor("edited row", got, want, D, 2e-6);
        ck_assert_int_eq(steering_reaches(&copy, layer, 0, 1), strength > 0);
    }
    steering_clear(&copy);
    steering_clear(&s);
}
END_TEST

Suite *suite_steering(void)
{
    Suite *s = suite_create("steering");
    TCase *t = tcase_create("steering");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, add_adds_strength_times_the_direction);
    tcase_add_test(t, clamp_replaces_a_positive_latent_and_ignores_a_negative_one);
    tcase_add_test(t, threshold_adds_only_where_the_latent_is_below);
    tcase_add_test(t, a_latent_that_equals_the_threshold_is_not_below_it);
    tcase_add_test(t, project_out_leaves_no_projection);
    tcase_add_test(t, edits_apply_in_order_each_to_the_result_of_the_one_before);
    tcase_add_test(t, the_schedule_decides_which_positions_change);
    tcase_add_test(t, only_the_clamp_spares_the_prefix);
    tcase_add_test(t, an_answer_is_not_spared_where_the_prompt_is_shorter_than_the_prefix);
    tcase_add_test(t, strength_zero_changes_no_bit);
    tcase_add_test(t, a_copy_shares_nothing_with_its_original);
    tcase_add_test(t, factor_times_maximum_is_the_strength);
    tcase_add_test(t, rows_that_do_not_exist_and_other_widths_are_refused);
    tcase_add_test(t, an_edit_belongs_to_the_layer_of_its_dictionary);
    suite_add_tcase(s, t);
    return s;
}
