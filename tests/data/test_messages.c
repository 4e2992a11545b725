#include "data/messages.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

static struct err err;

static void check_refused(const char *text, int code, const char *message)
{
    struct messages m;
    ck_assert_int_eq(messages_parse(&m, text, strlen(text), "chat.json", &err), code);
    ck_assert(m.n == 0 && !m.items);
    ck_assert_msg(strstr(err.message, message) != NULL, "\"%s\" is not in \"%s\"", message,
                  err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "chat.json"));
    ck_assert_str_ne(err.hint, "");
}

START_TEST(a_list_of_turns_is_read_with_either_name_of_the_model)
{
    static const char *const texts[] = {
        "[{\"role\":\"user\",\"content\":\"a\\u0000b\"},{\"content\":\"\",\"role\":\"assistant\"},"
        "{\"role\":\"user\",\"content\":\" c\\n\"}]",
        "{\"id\":7,\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000b\"},"
        "{\"role\":\"model\",\"content\":\"\"},{\"role\":\"user\",\"content\":\" c\\n\"}]}\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct messages m;
        ck_assert_msg(messages_parse(&m, texts[i], strlen(texts[i]), "m", &err) == ERR_OK, "%s",
                      err.message);
        ck_assert_uint_eq(m.n, 3);
        ck_assert(!m.items[0].is_model && m.items[1].is_model && !m.items[2].is_model);
        ck_assert_uint_eq(m.items[0].len, 3);
        ck_assert_mem_eq(m.items[0].text, "a\0b", 3);
        ck_assert_uint_eq(m.items[1].len, 0);
        ck_assert_str_eq(m.items[2].text, " c\n");
        messages_clear(&m);
    }
}
END_TEST

START_TEST(a_system_message_is_refused_with_a_way_out)
{
    check_refused("[{\"role\":\"system\",\"content\":\"be brief\"}]", ERR_UNSUPPORTED,
                  "message 1 has the role 'system', which Gemma 2's chat form does not have");
    ck_assert_ptr_nonnull(strstr(err.hint, "first user message"));
}
END_TEST

START_TEST(a_content_of_text_parts_is_their_text_joined)
{
    static const char text[] =
        "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a \\u0000\"},"
        "{\"text\":\"b\\n\",\"type\":\"text\"}]},{\"role\":\"model\",\"content\":[]}]";
    struct messages m;
    ck_assert_int_eq(messages_parse(&m, text, sizeof text - 1, "m", &err), ERR_OK);
    ck_assert_uint_eq(m.items[0].len, 5);
    ck_assert_mem_eq(m.items[0].text, "a \0b\n", 6);
    ck_assert_str_eq(m.items[1].text, "");
    messages_clear(&m);
}
END_TEST

START_TEST(a_part_that_is_no_text_is_refused_by_its_name)
{
    check_refused("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"what is this\"},"
                  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]",
                  ERR_UNSUPPORTED, "message 1 has a part of type 'image_url'");
}
END_TEST

START_TEST(what_is_no_conversation_is_refused_by_number)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "no list of messages"},
        {"{}", "no list of messages"},
        {"\"hello\"", "no list of messages"},
        {"[1]", "message 1: is not an object"},
        {"[{\"content\":\"a\"}]", "message 1: has no role"},
        {"[{\"role\":3,\"content\":\"a\"}]", "message 1: has no role"},
        {"[{\"role\":\"user\"}]", "message 1: its content is neither a string nor a list"},
        {"[{\"role\":\"user\",\"content\":{}}]", "message 1: its content is neither a string"},
        {"[{\"role\":\"user\",\"content\":[\"a\"]}]", "a part of its content has no type"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"content\":\"a\"}]}]",
         "message 1: a text part of its content has no text"},
        {"[{\"role\":\"tool\",\"content\":\"a\"}]", "message 1 has the unknown role 'tool'"},
        {"[{\"role\":\"assistant\",\"content\":\"a\"}]", "message 1 is the assistant's"},
        {"[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]",
         "message 2 is of the same role"},
        {"[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"model\",\"content\":\"b\"},"
         "{\"role\":\"model\",\"content\":\"c\"}]",
         "message 3 is of the same role"},
        {"hello", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(cases[i].text, ERR_FORMAT, cases[i].message);
}
END_TEST

START_TEST(a_list_cut_short_is_not_said_to_be_a_download)
{
    static const char *const cuts[] = {"", "[{\"role\":", "[{]"};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        check_refused(cuts[i], ERR_FORMAT, "");
        ck_assert_ptr_null(strstr(err.hint, "download"));
        ck_assert_ptr_nonnull(strstr(err.hint, "Give [{"));
    }
}
END_TEST

START_TEST(a_file_is_read_and_a_missing_one_is_an_error)
{
    static const char text[] = "[{\"role\":\"user\",\"content\":\"hi\"}]";
    struct messages m;
    char *dir = tmp_dir_new(), *path = tmp_dir_write(dir, "m.json", text, sizeof text - 1);
    ck_assert_int_eq(messages_read(&m, path, &err), ERR_OK);
    ck_assert_str_eq(m.items[0].text, "hi");
    messages_clear(&m);
    free(path);
    tmp_dir_free(dir);
    ck_assert_int_eq(messages_read(&m, "tests/no/such.json", &err), ERR_IO);
    ck_assert_uint_eq(m.n, 0);
}
END_TEST

Suite *suite_messages(void)
{
    Suite *s = suite_create("messages");
    TCase *t = tcase_create("messages");
    tcase_add_test(t, a_list_of_turns_is_read_with_either_name_of_the_model);
    tcase_add_test(t, a_system_message_is_refused_with_a_way_out);
    tcase_add_test(t, a_content_of_text_parts_is_their_text_joined);
    tcase_add_test(t, a_part_that_is_no_text_is_refused_by_its_name);
    tcase_add_test(t, what_is_no_conversation_is_refused_by_number);
    tcase_add_test(t, a_list_cut_short_is_not_said_to_be_a_download);
    tcase_add_test(t, a_file_is_read_and_a_missing_one_is_an_error);
    suite_add_tcase(s, t);
    return s;
}
