#include "data/labels.h"
#include "data/mem.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"

#include <stdlib.h>
#include <string.h>

static struct err err;

#define ROW(id, text, rest) "{\"concept_id\": " id ", \"concept\": \"" text "\"" rest "}\n"

static struct labels parse(const char *text)
{
    struct labels l;
    ck_assert_msg(labels_parse(&l, text, strlen(text), "m.jsonl", &err) == ERR_OK, "%s",
                  err.message);
    return l;
}

static void refuse(const char *text, const char *reason)
{
    struct labels l;
    size_t len = strlen(text);
    char *block = mem_alloc(len, 1);
    memcpy(block, text, len);
    ck_assert_int_eq(labels_parse(&l, block, len, "m.jsonl", &err), ERR_FORMAT);
    ck_assert(!l.rows && l.n == 0);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(block);
}

START_TEST(rows_are_lines_whatever_their_id)
{
    struct labels l =
        parse(ROW("0", "a", "") ROW("7", "b \\\"q\\\" \\u00e9", ", \"ref\": \"http://x\"")
                  ROW("-1", "", ", \"concept_genres_map\": {\"\": [\"math\"]}"));
    ck_assert_uint_eq(l.n, 3);
    ck_assert_str_eq(l.rows[0].text, "a");
    ck_assert_str_eq(l.rows[0].ref, "");
    ck_assert_int_eq(l.rows[0].genre, GENRE_OTHER);
    ck_assert_int_eq(l.rows[1].id, 7);
    ck_assert_str_eq(l.rows[1].text, "b \"q\" \xC3\xA9");
    ck_assert_uint_eq(l.rows[1].text_len, strlen(l.rows[1].text));
    ck_assert_str_eq(l.rows[1].ref, "http://x");
    ck_assert_int_eq(l.rows[2].id, -1);
    ck_assert_uint_eq(l.rows[2].text_len, 0);
    ck_assert_int_eq(l.rows[2].genre, GENRE_MATH);
    labels_close(&l);
    labels_close(&l);
}
END_TEST

START_TEST(line_ends_of_any_kind_are_taken)
{
    struct labels l = parse("{\"concept_id\": 0, \"concept\": \"a\"}\r\n{\"concept_id\": 1, "
                            "\"concept\": \"b\"}");
    ck_assert_uint_eq(l.n, 2);
    ck_assert_str_eq(l.rows[1].text, "b");
    labels_close(&l);
    l = parse(ROW("0", "a", "") "\n \n");
    ck_assert_uint_eq(l.n, 1);
    labels_close(&l);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_made_visible)
{
    struct labels l = parse(ROW("0", "x\xFFy\\u0000z", ""));
    ck_assert_str_eq(l.rows[0].text, "x<0xFF>y<0xC0><0x80>z");
    labels_close(&l);
}
END_TEST

START_TEST(genres_have_the_four_names)
{
    struct labels l = parse(ROW("0", "a", ", \"concept_genres_map\": {\"a\": [\"text\"]}")
                                ROW("1", "b", ", \"concept_genres_map\": {\"b\": [\"code\"]}")
                                    ROW("2", "c", ", \"concept_genres_map\": {\"c\": [\"poetry\"]}")
                                        ROW("3", "d", ", \"concept_genres_map\": \"code\""));
    ck_assert_str_eq(genre_name(l.rows[0].genre), "text");
    ck_assert_str_eq(genre_name(l.rows[1].genre), "code");
    ck_assert_str_eq(genre_name(l.rows[2].genre), "other");
    ck_assert_str_eq(genre_name(l.rows[3].genre), "other");
    labels_close(&l);
}
END_TEST

START_TEST(a_bad_line_is_named)
{
    refuse("", "m.jsonl: is empty");
    refuse("\n\n", "m.jsonl: is empty");
    refuse(ROW("0", "a", "") "\n" ROW("1", "b", ""), "m.jsonl line 2: is empty");
    refuse(ROW("0", "a", "") "[]\n", "m.jsonl line 2: is not a JSON object");
    refuse("{\"concept_id\": 0}", "m.jsonl line 1: concept is missing");
    refuse("{\"concept\": \"a\"}", "m.jsonl line 1: concept_id is missing");
    refuse("{\"concept_id\": 0, \"concept\": 5}", "concept is not a string");
    refuse("{\"concept_id\": 0.5, \"concept\": \"a\"}", "concept_id is not a whole number");
}
END_TEST

START_TEST(a_file_cut_inside_a_line_says_so)
{
    const char *text = ROW("0", "a", "") ROW("1", "b", "");
    size_t first = strlen(ROW("0", "a", ""));
    for (size_t len = first + 1; len < strlen(text) - 1; len++) {
        struct labels l;
        ck_assert_int_eq(labels_parse(&l, text, len, "m.jsonl", &err), ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.message, "m.jsonl line 2: is not complete"));
    }
}
END_TEST

START_TEST(fixture_labels_are_read)
{
    struct labels l;
    ck_assert_int_eq(labels_open(&l, "tests/fixtures/gemma2-mini/l3/metadata.jsonl", &err), ERR_OK);
    ck_assert_uint_eq(l.n, 64);
    ck_assert_str_eq(l.rows[0].text, "references to sailing and small boats");
    ck_assert_int_eq(l.rows[0].genre, GENRE_TEXT);
    ck_assert_str_eq(l.rows[1].ref,
                     "https://www.neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k/977");
    labels_close(&l);
    ck_assert_int_eq(labels_open(&l, "tests/fixtures/none.jsonl", &err), ERR_IO);
}
END_TEST

START_TEST(published_labels_have_the_counted_genres)
{
    char *path = shared_file("axbench/labels/concept500-prod_2b_l20_v1.jsonl");
    if (!path)
        return;
    struct labels l;
    ck_assert_int_eq(labels_open(&l, path, &err), ERR_OK);
    ck_assert_uint_eq(l.n, 500);
    size_t n[4] = {0}, longest = 0;
    for (size_t i = 0; i < l.n; i++) {
        n[l.rows[i].genre]++;
        longest = l.rows[i].text_len > longest ? l.rows[i].text_len : longest;
        ck_assert_uint_eq(strlen(l.rows[i].text), l.rows[i].text_len);
    }
    ck_assert(n[GENRE_TEXT] == 358 && n[GENRE_CODE] == 107 && n[GENRE_MATH] == 35);
    ck_assert_uint_eq(longest, 314);
    labels_close(&l);
    free(path);
}
END_TEST

Suite *suite_labels(void)
{
    Suite *s = suite_create("labels");
    TCase *t = tcase_create("labels");
    tcase_add_test(t, rows_are_lines_whatever_their_id);
    tcase_add_test(t, line_ends_of_any_kind_are_taken);
    tcase_add_test(t, bytes_that_are_no_text_are_made_visible);
    tcase_add_test(t, genres_have_the_four_names);
    tcase_add_test(t, a_bad_line_is_named);
    tcase_add_test(t, a_file_cut_inside_a_line_says_so);
    tcase_add_test(t, fixture_labels_are_read);
    tcase_add_test(t, published_labels_have_the_counted_genres);
    suite_add_tcase(s, t);
    return s;
}
