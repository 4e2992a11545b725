/* What must hold between sessions whatever the weights: every short cut against the long way. */
#include "core/pool.h"
#include "core/session_internal.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/mini_sessions.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_PROMPT 30 /* longer than the window of 8 */
#define N_ANSWER 6
#define HOOK 3

static struct session *open_session(int n_branches, int n_prompt)
{
    return open_at(HOOK, n_branches, n_prompt);
}

/* Strength 20 along direction `i` after a layer, under a schedule. */
static void steer_after(struct session *s, int branch, int layer, size_t i, enum steer_at at,
                        int from)
{
    struct steering steering = {.at = at, .from = from};
    struct intervention what = {INTERVENTION_ADD, 0, 20};
    steering_add_direction(&steering, directions[i], d_model, layer, what);
    ck_assert_int_eq(session_set_steering(s, branch, &steering, &err), ERR_OK);
    steering_clear(&steering);
}

static void steer(struct session *s, int branch, size_t i, enum steer_at at, int from)
{
    steer_after(s, branch, HOOK, i, at, from);
}

static void check_close(const char *what, const float *got, const float *want, size_t n)
{
    approx_tensor(what, got, want, n, TOLERANCE);
}

/* Logits of the first n tokens of ids as one prompt, steered along `direction` (-1: not). */
static float *from_scratch(int hook, int n, int direction, enum steer_at at, int from)
{
    struct session *s = open_at(hook, 1, n);
    if (direction >= 0)
        steer(s, 0, (size_t)direction, at, from);
    float *logits = logits_of(s, 1);
    session_free(s);
    return logits;
}

static void check_from_scratch(const char *what, const float *got, int n, int direction,
                               enum steer_at at, int from)
{
    float *want = from_scratch(HOOK, n, direction, at, from);
    check_close(what, got, want, n_vocab);
    free(want);
}

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

/* --- changes of steering --- */

START_TEST(steering_changed_in_mid_answer_equals_a_fresh_run)
{
    struct session *s = open_session(2, N_PROMPT);
    steer(s, 1, 0, STEER_BOTH, 0);
    for (int i = 0; i < N_ANSWER; i++) {
        free(logits_of(s, 3));
        append(s, 0, N_PROMPT + i, 1);
        append(s, 1, N_PROMPT + i, 1);
    }
    steer(s, 1, 2, STEER_BOTH, 0);
    ck_assert_int_eq(session_n_answer(s, 1), N_ANSWER);
    float *got = logits_of(s, 3);
    check_from_scratch("baseline", got, N_PROMPT + N_ANSWER, -1, 0, 0);
    check_from_scratch("steered anew", got + n_vocab, N_PROMPT + N_ANSWER, 2, STEER_BOTH, 0);
    free(got);

    ck_assert_int_eq(session_set_steering(s, 1, NULL, &err), ERR_OK);
    got = logits_of(s, 2);
    check_from_scratch("steering removed", got, N_PROMPT + N_ANSWER, -1, 0, 0);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(a_schedule_changes_only_its_positions)
{
    static const enum steer_at schedules[] = {STEER_GENERATED, STEER_PROMPT, STEER_FROM};
    for (int k = 0; k < 3; k++) {
        struct session *s = open_session(1, N_PROMPT);
        free(logits_of(s, 1)); /* unsteered first, so that something is there to be kept */
        append(s, 0, N_PROMPT, N_ANSWER);
        steer(s, 0, 1, schedules[k], N_PROMPT + 2);
        float *got = logits_of(s, 1);
        float *want;
        if (schedules[k] == STEER_PROMPT) {
            /* as a prompt of all tokens would be with the edit undone on the answer */
            struct session *other = open_session(1, N_PROMPT);
            steer(other, 0, 1, STEER_PROMPT, 0);
            append(other, 0, N_PROMPT, N_ANSWER);
            want = logits_of(other, 1);
            session_free(other);
        } else {
            int from = schedules[k] == STEER_GENERATED ? N_PROMPT : N_PROMPT + 2;
            want = from_scratch(HOOK, N_PROMPT + N_ANSWER, 1, STEER_FROM, from);
        }
        check_close("scheduled", got, want, n_vocab);
        float *plain = from_scratch(HOOK, N_PROMPT + N_ANSWER, -1, 0, 0);
        ck_assert(approx_worst(got, plain, n_vocab, NULL) > 10 * TOLERANCE);
        free(plain);
        free(want);
        free(got);
        session_free(s);
    }
}
END_TEST

START_TEST(a_direction_of_another_width_is_refused)
{
    struct session *s = open_session(1, 1);
    struct steering steering = {0};
    steering_add_direction(&steering, directions[0], d_model - 1, HOOK, (struct intervention){0});
    ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_SHAPE);
    steering_clear(&steering);
    free(logits_of(s, 1));
    session_free(s);
}
END_TEST

START_TEST(norm_ratio_is_the_mean_over_edited_prompt_positions)
{
    struct session *s = open_session(2, N_PROMPT);
    steer(s, 1, 1, STEER_FROM, 4);
    free(logits_of(s, 3));
    double w2 = 0, want = 0;
    for (size_t i = 0; i < d_model; i++)
        w2 += (double)directions[1][i] * (double)directions[1][i];
    for (size_t t = 4; t < N_PROMPT; t++) {
        double h2 = 0;
        for (size_t i = 0; i < d_model; i++)
            h2 += pow((double)session_resid(s)[t * d_model + i], 2);
        want += 20 * sqrt(w2 / h2) / (N_PROMPT - 4);
    }
    ck_assert_double_eq_tol(session_norm_ratio(s, 1, HOOK), want, 1e-4 * want);
    ck_assert_float_eq(session_norm_ratio(s, 0, HOOK), 0);
    steer(s, 1, 1, STEER_GENERATED, 0);
    free(logits_of(s, 3));
    ck_assert_float_eq(session_norm_ratio(s, 1, HOOK), 0);
    session_free(s);
}
END_TEST

/* --- changes of the text --- */

START_TEST(an_edited_prompt_keeps_its_common_prefix)
{
    struct session *s = open_session(2, N_PROMPT);
    steer(s, 1, 0, STEER_BOTH, 0);
    free(logits_of(s, 3));
    append(s, 1, N_PROMPT, 3);
    free(logits_of(s, 3));
    int edited[N_PROMPT + 5];
    memcpy(edited, ids, sizeof edited);
    edited[20] = ids[20] + 1;
    ck_assert_int_eq(session_set_prompt(s, edited, N_PROMPT + 5, &err), ERR_OK);
    ck_assert_int_eq(session_n_answer(s, 1), 0);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(s), N_PROMPT + 5 - 20);
    float *got = logits_of(s, 3);

    struct session *fresh = open_session(2, 1);
    ck_assert_int_eq(session_set_prompt(fresh, edited, N_PROMPT + 5, &err), ERR_OK);
    steer(fresh, 1, 0, STEER_BOTH, 0);
    float *want = logits_of(fresh, 3);
    check_close("residuals", session_resid(s), session_resid(fresh), (N_PROMPT + 5) * d_model);
    check_close("baseline", got, want, n_vocab);
    check_close("steered", got + n_vocab, want + n_vocab, n_vocab);
    free(got);
    free(want);
    session_free(fresh);
    session_free(s);
}
END_TEST

START_TEST(the_same_prompt_again_computes_nothing)
{
    struct session *s = open_session(0, N_PROMPT);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(s), N_PROMPT);
    ck_assert_int_eq(session_set_prompt(s, ids, N_PROMPT, &err), ERR_OK);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(s), 0);
    ck_assert_int_eq(session_set_prompt(s, ids, 10, &err), ERR_OK);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(s), 0);
    ck_assert_int_eq(session_n_prompt(s), 10);
    session_free(s);
}
END_TEST

START_TEST(a_truncated_answer_goes_on_from_there)
{
    struct session *s = open_session(1, N_PROMPT);
    steer(s, 0, 1, STEER_BOTH, 0);
    for (int i = 0; i < N_ANSWER; i++) {
        append(s, 0, 100 + i, 1);
        free(logits_of(s, 1));
    }
    session_truncate(s, 0, 2);
    ck_assert_int_eq(session_n_answer(s, 0), 2);
    session_truncate(s, 0, 0);
    append(s, 0, N_PROMPT, 3);
    float *got = logits_of(s, 1);
    check_from_scratch("after truncation", got, N_PROMPT + 3, 1, STEER_BOTH, 0);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(residuals_of_an_answer_are_those_of_a_reading_without_steering)
{
    struct session *s = open_session(1, N_PROMPT);
    steer(s, 0, 1, STEER_BOTH, 0);
    append(s, 0, N_PROMPT, N_ANSWER);
    free(logits_of(s, 1));
    append(s, 0, N_PROMPT + N_ANSWER, 1); /* not run yet */
    const float *resid;
    ck_assert_int_eq(session_answer_resid(&resid, s, 0, HOOK), N_ANSWER);
    struct session *whole = open_session(0, N_PROMPT + N_ANSWER);
    ck_assert_int_eq(session_read(whole, &err), ERR_OK);
    check_close("answer", resid, session_resid(whole) + N_PROMPT * d_model, N_ANSWER * d_model);
    session_free(whole);
    session_free(s);
}
END_TEST

/* --- hook layers at both ends --- */

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

START_TEST(steering_after_the_last_layer_reaches_the_logits)
{
    int last = model->config.n_layers - 1;
    struct session *s = open_at(last, 1, N_PROMPT);
    steer_after(s, 0, last, 0, STEER_BOTH, 0);
    float *got = logits_of(s, 1), *dumped = mem_alloc(n_vocab, sizeof *dumped);
    float *plain = from_scratch(last, N_PROMPT, -1, 0, 0);
    ck_assert(approx_worst(got, plain, n_vocab, NULL) > 10 * TOLERANCE);
    ck_assert_int_eq(session_dump(s, 0, NULL, 0, NULL, dumped, false, &err), ERR_OK);
    check_close("dump", dumped, got, n_vocab);
    free(dumped);
    free(plain);
    free(got);
    session_free(s);
}
END_TEST

/* --- dump --- */

START_TEST(a_dump_is_before_the_edit_at_the_hook_and_after_it_above)
{
    enum { N = 530 }; /* several batches */
    struct session *s = open_session(1, N), *plain = open_session(1, N);
    steer(s, 0, 1, STEER_BOTH, 0);
    int layers[3] = {HOOK, HOOK + 1, 0};
    float *a[3], *b[3];
    for (int i = 0; i < 3; i++) {
        a[i] = mem_alloc(N * d_model, sizeof(float));
        b[i] = mem_alloc(N * d_model, sizeof(float));
    }
    float *all = mem_alloc(N * n_vocab, sizeof *all);
    ck_assert_int_eq(session_dump(s, 0, layers, 3, a, all, true, &err), ERR_OK);
    ck_assert_int_eq(session_dump(plain, -1, layers, 3, b, NULL, false, &err), ERR_OK);
    check_close("at the hook", a[0], b[0], N * d_model);
    check_close("below", a[2], b[2], N * d_model);
    ck_assert(approx_worst(a[1], b[1], N * d_model, NULL) > 10 * TOLERANCE);
    float *got = logits_of(s, 1);
    check_close("logits", got, all + (N - 1) * n_vocab, n_vocab);
    check_from_scratch("logits in the middle", all + 99 * n_vocab, 100, 1, STEER_BOTH, 0);
    layers[1] = model->config.n_layers;
    ck_assert_int_eq(session_dump(s, 0, layers, 3, a, NULL, false, &err), ERR_LIMIT);
    free(got);
    free(all);
    for (int i = 0; i < 3; i++) {
        free(a[i]);
        free(b[i]);
    }
    session_free(s);
    session_free(plain);
}
END_TEST

/* --- limits and failures --- */

START_TEST(texts_beyond_the_context_are_refused_with_both_counts)
{
    model->config.n_ctx = 12;
    struct session *s = open_session(1, 10);
    ck_assert_int_eq(session_set_prompt(s, ids, 13, &err), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "13"));
    ck_assert_ptr_nonnull(strstr(err.message, "12"));
    ck_assert_int_eq(session_n_prompt(s), 10);
    append(s, 0, 10, 2);
    ck_assert_int_eq(session_append(s, 0, 5, &err), ERR_LIMIT);
    float *got = logits_of(s, 1);
    check_from_scratch("at the limit", got, 12, -1, 0, 0);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(ids_outside_the_vocabulary_are_refused)
{
    static const int bad[] = {-1, 384, 1 << 30};
    struct session *s = open_session(1, 10);
    for (int i = 0; i < 3; i++) {
        int prompt[2] = {2, bad[i]};
        ck_assert_int_eq(session_set_prompt(s, prompt, 2, &err), ERR_LIMIT);
        ck_assert_ptr_nonnull(strstr(err.message, "position 1"));
        ck_assert_int_eq(session_append(s, 0, bad[i], &err), ERR_LIMIT);
    }
    float *got = logits_of(s, 1);
    check_from_scratch("untouched", got, 10, -1, 0, 0);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(a_layer_that_does_not_exist_is_refused)
{
    struct session *s;
    ck_assert_int_eq(session_new(&s, model, 6, 1, &err), ERR_LIMIT);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(session_new(&s, model, -1, 1, &err), ERR_LIMIT);
}
END_TEST

START_TEST(a_strength_beyond_what_a_norm_can_hold_is_an_error)
{
    for (int hook = 0; hook < model->config.n_layers; hook++) {
        struct session *s = open_at(hook, 1, N_PROMPT);
        float *logits = logits_of(s, 1);
        struct steering steering = {.at = STEER_FROM, .from = N_PROMPT - 1};
        steering_add_direction(&steering, directions[0], d_model, hook,
                               (struct intervention){INTERVENTION_ADD, 0, 1e25f});
        ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_OK);
        steering_clear(&steering);
        ck_assert_int_eq(session_logits(s, 1, logits, &err), ERR_FORMAT);
        ck_assert_msg(strstr(err.message, "position 29") != NULL, "%s", err.message);
        free(logits);
        session_free(s);
    }
}
END_TEST

START_TEST(nan_is_an_error_that_names_layer_and_position)
{
    struct session *s = open_session(1, N_PROMPT);
    model->layers[2].norm_ffw_out[17] = NAN;
    ck_assert_int_eq(session_read(s, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "layer 2, position 0"));
    model->layers[2].norm_ffw_out[17] = 1;
    float *logits = logits_of(s, 1);
    struct steering steering = {.at = STEER_FROM, .from = 7};
    steering_add_direction(&steering, directions[0], d_model, HOOK,
                           (struct intervention){INTERVENTION_ADD, 0, INFINITY});
    ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_OK);
    steering_clear(&steering);
    ck_assert_int_eq(session_logits(s, 1, logits, &err), ERR_FORMAT);
    ck_assert_msg(strstr(err.message, "layer 3, position 7") != NULL, "%s", err.message);
    ck_assert_int_eq(session_dump(s, 0, NULL, 0, NULL, logits, false, &err), ERR_FORMAT);
    ck_assert_msg(strstr(err.message, "layer 3, position 7") != NULL, "%s", err.message);
    model->norm_final[3] = INFINITY;
    ck_assert_int_eq(session_set_steering(s, 0, NULL, &err), ERR_OK);
    ck_assert_int_eq(session_logits(s, 1, logits, &err), ERR_FORMAT);
    ck_assert_msg(strstr(err.message, "output") != NULL, "%s", err.message);
    free(logits);
    session_free(s);
}
END_TEST

/* --- keys and values that give way --- */

#define LOW_HOOK 1 /* one layer with a window, one without */

/* The residuals of ids with one of them replaced, from a session of its own. */
static float *resid_from_scratch(int n, int changed)
{
    struct session *s = open_at(LOW_HOOK, 0, 1);
    int *text = mem_alloc((size_t)n, sizeof *text);
    float *resid = mem_alloc((size_t)n * d_model, sizeof *resid);
    memcpy(text, ids, (size_t)n * sizeof *text);
    text[changed] = 5;
    ck_assert_int_eq(session_set_prompt(s, text, n, &err), ERR_OK);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    memcpy(resid, session_resid(s), (size_t)n * d_model * sizeof *resid);
    session_free(s);
    free(text);
    return resid;
}

static void check_changed(struct session *s, int changed, int n_computed)
{
    int text[N_IDS];
    memcpy(text, ids, sizeof text);
    text[changed] = 5;
    ck_assert_int_eq(session_set_prompt(s, text, N_IDS, &err), ERR_OK);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(s), n_computed);
    float *want = resid_from_scratch(N_IDS, changed);
    check_close("residuals", session_resid(s), want, N_IDS * d_model);
    free(want);
}

START_TEST(a_change_far_back_in_a_long_text_is_computed_from_the_start)
{
    struct session *s = open_at(LOW_HOOK, 0, N_IDS);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    check_changed(s, N_IDS - 900, 900);
    check_changed(s, N_IDS - 1, 900); /* and the one before is changed back */
    check_changed(s, 100, N_IDS);
    check_changed(s, N_IDS - 20, N_IDS); /* as 100 is changed back */
    session_free(s);
}
END_TEST

START_TEST(steering_from_far_back_runs_the_upper_half_from_the_start)
{
    struct session *s = open_session(1, N_IDS - 10);
    free(logits_of(s, 1));
    append(s, 0, N_IDS - 10, 5);
    steer(s, 0, 2, STEER_BOTH, 100);
    float *got = logits_of(s, 1);
    check_from_scratch("steered late", got, N_IDS - 5, 2, STEER_BOTH, 100);
    free(got);
    session_truncate(s, 0, 2);
    got = logits_of(s, 1);
    check_from_scratch("truncated", got, N_IDS - 8, 2, STEER_BOTH, 100);
    free(got);
    session_free(s);
}
END_TEST

START_TEST(f16_keys_and_values_are_close_to_f32)
{
    struct session *both[2];
    float *logits[2];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(session_new(&both[i], model, HOOK, 1, &err), ERR_OK);
        session_set_kv(both[i], i == 0 ? DTYPE_F32 : DTYPE_F16);
        ck_assert_int_eq(session_set_prompt(both[i], ids, 300, &err), ERR_OK);
        steer(both[i], 0, 1, STEER_BOTH, 0);
        append(both[i], 0, 300, 20);
        logits[i] = logits_of(both[i], 1);
    }
    /* 11 bits of each key and value: 2^-11 of what attention adds, over 6 layers */
    approx_tensor("residuals", session_resid(both[1]), session_resid(both[0]), 300 * d_model, 2e-3);
    approx_tensor("logits", logits[1], logits[0], n_vocab, 1e-3);
    ck_assert_mem_ne(logits[1], logits[0], n_vocab * sizeof(float));
    for (int i = 0; i < 2; i++) {
        free(logits[i]);
        session_free(both[i]);
    }
}
END_TEST

/* --- progress --- */

struct watch {
    long calls, last_done, total;
    long cancel_at; /* the call that cancels; 0: none */
};

static bool watch_progress(void *data, long done, long total)
{
    struct watch *w = data;
    w->calls++;
    ck_assert_int_gt(done, w->last_done);
    ck_assert(w->total == 0 || total == w->total);
    w->last_done = done;
    w->total = total;
    return w->calls == w->cancel_at;
}

START_TEST(progress_counts_up_to_its_total)
{
    struct session *s = open_session(2, N_PROMPT);
    struct watch w = {0};
    session_set_progress(s, watch_progress, &w);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    ck_assert_int_eq(w.calls, HOOK + 1);
    ck_assert_int_eq(w.last_done, w.total);
    w = (struct watch){0};
    append(s, 1, N_PROMPT, 2);
    free(logits_of(s, 3));
    ck_assert_int_eq(w.calls, 6);
    ck_assert_int_eq(w.last_done, w.total);
    session_free(s);
}
END_TEST

START_TEST(a_cancelled_call_leaves_a_usable_session)
{
    for (long at = 1; at <= 8; at++) {
        struct session *s = open_session(2, N_PROMPT);
        struct watch w = {.cancel_at = at};
        steer(s, 1, 1, STEER_BOTH, 0);
        append(s, 1, N_PROMPT, 2);
        session_set_progress(s, watch_progress, &w);
        float *logits = mem_alloc(2 * n_vocab, sizeof *logits);
        ck_assert_int_eq(session_logits(s, 3, logits, &err), ERR_CANCELLED);
        session_set_progress(s, NULL, NULL);
        ck_assert_int_eq(session_logits(s, 3, logits, &err), ERR_OK);
        check_from_scratch("baseline", logits, N_PROMPT, -1, 0, 0);
        check_from_scratch("steered", logits + n_vocab, N_PROMPT + 2, 1, STEER_BOTH, 0);
        free(logits);
        session_free(s);
    }
}
END_TEST

struct stop {
    long calls, at;
};

static bool stop_at_call(void *data, long done, long total)
{
    struct stop *stop = data;
    ck_assert(done >= 0 && done <= total);
    return ++stop->calls == stop->at;
}

START_TEST(a_read_cancelled_within_a_layer_keeps_the_batches_before_it)
{
    enum { N = 1100, BATCH = (N + 2) / 3 };
    struct session *whole = open_session(0, N);
    struct stop stop = {0};
    ck_assert_int_eq(session_read(whole, &err), ERR_OK);
    for (long at = 1; at < 100; at += 9) { /* steps of the batch after it */
        struct session *s = open_session(0, N);
        session_set_progress(s, stop_at_call, &stop);
        forward_set_step(s->forward, 1e5);
        stop = (struct stop){.at = 0};
        ck_assert_int_eq(session_set_prompt(s, ids, BATCH, &err), ERR_OK);
        ck_assert_int_eq(session_read(s, &err), ERR_OK);
        ck_assert_int_gt(stop.calls, 10 * (HOOK + 1)); /* not only after each layer */
        ck_assert_int_eq(session_set_prompt(s, ids, N, &err), ERR_OK);
        stop = (struct stop){.at = at};
        ck_assert_int_eq(session_read(s, &err), ERR_CANCELLED);
        stop = (struct stop){.at = 0};
        ck_assert_int_eq(session_read(s, &err), ERR_OK);
        ck_assert_int_eq(session_n_computed(s), N - BATCH);
        check_close("residuals", session_resid(s), session_resid(whole), N * d_model);
        session_free(s);
    }
    session_free(whole);
}
END_TEST

START_TEST(threads_do_not_change_a_bit)
{
    struct session *one = open_session(2, 40), *several = open_session(2, 40);
    steer(one, 1, 1, STEER_BOTH, 0);
    steer(several, 1, 1, STEER_BOTH, 0);
    float *want = logits_of(one, 3);
    pool_set_threads(3);
    float *got = logits_of(several, 3);
    pool_set_threads(1);
    ck_assert_mem_eq(got, want, 2 * n_vocab * sizeof *got);
    free(got);
    free(want);
    session_free(one);
    session_free(several);
}
END_TEST

Suite *suite_session(void)
{
    Suite *s = suite_create("session");
    TCase *t = tcase_create("session");
    tcase_add_checked_fixture(t, mini_setup, mini_teardown);
    tcase_add_test(t, token_by_token_equals_reading_at_once);
    tcase_add_test(t, a_prompt_of_several_batches_equals_its_residuals_token_by_token);
    tcase_add_test(t, a_prompt_of_one_token_works_and_an_empty_one_is_refused);
    tcase_add_test(t, asking_twice_gives_the_same_bits);
    tcase_add_test(t, branches_in_one_batch_equal_branches_alone);
    tcase_add_test(t, a_mask_picks_branches_in_order);
    tcase_add_test(t, factor_zero_equals_no_steering_bit_for_bit);
    tcase_add_test(t, steering_changed_in_mid_answer_equals_a_fresh_run);
    tcase_add_test(t, a_schedule_changes_only_its_positions);
    tcase_add_test(t, a_direction_of_another_width_is_refused);
    tcase_add_test(t, norm_ratio_is_the_mean_over_edited_prompt_positions);
    tcase_add_test(t, an_edited_prompt_keeps_its_common_prefix);
    tcase_add_test(t, the_same_prompt_again_computes_nothing);
    tcase_add_test(t, a_truncated_answer_goes_on_from_there);
    tcase_add_test(t, residuals_of_an_answer_are_those_of_a_reading_without_steering);
    tcase_add_test(t, any_hook_layer_gives_the_same_unsteered_logits);
    tcase_add_test(t, steering_after_the_last_layer_reaches_the_logits);
    tcase_add_test(t, a_dump_is_before_the_edit_at_the_hook_and_after_it_above);
    tcase_add_test(t, texts_beyond_the_context_are_refused_with_both_counts);
    tcase_add_test(t, ids_outside_the_vocabulary_are_refused);
    tcase_add_test(t, a_layer_that_does_not_exist_is_refused);
    tcase_add_test(t, a_strength_beyond_what_a_norm_can_hold_is_an_error);
    tcase_add_test(t, nan_is_an_error_that_names_layer_and_position);
    tcase_add_test(t, a_change_far_back_in_a_long_text_is_computed_from_the_start);
    tcase_add_test(t, steering_from_far_back_runs_the_upper_half_from_the_start);
    tcase_add_test(t, f16_keys_and_values_are_close_to_f32);
    tcase_add_test(t, progress_counts_up_to_its_total);
    tcase_add_test(t, a_cancelled_call_leaves_a_usable_session);
    tcase_add_test(t, a_read_cancelled_within_a_layer_keeps_the_batches_before_it);
    tcase_add_test(t, threads_do_not_change_a_bit);
    suite_add_tcase(s, t);
    return s;
}
