/* Models in GGUF files: against the same weights as f32 in memory, and against the same model in
 * Hugging Face's layout. */
#include "core/grad.h"
#include "core/matmul.h"
#include "core/model_memory.h"
#include "core/scope.h"
#include "core/session.h"
#include "data/file.h"
#include "tests/support/approx.h"
#include "tests/support/fixture.h"
#include "tests/support/gguf_model.h"
#include "tests/support/random_blocks.h"
#include "tests/support/runner.h"
#include "tests/support/store_floats.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_LAYERS = 3, D_MODEL = 256, N_HEADS = 3, N_KV = 1, D_HEAD = 256, D_FF = 512 };
enum { N_VOCAB = 90, N_TOKENS = 80, WINDOW = 7 };

static struct err err;
static char *dir;

static void setup(void)
{
    dir = tmp_dir_new();
}

static void teardown(void)
{
    tmp_dir_free(dir);
}

/* --- one model twice: weights stored, and the same weights as f32 --- */

struct twins {
    struct model_memory *plain;
    struct model stored; /* layers and matrices of its own; norms are plain's */
    struct model *from_file;
};

static uint32_t seed;

/* Random weights of a type into `w`, which they outlive, and as f32 into `values`. */
static void fill(struct matrix *w, float *values, enum dtype dtype)
{
    const size_t n = w->n_rows * w->n_cols;
    char *bytes = mem_alloc(dtype_bytes(dtype, n), 1);
    random_floats(values, n, ++seed);
    for (size_t i = 0; i < n; i++)
        values[i] *= 0.1f;
    if (dtype_block(dtype) > 1)
        random_blocks(bytes, dtype, n, ++seed);
    else
        store_floats(bytes, values, dtype, n);
    tensor_to_f32(values, bytes, dtype, n);
    w->dtype = dtype;
    w->data = bytes;
}

static void random_norm(float *w)
{
    random_floats(w, D_MODEL, ++seed);
    for (int i = 0; i < D_MODEL; i++)
        w[i] = 1 + 0.4f * w[i];
}

static void twins_new(struct twins *t, enum dtype dtype)
{
    const struct model_config config = {.n_layers = N_LAYERS,
                                        .d_model = D_MODEL,
                                        .n_heads = N_HEADS,
                                        .n_kv_heads = N_KV,
                                        .d_head = D_HEAD,
                                        .d_ff = D_FF,
                                        .n_vocab = N_VOCAB,
                                        .n_ctx = 200,
                                        .rms_eps = 1e-6f,
                                        .query_scale = 1 / sqrtf(D_HEAD),
                                        .attn_softcap = 50,
                                        .final_softcap = 30};
    const struct layer_config layers[N_LAYERS] = {{WINDOW, 10000}, {0, 10000}, {WINDOW, 10000}};
    seed = 100 * (uint32_t)dtype;
    ck_assert_int_eq(model_memory_new(&t->plain, &config, layers, &err), ERR_OK);
    t->stored = t->plain->model;
    t->stored.layers = mem_alloc(N_LAYERS, sizeof *t->stored.layers);
    const struct model_grads *p = &t->plain->params;
    fill(&t->stored.embed, p->embed, dtype);
    random_norm(p->norm_final);
    for (int l = 0; l < N_LAYERS; l++) {
        struct layer *layer = &t->stored.layers[l];
        const struct layer_grads *to = &p->layers[l];
        *layer = t->plain->model.layers[l];
        fill(&layer->wq, to->wq, dtype);
        fill(&layer->wk, to->wk, dtype);
        fill(&layer->wv, to->wv, dtype);
        fill(&layer->wo, to->wo, dtype);
        fill(&layer->w_gate, to->w_gate, dtype);
        fill(&layer->w_up, to->w_up, dtype);
        fill(&layer->w_down, to->w_down, dtype);
        random_norm(to->norm_attn_in);
        random_norm(to->norm_attn_out);
        random_norm(to->norm_ffw_in);
        random_norm(to->norm_ffw_out);
    }
    struct gguf_maker m = {0};
    gguf_make_model(&m, &t->stored, false);
    char *path = gguf_make_file(&m, dir, "twin.gguf");
    ck_assert_msg(model_open(&t->from_file, path, &err) == ERR_OK, "%s", err.message);
    free(path);
}

static void free_weights(const struct matrix *w)
{
    free((void *)(uintptr_t)w->data);
}

static void twins_free(struct twins *t)
{
    free_weights(&t->stored.embed);
    for (int l = 0; l < N_LAYERS; l++) {
        const struct layer *y = &t->stored.layers[l];
        const struct matrix *all[] = {&y->wq,     &y->wk,   &y->wv,    &y->wo,
                                      &y->w_gate, &y->w_up, &y->w_down};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free_weights(all[i]);
    }
    free(t->stored.layers);
    model_memory_free(t->plain);
    model_close(t->from_file);
}

static void fill_ids(int *ids, int n, int n_vocab)
{
    for (int t = 0; t < n; t++)
        ids[t] = (t * 37 + t * t * 11 + 2) % n_vocab;
}

/* Logits of all positions; caller frees. */
static float *logits_of(const struct model *model, const int *ids, int n)
{
    struct session *s;
    float *logits = mem_alloc((size_t)n * (size_t)model->config.n_vocab, sizeof *logits);
    ck_assert_int_eq(session_new(&s, model, 0, 0, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(s, ids, n, &err), ERR_OK);
    ck_assert_msg(session_dump(s, -1, NULL, 0, NULL, logits, true, &err) == ERR_OK, "%s",
                  err.message);
    session_free(s);
    return logits;
}

/* What is left of a difference is the rounding of f32 sums in another order. */
static void compare_logits(const char *what, const struct model *a, const struct model *b, int n,
                           double tolerance)
{
    int ids[N_TOKENS];
    fill_ids(ids, n, a->config.n_vocab);
    float *got = logits_of(a, ids, n), *want = logits_of(b, ids, n);
    approx_tensor(what, got, want, (size_t)n * (size_t)a->config.n_vocab, tolerance);
    free(got);
    free(want);
}

static const enum dtype stored_types[] = {DTYPE_F32,  DTYPE_F16,  DTYPE_BF16, DTYPE_Q8_0,
                                          DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
#define N_TYPES ((int)(sizeof stored_types / sizeof *stored_types))

START_TEST(stored_weights_give_the_logits_of_the_same_weights_as_f32)
{
    struct twins t;
    const enum dtype dtype = stored_types[_i];
    twins_new(&t, dtype);
    ck_assert_int_eq(t.from_file->layers[1].w_down.dtype, dtype);
    ck_assert_int_eq(t.from_file->embed.dtype, dtype);
    matmul_set_exact(true);
    compare_logits(dtype_name(dtype), t.from_file, &t.plain->model, 9, 1e-5);
    compare_logits(dtype_name(dtype), t.from_file, &t.plain->model, N_TOKENS, 1e-5);
    matmul_set_exact(false);
    /* products in integers round x to a 2^-15th of the largest of 32 */
    compare_logits(dtype_name(dtype), t.from_file, &t.plain->model, 9, 5e-4);
    compare_logits(dtype_name(dtype), t.from_file, &t.plain->model, N_TOKENS, 5e-4);
    twins_free(&t);
}
END_TEST

static void answer(int *out, int n, const struct model *model)
{
    struct session *s;
    float logits[N_VOCAB];
    const int prompt[] = {2, 17, 40};
    ck_assert_int_eq(session_new(&s, model, 1, 1, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(s, prompt, 3, &err), ERR_OK);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(session_logits(s, 1, logits, &err), ERR_OK);
        out[i] = 0;
        for (int v = 1; v < N_VOCAB; v++)
            if (logits[v] > logits[out[i]])
                out[i] = v;
        ck_assert_int_eq(session_append(s, 0, out[i], &err), ERR_OK);
    }
    session_free(s);
}

START_TEST(greedy_answers_are_those_of_the_same_weights_as_f32)
{
    struct twins t;
    int got[24], want[24];
    twins_new(&t, stored_types[_i]);
    answer(got, 24, t.from_file);
    answer(want, 24, &t.plain->model);
    ck_assert_mem_eq(got, want, sizeof got);
    twins_free(&t);
}
END_TEST

/* Loss and gradient at the residual after layer 0, through frozen weights. */
static double loss_of(float *gradient, const struct model *model)
{
    enum { N = 12 };
    struct tape *tape;
    int ids[N], targets[N];
    long n_counted;
    float resid[N * D_MODEL];
    fill_ids(ids, N, N_VOCAB);
    fill_ids(targets, N, N_VOCAB - 1);
    random_floats(resid, N * D_MODEL, 5);
    ck_assert_int_eq(tape_new(&tape, model, 1, 1, N, &err), ERR_OK);
    double loss = tape_forward(tape, ids, targets, resid, 1, N, &n_counted);
    tape_backward(tape, 1, NULL, gradient);
    tape_free(tape);
    return loss;
}

START_TEST(gradients_pass_through_weights_in_blocks)
{
    struct twins t;
    float got[12 * D_MODEL], want[12 * D_MODEL];
    twins_new(&t, stored_types[_i]);
    matmul_set_exact(true);
    double loss = loss_of(want, &t.plain->model);
    ck_assert_double_eq_tol(loss_of(got, t.from_file), loss, 1e-5 * loss);
    approx_tensor("gradient", got, want, 12 * D_MODEL, 1e-4);
    matmul_set_exact(false);
    twins_free(&t);
}
END_TEST

/* --- the fixtures --- */

static struct model *reopened(const struct model *model, bool to_q8)
{
    struct gguf_maker m = {0};
    struct model *again;
    gguf_make_model(&m, model, to_q8);
    gguf_make_token_ids(&m, 2, 1, 0, -1);
    char *path = gguf_make_file(&m, dir, "mini.gguf");
    ck_assert_msg(model_open(&again, path, &err) == ERR_OK, "%s", err.message);
    free(path);
    return again;
}

START_TEST(the_same_model_in_both_layouts_gives_the_same_bits)
{
    struct fixture f;
    fixture_open(&f, _i);
    /* a GGUF cannot say what query_pre_attn_scalar was */
    f.model->config.query_scale = 1 / sqrtf((float)f.model->config.d_head);
    struct model *again = reopened(f.model, false);
    const struct model_config *a = &again->config, *b = &f.model->config;
    ck_assert(a->n_layers == b->n_layers && a->d_head == b->d_head && a->n_ctx == b->n_ctx);
    ck_assert(a->query_scale == b->query_scale && a->attn_softcap == b->attn_softcap);
    ck_assert(a->final_softcap == b->final_softcap && a->rms_eps == b->rms_eps);
    ck_assert(a->bos_id == 2 && a->pad_id == 0 && a->n_stop_ids == 1 && a->stop_ids[0] == 1);
    for (int l = 0; l < a->n_layers; l++) {
        ck_assert_int_eq(again->layers[l].config.window, f.model->layers[l].config.window);
        ck_assert_float_eq(again->layers[l].config.rope_theta, 10000);
    }
    ck_assert_str_eq(again->name, "mini.gguf");
    compare_logits("both layouts", again, f.model, 70, 0);
    model_close(again);
    fixture_close(&f);
}
END_TEST

START_TEST(eight_bits_stay_near_the_reference)
{
    struct fixture f;
    int ids[N_TOKENS];
    const int n = N_TOKENS;
    fixture_open(&f, 1);
    struct model *again = reopened(f.model, true);
    ck_assert_int_eq(again->layers[0].wq.dtype, DTYPE_Q8_0);
    ck_assert_uint_lt(again->n_weight_bytes, f.model->n_weight_bytes / 3);
    fill_ids(ids, n, f.model->config.n_vocab);
    float *got = logits_of(again, ids, n), *want = logits_of(f.model, ids, n);
    double worst = approx_worst(got, want, (size_t)n * (size_t)again->config.n_vocab, NULL);
    ck_assert_msg(worst > 1e-6 && worst < 0.1, "%g", worst); /* other weights, but near */
    free(got);
    free(want);
    model_close(again);
    fixture_close(&f);
}
END_TEST

/* --- the committed file: a model in eight bits whose tokens are bytes, with turns --- */

#define COMMITTED "tests/fixtures/gguf/mini-q8_0.gguf"

static const char chat_template[] =
    "{{ bos_token }}{% for turn in messages %}{{ '<start_of_turn>' }}"
    "{{ 'model' if turn['role'] == 'assistant' else turn['role'] }}"
    "{{ '\\n' + (turn['content'] | trim) + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}";

/* Three special tokens, the bytes 0 to 252, and in place of the others, which no UTF-8 has, a space
 * and the turn markers. */
static void make_byte_pieces(struct gguf_maker *m)
{
    static const char *const control[] = {"<pad>", "<eos>", "<bos>"};
    struct scored_piece pieces[259] = {0};
    char names[259][8];
    for (int id = 0; id < 259; id++) {
        snprintf(names[id], sizeof names[id], "<0x%02X>", (unsigned)(id < 3 ? 0 : id - 3));
        pieces[id].text = id < 3 ? control[id] : names[id];
        pieces[id].type = id < 3 ? PIECE_CONTROL : PIECE_BYTE;
    }
    pieces[256] = (struct scored_piece){.text = "\xe2\x96\x81", .type = PIECE_NORMAL};
    pieces[257] = (struct scored_piece){.text = "<start_of_turn>", .type = PIECE_USER_DEFINED};
    pieces[258] = (struct scored_piece){.text = "<end_of_turn>", .type = PIECE_USER_DEFINED};
    for (int id = 0; id < 259; id++)
        pieces[id].len = strlen(pieces[id].text);
    gguf_make_pieces(m, pieces, 259);
    gguf_make_token_ids(m, 2, 1, 0, -1);
    gguf_make_string(m, "tokenizer.chat_template", chat_template);
}

START_TEST(the_committed_file_is_what_the_writer_makes)
{
    struct fixture f;
    struct gguf_maker m = {0};
    struct buf want = {0}, got = {0};
    fixture_open(&f, 1);
    gguf_make_model(&m, f.model, true);
    make_byte_pieces(&m);
    gguf_make_end(&want, &m);
    if (getenv("GOLDEN_UPDATE"))
        ck_assert_int_eq(file_write(COMMITTED, want.data, want.len, &err), ERR_OK);
    ck_assert_msg(file_read(&got, COMMITTED, 1 << 20, &err) == ERR_OK, "%s", err.message);
    ck_assert_uint_eq(got.len, want.len);
    ck_assert_mem_eq(got.data, want.data, want.len);
    buf_clear(&got);
    buf_clear(&want);
    gguf_make_clear(&m);
    fixture_close(&f);
}
END_TEST

START_TEST(a_file_brings_its_tokenizer_and_chat_form)
{
    struct scope scope;
    struct prompt prompt;
    const struct scope_options options = {
        .model = COMMITTED, .dict = "tests/fixtures/gemma2-mini-f32", .layer = -1};
    ck_assert_msg(scope_open(&scope, &options, SCOPE_MODEL | SCOPE_TOKENIZER | SCOPE_DICT, &err) ==
                      ERR_OK,
                  "%s", err.message);
    ck_assert_int_eq(scope.hook_layer, 2);
    ck_assert(scope.is_chat && model_is_stop(scope.model, 1) && model_is_stop(scope.model, 258));
    ck_assert_int_eq(prompt_from_text(&prompt, &scope, PROMPT_AUTO, "Hi", 2, NULL, &err), ERR_OK);
    const int want[] = {2,        257,     'u' + 3, 's' + 3, 'e' + 3,  'r' + 3,
                        '\n' + 3, 'H' + 3, 'i' + 3, 258,     '\n' + 3, 257};
    ck_assert_uint_gt(prompt.ids.n, 12);
    ck_assert_mem_eq(prompt.ids.ids, want, sizeof want);
    prompt_clear(&prompt);
    scope_close(&scope);
}
END_TEST

START_TEST(a_file_without_tokenizer_works_with_ids_only)
{
    struct fixture f;
    struct gguf_maker m = {0};
    struct scope scope;
    fixture_open(&f, 1);
    gguf_make_model(&m, f.model, false);
    char *path = gguf_make_file(&m, dir, "bare.gguf");
    const struct scope_options options = {.model = path, .layer = -1};
    ck_assert_int_eq(scope_open(&scope, &options, SCOPE_MODEL, &err), ERR_OK);
    ck_assert(!scope.tokenizer && !scope.is_chat);
    scope_close(&scope);
    ck_assert_int_eq(scope_open(&scope, &options, SCOPE_MODEL | SCOPE_TOKENIZER, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "no tokenizer"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--ids"));
    free(path);
    fixture_close(&f);
}
END_TEST

/* --- what is refused --- */

static void refuse(struct gguf_maker *m, enum err_code code, const char *reason)
{
    struct model *model;
    char *path = gguf_make_file(m, dir, "bad.gguf");
    int rc = model_open(&model, path, &err);
    ck_assert_msg(rc == (int)code, "%d for '%s': %s", rc, reason, err.message);
    ck_assert_ptr_null(model);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_ptr_nonnull(strstr(err.message, "bad.gguf"));
    free(path);
}

START_TEST(other_architectures_are_refused_by_name)
{
    struct gguf_maker m = {0};
    gguf_make_string(&m, "general.architecture", "llama");
    gguf_make_tensor_of(&m, "token_embd.weight", 10, 1, (size_t[]){256}, "", 0);
    refuse(&m, ERR_UNSUPPORTED, "'llama'");
    gguf_make_string(&m, "general.architecture", "gemma3");
    refuse(&m, ERR_UNSUPPORTED, "'gemma3'");
    gguf_make_u32(&m, "general.architecture", 2);
    refuse(&m, ERR_FORMAT, "general.architecture");
}
END_TEST

START_TEST(tensors_that_do_not_fit_are_refused)
{
    struct fixture f;
    struct gguf_maker m = {0};
    fixture_open(&f, 1);
    struct model changed = *f.model;
    gguf_make_config(&m, f.model);
    refuse(&m, ERR_FORMAT, "token_embd.weight");
    changed.config.d_ff++;
    gguf_make_model(&m, &changed, false);
    refuse(&m, ERR_SHAPE, "blk.0.ffn_gate.weight");
    changed.config = f.model->config;
    changed.config.n_heads = 4;
    gguf_make_model(&m, &changed, false);
    refuse(&m, ERR_SHAPE, "blk.0.attn_q.weight");
    gguf_make_model(&m, f.model, false);
    gguf_make_tensor_of(&m, "output.weight", 0, 1, (size_t[]){1}, "1234", 4);
    refuse(&m, ERR_UNSUPPORTED, "tie");
    gguf_make_model(&m, f.model, false);
    gguf_make_tensor_of(&m, "extra", 11, 1, (size_t[]){256}, "", 0);
    refuse(&m, ERR_UNSUPPORTED, "Q3_K");
    fixture_close(&f);
}
END_TEST

Suite *suite_layouts(void)
{
    Suite *s = suite_create("layouts");
    TCase *t = tcase_create("models");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, stored_weights_give_the_logits_of_the_same_weights_as_f32, 0, N_TYPES);
    tcase_add_loop_test(t, greedy_answers_are_those_of_the_same_weights_as_f32, 0, N_TYPES);
    tcase_add_loop_test(t, gradients_pass_through_weights_in_blocks, 3, N_TYPES);
    tcase_add_loop_test(t, the_same_model_in_both_layouts_gives_the_same_bits, 0, N_FIXTURES);
    tcase_add_test(t, eight_bits_stay_near_the_reference);
    tcase_add_test(t, the_committed_file_is_what_the_writer_makes);
    tcase_add_test(t, a_file_brings_its_tokenizer_and_chat_form);
    tcase_add_test(t, a_file_without_tokenizer_works_with_ids_only);
    tcase_add_test(t, other_architectures_are_refused_by_name);
    tcase_add_test(t, tensors_that_do_not_fit_are_refused);
    suite_add_tcase(s, t);
    return s;
}
