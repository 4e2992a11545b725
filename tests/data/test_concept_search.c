#include "data/concept_search.h"
#include "data/labels.h"
#include "data/mem.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct label rows[] = {
    {.text = "references to weddings and wedding cakes"},
    {.text = "terms related to time travel"},
    {.text = "the word \"Wedding\" in titles"},
    {.text = "\xc3\x89"
             "clairs et caf\xc3\xa9s"},
    {.text = "bad \xff bytes \xe2\x82 and a wedding"},
    {.text = ""},
    {.text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"},
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static struct concept_search *open_search(struct labels *labels)
{
    struct err err;
    struct concept_search *search = NULL;
    if (labels->rows == NULL) {
        for (size_t i = 0; i < N_ROWS; i++)
            rows[i].text_len = strlen(rows[i].text);
        *labels = (struct labels){.rows = rows, .n = N_ROWS};
    }
    if (concept_search_new(&search, labels, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    return search;
}

/* "row:start-end,start-end row ..." */
static void check(const char *pattern, bool case_sensitive, const char *want)
{
    struct labels labels = {0};
    struct concept_search *search = open_search(&labels);
    struct concept_matches m;
    struct err err;
    struct buf got = {0};
    if (concept_search_regex(&m, search, pattern, case_sensitive, &err) != ERR_OK)
        ck_abort_msg("%s", err.message);
    for (size_t i = 0; i < m.n; i++) {
        buf_printf(&got, i ? " %zu:" : "%zu:", m.rows[i].row);
        for (size_t k = 0; k < m.rows[i].n_spans; k++) {
            struct span span = m.spans[m.rows[i].first_span + k];
            buf_printf(&got, k ? ",%zu-%zu" : "%zu-%zu", span.start, span.end);
        }
    }
    ck_assert_msg(strcmp(buf_cstr(&got), want) == 0, "%s gives \"%s\"", pattern, buf_cstr(&got));
    buf_clear(&got);
    concept_matches_clear(&m);
    concept_search_free(search);
}

static void check_error(const char *pattern, int code, const char *message)
{
    struct labels labels = {0};
    struct concept_search *search = open_search(&labels);
    struct concept_matches m;
    struct err err;
    int got = concept_search_regex(&m, search, pattern, false, &err);
    ck_assert_msg(got == code, "%s: code %d", pattern, got);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s: %s", pattern, err.message);
    ck_assert_uint_eq(m.n + m.n_spans, 0);
    /* the search can be used on */
    ck_assert_int_eq(concept_search_regex(&m, search, "travel", false, &err), ERR_OK);
    ck_assert_uint_eq(m.n, 1);
    concept_matches_clear(&m);
    concept_search_free(search);
}

START_TEST(every_span_of_every_row_is_found)
{
    check("wedding", false, "0:14-21,27-34 2:10-17 4:21-28");
    check("time travel", false, "1:17-28");
    check("t(?=[aeiou])", true, "0:11-12 1:0-1,10-11,14-15,17-18 2:22-23 4:8-9");
    check("nothing like this", false, "");
}
END_TEST

START_TEST(empty_matches_count_but_have_no_spans)
{
    check("^$", false, "5:");
    check("x*", false, "0: 1: 2: 3: 4: 5: 6:");
    check("(?=wedding)|cakes", false, "0:35-40 2: 4:");
    check("a*!", false, "6:0-78");
    check("!\\K", false, "6:");
}
END_TEST

START_TEST(case_counts_only_if_the_pattern_has_an_upper_case_letter)
{
    check("WEDDING", false, "");
    check("Wedding", false, "2:10-17");
    check("wedding", true, "0:14-21,27-34 4:21-28");
    check("\\Wwedding\\S", false, "0:13-22 2:9-18");
    check("\\P{L}wedding\\PL", false, "0:26-35 2:9-18");
    check("\\x{57}edding", false, "0:14-21,27-34 2:10-17 4:21-28");
    check("\\x57edding", false, "0:14-21,27-34 2:10-17 4:21-28");
    check("\\QW\\Eedding", false, "2:10-17");
    check("\xc3\xa9", false, "3:0-2,15-17");
    check("\xc3\x89", false, "3:0-2");
    check("(?<W>w)edding", false, "0:14-21,27-34 4:21-28");
}
END_TEST

START_TEST(labels_that_are_no_utf_8_are_searched_around_the_bad_bytes)
{
    check("bytes", false, "4:6-11");
    check("bad .", false, "");
    check("and a", false, "4:15-20");
}
END_TEST

START_TEST(a_bad_pattern_names_its_column_in_characters)
{
    check_error("a(b", ERR_ARG, "column 4: missing closing parenthesis");
    check_error("\xc3\xa9\xc3\xa9[z-a]", ERR_ARG, "column 6: range out of order");
    check_error("*", ERR_ARG, "column 1");
    check_error("\\C", ERR_ARG, "column 3");
    check_error("a\xff", ERR_ARG, "column 2");
}
END_TEST

START_TEST(catastrophic_patterns_are_stopped)
{
    check_error("(a+)+$", ERR_LIMIT, "too many steps on row 6");
    check_error("(a|aa)+$", ERR_LIMIT, "row 6");
    check_error("^(([a-z])+.)+[A-Z]([a-z])+$", ERR_LIMIT, "row");
}
END_TEST

static bool contains(const char *label, const char *lower)
{
    size_t n = strlen(lower);
    for (; *label; label++) {
        size_t i = 0;
        while (i < n && label[i] && tolower((unsigned char)label[i]) == lower[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static void check_against_scan(struct concept_search *search, const struct labels *labels,
                               const char *literal)
{
    struct concept_matches m;
    struct err err;
    size_t k = 0;
    ck_assert_int_eq(concept_search_regex(&m, search, literal, false, &err), ERR_OK);
    for (size_t row = 0; row < labels->n; row++) {
        if (!contains(labels->rows[row].text, literal))
            continue;
        ck_assert_msg(k < m.n && m.rows[k].row == row, "%s: row %zu", literal, row);
        for (size_t i = 0; i < m.rows[k].n_spans; i++) {
            struct span span = m.spans[m.rows[k].first_span + i];
            ck_assert_uint_eq(span.end - span.start, strlen(literal));
            ck_assert(contains(labels->rows[row].text + span.start, literal));
        }
        k++;
    }
    ck_assert_uint_eq(k, m.n);
    concept_matches_clear(&m);
}

START_TEST(axbench_labels_give_what_a_plain_scan_gives)
{
    static const char *const literals[] = {"wedding",
                                           "references to",
                                           "a",
                                           "and",
                                           "programming",
                                           "\"",
                                           "mathematical",
                                           "<",
                                           "time travel",
                                           "zzz",
                                           "related to",
                                           "e"};
    static const struct {
        const char *file;
        size_t n, max_len;
    } sets[] = {{"axbench/labels/concept500-prod_2b_l10_v1.jsonl", 500, 139},
                {"axbench/labels/concept500-prod_2b_l20_v1.jsonl", 500, 314},
                {"axbench/labels/concept500-prod_9b_l20_v1.jsonl", 500, 140},
                {"axbench/labels/concept500-prod_9b_l31_v1.jsonl", 500, 125}};
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        char *path = shared_file(sets[s].file);
        if (!path)
            continue;
        struct labels labels = {0};
        struct err err;
        ck_assert_int_eq(labels_open(&labels, path, &err), ERR_OK);
        struct concept_search *search = open_search(&labels);
        size_t max_len = 0;
        for (size_t i = 0; i < labels.n; i++)
            max_len = labels.rows[i].text_len > max_len ? labels.rows[i].text_len : max_len;
        ck_assert_uint_eq(labels.n, sets[s].n);
        ck_assert_uint_eq(max_len, sets[s].max_len);
        for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++)
            check_against_scan(search, &labels, literals[i]);
        concept_search_free(search);
        labels_close(&labels);
        free(path);
    }
}
END_TEST

Suite *suite_concept_search(void)
{
    Suite *s = suite_create("concept_search");
    TCase *t = tcase_create("concept_search");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, every_span_of_every_row_is_found);
    tcase_add_test(t, empty_matches_count_but_have_no_spans);
    tcase_add_test(t, case_counts_only_if_the_pattern_has_an_upper_case_letter);
    tcase_add_test(t, labels_that_are_no_utf_8_are_searched_around_the_bad_bytes);
    tcase_add_test(t, a_bad_pattern_names_its_column_in_characters);
    tcase_add_test(t, catastrophic_patterns_are_stopped);
    tcase_add_test(t, axbench_labels_give_what_a_plain_scan_gives);
    suite_add_tcase(s, t);
    return s;
}
