#include "core/scope.h"

#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINI "tests/fixtures/gemma2-mini"
#define MINI_F32 "tests/fixtures/gemma2-mini-f32"

static struct scope_options options(const char *model, const char *dict)
{
    return (struct scope_options){.model = model, .dict = dict, .layer = -1};
}

static int open_with(struct scope *scope, struct scope_options o, int need, struct err *err)
{
    memset(err, 0, sizeof *err);
    return scope_open(scope, &o, need, err);
}

START_TEST(a_model_alone_brings_the_dictionary_inside_its_folder)
{
    struct scope scope;
    struct err err;
    ck_assert_int_eq(open_with(&scope, options(MINI, NULL), SCOPE_MODEL | SCOPE_DICT, &err),
                     ERR_OK);
    ck_assert_int_eq(scope.hook_layer, 3);
    ck_assert_uint_eq(scope.dict->n_concepts, 64);
    ck_assert_ptr_null(scope.tokenizer);
    ck_assert(!scope.is_chat && !scope.is_demo);
    scope_close(&scope);
}
END_TEST

START_TEST(a_dictionary_alone_is_enough_for_a_search)
{
    struct scope scope;
    struct err err;
    ck_assert_int_eq(open_with(&scope, options(NULL, MINI_F32), SCOPE_DICT, &err), ERR_OK);
    ck_assert_ptr_null(scope.model);
    ck_assert_int_eq(scope.hook_layer, 2);
    scope_close(&scope);
    ck_assert_int_eq(open_with(&scope, options(NULL, MINI_F32), SCOPE_DICT | SCOPE_MODEL, &err),
                     ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.hint, "--model"));
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct scope scope;
    struct err err;
    int both = SCOPE_MODEL | SCOPE_DICT;
    ck_assert_int_eq(open_with(&scope, options(MINI, MINI_F32), both, &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "64"));
    ck_assert_ptr_nonnull(strstr(err.message, "96"));
    struct scope_options o = options(MINI, MINI "/l3");
    o.layer = 6;
    ck_assert_int_eq(open_with(&scope, o, both, &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "6 layers"));
    ck_assert_int_eq(open_with(&scope, options("/nowhere", NULL), both, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "/nowhere"));
    ck_assert_int_eq(open_with(&scope, options(MINI, NULL), SCOPE_MODEL | SCOPE_TOKENIZER, &err),
                     ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "tokenizer.json"));
}
END_TEST

START_TEST(weights_are_quantised_where_they_are_used)
{
    struct scope scope;
    struct err err;
    struct scope_options q8 = options(MINI, NULL);
    q8.weights = WEIGHTS_Q8;
    ck_assert_int_eq(open_with(&scope, q8, SCOPE_MODEL, &err), ERR_OK);
    ck_assert_int_eq(scope.model->embed.dtype, DTYPE_Q8_0);
    ck_assert_ptr_null(scope_warning(&scope));
    scope_close(&scope);
    ck_assert_int_eq(open_with(&scope, q8, SCOPE_MODEL | SCOPE_AS_STORED, &err), ERR_OK);
    ck_assert_int_eq(scope.model->embed.dtype, DTYPE_BF16);
    scope_close(&scope);
}
END_TEST

START_TEST(a_model_that_takes_more_than_there_is_is_refused_unless_forced)
{
    struct scope scope;
    struct err err;
    struct scope_options o = options(MINI, NULL);
    o.n_available = 1 << 20;
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL, &err), ERR_NOMEM);
    ck_assert_ptr_null(scope.model);
    ck_assert_ptr_nonnull(strstr(err.message, "gemma2-mini: takes"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--force"));
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL | SCOPE_AS_STORED, &err), ERR_OK);
    scope_close(&scope);
    o.ignores_memory = true;
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL, &err), ERR_OK);
    scope_close(&scope);
    o.ignores_memory = false;
    o.n_available = 1 << 30;
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL, &err), ERR_OK);
    scope_close(&scope);
}
END_TEST

START_TEST(only_what_will_run_is_planned_for)
{
    struct scope scope;
    struct err err;
    const struct scope_options o = options(MINI, NULL); /* 6 layers, the hook is 3 */
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL | SCOPE_DICT, &err), ERR_OK);
    struct memory_plan all = scope_memory_plan(&scope, &o, SCOPE_MODEL);
    struct memory_plan reads = scope_memory_plan(&scope, &o, SCOPE_MODEL | SCOPE_READS);
    struct memory_plan lens = scope_memory_plan(&scope, &o, SCOPE_MODEL | SCOPE_LENS);
    ck_assert(all.n_layers == 6 && all.n_upper == 2 && all.has_logits);
    ck_assert(reads.n_layers == 4 && reads.n_upper == 0 && !reads.has_logits);
    ck_assert(lens.n_layers == 0 && lens.n_upper == 0 && lens.has_logits);
    scope_close(&scope);
}
END_TEST

START_TEST(the_layer_flag_wins_over_the_dictionary)
{
    struct scope scope;
    struct err err;
    struct scope_options o = options(MINI, MINI "/l3");
    o.layer = 1;
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL | SCOPE_DICT, &err), ERR_OK);
    ck_assert_int_eq(scope.hook_layer, 1);
    scope_close(&scope);
}
END_TEST

/* Makes ROOT/models--ORG--NAME/snapshots/rev as a link to `target`, which must be absolute. */
static void add_to_cache(const char *root, const char *repo, const char *target)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, repo);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/snapshots", root, repo);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/snapshots/rev", root, repo);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void absolute(char *out, size_t size, const char *path)
{
    char cwd[400];
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    snprintf(out, size, "%s/%s", cwd, path);
}

START_TEST(hub_names_are_found_under_both_names_of_a_dictionary)
{
    char mini[512], dict[512];
    char *root = tmp_dir_new();
    struct scope scope;
    struct err err;
    absolute(mini, sizeof mini, MINI);
    snprintf(dict, sizeof dict, "%s/dict", root);
    ck_assert_int_eq(mkdir(dict, 0700), 0);
    char layer[600], target[600];
    snprintf(layer, sizeof layer, "%s/l3", dict);
    snprintf(target, sizeof target, "%s/l3", mini);
    ck_assert_int_eq(symlink(target, layer), 0);
    setenv("HF_HUB_CACHE", root, 1);
    add_to_cache(root, "models--google--gemma-2-2b-it", mini);
    add_to_cache(root, "models--pyvene--gemma-reft-2b-it-res", dict);
    struct scope_options o = options("google/gemma-2-2b-it", "pyvene/gemma-reft-r1-2b-it-res");
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL | SCOPE_DICT, &err), ERR_OK);
    ck_assert_int_eq(scope.hook_layer, 3);
    scope_close(&scope);
    static const char *const names[] = {"pyvene/gemma-reft-2b-it-res", "gemma-reft-2b-it-res",
                                        "gemma-reft-r1-2b-it-res", "gemma-reft-r1-2b-it-res/l3",
                                        "pyvene/gemma-reft-r1-2b-it-res/l3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        o = options("google/gemma-2-2b-it", names[i]);
        ck_assert_msg(open_with(&scope, o, SCOPE_MODEL | SCOPE_DICT, &err) == ERR_OK, "%s: %s",
                      names[i], err.message);
        scope_close(&scope);
    }
    o = options("google/gemma-2-9b-it", NULL);
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, root));
    ck_assert_ptr_nonnull(strstr(err.message, "has no folder models--google--gemma-2-9b-it"));
    ck_assert_ptr_nonnull(strstr(err.hint, "accept the licence"));
    ck_assert_ptr_nonnull(strstr(err.hint, "hf download google/gemma-2-9b-it"));
    o = options("gemma-2-9b-it", NULL);
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.hint, "hf download google/gemma-2-9b-it"));
    o = options("google/gemma-2-2b-it", "pyvene/gemma-diffmean-9b-it-res");
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL | SCOPE_DICT, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.hint, "hf download pyvene/gemma-diffmean-9b-it-res"));
    ck_assert_ptr_null(strstr(err.hint, "licence"));
    tmp_dir_free(root);
}
END_TEST

static void check_warning(const char *model, const char *dict, bool is_chat, bool warned)
{
    struct model m = {.name = mem_strdup(model)};
    struct dictionary d = {.name = mem_strdup(dict)};
    struct scope scope = {.model = &m, .dict = &d, .is_chat = is_chat};
    char *warning = scope_warning(&scope);
    ck_assert_msg((warning != NULL) == warned, "%s with %s: %s", model, dict,
                  warning ? warning : "no warning");
    if (warning)
        ck_assert(strstr(warning, model) && strstr(warning, dict));
    free(warning);
    free(m.name);
    free(d.name);
}

START_TEST(a_chat_dictionary_on_a_base_model_is_warned_of_by_name_only)
{
    check_warning("gemma-2-2b", "gemma-reft-2b-it-res/l20", false, true);
    check_warning("gemma-2-9b", "gemma-diffmean-9b-it-res/l31", false, true);
    check_warning("gemma-2-2b-it", "gemma-reft-2b-it-res/l20", false, false);
    check_warning("gemma-2-2b-jpn-it", "gemma-reft-2b-it-res/l20", false, false);
    check_warning("gemma-2-2b", "gemma-reft-2b-it-res/l20", true, false);
    check_warning("gemma-2-2b", "gemma-scope-2b-pt-res/layer_20", false, false);
    check_warning("gemma-2-2b", "my-items/l20", false, false);
    check_warning("my-model", "gemma-reft-2b-it-res/l20", false, false);
    struct scope alone = {0};
    ck_assert_ptr_null(scope_warning(&alone));
}
END_TEST

START_TEST(a_model_alone_finds_its_dictionary_in_the_hub_cache)
{
    char path[600];
    char *root = tmp_dir_new();
    struct scope_paths paths;
    struct err err = {0};
    setenv("HF_HUB_CACHE", root, 1);
    snprintf(path, sizeof path, "%s/gemma-2-2b-it", root);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    free(tmp_dir_write(path, "config.json", "{}", 2));
    struct scope_options o = options(path, NULL);
    ck_assert_int_eq(scope_find(&paths, &o, &err), ERR_OK);
    ck_assert_ptr_null(paths.dict);
    scope_paths_clear(&paths);
    struct scope scope;
    ck_assert_int_eq(open_with(&scope, o, SCOPE_MODEL | SCOPE_DICT, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.hint, "--dict"));
    char mini[512];
    absolute(mini, sizeof mini, MINI);
    add_to_cache(root, "models--pyvene--gemma-diffmean-2b-it-res", mini);
    ck_assert_int_eq(scope_find(&paths, &o, &err), ERR_OK);
    ck_assert_ptr_nonnull(strstr(paths.dict, "gemma-diffmean-2b-it-res/snapshots/rev"));
    scope_paths_clear(&paths);
    tmp_dir_free(root);
}
END_TEST

START_TEST(the_demo_is_taken_only_without_both_flags)
{
    char data[512];
    struct scope_paths paths;
    struct err err = {0};
    absolute(data, sizeof data, MINI);
    setenv("AXSCOPE_DATA", data, 1);
    struct scope_options o = options(NULL, NULL);
    ck_assert_int_eq(scope_find(&paths, &o, &err), ERR_OK);
    ck_assert(paths.is_demo);
    ck_assert_str_eq(paths.model, data);
    ck_assert_str_eq(paths.dict, data);
    scope_paths_clear(&paths);
    o = options(NULL, MINI_F32);
    ck_assert_int_eq(scope_find(&paths, &o, &err), ERR_OK);
    ck_assert(!paths.is_demo);
    ck_assert_ptr_null(paths.model);
    scope_paths_clear(&paths);
}
END_TEST

/* A folder with this chat template, or none, and a tokenizer, or the demo's. */
static void check_chat(const char *template, const char *tokenizer, bool is_chat, const char *lacks)
{
    struct scope scope;
    struct err err;
    struct buf config = {0};
    char demo[512], link[600], *dir = tmp_dir_new();
    absolute(demo, sizeof demo, "assets/demo/tokenizer.json");
    snprintf(link, sizeof link, "%s/tokenizer.json", dir);
    if (tokenizer)
        free(tmp_dir_write(dir, "tokenizer.json", tokenizer, strlen(tokenizer)));
    else
        ck_assert_int_eq(symlink(demo, link), 0);
    free(tmp_dir_write(dir, "config.json", "{}", 2));
    buf_printf(&config, "{\"chat_template\":\"%s\"}", template ? template : "");
    if (template)
        free(tmp_dir_write(dir, "tokenizer_config.json", config.data, config.len));
    ck_assert_int_eq(open_with(&scope, options(dir, MINI), SCOPE_TOKENIZER, &err), ERR_OK);
    ck_assert_int_eq(scope.is_chat, is_chat);
    ck_assert_pstr_eq(scope.chat_lacks, lacks);
    scope_close(&scope);
    buf_clear(&config);
    tmp_dir_free(dir);
}

START_TEST(a_model_with_a_template_of_gemmas_form_is_a_chat_model)
{
    static const char gemma[] = "<start_of_turn>model<end_of_turn>";
    static const char no_markers[] =
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}";
    check_chat(gemma, NULL, true, NULL);
    check_chat("<|im_start|>assistant<|im_end|>", NULL, false, "<start_of_turn>");
    check_chat(NULL, NULL, false, NULL);
    check_chat(gemma, no_markers, false, NULL);
}
END_TEST

START_TEST(tokenizer_model_takes_the_place_of_tokenizer_json)
{
    struct scope scope;
    struct err err;
    char from[512], to[600], *dir = tmp_dir_new();
    absolute(from, sizeof from, "tests/fixtures/tokenizer/tokenizer.model");
    snprintf(to, sizeof to, "%s/tokenizer.model", dir);
    ck_assert_int_eq(symlink(from, to), 0);
    free(tmp_dir_write(dir, "config.json", "{}", 2));
    ck_assert_int_eq(open_with(&scope, options(dir, MINI), SCOPE_TOKENIZER, &err), ERR_OK);
    ck_assert_int_eq(vocab_size(tokenizer_vocab(scope.tokenizer)), 1200);
    scope_close(&scope);
    /* where both are there, tokenizer.json is read */
    free(tmp_dir_write(dir, "tokenizer.json", "{}", 2));
    ck_assert_int_eq(open_with(&scope, options(dir, MINI), SCOPE_TOKENIZER, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "tokenizer.json"));
    tmp_dir_free(dir);
}
END_TEST

START_TEST(ids_are_counted_but_for_bos_eos_and_pad)
{
    struct scope scope;
    struct prompt prompt;
    struct err err;
    const int ids[] = {2, 114, 107, 0, 1, 41};
    const bool special[] = {true, false, true, true, true, false};
    ck_assert_int_eq(open_with(&scope, options(MINI, NULL), SCOPE_MODEL, &err), ERR_OK);
    ck_assert_int_eq(prompt_from_ids(&prompt, &scope, ids, 6, &err), ERR_OK);
    for (size_t t = 0; t < 6; t++) {
        ck_assert_int_eq(prompt.special[t], special[t]);
        ck_assert_int_eq(prompt.counted[t], !special[t]);
        ck_assert_int_eq(prompt.ids.ids[t], ids[t]);
    }
    ck_assert_int_eq(prompt.n_spared, 0);
    prompt_clear(&prompt);
    struct buf text = {0};
    scope_token_text(&text, &scope, 114);
    ck_assert_str_eq(text.data, "<114>");
    buf_clear(&text);
    scope_close(&scope);
}
END_TEST

START_TEST(prompts_that_do_not_fit_are_refused_with_the_numbers)
{
    struct scope scope;
    struct prompt prompt;
    struct err err;
    const int far[] = {2, 384};
    ck_assert_int_eq(open_with(&scope, options(MINI, NULL), SCOPE_MODEL, &err), ERR_OK);
    ck_assert_int_eq(prompt_from_ids(&prompt, &scope, far, 2, &err), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "384"));
    int *many = calloc(8193, sizeof *many);
    ck_assert_int_eq(prompt_from_ids(&prompt, &scope, many, 8193, &err), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "8193"));
    ck_assert_ptr_nonnull(strstr(err.message, "8192"));
    free(many);
    ck_assert_int_eq(prompt_from_text(&prompt, &scope, PROMPT_AUTO, "x", 1, NULL, &err),
                     ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.hint, "--ids"));
    scope_close(&scope);
}
END_TEST

Suite *suite_scope(void)
{
    Suite *s = suite_create("scope");
    TCase *t = tcase_create("scope");
    tcase_add_test(t, a_model_alone_brings_the_dictionary_inside_its_folder);
    tcase_add_test(t, a_dictionary_alone_is_enough_for_a_search);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, weights_are_quantised_where_they_are_used);
    tcase_add_test(t, a_model_that_takes_more_than_there_is_is_refused_unless_forced);
    tcase_add_test(t, only_what_will_run_is_planned_for);
    tcase_add_test(t, the_layer_flag_wins_over_the_dictionary);
    tcase_add_test(t, hub_names_are_found_under_both_names_of_a_dictionary);
    tcase_add_test(t, a_chat_dictionary_on_a_base_model_is_warned_of_by_name_only);
    tcase_add_test(t, a_model_alone_finds_its_dictionary_in_the_hub_cache);
    tcase_add_test(t, the_demo_is_taken_only_without_both_flags);
    tcase_add_test(t, a_model_with_a_template_of_gemmas_form_is_a_chat_model);
    tcase_add_test(t, tokenizer_model_takes_the_place_of_tokenizer_json);
    tcase_add_test(t, ids_are_counted_but_for_bos_eos_and_pad);
    tcase_add_test(t, prompts_that_do_not_fit_are_refused_with_the_numbers);
    suite_add_tcase(s, t);
    return s;
}
