#include "core/model_memory.h"
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
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

static struct model_memory *random_model(unsigned long long seed)
{
    const struct model_config config = {.n_layers = 2,
                                        .d_model = 64,
                                        .n_heads = 4,
                                        .n_kv_heads = 2,
                                        .d_head = 8,
                                        .d_ff = 128,
                                        .n_vocab = 500,
                                        .n_ctx = 8};
    const struct layer_config layers[2] = {{4, 10000}, {0, 10000}};
    struct model_memory *m;
    ck_assert_int_eq(model_memory_new(&m, &config, layers, &err), ERR_OK);
    model_memory_randomise(m, seed, 0.5f);
    return m;
}

/* Mean 0 and this standard deviation, within what so many draws allow, and no value far out. */
static void check_normal(const float *w, const struct matrix *m, double deviation)
{
    double n = (double)(m->n_rows * m->n_cols), sum = 0, sum2 = 0;
    for (size_t i = 0; i < m->n_rows * m->n_cols; i++) {
        sum += (double)w[i];
        sum2 += (double)w[i] * (double)w[i];
        ck_assert_double_le(fabs((double)w[i]), 4 * deviation);
    }
    ck_assert_double_le(fabs(sum / n), 5 * deviation / sqrt(n));
    ck_assert_double_eq_tol(sqrt(sum2 / n), deviation, 0.05 * deviation);
}

START_TEST(random_weights_have_the_size_that_their_inputs_ask_for)
{
    struct model_memory *m = random_model(3);
    const struct layer *layer = &m->model.layers[1];
    check_normal(m->params.embed, &m->model.embed, 0.5 / 8);
    check_normal(m->params.layers[1].w_up, &layer->w_up, 0.5 / 8);
    check_normal(m->params.layers[1].w_down, &layer->w_down, 0.5 / sqrt(128));
    for (int i = 0; i < 64; i++)
        ck_assert(layer->norm_attn_out[i] == 1 && m->model.norm_final[i] == 1);
    model_memory_free(m);
}
END_TEST

START_TEST(a_seed_gives_the_same_weights_and_another_one_others)
{
    struct model_memory *a = random_model(3), *b = random_model(3), *c = random_model(4);
    const size_t n_bytes = a->params.n_params * sizeof(float);
    ck_assert_mem_eq(a->params.block, b->params.block, n_bytes);
    ck_assert_mem_ne(a->params.embed, c->params.embed, 500 * 64 * sizeof(float));
    ck_assert_mem_ne(a->params.layers[0].wq, a->params.layers[1].wq, 32 * 64 * sizeof(float));
    model_memory_free(a);
    model_memory_free(b);
    model_memory_free(c);
}
END_TEST

Suite *suite_model_memory(void)
{
    Suite *s = suite_create("model_memory");
    TCase *t = tcase_create("model_memory");
    tcase_add_test(t, a_copy_of_stored_weights_answers_as_the_file_does);
    tcase_add_test(t, random_weights_have_the_size_that_their_inputs_ask_for);
    tcase_add_test(t, a_seed_gives_the_same_weights_and_another_one_others);
    suite_add_tcase(s, t);
    return s;
}
