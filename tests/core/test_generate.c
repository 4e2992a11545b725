#include "core/generate.h"

#include "tests/support/fixture.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

#define N_GREEDY 12

/* The i-th case of the fixture that has a greedy continuation, or NULL. */
static const struct json *greedy_case(const struct fixture *f, int i)
{
    const struct json *c = json_first(json_get(f->expected, "cases"));
    for (; c; c = json_next(c))
        if (json_get(c, "greedy") && i-- == 0)
            return c;
    return NULL;
}

static struct session *session_with_case(const struct fixture *f, const struct json *c,
                                         int n_branches)
{
    struct session *s;
    struct err err = {0};
    size_t n;
    int *ids = fixture_ints(json_get(c, "ids"), &n);
    ck_assert_int_eq(session_new(&s, f->model, f->hook_layer, n_branches, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(s, ids, (int)n, &err), ERR_OK);
    free(ids);
    return s;
}

static void steer_as_expected(struct session *s, const struct fixture *f, int branch,
                              const struct json *steer)
{
    struct steering steering = {0};
    struct err err = {0};
    const struct json *add = json_first(json_get(steer, "additions"));
    for (; add; add = json_next(add)) {
        struct intervention what = {INTERVENTION_ADD, (size_t)fixture_int(add, "concept"),
                                    fixture_float(add, "strength")};
        ck_assert_int_eq(steering_add(&steering, f->dict, what, &err), ERR_OK);
    }
    ck_assert_int_eq(session_set_steering(s, branch, &steering, &err), ERR_OK);
    steering_clear(&steering);
}

static void check_answer(const struct session *s, int branch, const struct json *want)
{
    size_t n;
    int *ids = fixture_ints(want, &n);
    ck_assert_int_eq(session_n_answer(s, branch), (int)n);
    ck_assert_mem_eq(session_answer(s, branch), ids, n * sizeof *ids);
    free(ids);
}

START_TEST(baseline_and_steered_in_lockstep_give_the_reference_continuations)
{
    struct fixture f;
    fixture_open(&f, _i);
    f.model->config.n_stop_ids = 0; /* the reference did not stop */
    struct sampler greedy = {0};
    int n_cases = 0;
    for (const struct json *c; (c = greedy_case(&f, n_cases)); n_cases++) {
        enum generate_stop stop[SESSION_MAX_BRANCHES];
        struct err err = {0};
        struct session *s = session_with_case(&f, c, 2);
        steer_as_expected(s, &f, 1, json_get(c, "steer"));
        ck_assert_int_eq(generate(stop, s, f.model, 3, &greedy, N_GREEDY, NULL, NULL, &err),
                         ERR_OK);
        check_answer(s, 0, json_get(c, "greedy"));
        check_answer(s, 1, json_get(json_get(c, "steer"), "greedy"));
        ck_assert_int_eq(stop[0], GENERATE_LENGTH);
        ck_assert_int_eq(stop[1], GENERATE_LENGTH);
        session_free(s);
    }
    ck_assert_int_eq(n_cases, 2);
    fixture_close(&f);
}
END_TEST

struct log {
    int n_calls[2], last_id[2], cancel_after;
};

static bool note_token(void *data, int branch, int index, int id, const float *logits)
{
    struct log *log = data;
    ck_assert_int_eq(index, log->n_calls[branch]);
    ck_assert_ptr_nonnull(logits);
    log->n_calls[branch]++;
    log->last_id[branch] = id;
    return --log->cancel_after != 0;
}

START_TEST(a_stop_id_ends_its_branch_and_is_not_appended)
{
    struct fixture f;
    struct err err = {0};
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    struct log log = {.cancel_after = -1};
    fixture_open(&f, 0);
    const struct json *c = greedy_case(&f, 0);
    int *ids = fixture_ints(json_get(json_get(c, "steer"), "greedy"), NULL);
    f.model->config.n_stop_ids = 1;
    f.model->config.stop_ids[0] = ids[0];
    struct session *s = session_with_case(&f, c, 2);
    steer_as_expected(s, &f, 1, json_get(c, "steer"));
    ck_assert_int_eq(generate(stop, s, f.model, 3, &(struct sampler){0}, 5, note_token, &log, &err),
                     ERR_OK);
    ck_assert_int_eq(stop[1], GENERATE_EOS);
    ck_assert_int_eq(session_n_answer(s, 1), 0);
    ck_assert_int_eq(log.n_calls[1], 1);
    ck_assert_int_eq(log.last_id[1], ids[0]);
    ck_assert_int_eq(session_n_answer(s, 0), log.n_calls[0] - (stop[0] == GENERATE_EOS));
    free(ids);
    session_free(s);
    fixture_close(&f);
}
END_TEST

START_TEST(a_callback_can_stop_it_and_it_can_be_continued)
{
    struct fixture f;
    struct err err = {0};
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    struct log log = {.cancel_after = 4};
    fixture_open(&f, 1);
    f.model->config.n_stop_ids = 0;
    const struct json *c = greedy_case(&f, 1);
    struct session *s = session_with_case(&f, c, 1);
    struct sampler greedy = {0};
    ck_assert_int_eq(generate(stop, s, f.model, 1, &greedy, N_GREEDY, note_token, &log, &err),
                     ERR_CANCELLED);
    ck_assert_int_eq(session_n_answer(s, 0), 3);
    ck_assert_int_eq(generate(stop, s, f.model, 1, &greedy, N_GREEDY, NULL, NULL, &err), ERR_OK);
    check_answer(s, 0, json_get(c, "greedy"));
    session_free(s);
    fixture_close(&f);
}
END_TEST

START_TEST(sampled_branches_share_their_noise)
{
    struct fixture f;
    struct err err = {0};
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    fixture_open(&f, 0);
    f.model->config.n_stop_ids = 0;
    const struct json *c = greedy_case(&f, 1);
    struct session *s = session_with_case(&f, c, 2);
    struct sampler sampler = {1.0f, 0, 1, 99};
    ck_assert_int_eq(generate(stop, s, f.model, 3, &sampler, 10, NULL, NULL, &err), ERR_OK);
    ck_assert_mem_eq(session_answer(s, 0), session_answer(s, 1), 10 * sizeof(int));
    int kept[10];
    memcpy(kept, session_answer(s, 0), sizeof kept);
    session_truncate(s, 0, 0);
    ck_assert_int_eq(generate(stop, s, f.model, 1, &sampler, 10, NULL, NULL, &err), ERR_OK);
    ck_assert_mem_eq(session_answer(s, 0), kept, sizeof kept);
    sampler.seed = 100;
    session_truncate(s, 0, 0);
    ck_assert_int_eq(generate(stop, s, f.model, 1, &sampler, 10, NULL, NULL, &err), ERR_OK);
    ck_assert_mem_ne(session_answer(s, 0), kept, sizeof kept);
    session_free(s);
    fixture_close(&f);
}
END_TEST

START_TEST(a_full_context_ends_by_length)
{
    struct fixture f;
    struct err err = {0};
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    fixture_open(&f, 0);
    f.model->config.n_stop_ids = 0;
    f.model->config.n_ctx = 8;
    const struct json *c = greedy_case(&f, 0); /* 5 tokens */
    struct session *s = session_with_case(&f, c, 1);
    ck_assert_int_eq(generate(stop, s, f.model, 1, &(struct sampler){0}, 50, NULL, NULL, &err),
                     ERR_OK);
    ck_assert_int_eq(session_n_answer(s, 0), 3);
    ck_assert_int_eq(stop[0], GENERATE_LENGTH);
    session_free(s);
    fixture_close(&f);
}
END_TEST

Suite *suite_generate(void)
{
    Suite *s = suite_create("generate");
    TCase *t = tcase_create("generate");
    tcase_add_loop_test(t, baseline_and_steered_in_lockstep_give_the_reference_continuations, 0,
                        N_FIXTURES);
    tcase_add_test(t, a_stop_id_ends_its_branch_and_is_not_appended);
    tcase_add_test(t, a_callback_can_stop_it_and_it_can_be_continued);
    tcase_add_test(t, sampled_branches_share_their_noise);
    tcase_add_test(t, a_full_context_ends_by_length);
    suite_add_tcase(s, t);
    return s;
}
