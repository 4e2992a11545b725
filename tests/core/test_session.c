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
    ck_assert_str_ne(err.hint, "");
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
    tcase_add_test(t, an_edited_prompt_keeps_its_common_prefix);
    tcase_add_test(t, the_same_prompt_again_computes_nothing);
    tcase_add_test(t, a_truncated_answer_goes_on_from_there);
    tcase_add_test(t, residuals_of_an_answer_are_those_of_a_reading_without_steering);
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
