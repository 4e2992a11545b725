#include "core/latents.h"

#include "data/calibration.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_CONCEPTS 37
#define D_MODEL 24
#define N_TOKENS 9

static float directions[N_CONCEPTS * D_MODEL], resid[N_TOKENS * D_MODEL];
static float act_max[N_CONCEPTS], threshold[N_CONCEPTS];

static struct dictionary random_dictionary(void)
{
    random_floats(directions, N_CONCEPTS * D_MODEL, 1);
    random_floats(resid, N_TOKENS * D_MODEL, 2);
    return (struct dictionary){
        .n_concepts = N_CONCEPTS,
        .d_model = D_MODEL,
        .directions = {DTYPE_F32, N_CONCEPTS, D_MODEL, directions},
    };
}

static double projection(size_t t, size_t c)
{
    double sum = 0;
    for (size_t i = 0; i < D_MODEL; i++)
        sum += (double)resid[t * D_MODEL + i] * directions[c * D_MODEL + i];
    return sum;
}

START_TEST(latents_are_rectified_or_signed_projections)
{
    struct dictionary dict = random_dictionary();
    float acts[N_TOKENS * N_CONCEPTS], raw[N_TOKENS * N_CONCEPTS];
    struct err err = {0};
    ck_assert_int_eq(latents_encode(acts, &dict, resid, N_TOKENS, D_MODEL, false, &err), ERR_OK);
    ck_assert_int_eq(latents_encode(raw, &dict, resid, N_TOKENS, D_MODEL, true, &err), ERR_OK);
    int n_negative = 0;
    for (size_t t = 0; t < N_TOKENS; t++) {
        for (size_t c = 0; c < N_CONCEPTS; c++) {
            double p = projection(t, c);
            n_negative += p < 0;
            ck_assert_double_eq_tol(raw[t * N_CONCEPTS + c], p, 1e-5);
            ck_assert_double_eq_tol(acts[t * N_CONCEPTS + c], p > 0 ? p : 0, 1e-5);
        }
    }
    ck_assert_int_gt(n_negative, 20);
}
END_TEST

START_TEST(another_width_and_a_nan_are_refused)
{
    struct dictionary dict = random_dictionary();
    float acts[N_TOKENS * N_CONCEPTS];
    struct err err = {0};
    ck_assert_int_eq(latents_encode(acts, &dict, resid, N_TOKENS, D_MODEL - 1, false, &err),
                     ERR_SHAPE);
    directions[5 * D_MODEL + 3] = NAN;
    ck_assert_int_eq(latents_encode(acts, &dict, resid, N_TOKENS, D_MODEL, false, &err),
                     ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "row 5 at position 0"));
    directions[5 * D_MODEL + 3] = INFINITY;
    ck_assert_int_eq(latents_encode(acts, &dict, resid, N_TOKENS, D_MODEL, false, &err),
                     ERR_FORMAT);
}
END_TEST

START_TEST(the_unit_depends_on_what_the_dictionary_knows)
{
    struct dictionary dict = random_dictionary();
    ck_assert_str_eq(score_unit_name(score_unit_of(&dict)), "raw");
    ck_assert_float_eq(score_of(&dict, 3, 1.5f), 1.5f);
    for (size_t c = 0; c < N_CONCEPTS; c++) {
        act_max[c] = 10 + (float)c;
        threshold[c] = 4;
    }
    dict.threshold = threshold;
    ck_assert_str_eq(score_unit_name(score_unit_of(&dict)), "raw");
    dict.act_max = act_max;
    ck_assert_str_eq(score_unit_name(score_unit_of(&dict)), "margin");
    ck_assert_float_eq(score_of(&dict, 0, 7), 0.5f);
    ck_assert_float_eq(score_of(&dict, 2, 0), -0.5f);
    dict.threshold = NULL;
    ck_assert_str_eq(score_unit_name(score_unit_of(&dict)), "share");
    ck_assert_float_eq(score_of(&dict, 0, 7), 0.7f);
}
END_TEST

START_TEST(without_a_margin_the_share_counts_and_a_dead_row_scores_zero)
{
    struct dictionary dict = random_dictionary();
    for (size_t c = 0; c < N_CONCEPTS; c++) {
        act_max[c] = 8;
        threshold[c] =
            c % 2 ? 8 : 9; /* no room between them: a margin would turn the order round */
    }
    dict.act_max = act_max;
    dict.threshold = threshold;
    ck_assert_int_eq(score_unit_of(&dict), SCORE_SHARE);
    threshold[1] = 2;
    ck_assert_int_eq(score_unit_of(&dict), SCORE_MARGIN);
    ck_assert_float_eq(score_of(&dict, 0, 4), 0.5f);
    ck_assert_float_eq(score_of(&dict, 5, 4), 0.5f);
    ck_assert_float_eq(score_of(&dict, 1, 5), 0.5f);
    act_max[2] = 0;
    act_max[3] = -1;
    ck_assert_float_eq(score_of(&dict, 2, 4), 0);
    ck_assert_float_eq(score_of(&dict, 3, 4), 0);
}
END_TEST

START_TEST(z_is_between_margin_and_share_and_of_the_signed_projection)
{
    struct dictionary dict = random_dictionary();
    struct calibration *cal = calibration_new(N_CONCEPTS, false);
    for (size_t c = 0; c < N_CONCEPTS; c++) {
        cal->mean[c] = -2;
        cal->spread[c] = 4;
        act_max[c] = 10;
        threshold[c] = 5;
    }
    calibration_set_floor(cal);
    dict.calibration = cal;
    ck_assert_str_eq(score_unit_name(score_unit_of(&dict)), "z");
    ck_assert_float_eq(score_of(&dict, 4, 6), 2);
    ck_assert_float_eq(score_of(&dict, 4, -6), -1);
    dict.act_max = act_max;
    ck_assert_int_eq(score_unit_of(&dict), SCORE_Z);
    act_max[4] = 0; /* a dead row */
    ck_assert_float_eq(score_of(&dict, 4, 6), 0);
    ck_assert_float_eq(score_in(SCORE_RAW, &dict, 4, 6), 6);
    ck_assert_float_eq(score_in(SCORE_SHARE, &dict, 5, 6), 0.6f);
    dict.threshold = threshold;
    ck_assert_int_eq(score_unit_of(&dict), SCORE_MARGIN);
    ck_assert(score_unit_allowed(&dict, SCORE_Z));
    /* a row that lies far below zero outranks by z one that is above it as always */
    float acts[N_CONCEPTS];
    struct ranked out[2];
    const bool counted = true;
    for (size_t c = 0; c < N_CONCEPTS; c++)
        acts[c] = 0;
    cal->mean[7] = -100;
    acts[7] = -60;
    ck_assert_uint_eq(rank_prompt_all(out, 2, &dict, SCORE_Z, acts, &counted, 1), 2);
    ck_assert_uint_eq(out[0].row, 7);
    ck_assert_float_eq(out[0].score, 10);
    calibration_close(cal);
}
END_TEST

/* The rank of row c by (value falling, row rising), counted pair by pair. */
static size_t rank_by_counting(const float *values, size_t n, size_t c)
{
    size_t rank = 0;
    for (size_t i = 0; i < n; i++)
        rank += values[i] > values[c] || (values[i] == values[c] && i < c);
    return rank;
}

static void quantised(float *acts, size_t n, uint32_t seed)
{
    random_floats(acts, n, seed);
    for (size_t i = 0; i < n; i++) /* many ties */
        acts[i] = (float)(int)(acts[i] * 6);
}

START_TEST(the_ranking_of_a_token_agrees_with_counting)
{
    float acts[N_CONCEPTS];
    struct ranked out[N_CONCEPTS];
    for (uint32_t seed = 0; seed < 50; seed++) {
        quantised(acts, N_CONCEPTS, seed);
        size_t n_positive = 0;
        for (size_t c = 0; c < N_CONCEPTS; c++)
            n_positive += acts[c] > 0;
        for (size_t k = 0; k <= N_CONCEPTS; k += 3) {
            size_t n = rank_token_all(out, k, acts, N_CONCEPTS);
            ck_assert_uint_eq(n, k);
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(rank_by_counting(acts, N_CONCEPTS, out[i].row), i);
            size_t n_firing = rank_token(out, k, acts, N_CONCEPTS);
            ck_assert_uint_eq(n_firing, k < n_positive ? k : n_positive);
            for (size_t i = 0; i < n_firing; i++)
                ck_assert_uint_eq(rank_by_counting(acts, N_CONCEPTS, out[i].row), i);
        }
    }
}
END_TEST

START_TEST(the_ranking_of_a_prompt_pools_counted_positions_only)
{
    struct dictionary dict = random_dictionary();
    float acts[N_TOKENS * N_CONCEPTS], best[N_CONCEPTS], score[N_CONCEPTS];
    bool counted[N_TOKENS];
    struct ranked out[N_CONCEPTS];
    dict.act_max = act_max;
    for (uint32_t seed = 0; seed < 50; seed++) {
        quantised(acts, N_TOKENS * N_CONCEPTS, seed);
        random_floats(act_max, N_CONCEPTS, seed + 100);
        for (size_t t = 0; t < N_TOKENS; t++)
            counted[t] = (seed + t) % 3 != 0;
        int first[N_CONCEPTS];
        for (size_t c = 0; c < N_CONCEPTS; c++) {
            best[c] = -INFINITY;
            for (size_t t = 0; t < N_TOKENS; t++) {
                if (counted[t] && acts[t * N_CONCEPTS + c] > best[c]) {
                    best[c] = acts[t * N_CONCEPTS + c];
                    first[c] = (int)t;
                }
            }
            score[c] = act_max[c] > 0 ? best[c] / act_max[c] : 0;
        }
        size_t n = rank_prompt_all(out, N_CONCEPTS, &dict, SCORE_SHARE, acts, counted, N_TOKENS);
        ck_assert_uint_eq(n, N_CONCEPTS);
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_eq(rank_by_counting(score, N_CONCEPTS, out[i].row), i);
            ck_assert_float_eq(out[i].act, best[out[i].row]);
            ck_assert_float_eq(out[i].score, score[out[i].row]);
            ck_assert_int_eq(out[i].pos, first[out[i].row]);
        }
        n = rank_prompt(out, 5, &dict, SCORE_SHARE, acts, counted, N_TOKENS);
        ck_assert_uint_eq(n, 5);
        for (size_t i = 0; i < n; i++)
            ck_assert_float_gt(out[i].act, 0);
    }
}
END_TEST

START_TEST(without_a_counted_position_nothing_is_ranked)
{
    struct dictionary dict = random_dictionary();
    float acts[N_TOKENS * N_CONCEPTS];
    bool counted[N_TOKENS] = {false};
    struct ranked out[4];
    random_floats(acts, N_TOKENS * N_CONCEPTS, 3);
    ck_assert_uint_eq(rank_prompt(out, 4, &dict, SCORE_RAW, acts, counted, N_TOKENS), 0);
    ck_assert_uint_eq(rank_prompt_all(out, 4, &dict, SCORE_RAW, acts, counted, N_TOKENS), 0);
}
END_TEST

Suite *suite_latents(void)
{
    Suite *s = suite_create("latents");
    TCase *t = tcase_create("latents");
    tcase_add_test(t, latents_are_rectified_or_signed_projections);
    tcase_add_test(t, another_width_and_a_nan_are_refused);
    tcase_add_test(t, the_unit_depends_on_what_the_dictionary_knows);
    tcase_add_test(t, without_a_margin_the_share_counts_and_a_dead_row_scores_zero);
    tcase_add_test(t, z_is_between_margin_and_share_and_of_the_signed_projection);
    tcase_add_test(t, the_ranking_of_a_token_agrees_with_counting);
    tcase_add_test(t, the_ranking_of_a_prompt_pools_counted_positions_only);
    tcase_add_test(t, without_a_counted_position_nothing_is_ranked);
    suite_add_tcase(s, t);
    return s;
}
