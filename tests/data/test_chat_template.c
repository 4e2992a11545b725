#include "data/chat_template.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

static struct err err;
static void check_template(const char *want)
{
    char *text;
    ck_assert_msg(chat_template_read(&text, test_dir, &err) == ERR_OK, "%s", err.message);
    if (want)
        ck_assert_str_eq(text, want);
    else
        ck_assert_ptr_null(text);
    free(text);
}

START_TEST(a_folder_without_a_template_has_none)
{
    check_template(NULL);
    test_dir_put("tokenizer_config.json", "{\"bos_token\":\"<bos>\"}");
    check_template(NULL);
    test_dir_put("tokenizer_config.json", "{\"chat_template\":null}");
    check_template(NULL);
    test_dir_put("tokenizer_config.json", "{\"chat_template\":[]}");
    check_template(NULL);
}
END_TEST

START_TEST(the_key_is_a_text_or_a_list_of_named_ones)
{
    test_dir_put("tokenizer_config.json", "{\"chat_template\":\"T\"}");
    check_template("T");
    test_dir_put("tokenizer_config.json",
                 "{\"chat_template\":[{\"name\":\"tools\",\"template\":\"A\"},"
                 "{\"name\":\"default\",\"template\":\"B\"}]}");
    check_template("B");
    test_dir_put("tokenizer_config.json",
                 "{\"chat_template\":[{\"name\":\"tools\",\"template\":\"A\"}]}");
    check_template("A");
}
END_TEST

START_TEST(a_file_of_its_own_wins)
{
    test_dir_put("tokenizer_config.json", "{\"chat_template\":\"T\"}");
    test_dir_put("chat_template.jinja", "J\n");
    check_template("J\n");
}
END_TEST

START_TEST(a_broken_file_is_an_error)
{
    char *text;
    test_dir_put("tokenizer_config.json", "{\"chat_template\":");
    ck_assert_int_eq(chat_template_read(&text, test_dir, &err), ERR_FORMAT);
    ck_assert_ptr_null(text);
    ck_assert_ptr_nonnull(strstr(err.message, "tokenizer_config.json"));
}
END_TEST

START_TEST(gemmas_form_is_told_by_its_marks)
{
    static const char gemma[] =
        "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'assistant') %}"
        "{% set role = 'model' %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + "
        "message['content']"
        " | trim + '<end_of_turn>\\n' }}{% endfor %}";
    ck_assert_ptr_null(chat_template_lacks(gemma));
    ck_assert_str_eq(chat_template_lacks("<|im_start|>{{ role }}<|im_end|>model"),
                     "<start_of_turn>");
    ck_assert_str_eq(chat_template_lacks("<start_of_turn>model"), "<end_of_turn>");
    ck_assert_str_eq(chat_template_lacks("<start_of_turn>assistant<end_of_turn>"), "model");
}
END_TEST

Suite *suite_chat_template(void)
{
    Suite *s = suite_create("chat_template");
    TCase *t = tcase_create("chat_template");
    tcase_add_checked_fixture(t, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(t, a_folder_without_a_template_has_none);
    tcase_add_test(t, the_key_is_a_text_or_a_list_of_named_ones);
    tcase_add_test(t, a_file_of_its_own_wins);
    tcase_add_test(t, a_broken_file_is_an_error);
    tcase_add_test(t, gemmas_form_is_told_by_its_marks);
    suite_add_tcase(s, t);
    return s;
}
