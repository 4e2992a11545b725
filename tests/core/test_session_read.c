/* Several prompts read in common batches, against each read alone. */
#include "core/forward.h"
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/mini_sessions.h"
#include "tests/support/runner.h"

#include <limits.h>
#include <stdlib.h>

#define N_PROMPTS 9

/* More than fit into a batch, one of them alone longer than that, one empty. */
static const int lengths[N_PROMPTS] = {24, 7, 100, 90, 0, FORWARD_MAX_ROWS + 40, 1, 60, 24};

static int id_at(int prompt, int t)
{
    return t == 0 ? 2 : (prompt * 31 + t * 7) % model->config.n_vocab;
}

static void set_prompt(struct session *s, int prompt, int n)
{
    int *text = mem_alloc((size_t)n + 1, sizeof *text);
    for (int t = 0; t < n; t++)
        text[t] = id_at(prompt, t);
    ck_assert_msg(session_set_prompt(s, text, n, &err) == 0, "%s", err.message);
    free(text);
}

static void open_all(struct session *sessions[N_PROMPTS])
{
    for (int i = 0; i < N_PROMPTS; i++) {
        ck_assert_msg(session_new(&sessions[i], model, HOOK, 0, &err) == 0, "%s", err.message);
        set_prompt(sessions[i], i, lengths[i]);
    }
}

static void free_all(struct session *sessions[N_PROMPTS])
{
    for (int i = 0; i < N_PROMPTS; i++)
        session_free(sessions[i]);
}

/* Every prompt again in a session of its own. */
static void check_all(struct session *sessions[N_PROMPTS])
{
    for (int i = 0; i < N_PROMPTS; i++) {
        struct session *alone;
        ck_assert_int_eq(session_new(&alone, model, HOOK, 0, &err), ERR_OK);
        set_prompt(alone, i, lengths[i]);
        ck_assert_int_eq(session_read(alone, &err), ERR_OK);
        check_close("residuals", session_resid(sessions[i]), session_resid(alone),
                    (size_t)lengths[i] * d_model);
        session_free(alone);
    }
}

START_TEST(prompts_read_together_are_those_read_alone)
{
    struct session *sessions[N_PROMPTS];
    open_all(sessions);
    ck_assert_msg(session_read_all(sessions, N_PROMPTS, &err) == 0, "%s", err.message);
    for (int i = 0; i < N_PROMPTS; i++)
        ck_assert_int_eq(session_n_computed(sessions[i]), lengths[i]);
    check_all(sessions);
    free_all(sessions);
}
END_TEST

/* Progress, and when to stop it. */
struct watched {
    long most_at_once, last, total, stop_at;
};

static bool watch(void *data, long done, long total)
{
    struct watched *w = data;
    if (done - w->last > w->most_at_once)
        w->most_at_once = done - w->last;
    w->last = done;
    w->total = total;
    return done >= w->stop_at;
}

START_TEST(a_batch_is_bounded_and_counted)
{
    struct session *sessions[N_PROMPTS];
    struct watched w = {.stop_at = LONG_MAX};
    long n_rows = 0;
    open_all(sessions);
    session_set_progress(sessions[0], watch, &w);
    ck_assert_int_eq(session_read_all(sessions, N_PROMPTS, &err), ERR_OK);
    for (int i = 0; i < N_PROMPTS; i++)
        n_rows += lengths[i];
    ck_assert_int_eq(w.total, n_rows * (HOOK + 1));
    ck_assert_int_eq(w.last, w.total);
    ck_assert_int_le(w.most_at_once, FORWARD_MAX_ROWS);
    ck_assert_int_gt(w.most_at_once, 100); /* several prompts */
    free_all(sessions);
}
END_TEST

START_TEST(a_cancelled_reading_goes_on_where_it_was)
{
    struct session *sessions[N_PROMPTS];
    struct watched w = {.stop_at = 300 * (HOOK + 1)};
    open_all(sessions);
    session_set_progress(sessions[0], watch, &w);
    ck_assert_int_eq(session_read_all(sessions, N_PROMPTS, &err), ERR_CANCELLED);
    w = (struct watched){.stop_at = LONG_MAX};
    ck_assert_int_eq(session_read_all(sessions, N_PROMPTS, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(sessions[0]), 0);
    ck_assert_int_eq(session_n_computed(sessions[8]), lengths[8]);
    check_all(sessions);
    free_all(sessions);
}
END_TEST

START_TEST(what_a_prompt_has_in_common_with_the_last_is_kept)
{
    struct session *sessions[N_PROMPTS];
    open_all(sessions);
    ck_assert_int_eq(session_read_all(sessions, N_PROMPTS, &err), ERR_OK);
    set_prompt(sessions[2], 2, 40);
    set_prompt(sessions[2], 2, lengths[2]);
    set_prompt(sessions[3], 4, lengths[3]);
    set_prompt(sessions[3], 3, lengths[3]);
    ck_assert_int_eq(session_read_all(sessions, N_PROMPTS, &err), ERR_OK);
    ck_assert_int_eq(session_n_computed(sessions[0]), 0);
    ck_assert_int_eq(session_n_computed(sessions[2]), lengths[2] - 40);
    ck_assert_int_eq(session_n_computed(sessions[3]), lengths[3] - 1); /* BOS is the same */
    check_all(sessions);
    free_all(sessions);
}
END_TEST

Suite *suite_session_read(void)
{
    Suite *s = suite_create("session_read");
    TCase *t = tcase_create("session_read");
    tcase_add_checked_fixture(t, mini_setup, mini_teardown);
    tcase_add_test(t, prompts_read_together_are_those_read_alone);
    tcase_add_test(t, a_batch_is_bounded_and_counted);
    tcase_add_test(t, a_cancelled_reading_goes_on_where_it_was);
    tcase_add_test(t, what_a_prompt_has_in_common_with_the_last_is_kept);
    suite_add_tcase(s, t);
    return s;
}
