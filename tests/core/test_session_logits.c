/* Next-token logits: decoded, in branches and under any hook layer, against a prompt read at once.
 */
#include "core/session.h"
#include "tests/support/mini_sessions.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>

/* --- decoding against reading --- */

START_TEST(token_by_token_equals_reading_at_once)
{
    static const int lengths[] = {2, 9, 40, 520}; /* beyond the window; beyond one batch */
    for (int i = 0; i < 4; i++) {
        struct session *s = open_session(1, 1);
        for (int n = 1; n < lengths[i]; n++) {
            free(logits_of(s, 1));
            append(s, 0, n, 1);
        }
        float *got = logits_of(s, 1);
        check_from_scratch("decoded", got, lengths[i], -1, 0, 0);
        free(got);
        session_free(s);
    }
}
END_TEST

START_TEST(a_prompt_of_several_batches_equals_its_residuals_token_by_token)
{
    enum { N = 1100 };
    struct session *s = open_session(0, N), *single = open_session(1, 1);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    for (int n = 1; n < N; n++) {
        append(single, 0, n, 1);
        if (n % 100 == 0)
            free(logits_of(single, 1));
    }
    free(logits_of(single, 1));
    const float *resid;
    ck_assert_int_eq(session_answer_resid(&resid, single, 0, HOOK), N - 1);
    check_close("residuals", resid, session_resid(s) + d_model, (N - 1) * d_model);
    session_free(s);
    session_free(single);
}
END_TEST

START_TEST(a_prompt_of_one_token_works_and_an_empty_one_is_refused)
{
    struct session *s = open_session(1, 1);
    float *got = logits_of(s, 1);
    for (size_t i = 0; i < n_vocab; i++)
        ck_assert(isfinite(got[i]));
    ck_assert_int_eq(session_set_prompt(s, ids, 0, &err), ERR_OK);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(session_logits(s, 1, got, &err), ERR_LIMIT);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(asking_twice_gives_the_same_bits)
{
    struct session *s = open_session(1, N_PROMPT);
    free(logits_of(s, 1)); /* the first runs all rows, the next only the last */
    float *second = logits_of(s, 1), *third = logits_of(s, 1);
    ck_assert_mem_eq(second, third, n_vocab * sizeof *second);
    check_from_scratch("second time", second, N_PROMPT, -1, 0, 0);
    free(second);
    free(third);
    session_free(s);
}
END_TEST

/* --- branches --- */

START_TEST(branches_in_one_batch_equal_branches_alone)
{
    struct session *s = open_session(4, N_PROMPT);
    for (int b = 1; b < 4; b++) {
        steer(s, b, (size_t)b, STEER_BOTH, 0);
        append(s, b, N_PROMPT, b); /* of different lengths */
    }
    for (int step = 0; step < 3; step++) {
        float *got = logits_of(s, 15);
        for (int b = 0; b < 4; b++)
            check_from_scratch("branch", got + (size_t)b * n_vocab, N_PROMPT + b + step,
                               b > 0 ? b : -1, STEER_BOTH, 0);
        for (int b = 0; b < 4; b++)
            append(s, b, N_PROMPT + b + step, 1);
        free(got);
    }
    session_free(s);
}
END_TEST

START_TEST(a_mask_picks_branches_in_order)
{
    struct session *s = open_session(3, N_PROMPT);
    steer(s, 2, 1, STEER_BOTH, 0);
    float *got = logits_of(s, 5);
    check_from_scratch("branch 0", got, N_PROMPT, -1, 0, 0);
    check_from_scratch("branch 2", got + n_vocab, N_PROMPT, 1, STEER_BOTH, 0);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(factor_zero_equals_no_steering_bit_for_bit)
{
    struct session *s = open_session(2, N_PROMPT);
    struct steering zero = {0};
    steering_add_direction(&zero, directions[0], d_model, HOOK,
                           (struct intervention){INTERVENTION_ADD, 0, 0});
    ck_assert_int_eq(session_set_steering(s, 1, &zero, &err), ERR_OK);
    steering_clear(&zero);
    for (int step = 0; step < 4; step++) {
        /* each branch on its own: the same batch shape */
        float *without = logits_of(s, 1), *with = logits_of(s, 2);
        ck_assert_mem_eq(without, with, n_vocab * sizeof *with);
        append(s, 0, N_PROMPT + step, 1);
        append(s, 1, N_PROMPT + step, 1);
        free(without);
        free(with);
    }
    session_free(s);
}
END_TEST

START_TEST(any_hook_layer_gives_the_same_unsteered_logits)
{
    float *want = from_scratch(HOOK, N_PROMPT, -1, 0, 0);
    for (int hook = 0; hook < model->config.n_layers; hook++) {
        struct session *s = open_at(hook, 2, N_PROMPT - 2);
        free(logits_of(s, 3));
        append(s, 1, N_PROMPT - 2, 2);
        float *got = logits_of(s, 3);
        check_close("hook", got + n_vocab, want, n_vocab);
        free(got);
        session_free(s);
    }
    free(want);
}
END_TEST

Suite *suite_session_logits(void)
{
    Suite *s = suite_create("session_logits");
    TCase *t = tcase_create("session_logits");
    tcase_add_checked_fixture(t, mini_setup, mini_teardown);
    tcase_add_test(t, token_by_token_equals_reading_at_once);
    tcase_add_test(t, a_prompt_of_several_batches_equals_its_residuals_token_by_token);
    tcase_add_test(t, a_prompt_of_one_token_works_and_an_empty_one_is_refused);
    tcase_add_test(t, asking_twice_gives_the_same_bits);
    tcase_add_test(t, branches_in_one_batch_equal_branches_alone);
    tcase_add_test(t, a_mask_picks_branches_in_order);
    tcase_add_test(t, factor_zero_equals_no_steering_bit_for_bit);
    tcase_add_test(t, any_hook_layer_gives_the_same_unsteered_logits);
    suite_add_tcase(s, t);
    return s;
}
