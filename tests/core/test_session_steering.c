/* Changes of steering in mid-answer; edits at several layers, against a run of all layers with the
 * edits written out. */
#include "core/forward.h"
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/mini_sessions.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

START_TEST(norm_ratio_forgets_what_a_new_prompt_changed)
{
    struct session *s = open_session(1, N_PROMPT), *fresh = open_session(1, 3 * N_PROMPT);
    steer(s, 0, 1, STEER_BOTH, 0);
    free(logits_of(s, 1));
    int text[3 * N_PROMPT];
    memcpy(text, ids, sizeof text);
    text[4] = ids[4] + 1;
    ck_assert_int_eq(session_set_prompt(s, text, 3 * N_PROMPT, &err), ERR_OK);
    float kept = session_norm_ratio(s, 0, HOOK); /* of the first four positions */
    ck_assert_int_eq(session_set_prompt(fresh, text, 4, &err), ERR_OK);
    steer(fresh, 0, 1, STEER_BOTH, 0);
    free(logits_of(fresh, 1));
    ck_assert_double_eq_tol(kept, session_norm_ratio(fresh, 0, HOOK), 1e-4 * (double)kept);
    ck_assert_int_eq(session_set_prompt(fresh, text, 3 * N_PROMPT, &err), ERR_OK);
    free(logits_of(fresh, 1));
    free(logits_of(s, 1));
    float all = session_norm_ratio(s, 0, HOOK);
    ck_assert_double_eq_tol(all, session_norm_ratio(fresh, 0, HOOK), 1e-4 * (double)all);
    ck_assert(fabsf(all - kept) > 0.01f * all);
    session_free(fresh);
    session_free(s);
}
END_TEST

/* --- several layers --- */

enum { LOW = 1, HIGH = 3, N_LAYERS = 6 };

/* Strength 20 along directions 0 and 1 after LOW, a clamp along 2 after HIGH and an addition along
 * 3 after the last layer, from position 2 on; given in another order than that of the layers. */
static struct steering several_edits(void)
{
    struct steering steering = {.at = STEER_FROM, .from = 2};
    struct intervention add = {INTERVENTION_ADD, 0, 20}, clamp = {INTERVENTION_CLAMP, 0, 0.5f};
    steering_add_direction(&steering, directions[3], d_model, N_LAYERS - 1, add);
    steering_add_direction(&steering, directions[2], d_model, HIGH, clamp);
    steering_add_direction(&steering, directions[0], d_model, LOW, add);
    steering_add_direction(&steering, directions[1], d_model, LOW, add);
    return steering;
}

static void add_row(float *x, double strength, size_t direction)
{
    for (size_t i = 0; i < d_model; i++)
        x[i] += (float)(strength * (double)directions[direction][i]);
}

/* The edits of several_edits, written out. */
static void edit_plainly(float *x, int layer)
{
    double latent = 0;
    for (size_t i = 0; i < d_model; i++)
        latent += (double)x[i] * (double)directions[2][i];
    if (layer == LOW) {
        add_row(x, 20, 0);
        add_row(x, 20, 1);
    } else if (layer == HIGH) {
        add_row(x, 0.5 - (latent > 0 ? latent : 0), 2);
    } else if (layer == N_LAYERS - 1) {
        add_row(x, 20, 3);
    }
}

/* All n tokens at once, layer after layer, nothing kept, steered or not: logits [n_vocab] of the
 * last, and what leaves each layer before its edit, [N_LAYERS, n, d_model]; the caller frees both.
 */
static void run_plainly(float **logits, float **resid, int n, bool steered)
{
    struct kv_cache cache;
    struct timeline line = {.own = &cache};
    struct row rows[64];
    struct forward *f = forward_new(model);
    struct batch batch = {.rows = rows, .n = n};
    size_t size = (size_t)n * d_model;
    *logits = mem_alloc(n_vocab, sizeof **logits);
    *resid = mem_alloc(N_LAYERS * size, sizeof **resid);
    batch.x = mem_alloc(size, sizeof *batch.x);
    kv_cache_init(&cache, model, 0, N_LAYERS, DTYPE_F32);
    ck_assert_int_eq(kv_cache_reserve(&cache, n, &err), ERR_OK);
    for (int t = 0; t < n; t++)
        rows[t] = (struct row){&line, t};
    forward_embed(batch.x, model, ids, n);
    for (int l = 0; l < N_LAYERS; l++) {
        ck_assert_int_eq(forward_layers(f, &batch, l, l + 1, NULL, NULL, &err), ERR_OK);
        memcpy(*resid + (size_t)l * size, batch.x, size * sizeof(float));
        for (int t = 2; t < n && steered; t++)
            edit_plainly(batch.x + (size_t)t * d_model, l);
    }
    const float *last = batch.x + size - d_model;
    ck_assert_int_eq(forward_logits(f, *logits, last, &rows[n - 1], 1, &err), ERR_OK);
    kv_cache_clear(&cache);
    forward_free(f);
    free(batch.x);
}

static void check_plainly(const char *what, const float *got, int n, bool steered)
{
    float *want, *resid;
    run_plainly(&want, &resid, n, steered);
    approx_tensor(what, got, want, n_vocab, TOLERANCE);
    free(want);
    free(resid);
}

START_TEST(edits_of_several_layers_equal_a_run_without_caches)
{
    struct steering steering = several_edits();
    for (int hook = 0; hook <= LOW; hook++) {
        struct session *s = open_at(hook, 2, N_PROMPT);
        ck_assert_int_eq(session_set_steering(s, 1, &steering, &err), ERR_OK);
        for (int n = 0; n <= N_ANSWER; n++) {
            float *got = logits_of(s, 3);
            check_plainly("baseline", got, N_PROMPT + n, false);
            check_plainly("steered", got + n_vocab, N_PROMPT + n, true);
            free(got);
            append(s, 0, N_PROMPT + n, 1);
            append(s, 1, N_PROMPT + n, 1);
        }
        session_free(s);
    }
    steering_clear(&steering);
}
END_TEST

START_TEST(edits_of_several_layers_may_come_and_go_in_mid_answer)
{
    struct steering steering = several_edits();
    struct session *s = open_at(LOW, 1, N_PROMPT);
    append(s, 0, N_PROMPT, N_ANSWER);
    struct steering other = {0};
    steering_add_direction(&other, directions[1], d_model, HIGH,
                           (struct intervention){INTERVENTION_ADD, 0, 20});
    ck_assert_int_eq(session_set_steering(s, 0, &other, &err), ERR_OK);
    steering_clear(&other);
    free(logits_of(s, 1));
    ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_OK);
    float *got = logits_of(s, 1);
    ck_assert_int_eq(session_n_computed(s), N_PROMPT);
    check_plainly("all", got, N_PROMPT + N_ANSWER, true);
    free(got);
    ck_assert_int_eq(session_set_steering(s, 0, NULL, &err), ERR_OK);
    got = logits_of(s, 1);
    check_plainly("none", got, N_PROMPT + N_ANSWER, false);
    free(got);
    steering_clear(&steering);
    session_free(s);
}
END_TEST

START_TEST(a_dump_is_before_the_edits_of_its_own_layer_and_after_those_below)
{
    struct steering steering = several_edits();
    struct session *s = open_at(LOW, 1, N_PROMPT);
    static const int layers[N_LAYERS] = {0, 1, 2, 3, 4, 5};
    size_t size = N_PROMPT * d_model;
    float *got = mem_alloc(N_LAYERS * size, sizeof *got), *resid[N_LAYERS], *want, *logits;
    for (int l = 0; l < N_LAYERS; l++)
        resid[l] = got + (size_t)l * size;
    ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_OK);
    ck_assert_int_eq(session_dump(s, 0, layers, N_LAYERS, resid, NULL, false, &err), ERR_OK);
    run_plainly(&logits, &want, N_PROMPT, true);
    for (int l = 0; l < N_LAYERS; l++)
        approx_tensor("residual", resid[l], want + (size_t)l * size, size, TOLERANCE);
    free(want);
    free(logits);
    free(got);
    steering_clear(&steering);
    session_free(s);
}
END_TEST

START_TEST(answers_are_kept_at_further_layers_before_their_edits)
{
    static const int layers[] = {HIGH, LOW, N_LAYERS - 1, HIGH};
    struct steering steering = several_edits();
    struct session *s = open_at(LOW, 2, N_PROMPT);
    enum { N = N_PROMPT + N_ANSWER };
    ck_assert_int_eq(session_keep_layers(s, layers, 4, &err), ERR_OK);
    append(s, 0, N_PROMPT, N_ANSWER);
    append(s, 1, N_PROMPT, N_ANSWER - 2);
    free(logits_of(s, 3));
    ck_assert_int_eq(session_set_steering(s, 1, &steering, &err), ERR_OK);
    for (int i = 2; i > 0; i--) { /* token by token, and once more of what is there */
        append(s, 1, N - i, 1);
        float *logits = logits_of(s, 3);
        check_plainly("baseline", logits, N, false);
        check_plainly("steered", logits + n_vocab, N - i + 1, true);
        free(logits);
    }
    for (int branch = 0; branch < 2; branch++) {
        float *logits, *want;
        run_plainly(&logits, &want, N, branch == 1);
        for (int i = 0; i < 4; i++) {
            const float *got;
            ck_assert_int_eq(session_answer_resid(&got, s, branch, layers[i]), N_ANSWER);
            approx_tensor("kept", got, want + ((size_t)layers[i] * N + N_PROMPT) * d_model,
                          N_ANSWER * d_model, TOLERANCE);
        }
        free(logits);
        free(want);
    }
    session_truncate(s, 1, 2);
    const float *rest;
    ck_assert_int_eq(session_answer_resid(&rest, s, 1, HIGH), 2);
    ck_assert_int_eq(session_keep_layers(s, (int[]){0}, 1, &err), ERR_LIMIT);
    ck_assert_int_eq(session_keep_layers(s, (int[]){N_LAYERS}, 1, &err), ERR_LIMIT);
    steering_clear(&steering);
    session_free(s);
}
END_TEST

START_TEST(only_so_many_layers_are_kept)
{
    int layers[SESSION_MAX_KEPT + 1];
    struct session *s = open_at(0, 1, 1);
    for (int i = 0; i <= SESSION_MAX_KEPT; i++)
        layers[i] = i + 1;
    model->config.n_layers = SESSION_MAX_KEPT + 2; /* nothing is run */
    ck_assert_int_eq(session_keep_layers(s, layers, SESSION_MAX_KEPT, &err), ERR_OK);
    ck_assert_int_eq(session_keep_layers(s, layers, SESSION_MAX_KEPT, &err), ERR_OK);
    ck_assert_int_eq(session_keep_layers(s, layers, SESSION_MAX_KEPT + 1, &err), ERR_LIMIT);
    model->config.n_layers = N_LAYERS;
    session_free(s);
}
END_TEST

START_TEST(norm_ratio_is_told_for_each_edited_layer)
{
    struct steering steering = several_edits();
    struct session *s = open_at(0, 1, N_PROMPT);
    float *logits, *resid;
    ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_OK);
    free(logits_of(s, 1));
    run_plainly(&logits, &resid, N_PROMPT, true);
    for (int l = 0; l < N_LAYERS; l++) {
        double want = 0;
        int first = l == N_LAYERS - 1 ? N_PROMPT - 1 : 2; /* the others do not reach the last */
        for (int t = first; t < N_PROMPT; t++) {
            const float *h = resid + ((size_t)l * N_PROMPT + (size_t)t) * d_model;
            float edited[96];
            double change2 = 0, h2 = 0;
            memcpy(edited, h, d_model * sizeof *h);
            edit_plainly(edited, l);
            for (size_t i = 0; i < d_model; i++) {
                change2 += pow((double)edited[i] - (double)h[i], 2);
                h2 += pow((double)h[i], 2);
            }
            want += sqrt(change2 / h2) / (N_PROMPT - first);
        }
        ck_assert_double_le(fabs((double)session_norm_ratio(s, 0, l) - want), 1e-3 * want);
        ck_assert((want > 0) == (l == LOW || l == HIGH || l == N_LAYERS - 1));
    }
    free(logits);
    free(resid);
    steering_clear(&steering);
    session_free(s);
}
END_TEST

START_TEST(an_edit_outside_the_upper_layers_is_refused_and_changes_nothing)
{
    static const int bad[] = {-1, HIGH - 1, N_LAYERS};
    struct session *s = open_at(HIGH, 1, N_PROMPT);
    for (int i = 0; i < 3; i++) {
        struct steering steering = {0};
        steering_add_direction(&steering, directions[0], d_model, bad[i],
                               (struct intervention){INTERVENTION_ADD, 0, 1});
        ck_assert_int_eq(session_set_steering(s, 0, &steering, &err), ERR_LIMIT);
        ck_assert_msg(strstr(err.message, "layers 3 to 5") != NULL, "%s", err.message);
        steering_clear(&steering);
    }
    float *got = logits_of(s, 1);
    check_plainly("as before", got, N_PROMPT, false);
    free(got);
    session_free(s);
}
END_TEST

Suite *suite_session_steering(void)
{
    Suite *s = suite_create("session_steering");
    TCase *t = tcase_create("session_steering");
    tcase_add_checked_fixture(t, mini_setup, mini_teardown);
    tcase_add_test(t, steering_changed_in_mid_answer_equals_a_fresh_run);
    tcase_add_test(t, a_schedule_changes_only_its_positions);
    tcase_add_test(t, a_direction_of_another_width_is_refused);
    tcase_add_test(t, norm_ratio_is_the_mean_over_edited_prompt_positions);
    tcase_add_test(t, norm_ratio_forgets_what_a_new_prompt_changed);
    tcase_add_test(t, edits_of_several_layers_equal_a_run_without_caches);
    tcase_add_test(t, edits_of_several_layers_may_come_and_go_in_mid_answer);
    tcase_add_test(t, a_dump_is_before_the_edits_of_its_own_layer_and_after_those_below);
    tcase_add_test(t, answers_are_kept_at_further_layers_before_their_edits);
    tcase_add_test(t, only_so_many_layers_are_kept);
    tcase_add_test(t, norm_ratio_is_told_for_each_edited_layer);
    tcase_add_test(t, an_edit_outside_the_upper_layers_is_refused_and_changes_nothing);
    suite_add_tcase(s, t);
    return s;
}
