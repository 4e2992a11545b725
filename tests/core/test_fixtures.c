/* All cases of the fixtures, with every instruction set this processor has. */
#include "core/isa.h"
#include "core/latents.h"
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/fixture.h"
#include "tests/support/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 2e-4

/* One case of one fixture, with a session of two branches on its ids. */
struct world {
    struct fixture f;
    const struct json *item;
    struct session *session;
    size_t n_ids, d_model, n_vocab;
    float *logits; /* [2, n_vocab] */
};

static void open_case(struct world *v, const struct json *item)
{
    struct err err = {0};
    int *ids = fixture_ints(json_get(item, "ids"), &v->n_ids);
    v->item = item;
    ck_assert_msg(session_new(&v->session, v->f.model, v->f.hook_layer, 2, &err) == 0, "%s",
                  err.message);
    ck_assert_msg(session_set_prompt(v->session, ids, (int)v->n_ids, &err) == 0, "%s", err.message);
    v->d_model = (size_t)v->f.model->config.d_model;
    v->n_vocab = (size_t)v->f.model->config.n_vocab;
    v->logits = mem_alloc(2 * v->n_vocab, sizeof(float));
    free(ids);
}

static void close_case(struct world *v)
{
    session_free(v->session);
    free(v->logits);
}

typedef void case_check(struct world *v);

/* Runs `check` on every case of fixture `i` / N_ISAS that has `key`, under set `i` % N_ISAS. */
static void check_cases(int i, const char *key, case_check *check, int n_want)
{
    struct world v;
    int n = 0;
    const enum isa isa = (enum isa)(i % N_ISAS), before = isa_current();
    if (!isa_has(isa)) {
        printf("skipped: this processor has no %s\n", isa_name(isa));
        return;
    }
    isa_use(isa);
    fixture_open(&v.f, i / N_ISAS);
    const struct json *cases = json_get(v.f.expected, "cases");
    for (const struct json *item = json_first(cases); item; item = json_next(item)) {
        if (!json_get(item, key))
            continue;
        open_case(&v, item);
        check(&v);
        close_case(&v);
        n++;
    }
    fixture_close(&v.f);
    isa_use(before);
    ck_assert_int_eq(n, n_want);
}

static void check_tensor(const char *what, const float *got, const struct json *want, size_t n)
{
    size_t n_want;
    float *expected = fixture_floats(want, &n_want);
    ck_assert_uint_eq(n_want, n);
    approx_tensor(what, got, expected, n, TOLERANCE);
    free(expected);
}

static void logits_of(struct world *v, unsigned mask)
{
    struct err err = {0};
    ck_assert_msg(session_logits(v->session, mask, v->logits, &err) == 0, "%s", err.message);
}

static void check_resid(struct world *v)
{
    struct err err = {0};
    float *resid = mem_alloc(v->n_ids * v->d_model, sizeof *resid);
    const struct json *item = json_first(json_get(v->item, "resid"));
    for (; item; item = json_next(item)) {
        char what[32];
        int layer = atoi(json_key(item));
        snprintf(what, sizeof what, "resid.%d of %zu tokens", layer, v->n_ids);
        ck_assert_msg(session_dump(v->session, 0, &layer, 1, &resid, NULL, false, &err) == ERR_OK,
                      "%s", err.message);
        check_tensor(what, resid, item, v->n_ids * v->d_model);
        if (layer != v->f.hook_layer)
            continue;
        ck_assert_int_eq(session_read(v->session, &err), ERR_OK);
        check_tensor("session_resid", session_resid(v->session), item, v->n_ids * v->d_model);
    }
    free(resid);
}

START_TEST(residuals_after_layers)
{
    check_cases(_i, "resid", check_resid, 4);
}
END_TEST

static void check_latents(struct world *v)
{
    struct err err = {0};
    size_t n_acts = v->n_ids * v->f.dict->n_concepts;
    float *acts = mem_alloc(n_acts, sizeof *acts);
    ck_assert_int_eq(session_read(v->session, &err), ERR_OK);
    ck_assert_int_eq(latents_encode(acts, v->f.dict, session_resid(v->session), v->n_ids,
                                    v->d_model, false, &err),
                     ERR_OK);
    check_tensor("latents", acts, json_get(v->item, "latents"), n_acts);
    free(acts);
}

START_TEST(latents_at_every_position)
{
    check_cases(_i, "latents", check_latents, 4);
}
END_TEST

static void check_logits(struct world *v)
{
    struct err err = {0};
    const struct json *want = json_get(v->item, "logits_last");
    logits_of(v, 1);
    check_tensor("logits", v->logits, want, v->n_vocab);
    ck_assert_int_eq(session_dump(v->session, 0, NULL, 0, NULL, v->logits, false, &err), ERR_OK);
    check_tensor("dumped logits", v->logits, want, v->n_vocab);
    float *all = mem_alloc(v->n_ids * v->n_vocab, sizeof *all);
    ck_assert_int_eq(session_dump(v->session, 0, NULL, 0, NULL, all, true, &err), ERR_OK);
    check_tensor("last of all logits", all + (v->n_ids - 1) * v->n_vocab, want, v->n_vocab);
    free(all);
}

START_TEST(logits_of_the_last_position)
{
    check_cases(_i, "logits_last", check_logits, 4);
}
END_TEST

/* --- edits --- */

static void add_edit(struct steering *steering, const struct world *v, enum intervention_kind kind,
                     const struct json *edit, const char *strength_key)
{
    struct err err = {0};
    struct intervention what = {kind, (size_t)fixture_int(edit, "concept"),
                                strength_key ? fixture_float(edit, strength_key) : 0};
    ck_assert_msg(steering_add(steering, v->f.dict, what, &err) == ERR_OK, "%s", err.message);
}

/* Branch 1 is steered, branch 0 is not; both run in one batch. Takes steering. */
static void check_steered(struct world *v, struct steering *steering, const char *key)
{
    struct err err = {0};
    const struct json *edit = json_get(v->item, key);
    ck_assert_int_eq(session_set_steering(v->session, 1, steering, &err), ERR_OK);
    steering_clear(steering);
    logits_of(v, 3);
    check_tensor("baseline beside steered", v->logits, json_get(v->item, "logits_last"),
                 v->n_vocab);
    check_tensor(key, v->logits + v->n_vocab, json_get(edit, "logits_last"), v->n_vocab);
    ck_assert_int_eq(session_dump(v->session, 1, NULL, 0, NULL, v->logits, false, &err), ERR_OK);
    check_tensor("dumped under steering", v->logits, json_get(edit, "logits_last"), v->n_vocab);
}

static void set_additions(struct steering *steering, const struct world *v)
{
    const struct json *edits = json_get(json_get(v->item, "steer"), "additions");
    for (const struct json *edit = json_first(edits); edit; edit = json_next(edit))
        add_edit(steering, v, INTERVENTION_ADD, edit, "strength");
}

static void check_additions(struct world *v)
{
    struct steering steering = {0};
    set_additions(&steering, v);
    check_steered(v, &steering, "steer");
}

static void check_clamp(struct world *v)
{
    struct steering steering = {0};
    add_edit(&steering, v, INTERVENTION_CLAMP, json_get(v->item, "clamp"), "target");
    check_steered(v, &steering, "clamp");
}

static void check_threshold(struct world *v)
{
    struct steering steering = {0};
    add_edit(&steering, v, INTERVENTION_THRESHOLD, json_get(v->item, "threshold"), "value");
    check_steered(v, &steering, "threshold");
}

static void check_project_out(struct world *v)
{
    struct steering steering = {0};
    add_edit(&steering, v, INTERVENTION_PROJECT_OUT, json_get(v->item, "project_out"), NULL);
    check_steered(v, &steering, "project_out");
}

START_TEST(logits_under_additions)
{
    check_cases(_i, "steer", check_additions, 2);
}
END_TEST

START_TEST(logits_under_a_clamp)
{
    check_cases(_i, "clamp", check_clamp, 2);
}
END_TEST

START_TEST(logits_under_a_threshold)
{
    check_cases(_i, "threshold", check_threshold, 2);
}
END_TEST

START_TEST(logits_with_a_direction_projected_out)
{
    check_cases(_i, "project_out", check_project_out, 2);
}
END_TEST

/* --- greedy answers --- */

static int largest(const float *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return (int)best;
}

static void check_answer(const struct world *v, int branch, const struct json *want)
{
    size_t n;
    int *ids = fixture_ints(want, &n);
    ck_assert_int_eq(session_n_answer(v->session, branch), (int)n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(session_answer(v->session, branch)[i] == ids[i],
                      "branch %d, answer token %zu is %d, expected %d", branch, i,
                      session_answer(v->session, branch)[i], ids[i]);
    free(ids);
}

/* Baseline and steered answer grow in lockstep, past end tokens. */
static void check_greedy(struct world *v)
{
    struct err err = {0};
    struct steering steering = {0};
    set_additions(&steering, v);
    ck_assert_int_eq(session_set_steering(v->session, 1, &steering, &err), ERR_OK);
    steering_clear(&steering);
    for (size_t i = 0; i < json_size(json_get(v->item, "greedy")); i++) {
        logits_of(v, 3);
        for (int b = 0; b < 2; b++) {
            int id = largest(v->logits + (size_t)b * v->n_vocab, v->n_vocab);
            ck_assert_int_eq(session_append(v->session, b, id, &err), ERR_OK);
        }
    }
    check_answer(v, 0, json_get(v->item, "greedy"));
    check_answer(v, 1, json_get(json_get(v->item, "steer"), "greedy"));
}

START_TEST(greedy_answers_with_and_without_steering)
{
    check_cases(_i, "steer", check_greedy, 2);
}
END_TEST

Suite *suite_fixtures(void)
{
    Suite *s = suite_create("fixtures");
    TCase *t = tcase_create("fixtures");
    const int n = N_FIXTURES * N_ISAS;
    tcase_add_loop_test(t, residuals_after_layers, 0, n);
    tcase_add_loop_test(t, latents_at_every_position, 0, n);
    tcase_add_loop_test(t, logits_of_the_last_position, 0, n);
    tcase_add_loop_test(t, logits_under_additions, 0, n);
    tcase_add_loop_test(t, logits_under_a_clamp, 0, n);
    tcase_add_loop_test(t, logits_under_a_threshold, 0, n);
    tcase_add_loop_test(t, logits_with_a_direction_projected_out, 0, n);
    tcase_add_loop_test(t, greedy_answers_with_and_without_steering, 0, n);
    suite_add_tcase(s, t);
    return s;
}
