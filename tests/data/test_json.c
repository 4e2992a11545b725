#include "data/file.h"
#include "data/json.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc;
    ck_assert_int_eq(json_parse(&doc, text, strlen(text), "t.json", &err), ERR_OK);
    return doc;
}

static void refuse(const char *text, size_t len, const char *reason)
{
    struct json_doc *doc;
    ck_assert_msg(json_parse(&doc, text, len, "t.json", &err) == ERR_FORMAT, "%s", text);
    ck_assert_ptr_null(doc);
    ck_assert_ptr_nonnull(strstr(err.message, "t.json"));
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(values_are_reached_by_key_and_in_order)
{
    struct json_doc *doc = parse(" {\"a\": [1, 2.5, \"x\", null, true], \"b\": {\"c\": -3}}\n\n");
    const struct json *root = json_root(doc), *a = json_get(root, "a");
    ck_assert_str_eq(json_name(doc), "t.json");
    ck_assert_uint_eq(json_size(root), 2);
    ck_assert(json_is_array(a) && json_size(a) == 5);
    const struct json *v = json_first(a);
    ck_assert(json_number(v) == 1.0 && !json_key(v));
    v = json_next(v);
    ck_assert(json_is_number(v) && json_number(v) == 2.5);
    v = json_next(v);
    ck_assert_str_eq(json_string(v), "x");
    v = json_next(v);
    ck_assert(json_is_null(v));
    v = json_next(v);
    ck_assert(json_is_bool(v) && json_bool(v));
    ck_assert_ptr_null(json_next(v));
    ck_assert_str_eq(json_key(json_next(json_first(root))), "b");
    ck_assert_ptr_null(json_get(root, "C"));
    ck_assert_ptr_null(json_get(NULL, "c"));
    ck_assert(!json_is_object(NULL) && !json_string(NULL) && json_number(NULL) == 0);
    json_close(doc);
    json_close(NULL);
}
END_TEST

START_TEST(the_first_of_equal_keys_counts)
{
    struct json_doc *doc = parse("{\"a\": 1, \"a\": 2}");
    ck_assert(json_number(json_get(json_root(doc), "a")) == 1.0);
    json_close(doc);
}
END_TEST

START_TEST(text_that_is_cut_short_says_so_at_every_byte)
{
    const char *text = "{\"a\": [1, \"x\\u00e9\\n\", {\"b\": null}]}";
    for (size_t len = 1; len < strlen(text); len++)
        refuse(text, len, "not complete JSON");
    refuse("", 0, "empty");
    refuse(" \n", 2, "empty");
}
END_TEST

START_TEST(wrong_text_is_refused_with_line_and_column)
{
    refuse("{\"a\": 1,\n  b: 2}", 16, "near line 2, column 4");
    refuse("{} x", 4, "line 1, column 4");
    refuse("nul", 3, "line 1");
    refuse("[1\0]", 4, "line 1, column 3");
    refuse("[\"\\uZZZZ\"]", 10, "line 1, column 3");
    refuse("[\"\\u12\"]", 8, "line 1, column 3");
}
END_TEST

START_TEST(deep_nesting_is_refused_and_does_not_crash)
{
    static char text[400000];
    memset(text, '[', sizeof text);
    refuse(text, sizeof text, "JSON");
    memset(text + sizeof text / 2, ']', sizeof text / 2);
    refuse(text, sizeof text, "JSON");
}
END_TEST

START_TEST(no_escape_cuts_a_string)
{
    struct json_doc *doc = parse("{\"a\": \"x\\u0000y\\\\u0000\", \"b\": \"\\ud83d\\ude00\", "
                                 "\"c\": \"\\ud800z\\udc00\\ud800\\u0041\"}");
    const struct json *a = json_get(json_root(doc), "a");
    struct buf bytes = {0};
    ck_assert_str_eq(json_string(a), "x\xC0\x80y\\u0000");
    ck_assert(json_string_bytes(&bytes, a));
    ck_assert_uint_eq(bytes.len, 9);
    ck_assert_mem_eq(bytes.data, "x\0y\\u0000", 9);
    ck_assert(!json_string_bytes(&bytes, json_root(doc)));
    ck_assert_str_eq(json_string(json_get(json_root(doc), "b")), "\xF0\x9F\x98\x80");
    ck_assert_str_eq(json_string(json_get(json_root(doc), "c")),
                     "\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD"
                     "A");
    buf_clear(&bytes);
    json_close(doc);
}
END_TEST

START_TEST(typed_getters_name_document_and_key)
{
    struct json_doc *doc =
        parse("{\"n\": 7, \"half\": 0.5, \"big\": 1e300, \"inf\": 1e999, \"s\": \"x\"}");
    const struct json *root = json_root(doc);
    long n = 0;
    double d = 0;
    const char *s = NULL;
    ck_assert_int_eq(json_get_int(&n, doc, root, "n", 0, 7, &err), ERR_OK);
    ck_assert_int_eq(n, 7);
    ck_assert_int_eq(json_get_int(&n, doc, root, "n", 8, 9, &err), ERR_FORMAT);
    ck_assert_str_eq(err.message, "t.json: n is 7, outside 8..9");
    ck_assert_int_eq(json_get_int(&n, doc, root, "half", 0, 9, &err), ERR_FORMAT);
    ck_assert_str_eq(err.message, "t.json: half is not a whole number");
    ck_assert_int_eq(json_get_int(&n, doc, root, "big", 0, 9, &err), ERR_FORMAT);
    ck_assert_int_eq(json_get_int(&n, doc, root, "m", 0, 9, &err), ERR_FORMAT);
    ck_assert_str_eq(err.message, "t.json: m is missing, it should be a whole number");
    ck_assert_int_eq(json_get_number(&d, doc, root, "half", &err), ERR_OK);
    ck_assert(d == 0.5);
    ck_assert_int_eq(json_get_number(&d, doc, root, "inf", &err), ERR_FORMAT);
    ck_assert_int_eq(json_get_number(&d, doc, root, "s", &err), ERR_FORMAT);
    ck_assert_int_eq(json_get_string(&s, doc, root, "s", &err), ERR_OK);
    ck_assert_str_eq(s, "x");
    ck_assert_int_eq(json_get_string(&s, doc, root, "n", &err), ERR_FORMAT);
    json_close(doc);
}
END_TEST

START_TEST(a_real_config_is_read_from_its_file)
{
    struct json_doc *doc;
    ck_assert_int_eq(json_open(&doc, "tests/fixtures/gemma2-mini/config.json", &err), ERR_OK);
    ck_assert_str_eq(json_string(json_get(json_root(doc), "model_type")), "gemma2");
    json_close(doc);
    ck_assert_int_eq(json_open(&doc, "tests/fixtures/none.json", &err), ERR_IO);
}
END_TEST

START_TEST(the_writer_sets_commas_and_escapes)
{
    struct buf b = {0};
    struct json_writer w;
    json_writer_init(&w, NULL, &b);
    jw_object(&w);
    jw_key(&w, "a\"b");
    jw_array(&w);
    jw_int(&w, -5);
    jw_bool(&w, true);
    jw_null(&w);
    jw_array(&w);
    jw_array_end(&w);
    jw_object(&w);
    jw_object_end(&w);
    jw_array_end(&w);
    jw_key(&w, "s");
    jw_string(&w, "tab\t nl\n q\" \\ \x01 \x7f \xC3\xA9 \xFF");
    jw_key(&w, "n");
    jw_string(&w, NULL);
    jw_key(&w, "z");
    jw_string_len(&w, "a\0b", 3);
    jw_object_end(&w);
    ck_assert_str_eq(b.data, "{\"a\\\"b\":[-5,true,null,[],{}],\"s\":\"tab\\t nl\\n q\\\" \\\\ "
                             "\\u0001 \\u007f \xC3\xA9 <0xFF>\",\"n\":null,\"z\":\"a\\u0000b\"}");
    buf_clear(&b);
}
END_TEST

START_TEST(written_numbers_read_back_exactly)
{
    struct buf b = {0};
    struct json_writer w;
    json_writer_init(&w, NULL, &b);
    unsigned state = 1;
    jw_array(&w);
    float values[200];
    for (int i = 0; i < 200; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = ldexpf((float)(int)state, (int)(state >> 20) % 60 - 60);
        jw_float(&w, values[i]);
        jw_double(&w, (double)values[i] / 3);
    }
    jw_float(&w, NAN);
    jw_double(&w, INFINITY);
    jw_array_end(&w);
    struct json_doc *doc = parse(b.data);
    const struct json *v = json_first(json_root(doc));
    for (int i = 0; i < 200; i++, v = json_next(v)) {
        ck_assert((float)json_number(v) == values[i]);
        v = json_next(v);
        ck_assert(json_number(v) == (double)values[i] / 3);
    }
    ck_assert(json_is_null(v) && json_is_null(json_next(v)));
    json_close(doc);
    buf_clear(&b);
}
END_TEST

START_TEST(the_writer_fills_a_stream_too)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    struct json_writer w;
    json_writer_init(&w, stream, NULL);
    jw_array(&w);
    jw_float(&w, 0.1f);
    jw_string(&w, "x");
    jw_array_end(&w);
    fclose(stream);
    ck_assert_str_eq(text, "[0.100000001,\"x\"]");
    free(text);
}
END_TEST

Suite *suite_json(void)
{
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_test(t, values_are_reached_by_key_and_in_order);
    tcase_add_test(t, the_first_of_equal_keys_counts);
    tcase_add_test(t, text_that_is_cut_short_says_so_at_every_byte);
    tcase_add_test(t, wrong_text_is_refused_with_line_and_column);
    tcase_add_test(t, deep_nesting_is_refused_and_does_not_crash);
    tcase_add_test(t, no_escape_cuts_a_string);
    tcase_add_test(t, typed_getters_name_document_and_key);
    tcase_add_test(t, a_real_config_is_read_from_its_file);
    tcase_add_test(t, the_writer_sets_commas_and_escapes);
    tcase_add_test(t, written_numbers_read_back_exactly);
    tcase_add_test(t, the_writer_fills_a_stream_too);
    suite_add_tcase(s, t);
    return s;
}
