#include "tests/support/mini_sessions.h"

#include "data/mem.h"
#include "tests/support/approx.h"

#include <check.h>
#include <stdlib.h>

struct err err;
struct model *model;
size_t d_model, n_vocab;
int ids[N_IDS];
float directions[4][D_MODEL];

void mini_setup(void)
{
    ck_assert_msg(model_open(&model, "tests/fixtures/gemma2-mini", &err) == 0, "%s", err.message);
    d_model = (size_t)model->config.d_model;
    n_vocab = (size_t)model->config.n_vocab;
    ck_assert_uint_eq(d_model, D_MODEL);
    for (int i = 0; i < N_IDS; i++)
        ids[i] = i == 0 ? 2 : (int)((unsigned)i * 7919u % n_vocab);
    random_floats(directions[0], 4 * D_MODEL, 5);
}

void mini_teardown(void)
{
    model_close(model);
}

struct session *open_at(int hook, int n_branches, int n_prompt)
{
    struct session *s;
    ck_assert_msg(session_new(&s, model, hook, n_branches, &err) == 0, "%s", err.message);
    ck_assert_msg(session_set_prompt(s, ids, n_prompt, &err) == 0, "%s", err.message);
    return s;
}

void append(struct session *s, int branch, int first, int n)
{
    for (int i = first; i < first + n; i++)
        ck_assert_msg(session_append(s, branch, ids[i], &err) == 0, "%s", err.message);
}

float *logits_of(struct session *s, unsigned mask)
{
    float *logits = mem_alloc(16 * n_vocab, sizeof *logits);
    ck_assert_msg(session_logits(s, mask, logits, &err) == 0, "%s", err.message);
    return logits;
}

struct session *open_session(int n_branches, int n_prompt)
{
    return open_at(HOOK, n_branches, n_prompt);
}

void steer_after(struct session *s, int branch, int layer, size_t i, enum steer_at at, int from)
{
    struct steering steering = {.at = at, .from = from};
    struct intervention what = {INTERVENTION_ADD, 0, 20};
    steering_add_direction(&steering, directions[i], d_model, layer, what);
    ck_assert_int_eq(session_set_steering(s, branch, &steering, &err), ERR_OK);
    steering_clear(&steering);
}

void steer(struct session *s, int branch, size_t i, enum steer_at at, int from)
{
    steer_after(s, branch, HOOK, i, at, from);
}

void check_close(const char *what, const float *got, const float *want, size_t n)
{
    approx_tensor(what, got, want, n, TOLERANCE);
}

float *from_scratch(int hook, int n, int direction, enum steer_at at, int from)
{
    struct session *s = open_at(hook, 1, n);
    if (direction >= 0)
        steer_after(s, 0, hook, (size_t)direction, at, from);
    float *logits = logits_of(s, 1);
    session_free(s);
    return logits;
}

void check_from_scratch(const char *what, const float *got, int n, int direction, enum steer_at at,
                        int from)
{
    float *want = from_scratch(HOOK, n, direction, at, from);
    check_close(what, got, want, n_vocab);
    free(want);
}
