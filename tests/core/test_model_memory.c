#include "core/model_memory.h"
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <stdlib.h>

static struct err err;

static float *logits_of(const struct model *model)
{
    static const int ids[] = {2, 5, 9, 14, 3, 77, 31, 8};
    struct session *s;
    float *logits = mem_alloc((size_t)model->config.n_vocab, sizeof *logits);
    ck_assert_msg(session_new(&s, model, 1, 1, &err) == 0, "%s", err.message);
    ck_assert_msg(session_set_prompt(s, ids, 8, &err) == 0, "%s", err.message);
    ck_assert_msg(session_logits(s, 1, logits, &err) == 0, "%s", err.message);
    session_free(s);
    return logits;
}

START_TEST(a_copy_of_stored_weights_answers_as_the_file_does)
{
    struct model *model;
    struct model_memory *copy;
    ck_assert_msg(model_open(&model, "tests/fixtures/gemma2-mini", &err) == 0, "%s", err.message);
    ck_assert_msg(model_memory_from(&copy, model, &err) == 0, "%s", err.message);
    float *stored = logits_of(model), *copied = logits_of(&copy->model);
    size_t n = (size_t)model->config.n_vocab;
    approx_tensor("logits of the copy", copied, stored, n, 1e-5);
    copy->params.layers[1].norm_ffw_in[0] += 1; /* and it is a copy */
    float *changed = logits_of(&copy->model);
    ck_assert(approx_worst(changed, stored, n, NULL) > 1e-5);
    free(stored);
    free(copied);
    free(changed);
    model_memory_free(copy);
    model_close(model);
}
END_TEST

Suite *suite_model_memory(void)
{
    Suite *s = suite_create("model_memory");
    TCase *t = tcase_create("copy");
    tcase_add_test(t, a_copy_of_stored_weights_answers_as_the_file_does);
    suite_add_tcase(s, t);
    return s;
}
