#include "data/label_file.h"

#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct err err;
static char *put(const char *name, const char *text)
{
    return tmp_dir_write(test_dir, name, text, strlen(text));
}

static struct labels read_ok(char *path, size_t n, const char *want_source)
{
    struct labels labels;
    char *source;
    ck_assert_msg(label_file_read(&labels, &source, path, n, &err) == ERR_OK, "%s", err.message);
    ck_assert_uint_eq(labels.n, n);
    if (want_source)
        ck_assert_str_eq(source, want_source);
    else
        ck_assert_ptr_null(source);
    free(source);
    return labels;
}

static void refuse(const char *path, size_t n, int code, const char *reason)
{
    struct labels labels;
    char *source;
    ck_assert_int_eq(label_file_read(&labels, &source, path, n, &err), code);
    ck_assert(!source && labels.n == 0);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(lines_of_text_are_labels)
{
    char *path = put("x.txt", "{not json\r\n\nthird \xff line");
    struct labels l = read_ok(path, 3, NULL);
    ck_assert_str_eq(l.rows[0].text, "{not json");
    ck_assert_str_eq(l.rows[1].text, "feature 1");
    ck_assert_str_eq(l.rows[2].text, "third <0xFF> line");
    ck_assert(l.rows[2].id == 2 && l.rows[2].text_len == strlen(l.rows[2].text));
    labels_close(&l);
    refuse(path, 4, ERR_SHAPE, "has 3 lines, but the weights have 4 rows");
    refuse(path, 2, ERR_SHAPE, "lines, but the weights have 2 rows");
    free(path);
    path = put("names", "one\ntwo\n");
    l = read_ok(path, 2, NULL);
    ck_assert_str_eq(l.rows[1].text, "two");
    labels_close(&l);
    free(path);
}
END_TEST

START_TEST(metadata_is_known_by_its_first_line)
{
    char *path = put("m", "{\"concept_id\": 7, \"concept\": \"a\"}\n{\"concept_id\": 9, "
                          "\"concept\": \"b\"}\n");
    struct labels l = read_ok(path, 2, NULL);
    ck_assert(l.rows[1].id == 9 && strcmp(l.rows[1].text, "b") == 0);
    labels_close(&l);
    refuse(path, 3, ERR_SHAPE, "has 2 lines, but the weights have 3 rows");
    free(path);
}
END_TEST

START_TEST(explanations_are_joined_by_index)
{
    char *path = put("e.json", "[{\"index\": \"2\", \"description\": \"first of 2\", \"modelId\": "
                               "\"m\", \"layer\": \"3-s\"},"
                               "{\"index\": 2, \"description\": \"second of 2\"},"
                               "{\"index\": 0, \"description\": \"a \\\"concept\\\": quoted\"}]");
    struct labels l = read_ok(path, 4, "m/3-s");
    ck_assert_str_eq(l.rows[0].text, "a \"concept\": quoted");
    ck_assert_str_eq(l.rows[1].text, "feature 1");
    ck_assert_str_eq(l.rows[2].text, "first of 2");
    ck_assert_str_eq(l.rows[3].ref, "https://www.neuronpedia.org/m/3-s/3");
    labels_close(&l);
    refuse(path, 2, ERR_SHAPE, "describes feature 2, but there are only 2");
    free(path);
    path = put("e.json", "{\"index\":0,\"description\":\"x\",\"modelId\":\"m\",\"layer\":\"3-s\"}\n"
                         "{\"index\":1,\"description\":\"x\",\"modelId\":\"m\",\"layer\":\"4-s\"}");
    refuse(path, 2, ERR_FORMAT, "two sources: m/3-s and m/4-s");
    free(path);
}
END_TEST

START_TEST(the_batches_of_a_source_are_read_in_their_order)
{
    char *folder = path_join(test_dir, "explanations");
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    free(put("explanations/batch-10.jsonl", "{\"index\":1,\"description\":\"ten\"}"));
    free(put("explanations/batch-9.jsonl", "{\"index\":1,\"description\":\"nine\"}"));
    free(put("explanations/notes.txt", "other"));
    struct labels l = read_ok(test_dir, 2, NULL);
    ck_assert_str_eq(l.rows[1].text, "nine");
    labels_close(&l);
    l = read_ok(folder, 2, NULL);
    ck_assert_str_eq(l.rows[1].text, "nine");
    labels_close(&l);
    free(put("explanations/batch-2.jsonl", "{\"index\":"));
    refuse(test_dir, 2, ERR_FORMAT, "batch-2.jsonl");
    free(folder);
}
END_TEST

START_TEST(a_byte_order_mark_is_no_part_of_the_labels)
{
    static const struct {
        const char *text, *label;
    } files[] = {
        {"one\n", "one"},
        {"{\"concept_id\": 7, \"concept\": \"two\"}\n", "two"},
        {"[{\"index\": 0, \"description\": \"three\"}]", "three"},
        {"{\"index\": 0, \"description\": \"four\"}", "four"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf text = {0};
        buf_printf(&text, "\xef\xbb\xbf%s", files[i].text);
        char *path = put("x", text.data);
        struct labels l = read_ok(path, 1, NULL);
        ck_assert_str_eq(l.rows[0].text, files[i].label);
        labels_close(&l);
        free(path);
        buf_clear(&text);
    }
}
END_TEST

START_TEST(text_in_utf_16_is_refused)
{
    static const char *const texts[] = {"\xff\xfex", "\xfe\xffx"};
    for (size_t i = 0; i < 2; i++) {
        char *path = put("x.txt", texts[i]);
        refuse(path, 1, ERR_UNSUPPORTED, "UTF-16");
        free(path);
    }
    char *path = put("x.txt", "\xff\xff\n\xfe\xfe\n"); /* only odd bytes */
    struct labels l = read_ok(path, 2, NULL);
    labels_close(&l);
    free(path);
}
END_TEST

START_TEST(what_cannot_be_read_is_named)
{
    refuse(test_dir, 2, ERR_IO, "holds no batch-N.jsonl");
    char *path = path_join(test_dir, "absent.json");
    refuse(path, 2, ERR_IO, "absent.json");
    free(path);
}
END_TEST

START_TEST(labels_beside_the_weights_are_found)
{
    static const char *const names[] = {"metadata.jsonl", "explanations.json",
                                        "explanations.jsonl.gz", "explanations.jsonl",
                                        "my.v2.labels.txt"};
    char *weights = path_join(test_dir, "my.v2.npy");
    ck_assert_ptr_null(label_file_beside(weights, test_dir));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = put(names[i], ""), *found = label_file_beside(weights, test_dir);
        ck_assert_str_eq(found, path);
        free(found);
        free(path);
    }
    free(weights);
}
END_TEST

Suite *suite_label_file(void)
{
    Suite *s = suite_create("label_file");
    TCase *c = tcase_create("label_file");
    tcase_add_checked_fixture(c, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(c, lines_of_text_are_labels);
    tcase_add_test(c, metadata_is_known_by_its_first_line);
    tcase_add_test(c, explanations_are_joined_by_index);
    tcase_add_test(c, the_batches_of_a_source_are_read_in_their_order);
    tcase_add_test(c, a_byte_order_mark_is_no_part_of_the_labels);
    tcase_add_test(c, text_in_utf_16_is_refused);
    tcase_add_test(c, what_cannot_be_read_is_named);
    tcase_add_test(c, labels_beside_the_weights_are_found);
    suite_add_tcase(s, c);
    return s;
}
