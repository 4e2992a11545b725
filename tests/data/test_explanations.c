#include "data/explanations.h"

#include "data/mem.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct err err;
static struct buf seen; /* "INDEX=TEXT(MODEL/LAYER);" of every explanation */

static void tear_down(void)
{
    buf_clear(&seen);
}

static int note(void *data, const struct explanation *e, struct err *e_out)
{
    buf_printf(&seen, "%zu=%.*s(%s/%s);", e->index, (int)e->text_len, e->text,
               e->model ? e->model : "-", e->layer ? e->layer : "-");
    return data ? err_set(e_out, ERR_LIMIT, "enough") : ERR_OK;
}

static int parse_bytes(const void *bytes, size_t size)
{
    void *block = mem_alloc(size, 1); /* so that a sanitizer sees a read past the end */
    memcpy(block, bytes, size);
    buf_clear(&seen);
    int rc = explanations_parse(block, size, "e.json", note, NULL, &err);
    free(block);
    return rc;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void accept(const char *text, const char *want)
{
    ck_assert_msg(parse(text) == ERR_OK, "%s: %s", text, err.message);
    ck_assert_str_eq(buf_cstr(&seen), want);
}

static void refuse(const char *text, const char *reason)
{
    ck_assert_int_lt(parse(text), 0);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_ptr_nonnull(strstr(err.message, "e.json"));
    ck_assert_str_ne(err.hint, "");
}

START_TEST(both_forms_are_read)
{
    accept("[{\"index\": \"12\", \"description\": \" dogs \\n\", \"modelId\": \"m\", \"layer\": "
           "\"3-s\"}, {\"index\": 5, \"description\": \"a \\\"cat\\\" {[\"}]",
           "12=dogs(m/3-s);5=a \"cat\" {[(-/-);");
    accept("\xef\xbb\xbf[{\"index\":1,\"description\":\"x\"}]", "1=x(-/-);");
    accept("{\"index\":1,\"description\":\"x\"}\n{\"index\":2,\"description\":\"y\"}\n\n",
           "1=x(-/-);2=y(-/-);");
    accept("[]", "");
    accept("\n[ ]\n", "");
}
END_TEST

START_TEST(objects_without_a_description_are_left_out)
{
    accept("[{\"index\":1},{\"index\":2,\"description\":null},{\"index\":3,\"description\":\" \"},"
           "{\"index\":4,\"description\":\"\\u00e9\"}]",
           "4=\xc3\xa9(-/-);");
}
END_TEST

START_TEST(embeddings_are_skipped_whatever_they_hold)
{
    static const char *const values[] = {
        "[1, 2, [3]]",           "null", "\"text, with } and \\\" in it\"",
        "{\"a\": {\"b\": [1]}}", "7",    "[]"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf text = {0};
        buf_printf(&text,
                   "{\"embedding\" : %s , \"index\": 1, \"x\": {\"embedding\": 2}, "
                   "\"description\": \"embedding\", \"umap\": \"embedding\"}"
                   "{\"index\": 2, \"description\": \"b\", \"embedding\":%s}",
                   values[i], values[i]);
        accept(text.data, "1=embedding(-/-);2=b(-/-);");
        buf_clear(&text);
    }
}
END_TEST

START_TEST(an_embedding_may_be_longer_than_any_object)
{
    struct buf text = {0};
    buf_str(&text, "[{\"embedding\": [");
    for (int i = 0; i < 400000; i++)
        buf_str(&text, "0.125, ");
    buf_str(&text, "1], \"index\": 3, \"description\": \"long\"}]");
    ck_assert_uint_gt(text.len, (size_t)2 << 20);
    accept(text.data, "3=long(-/-);");
    memcpy(strstr(text.data, "embedding"), "activated", 9);
    refuse(text.data, "object 1 is longer than");
    buf_clear(&text);
}
END_TEST

START_TEST(what_is_not_an_export_is_refused)
{
    refuse("", "ends too early at byte 0");
    refuse("hello", "neither an object nor its end at byte 1");
    refuse("[{\"index\":1,\"description\":\"x\"}", "ends too early");
    refuse("[1]", "neither");
    refuse("[{}] [", "index is not");
    refuse("[] {", "neither");
    refuse("{\"index\":1,\"description\":\"x\"},", "neither");
    refuse("{\"index\":1,]", "object 1");
    refuse("{\"index\":1", "ends too early");
    refuse("{\"index\":-1,\"description\":\"x\"}", "object 1: index is not the number");
    refuse("{\"index\":1.5,\"description\":\"x\"}", "index is not the number");
    refuse("{\"index\":\"12a\",\"description\":\"x\"}", "index is not the number");
    refuse("{\"index\":\"\",\"description\":\"x\"}", "index is not the number");
    refuse("{\"index\":\"99999999999999999999\",\"description\":\"x\"}", "index is not the number");
}
END_TEST

START_TEST(the_reader_stops_where_it_is_told_to)
{
    static const char text[] = "[{\"index\":1,\"description\":\"x\"},{\"index\":2}]";
    ck_assert_int_eq(explanations_parse(text, strlen(text), "e", note, &seen, &err), ERR_LIMIT);
    ck_assert_str_eq(seen.data, "1=x(-/-);");
}
END_TEST

static size_t gzip(unsigned char *out, size_t cap, const char *text)
{
    z_stream z = {0};
    unsigned char in[200];
    memcpy(in, text, strlen(text));
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = in;
    z.avail_in = (uInt)strlen(text);
    z.next_out = out;
    z.avail_out = (uInt)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

START_TEST(gzip_is_unpacked_and_its_damage_noticed)
{
    unsigned char bytes[1000];
    size_t first = gzip(bytes, sizeof bytes, "{\"index\":1,\"description\":\"x\"}\n");
    size_t size =
        first + gzip(bytes + first, sizeof bytes - first, "{\"index\":2,\"description\":\"y\"}\n");
    ck_assert_msg(parse_bytes(bytes, size) == ERR_OK, "%s", err.message);
    ck_assert_str_eq(seen.data, "1=x(-/-);2=y(-/-);");
    for (size_t len = 3; len < size; len++)
        if (len != first)
            ck_assert_int_lt(parse_bytes(bytes, len), 0);
    bytes[first - 7] ^= 1; /* in the checksum of the first */
    ck_assert_int_lt(parse_bytes(bytes, size), 0);
    ck_assert_ptr_nonnull(strstr(err.message, "gzip"));
}
END_TEST

Suite *suite_explanations(void)
{
    Suite *s = suite_create("explanations");
    TCase *c = tcase_create("explanations");
    tcase_add_checked_fixture(c, NULL, tear_down);
    tcase_add_test(c, both_forms_are_read);
    tcase_add_test(c, objects_without_a_description_are_left_out);
    tcase_add_test(c, embeddings_are_skipped_whatever_they_hold);
    tcase_add_test(c, an_embedding_may_be_longer_than_any_object);
    tcase_add_test(c, what_is_not_an_export_is_refused);
    tcase_add_test(c, the_reader_stops_where_it_is_told_to);
    tcase_add_test(c, gzip_is_unpacked_and_its_damage_noticed);
    suite_add_tcase(s, c);
    return s;
}
