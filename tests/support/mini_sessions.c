#include "tests/support/mini_sessions.h"

#include "data/mem.h"
#include "tests/support/approx.h"

#include <check.h>

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
