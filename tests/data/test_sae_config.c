#include "data/sae_config.h"

#include "tests/support/runner.h"

#include <string.h>

static struct err err;

static struct sae_config parse_ok(const char *text)
{
    struct sae_config c;
    ck_assert_msg(sae_config_parse(&c, text, strlen(text), "cfg.json", &err) == ERR_OK, "%s",
                  err.message);
    return c;
}

static void refuse(const char *text, int code, const char *reason)
{
    struct sae_config c;
    ck_assert_int_eq(sae_config_parse(&c, text, strlen(text), "cfg.json", &err), code);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_ptr_nonnull(strstr(err.message, "cfg.json"));
    ck_assert_str_ne(err.hint, "");
}

START_TEST(the_form_of_version_6_is_read)
{
    struct sae_config c;
    ck_assert_int_eq(sae_config_open(&c, "tests/fixtures/sae/topk/cfg.json", &err), ERR_OK);
    ck_assert(c.kind == SAE_TOPK && c.k == 5 && c.rescale_by_norms && c.subtract_b_dec);
    ck_assert(c.d_model == 96 && c.n_features == 24 && c.hook_layer == 3);
    ck_assert_str_eq(c.source, "gemma-2-mini/3-mini-res-24");
    sae_config_clear(&c);
    ck_assert_int_eq(sae_config_open(&c, "tests/fixtures/sae/jumprelu/cfg.json", &err), ERR_OK);
    ck_assert(c.kind == SAE_JUMPRELU && c.norm == SAE_NORM_LAYER && !c.subtract_b_dec);
    sae_config_clear(&c);
}
END_TEST

START_TEST(the_flat_form_is_read)
{
    struct sae_config c;
    ck_assert_int_eq(sae_config_open(&c, "tests/fixtures/sae/topk-flat/cfg.json", &err), ERR_OK);
    ck_assert(c.kind == SAE_TOPK && c.k == 6 && !c.rescale_by_norms && c.subtract_b_dec);
    ck_assert(c.norm == SAE_NORM_CONSTANT && c.hook_layer == 3 && !c.source);
    sae_config_clear(&c);
    c = parse_ok("{\"hook_point\": \"blocks.12.hook_resid_post\", \"hook_point_layer\": 12,"
                 "\"normalize_activations\": true, \"finetuning_scaling_factor\": true}");
    ck_assert(c.kind == SAE_STANDARD && c.norm == SAE_NORM_NONE && c.hook_layer == 12);
    ck_assert(c.is_finetuned && c.d_model == 0);
    sae_config_clear(&c);
    c = parse_ok("{\"normalize_activations\": null, \"architecture\": \"gated\", \"k\": null}");
    ck_assert(c.kind == SAE_GATED && c.norm == SAE_NORM_NONE && c.hook_layer == -1);
    sae_config_clear(&c);
}
END_TEST

START_TEST(what_enters_a_layer_left_the_one_before)
{
    struct sae_config c = parse_ok("{\"metadata\": {\"hook_name\": \"blocks.7.hook_resid_pre\"}}");
    ck_assert_int_eq(c.hook_layer, 6);
    c = parse_ok("{\"hook_name\": \"blocks.7.hook_resid_pre\", \"hook_layer\": 7}");
    ck_assert_int_eq(c.hook_layer, 6);
    refuse("{\"hook_name\": \"blocks.0.hook_resid_pre\"}", ERR_UNSUPPORTED, "resid_pre");
}
END_TEST

START_TEST(other_hooks_and_kinds_are_refused_by_name)
{
    refuse("{\"hook_name\": \"blocks.7.hook_mlp_out\"}", ERR_UNSUPPORTED, "blocks.7.hook_mlp_out");
    refuse("{\"hook_name\": \"blocks.7.attn.hook_z\"}", ERR_UNSUPPORTED, "hook_z");
    refuse("{\"hook_name\": \"blocks..hook_resid_post\"}", ERR_UNSUPPORTED, "blocks..");
    refuse("{\"hook_name\": \"blocks.99999.hook_resid_post\"}", ERR_UNSUPPORTED, "99999");
    refuse("{\"architecture\": \"batchtopk\"}", ERR_UNSUPPORTED, "'batchtopk'");
    refuse("{\"architecture\": \"jumprelu_transcoder\"}", ERR_UNSUPPORTED, "transcoder");
    refuse("{\"activation_fn_str\": \"tanh-relu\"}", ERR_UNSUPPORTED, "tanh-relu");
    refuse("{\"normalize_activations\": \"batch_norm\"}", ERR_UNSUPPORTED, "batch_norm");
    refuse("{\"reshape_activations\": \"hook_z\"}", ERR_UNSUPPORTED, "hook_z");
    refuse("{\"hook_point_head_index\": 3}", ERR_UNSUPPORTED, "head");
}
END_TEST

START_TEST(records_that_contradict_are_refused_with_both_values)
{
    refuse("{\"hook_name\": \"blocks.7.hook_resid_post\", \"hook_layer\": 8}", ERR_FORMAT,
           "hook_name is blocks.7.hook_resid_post and hook_layer is 8");
    refuse("{\"hook_name\": \"blocks.7.hook_resid_pre\", \"hook_layer\": 6}", ERR_FORMAT, "6");
}
END_TEST

START_TEST(values_of_the_wrong_kind_are_refused)
{
    refuse("[]", ERR_FORMAT, "not a JSON object");
    refuse("{", ERR_FORMAT, "cfg.json");
    refuse("{\"architecture\": 3}", ERR_FORMAT, "architecture");
    refuse("{\"d_in\": -1}", ERR_FORMAT, "d_in");
    refuse("{\"d_in\": 1e300}", ERR_FORMAT, "d_in");
    refuse("{\"d_sae\": 2.5}", ERR_FORMAT, "d_sae");
    refuse("{\"apply_b_dec_to_input\": 1}", ERR_FORMAT, "apply_b_dec_to_input");
    refuse("{\"architecture\": \"topk\"}", ERR_FORMAT, "without k");
    refuse("{\"architecture\": \"topk\", \"activation_fn_kwargs\": {\"k\": 0}}", ERR_FORMAT, "k");
}
END_TEST

Suite *suite_sae_config(void)
{
    Suite *s = suite_create("sae_config");
    TCase *c = tcase_create("sae_config");
    tcase_add_test(c, the_form_of_version_6_is_read);
    tcase_add_test(c, the_flat_form_is_read);
    tcase_add_test(c, what_enters_a_layer_left_the_one_before);
    tcase_add_test(c, other_hooks_and_kinds_are_refused_by_name);
    tcase_add_test(c, records_that_contradict_are_refused_with_both_values);
    tcase_add_test(c, values_of_the_wrong_kind_are_refused);
    suite_add_tcase(s, c);
    return s;
}
