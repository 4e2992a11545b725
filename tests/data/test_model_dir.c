#include "data/file.h"
#include "data/model_dir.h"
#include "data/safetensors.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct err err;
/* A shard that holds the f32 tensors named, each of one element. */
static void put_shard(const char *name, const char *const *tensors, size_t n)
{
    const float value = 1.0f;
    struct tensor t[4];
    ck_assert_uint_le(n, 4);
    for (size_t i = 0; i < n; i++)
        t[i] = (struct tensor){tensors[i], DTYPE_F32, 1, {1}, &value, sizeof value};
    char *path = path_join(test_dir, name);
    ck_assert_int_eq(safetensors_write(path, t, n, NULL, 0, &err), ERR_OK);
    free(path);
}

static void refuse(int code, const char *reason)
{
    struct model_dir *m;
    ck_assert_int_eq(model_dir_open(&m, test_dir, &err), code);
    ck_assert_ptr_null(m);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

static struct model_numbers numbers(const char *text)
{
    struct model_numbers n;
    ck_assert_msg(model_numbers_parse(&n, text, strlen(text), "c.json", &err) == ERR_OK, "%s",
                  err.message);
    return n;
}

static void refuse_numbers(const char *text, int code, const char *reason)
{
    struct model_numbers n;
    ck_assert_int_eq(model_numbers_parse(&n, text, strlen(text), "c.json", &err), code);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(a_folder_of_three_shards_is_one_model)
{
    struct model_dir *m;
    ck_assert_int_eq(model_dir_open(&m, "tests/fixtures/gemma2-mini", &err), ERR_OK);
    const struct model_numbers *n = model_dir_numbers(m);
    ck_assert_str_eq(n->architecture, "gemma2");
    ck_assert_str_eq(n->activation, "gelu_pytorch_tanh");
    ck_assert_int_eq(n->n_layers, 6);
    ck_assert_int_eq(n->d_model, 96);
    ck_assert_int_eq(n->n_heads, 4);
    ck_assert_int_eq(n->n_kv_heads, 2);
    ck_assert_int_eq(n->d_head, 32);
    ck_assert_int_eq(n->d_ff, 192);
    ck_assert_int_eq(n->n_vocab, 384);
    ck_assert_int_eq(n->n_ctx, 8192);
    ck_assert_int_eq(n->window, 8);
    ck_assert(n->query_pre_attn_scalar == 24 && n->attn_softcap == 5 && n->final_softcap == 10);
    ck_assert(n->rope_theta == 10000 && n->rms_eps == 1e-6);
    ck_assert(n->tied_embeddings && !n->attention_bias);
    ck_assert_int_eq(n->bos_id, 2);
    ck_assert_int_eq(n->pad_id, 0);
    ck_assert_int_eq(n->n_stop_ids, 2);
    ck_assert(n->stop_ids[0] == 1 && n->stop_ids[1] == 107);
    ck_assert_uint_eq(model_dir_bytes(m), 1184448); /* total_size of the index */
    const struct tensor *t = model_dir_tensor(m, "model.layers.5.mlp.down_proj.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert(t->dtype == DTYPE_BF16 && t->shape[0] == 96 && t->shape[1] == 192);
    ck_assert_ptr_nonnull(model_dir_tensor(m, "model.norm.weight"));
    ck_assert_ptr_null(model_dir_tensor(m, "lm_head.weight"));
    ck_assert_ptr_null(model_dir_chat_template(m));
    ck_assert_str_eq(model_dir_path(m), "tests/fixtures/gemma2-mini");
    model_dir_close(m);
    model_dir_close(NULL);
}
END_TEST

START_TEST(a_folder_with_one_file_is_a_model)
{
    struct model_dir *m;
    ck_assert_int_eq(model_dir_open(&m, "tests/fixtures/gemma2-mini-f32/", &err), ERR_OK);
    const struct tensor *t = model_dir_tensor(m, "model.embed_tokens.weight");
    ck_assert(t && t->dtype == DTYPE_F32 && t->shape[0] == 259);
    model_dir_close(m);
}
END_TEST

START_TEST(absent_keys_have_gemma_2s_defaults)
{
    struct model_numbers n = numbers("{\"model_type\": \"gemma2\"}");
    ck_assert_str_eq(n.activation, "gelu_pytorch_tanh");
    ck_assert(n.n_layers == 26 && n.d_model == 2304 && n.n_heads == 8 && n.n_kv_heads == 4);
    ck_assert(n.d_head == 256 && n.d_ff == 9216 && n.n_vocab == 256000 && n.n_ctx == 8192);
    ck_assert(n.window == 4096 && n.query_pre_attn_scalar == 256);
    ck_assert(n.attn_softcap == 50 && n.final_softcap == 30);
    ck_assert(n.rope_theta == 10000 && n.rms_eps == 1e-6);
    ck_assert(n.tied_embeddings && !n.attention_bias);
    ck_assert(n.bos_id == 2 && n.pad_id == 0 && n.n_stop_ids == 1 && n.stop_ids[0] == 1);
}
END_TEST

START_TEST(null_means_none_where_the_model_can_do_without)
{
    struct model_numbers n =
        numbers("{\"attn_logit_softcapping\": null, \"final_logit_softcapping\": null, "
                "\"sliding_window\": null, \"bos_token_id\": null, \"pad_token_id\": null, "
                "\"eos_token_id\": null, \"hidden_activation\": null, \"hidden_act\": \"gelu\"}");
    ck_assert(n.attn_softcap == 0 && n.final_softcap == 0 && n.window == 0);
    ck_assert(n.bos_id == -1 && n.pad_id == -1 && n.n_stop_ids == 0);
    ck_assert_str_eq(n.activation, "gelu_pytorch_tanh");
    ck_assert_str_eq(n.architecture, "");
}
END_TEST

/* Written like the released files of the three sizes, base and -it. */
START_TEST(all_sizes_are_read_from_files_as_they_are_released)
{
    static const struct {
        const char *text;
        int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff;
        double scalar;
        int n_stops;
    } cases[] = {
        {"{\"architectures\":[\"Gemma2ForCausalLM\"],\"attention_bias\":false,"
         "\"attention_dropout\":0.0,\"attn_logit_softcapping\":50.0,\"bos_token_id\":2,"
         "\"cache_implementation\":\"hybrid\",\"eos_token_id\":[1,107],"
         "\"final_logit_softcapping\":30.0,\"head_dim\":256,"
         "\"hidden_act\":\"gelu_pytorch_tanh\",\"hidden_activation\":\"gelu_pytorch_tanh\","
         "\"hidden_size\":2304,\"initializer_range\":0.02,\"intermediate_size\":9216,"
         "\"max_position_embeddings\":8192,\"model_type\":\"gemma2\","
         "\"num_attention_heads\":8,\"num_hidden_layers\":26,\"num_key_value_heads\":4,"
         "\"pad_token_id\":0,\"query_pre_attn_scalar\":256,\"rms_norm_eps\":1e-06,"
         "\"rope_theta\":10000.0,\"sliding_window\":4096,\"torch_dtype\":\"bfloat16\","
         "\"transformers_version\":\"4.42.4\",\"use_cache\":true,\"vocab_size\":256000}",
         26, 2304, 8, 4, 256, 9216, 256, 2},
        {"{\"architectures\":[\"Gemma2ForCausalLM\"],\"eos_token_id\":1,\"head_dim\":256,"
         "\"hidden_activation\":\"gelu_pytorch_tanh\",\"hidden_size\":3584,"
         "\"intermediate_size\":14336,\"model_type\":\"gemma2\",\"num_attention_heads\":16,"
         "\"num_hidden_layers\":42,\"num_key_value_heads\":8,\"query_pre_attn_scalar\":256,"
         "\"sliding_window_size\":4096,\"dtype\":\"float32\"}",
         42, 3584, 16, 8, 256, 14336, 256, 1},
        {"{\"eos_token_id\":1,\"head_dim\":128,\"hidden_act\":\"gelu\",\"hidden_size\":4608,"
         "\"intermediate_size\":36864,\"model_type\":\"gemma2\",\"num_attention_heads\":32,"
         "\"num_hidden_layers\":46,\"num_key_value_heads\":16,\"query_pre_attn_scalar\":144}",
         46, 4608, 32, 16, 128, 36864, 144, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_numbers n = numbers(cases[i].text);
        ck_assert_int_eq(n.n_layers, cases[i].n_layers);
        ck_assert_int_eq(n.d_model, cases[i].d_model);
        ck_assert_int_eq(n.n_heads, cases[i].n_heads);
        ck_assert_int_eq(n.n_kv_heads, cases[i].n_kv_heads);
        ck_assert_int_eq(n.d_head, cases[i].d_head);
        ck_assert_int_eq(n.d_ff, cases[i].d_ff);
        ck_assert(n.query_pre_attn_scalar == cases[i].scalar);
        ck_assert_int_eq(n.n_stop_ids, cases[i].n_stops);
        ck_assert_int_eq(n.n_vocab, 256000);
        ck_assert_int_eq(n.window, 4096);
        ck_assert(n.attn_softcap == 50 && n.final_softcap == 30 && n.tied_embeddings);
        ck_assert_str_eq(n.activation, "gelu_pytorch_tanh");
    }
}
END_TEST

START_TEST(the_family_is_told_by_type_or_class_and_others_are_not_read_further)
{
    ck_assert_str_eq(numbers("{\"architectures\":[\"Gemma2ForCausalLM\"]}").architecture, "gemma2");
    ck_assert_str_eq(numbers("{\"architectures\":[\"LlamaForCausalLM\"]}").architecture,
                     "LlamaForCausalLM");
    struct model_numbers n = numbers("{\"model_type\":\"gemma3\",\"hidden_size\":[1],"
                                     "\"text_config\":{\"hidden_size\":2560}}");
    ck_assert_str_eq(n.architecture, "gemma3");
    ck_assert_int_eq(n.d_model, 0);
    ck_assert_str_eq(numbers("{\"hidden_act\":\"silu\"}").activation, "silu");
    ck_assert_str_eq(
        numbers("{\"hidden_act\":\"silu\",\"hidden_activation\":\"gelu_pytorch_tanh\"}").activation,
        "gelu_pytorch_tanh");
}
END_TEST

START_TEST(newer_files_keep_the_rope_base_in_an_object)
{
    struct model_numbers n = numbers("{\"model_type\": \"gemma2\", \"rope_parameters\": "
                                     "{\"rope_type\": \"default\", \"rope_theta\": 5000.0}}");
    ck_assert(n.rope_theta == 5000);
    refuse_numbers("{\"model_type\": \"gemma2\", \"rope_scaling\": {\"type\": \"linear\"}}",
                   ERR_UNSUPPORTED, "rope_scaling is of type 'linear'");
}
END_TEST

START_TEST(numbers_that_cannot_be_are_refused_by_key)
{
    refuse_numbers("[]", ERR_FORMAT, "not a JSON object");
    refuse_numbers("{\"hidden_size\": \"96\"}", ERR_FORMAT, "hidden_size is not a whole number");
    refuse_numbers("{\"hidden_size\": 0}", ERR_FORMAT, "hidden_size is 0, outside 1..");
    refuse_numbers("{\"num_hidden_layers\": 1e12}", ERR_FORMAT, "num_hidden_layers");
    refuse_numbers("{\"rms_norm_eps\": -1}", ERR_FORMAT, "rms_norm_eps is -1");
    refuse_numbers("{\"final_logit_softcapping\": \"x\"}", ERR_FORMAT, "final_logit_softcapping");
    refuse_numbers("{\"tie_word_embeddings\": 1}", ERR_FORMAT, "tie_word_embeddings");
    refuse_numbers("{\"eos_token_id\": [1, 1.5]}", ERR_FORMAT, "eos_token_id");
    refuse_numbers("{\"bos_token_id\": 300, \"vocab_size\": 259}", ERR_FORMAT,
                   "bos_token_id is 300");
    refuse_numbers("{\"eos_token_id\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", ERR_LIMIT,
                   "16");
    refuse_numbers("{\"model_type\": \"gemma2\", \"layer_types\": [\"full_attention\"]}",
                   ERR_UNSUPPORTED, "layer 0");
    refuse_numbers("{\"model_type\": \"gemma2\", \"use_bidirectional_attention\": true}",
                   ERR_UNSUPPORTED, "use_bidirectional_attention");
    ck_assert(
        numbers("{\"model_type\": \"gemma2\", \"use_bidirectional_attention\": null}").d_model);
    refuse_numbers("{\"model_type\": \"gemma2\", \"quantization_config\": {}}", ERR_UNSUPPORTED,
                   "quantized");
}
END_TEST

START_TEST(stop_ids_are_united_over_both_files)
{
    test_dir_put("config.json", "{\"eos_token_id\": 1}");
    test_dir_put("generation_config.json", "{\"eos_token_id\": [1, 107]}");
    put_shard("model.safetensors", (const char *const[]){"model.x"}, 1);
    struct model_dir *m;
    ck_assert_int_eq(model_dir_open(&m, test_dir, &err), ERR_OK);
    const struct model_numbers *n = model_dir_numbers(m);
    ck_assert(n->n_stop_ids == 2 && n->stop_ids[0] == 1 && n->stop_ids[1] == 107);
    model_dir_close(m);
}
END_TEST

START_TEST(the_chat_template_is_found_in_either_file)
{
    test_dir_put("config.json", "{}");
    put_shard("model.safetensors", NULL, 0);
    test_dir_put("tokenizer_config.json",
                 "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"R\"}, "
                 "{\"name\": \"default\", \"template\": \"D\"}]}");
    struct model_dir *m;
    ck_assert_int_eq(model_dir_open(&m, test_dir, &err), ERR_OK);
    ck_assert_str_eq(model_dir_chat_template(m), "D");
    model_dir_close(m);
    test_dir_put("tokenizer_config.json", "{\"chat_template\": \"T\"}");
    ck_assert_int_eq(model_dir_open(&m, test_dir, &err), ERR_OK);
    ck_assert_str_eq(model_dir_chat_template(m), "T");
    model_dir_close(m);
    test_dir_put("chat_template.jinja", "J\n");
    ck_assert_int_eq(model_dir_open(&m, test_dir, &err), ERR_OK);
    ck_assert_str_eq(model_dir_chat_template(m), "J\n");
    model_dir_close(m);
}
END_TEST

START_TEST(missing_files_are_named)
{
    refuse(ERR_IO, "holds no config.json");
    test_dir_put("config.json", "{}");
    refuse(ERR_IO, "neither model.safetensors nor");
    test_dir_put("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"m-1.safetensors\", "
                                                 "\"b\": \"m-2.safetensors\"}}");
    put_shard("m-1.safetensors", (const char *const[]){"a"}, 1);
    refuse(ERR_IO, "m-2.safetensors: is missing");
    put_shard("m-2.safetensors", (const char *const[]){"c"}, 1);
    refuse(ERR_FORMAT, "m-2.safetensors: lacks the tensor 'b'");
    test_dir_put("m-2.safetensors", "x");
    refuse(ERR_FORMAT, "m-2.safetensors: has 1 bytes");
    struct model_dir *m;
    ck_assert_int_eq(model_dir_open(&m, "/no such folder", &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "/no such folder: there is no such folder"));
}
END_TEST

START_TEST(an_unfinished_download_says_how_to_finish_it)
{
    static const char *const parts[] = {"models--google--gemma-2-2b-it", "snapshots", "abc"};
    char *root = test_dir;
    for (size_t i = 0; i < 3; i++) {
        char *next = path_join(test_dir, parts[i]);
        ck_assert_int_eq(mkdir(next, 0700), 0);
        if (test_dir != root)
            free(test_dir);
        test_dir = next;
    }
    test_dir_put("config.json", "{}");
    refuse(ERR_IO, "neither model.safetensors nor");
    ck_assert_ptr_nonnull(strstr(err.hint, "https://huggingface.co/google/gemma-2-2b-it"));
    ck_assert_ptr_nonnull(strstr(err.hint, "hf download google/gemma-2-2b-it"));
    test_dir_put("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"m-1.safetensors\"}}");
    refuse(ERR_IO, "m-1.safetensors: is missing");
    ck_assert_ptr_nonnull(strstr(err.hint, "hf download google/gemma-2-2b-it"));
    free(test_dir);
    test_dir = root;
}
END_TEST

START_TEST(weights_in_the_old_form_are_named)
{
    test_dir_put("config.json", "{}");
    test_dir_put("pytorch_model.bin", "x");
    refuse(ERR_IO, "only pytorch_model.bin, which is not read");
}
END_TEST

START_TEST(an_index_may_not_leave_its_folder)
{
    static const char *const names[] = {"../x.safetensors", "/etc/passwd", "a/b.safetensors", "..",
                                        "."};
    test_dir_put("config.json", "{}");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf b = {0};
        buf_printf(&b, "{\"weight_map\": {\"a\": \"%s\"}}", names[i]);
        test_dir_put("model.safetensors.index.json", b.data);
        refuse(ERR_FORMAT, names[i]);
        buf_clear(&b);
    }
    test_dir_put("model.safetensors.index.json", "{\"weight_map\": {\"a\": 1}}");
    refuse(ERR_FORMAT, "'a' is not mapped");
    test_dir_put("model.safetensors.index.json", "{\"metadata\": {}}");
    refuse(ERR_FORMAT, "weight_map is missing");
}
END_TEST

Suite *suite_model_dir(void)
{
    Suite *s = suite_create("model_dir");
    TCase *t = tcase_create("model_dir");
    tcase_add_checked_fixture(t, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(t, a_folder_of_three_shards_is_one_model);
    tcase_add_test(t, a_folder_with_one_file_is_a_model);
    tcase_add_test(t, absent_keys_have_gemma_2s_defaults);
    tcase_add_test(t, null_means_none_where_the_model_can_do_without);
    tcase_add_test(t, all_sizes_are_read_from_files_as_they_are_released);
    tcase_add_test(t, the_family_is_told_by_type_or_class_and_others_are_not_read_further);
    tcase_add_test(t, newer_files_keep_the_rope_base_in_an_object);
    tcase_add_test(t, numbers_that_cannot_be_are_refused_by_key);
    tcase_add_test(t, stop_ids_are_united_over_both_files);
    tcase_add_test(t, the_chat_template_is_found_in_either_file);
    tcase_add_test(t, missing_files_are_named);
    tcase_add_test(t, an_unfinished_download_says_how_to_finish_it);
    tcase_add_test(t, weights_in_the_old_form_are_named);
    tcase_add_test(t, an_index_may_not_leave_its_folder);
    suite_add_tcase(s, t);
    return s;
}
