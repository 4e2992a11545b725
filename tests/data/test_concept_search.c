#include "data/concept_search.h"
#include "data/fuzzy_match.h"
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
    concept_search_set_limit(search, 1e9); /* seconds: no machine is too slow */
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

/* The real labels, with suffixes, as many as a 2B dictionary has. */
enum { N_FULL = 15581, N_SETS = 4 };
struct full {
    struct labels sets[N_SETS];
    struct labels labels;
    struct buf texts[N_FULL];
};

static void add_full(struct full *f, const struct label *label, int round)
{
    struct buf *text = &f->texts[f->labels.n];
    buf_str(text, label->text);
    if (round > 0)
        buf_printf(text, f->labels.n % 1900 ? " (variant %d)" : " caf\xc3\xa9 \xe2\x84\xaa \xff %d",
                   round);
    struct label *row = &f->labels.rows[f->labels.n++];
    *row = *label;
    row->text = buf_cstr(text);
    row->text_len = text->len;
}

static struct full *open_full(void)
{
    static const char *const names[N_SETS] = {"2b_l10", "2b_l20", "9b_l20", "9b_l31"};
    struct full *f = mem_zalloc(1, sizeof *f);
    f->labels.rows = mem_zalloc(N_FULL, sizeof *f->labels.rows);
    for (int i = 0; i < N_SETS; i++) {
        char name[96];
        struct err err;
        snprintf(name, sizeof name, "axbench/labels/concept500-prod_%s_v1.jsonl", names[i]);
        char *path = shared_file(name);
        if (path)
            ck_assert_int_eq(labels_open(&f->sets[i], path, &err), ERR_OK);
        free(path);
    }
    for (int round = 0; f->sets[0].n > 0 && f->labels.n < N_FULL; round++)
        for (int i = 0; i < N_SETS; i++)
            for (size_t row = 0; row < f->sets[i].n && f->labels.n < N_FULL; row++)
                add_full(f, &f->sets[i].rows[row], round);
    return f;
}

static void close_full(struct full *f)
{
    for (size_t i = 0; i < f->labels.n; i++)
        buf_clear(&f->texts[i]);
    for (int i = 0; i < N_SETS; i++)
        labels_close(&f->sets[i]);
    free(f->labels.rows);
    free(f);
}

START_TEST(a_search_gives_up_in_the_time_it_is_given)
{
    struct full *f = open_full();
    if (f->labels.n == N_FULL) {
        struct concept_search *search = open_search(&f->labels);
        struct concept_matches m;
        struct err err;
        const char *slow = "(\\w+\\W+){3}.*\\d{9}"; /* slow on each label, but under its limit */
        concept_search_set_limit(search, 100);
        ck_assert_int_eq(concept_search_regex(&m, search, slow, false, &err), ERR_OK);
        concept_search_set_limit(search, 0.005);
        ck_assert_int_eq(concept_search_regex(&m, search, slow, false, &err), ERR_LIMIT);
        concept_search_set_limit(search, 100);
        ck_assert_int_eq(concept_search_regex(&m, search, "wedding", false, &err), ERR_OK);
        concept_matches_clear(&m);
        concept_search_free(search);
    }
    close_full(f);
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

static void check_same(struct concept_search *search, const char *pattern)
{
    struct concept_matches fast, slow;
    struct err err;
    char full[128];
    /* a comment with an escape keeps the pattern on the road of UTF-8 and Unicode properties */
    snprintf(full, sizeof full, "%s(?#\\x)", pattern);
    ck_assert_msg(concept_search_regex(&fast, search, pattern, false, &err) == ERR_OK, "%s: %s",
                  pattern, err.message);
    ck_assert_msg(concept_search_regex(&slow, search, full, false, &err) == ERR_OK, "%s: %s", full,
                  err.message);
    ck_assert_msg(fast.n == slow.n && fast.n_spans == slow.n_spans, "%s: %zu and %zu rows", pattern,
                  fast.n, slow.n);
    size_t n_differ = 0; /* an assertion for each of a million spans would take minutes */
    for (size_t i = 0; i < fast.n; i++)
        n_differ +=
            fast.rows[i].row != slow.rows[i].row || fast.rows[i].n_spans != slow.rows[i].n_spans;
    for (size_t i = 0; i < fast.n_spans; i++)
        n_differ +=
            fast.spans[i].start != slow.spans[i].start || fast.spans[i].end != slow.spans[i].end;
    ck_assert_msg(n_differ == 0, "%s: %zu rows or spans differ", pattern, n_differ);
    concept_matches_clear(&fast);
    concept_matches_clear(&slow);
}

START_TEST(the_fast_road_over_ascii_finds_what_unicode_rules_find)
{
    static const char *const patterns[] = {"wedding",
                                           "time travel",
                                           "references to",
                                           "and",
                                           "related",
                                           "or",
                                           "in",
                                           "terms",
                                           "programming",
                                           "mathematical expressions",
                                           "the beginning of a document",
                                           "^references to (.*) and",
                                           "\"",
                                           "<bos>",
                                           "physics|space",
                                           "\\bcode\\b",
                                           "\\w+",
                                           "\\w+ing\\b",
                                           "^\\w+ related to \\w+",
                                           "\\w+\\s+\\w+$",
                                           "(\\w+) and \\1",
                                           "\\w{12,}",
                                           "\\d+",
                                           "[A-Z]\\w+",
                                           "^the ",
                                           "s$",
                                           ".*",
                                           "\\.$",
                                           "^[A-Z]",
                                           "(?i)WEDDING",
                                           "rel.*terms",
                                           "e",
                                           "zzz",
                                           "\\W\\w\\W",
                                           "[[:punct:]]+",
                                           "[[:alpha:]]{10,}",
                                           "[^[:space:]]+$",
                                           "(?<=the )\\w+",
                                           "\\w+(?= and)",
                                           "\\S+\\K\\s",
                                           "(?:a|e|i)n\\b",
                                           "x*",
                                           "\\bK",
                                           "k",
                                           "s",
                                           "[k-s]+",
                                           "\\h\\H",
                                           "\\R",
                                           "(?<x>o)(?&x)",
                                           "\\Qa.b\\E|of",
                                           "(?s).{90}",
                                           "\\B\\d\\B",
                                           "caf."};
    struct full *f = open_full();
    if (f->labels.n == N_FULL) {
        struct concept_search *search = open_search(&f->labels);
        for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
            check_same(search, patterns[i]);
        concept_search_free(search);
    }
    close_full(f);
}
END_TEST

START_TEST(a_fuzzy_search_finds_what_matching_each_label_finds)
{
    static const char *const queries[] = {"wedcake", "time tr", "SQL", "", "refto"};
    struct labels labels = {0};
    struct concept_search *search = open_search(&labels);
    struct fuzzy_pattern *pattern = mem_alloc(1, sizeof *pattern);
    struct span spans[FUZZY_PATTERN_MAX];
    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
        struct concept_matches m;
        size_t k = 0;
        concept_search_fuzzy(&m, search, queries[q]);
        fuzzy_pattern_set(pattern, queries[q]);
        for (size_t row = 0; row < labels.n; row++) {
            int score;
            int n = fuzzy_match(&score, spans, pattern, rows[row].text, rows[row].text_len);
            if (n < 0)
                continue;
            ck_assert_uint_lt(k, m.n);
            ck_assert_uint_eq(m.rows[k].row, row);
            ck_assert_int_eq(m.rows[k].score, score);
            ck_assert_uint_eq(m.rows[k].n_spans, (size_t)n);
            if (n > 0)
                ck_assert_mem_eq(m.spans + m.rows[k].first_span, spans, (size_t)n * sizeof *spans);
            k++;
        }
        ck_assert_uint_eq(k, m.n);
        concept_matches_clear(&m);
    }
    free(pattern);
    concept_search_free(search);
}
END_TEST

START_TEST(a_match_counts_by_its_share_of_the_label)
{
    struct labels labels = {0};
    struct concept_search *search = open_search(&labels);
    struct concept_matches m;
    struct err err;
    ck_assert_int_eq(concept_search_regex(&m, search, "wedding", false, &err), ERR_OK);
    ck_assert_int_eq(m.rows[0].score, 350); /* twice 7 of 40 bytes */
    concept_matches_clear(&m);
    concept_search_free(search);
}
END_TEST

Suite *suite_concept_search(void)
{
    Suite *s = suite_create("concept_search");
    TCase *t = tcase_create("concept_search");
    tcase_add_test(t, every_span_of_every_row_is_found);
    tcase_add_test(t, empty_matches_count_but_have_no_spans);
    tcase_add_test(t, case_counts_only_if_the_pattern_has_an_upper_case_letter);
    tcase_add_test(t, labels_that_are_no_utf_8_are_searched_around_the_bad_bytes);
    tcase_add_test(t, a_bad_pattern_names_its_column_in_characters);
    tcase_add_test(t, catastrophic_patterns_are_stopped);
    tcase_add_test(t, axbench_labels_give_what_a_plain_scan_gives);
    tcase_add_test(t, a_search_gives_up_in_the_time_it_is_given);
    tcase_add_test(t, the_fast_road_over_ascii_finds_what_unicode_rules_find);
    tcase_add_test(t, a_fuzzy_search_finds_what_matching_each_label_finds);
    tcase_add_test(t, a_match_counts_by_its_share_of_the_label);
    suite_add_tcase(s, t);
    return s;
}
