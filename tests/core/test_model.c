#include "core/model.h"
#include "data/file.h"
#include "data/mem.h"
#include "data/safetensors.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE "tests/fixtures/gemma2-mini-f32"

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

/* Copies config.json of the fixture into dir, with `from` replaced by `to`. */
static void put_config(const char *from, const char *to)
{
    struct buf text = {0}, changed = {0};
    ck_assert_int_eq(file_read(&text, FIXTURE "/config.json", 1 << 16, &err), ERR_OK);
    const char *at = strstr(buf_cstr(&text), from);
    ck_assert_msg(at != NULL, "config.json has no '%s'", from);
    buf_add(&changed, text.data, (size_t)(at - text.data));
    buf_str(&changed, to);
    buf_str(&changed, at + strlen(from));
    free(tmp_dir_write(dir, "config.json", changed.data, changed.len));
    buf_clear(&text);
    buf_clear(&changed);
}

/* Copies the fixture's weights into dir, the tensor `name` changed by `change`. */
static void put_weights(const char *name, void (*change)(struct tensor *))
{
    struct safetensors *st;
    ck_assert_int_eq(safetensors_open(&st, FIXTURE "/model.safetensors", &err), ERR_OK);
    size_t n = safetensors_count(st), n_changed = 0;
    struct tensor *tensors = mem_alloc(n, sizeof *tensors);
    for (size_t i = 0; i < n; i++) {
        tensors[i] = *safetensors_at(st, i);
        if (!name || strcmp(tensors[i].name, name) != 0)
            continue;
        change(&tensors[i]);
        n_changed++;
    }
    ck_assert_uint_eq(n_changed, name != NULL);
    char *path = path_join(dir, "model.safetensors");
    ck_assert_msg(safetensors_write(path, tensors, n, NULL, 0, &err) == ERR_OK, "%s", err.message);
    free(path);
    free(tensors);
    safetensors_close(st);
}

static void refuse(enum err_code code, const char *reason)
{
    struct model *model;
    ck_assert_int_eq(model_open(&model, dir, &err), code);
    ck_assert_ptr_null(model);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(a_folder_becomes_a_model)
{
    struct model *model;
    ck_assert_msg(model_open(&model, FIXTURE "/", &err) == ERR_OK, "%s", err.message);
    ck_assert_str_eq(model->name, "gemma2-mini-f32");
    ck_assert_str_eq(model->path, FIXTURE "/");
    ck_assert_int_eq(model->config.n_layers, 4);
    ck_assert_int_eq(model->config.d_head, 16);
    ck_assert_float_eq_tol(model->config.query_scale, 0.25f, 1e-7f);
    ck_assert_float_eq(model->config.attn_softcap, 5);
    ck_assert_float_eq(model->config.final_softcap, 10);
    ck_assert_uint_gt(model->n_weight_bytes, 100000);
    for (int l = 0; l < 4; l++) {
        ck_assert_int_eq(model->layers[l].config.window, l % 2 == 0 ? 6 : 0);
        ck_assert_float_eq(model->layers[l].config.rope_theta, 10000);
        ck_assert_uint_eq(model->layers[l].w_down.n_cols, 128);
    }
    model_close(model);
    model_close(NULL);
}
END_TEST

START_TEST(norm_weights_multiply_as_one_plus_what_is_stored)
{
    struct model *model;
    float stored[64];
    ck_assert_int_eq(model_open(&model, FIXTURE, &err), ERR_OK);
    char name[WEIGHT_NAME_SIZE];
    const struct tensor *t = model_files_tensor(model->files, WEIGHT_NORM_FFW_OUT, 2, name);
    ck_assert_str_eq(name, "model.layers.2.post_feedforward_layernorm.weight");
    tensor_to_f32(stored, t->data, t->dtype, 64);
    for (size_t i = 0; i < 64; i++)
        ck_assert_float_eq(model->layers[2].norm_ffw_out[i], 1 + stored[i]);
    t = model_files_tensor(model->files, WEIGHT_NORM_FINAL, 0, name);
    ck_assert_str_eq(name, "model.norm.weight");
    tensor_to_f32(stored, t->data, t->dtype, 64);
    ck_assert_float_eq(model->norm_final[63], 1 + stored[63]);
    model_close(model);
}
END_TEST

START_TEST(stop_ids_are_known)
{
    struct model *model;
    ck_assert_int_eq(model_open(&model, FIXTURE, &err), ERR_OK);
    ck_assert(model_is_stop(model, 1) && model_is_stop(model, 107));
    ck_assert(!model_is_stop(model, 2) && !model_is_stop(model, 108));
    model_close(model);
}
END_TEST

START_TEST(null_soft_caps_mean_none)
{
    struct model *model;
    put_config("\"attn_logit_softcapping\": 5.0", "\"attn_logit_softcapping\": null");
    put_weights(NULL, NULL);
    ck_assert_msg(model_open(&model, dir, &err) == ERR_OK, "%s", err.message);
    ck_assert_float_eq(model->config.attn_softcap, 0);
    ck_assert_float_eq(model->config.final_softcap, 10);
    model_close(model);
}
END_TEST

START_TEST(other_families_are_refused_by_name)
{
    put_weights(NULL, NULL);
    put_config("\"gemma2\"", "\"llama\"");
    refuse(ERR_UNSUPPORTED, "'llama'");
    put_config("\"hidden_activation\": \"gelu_pytorch_tanh\"", "\"hidden_activation\": \"silu\"");
    refuse(ERR_UNSUPPORTED, "'silu'");
    put_config("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    refuse(ERR_UNSUPPORTED, "tie_word_embeddings");
    put_config("\"attention_bias\": false", "\"attention_bias\": true");
    refuse(ERR_UNSUPPORTED, "attention_bias");
}
END_TEST

/* Whatever else is in the folder: no weights, keys that mean something else. */
START_TEST(a_folder_of_another_family_needs_no_more_than_its_name)
{
    static const char *const families[] = {"gemma", "gemma3", "gemma3_text", "llama", "paligemma"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct buf text = {0};
        buf_printf(&text, "{\"model_type\": \"%s\", \"hidden_size\": null, \"rope_scaling\": 8}",
                   families[i]);
        free(tmp_dir_write(dir, "config.json", text.data, text.len));
        refuse(ERR_UNSUPPORTED, families[i]);
        ck_assert_ptr_nonnull(strstr(err.hint, "gemma-2-2b-it"));
        buf_clear(&text);
    }
    static const char class[] = "{\"architectures\": [\"MambaForCausalLM\"]}";
    free(tmp_dir_write(dir, "config.json", class, sizeof class - 1));
    refuse(ERR_UNSUPPORTED, "'MambaForCausalLM'");
    put_weights(NULL, NULL);
    free(tmp_dir_write(dir, "config.json", "{}", 2));
    refuse(ERR_UNSUPPORTED, "no named family");
}
END_TEST

START_TEST(numbers_that_do_not_fit_are_refused)
{
    put_weights(NULL, NULL);
    put_config("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3");
    refuse(ERR_SHAPE, "3 key/value heads");
    put_config("\"head_dim\": 16", "\"head_dim\": 15");
    refuse(ERR_SHAPE, "head_dim");
    put_config("\"head_dim\": 16", "\"head_dim\": 8");
    refuse(ERR_SHAPE, "q_proj");
    put_config("\"num_attention_heads\": 2", "\"num_attention_heads\": 16000000");
    refuse(ERR_SHAPE, "q_proj");
    put_config("\"vocab_size\": 259", "\"vocab_size\": 260");
    refuse(ERR_SHAPE, "embed_tokens");
    put_config("\"intermediate_size\": 128", "\"intermediate_size\": 127");
    refuse(ERR_SHAPE, "gate_proj");
    /* a great number must not be believed before there is a tensor for it */
    put_config("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 16000000");
    refuse(ERR_FORMAT, "model.layers.4.");
}
END_TEST

static void rename_tensor(struct tensor *t)
{
    t->name = "model.layers.1.something.weight";
}

static void shorten(struct tensor *t)
{
    t->shape[0]--;
    t->n_bytes -= t->n_bytes / (t->shape[0] + 1);
}

static void make_integer(struct tensor *t)
{
    t->dtype = DTYPE_I32;
}

START_TEST(weights_that_do_not_fit_are_refused)
{
    put_config("\"gemma2\"", "\"gemma2\"");
    put_weights("model.layers.1.self_attn.v_proj.weight", rename_tensor);
    refuse(ERR_FORMAT, "model.layers.1.self_attn.v_proj.weight");
    put_weights("model.layers.3.self_attn.o_proj.weight", shorten);
    refuse(ERR_SHAPE, "o_proj");
    put_weights("model.layers.0.input_layernorm.weight", shorten);
    refuse(ERR_SHAPE, "input_layernorm");
    put_weights("model.norm.weight", make_integer);
    refuse(ERR_UNSUPPORTED, "model.norm.weight");
    put_weights("model.embed_tokens.weight", make_integer);
    refuse(ERR_UNSUPPORTED, "embed_tokens");
}
END_TEST

START_TEST(a_missing_folder_is_an_error)
{
    struct model *model;
    ck_assert_int_eq(model_open(&model, "tests/fixtures/none", &err), ERR_IO);
    ck_assert_ptr_null(model);
}
END_TEST

Suite *suite_model(void)
{
    Suite *s = suite_create("model");
    TCase *t = tcase_create("model");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_folder_becomes_a_model);
    tcase_add_test(t, norm_weights_multiply_as_one_plus_what_is_stored);
    tcase_add_test(t, stop_ids_are_known);
    tcase_add_test(t, null_soft_caps_mean_none);
    tcase_add_test(t, other_families_are_refused_by_name);
    tcase_add_test(t, a_folder_of_another_family_needs_no_more_than_its_name);
    tcase_add_test(t, numbers_that_do_not_fit_are_refused);
    tcase_add_test(t, weights_that_do_not_fit_are_refused);
    tcase_add_test(t, a_missing_folder_is_an_error);
    suite_add_tcase(s, t);
    return s;
}
