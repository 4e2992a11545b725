#include "data/fuzzy_match.h"
#include "data/mem.h"
#include "tests/support/runner.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "score start-end,..." or "no" */
static const char *match(const char *query, const char *text)
{
    static char out[256];
    struct fuzzy_pattern *pattern = mem_alloc(1, sizeof *pattern);
    struct span spans[FUZZY_PATTERN_MAX];
    int score;
    fuzzy_pattern_set(pattern, query);
    int n = fuzzy_match(&score, spans, pattern, text, strlen(text));
    snprintf(out, sizeof out, n < 0 ? "no" : "");
    for (int i = 0; i < n; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), i ? ",%zu-%zu" : "%zu-%zu",
                 spans[i].start, spans[i].end);
    free(pattern);
    return out;
}

static int score_of(const char *query, const char *text)
{
    struct fuzzy_pattern *pattern = mem_alloc(1, sizeof *pattern);
    struct span spans[FUZZY_PATTERN_MAX];
    int score;
    fuzzy_pattern_set(pattern, query);
    int n = fuzzy_match(&score, spans, pattern, text, strlen(text));
    free(pattern);
    return n < 0 ? INT32_MIN : score;
}

START_TEST(letters_match_in_order_with_anything_between)
{
    ck_assert_str_eq(match("weg", "a wedding"), "2-4,8-9");
    ck_assert_str_eq(match("gw", "a wedding"), "no");
    ck_assert_str_eq(match("weddings", "a wedding"), "no");
    ck_assert_str_eq(match("", "a wedding"), "");
    ck_assert_str_eq(match("  ", ""), "");
    ck_assert_str_eq(match("a", ""), "no");
}
END_TEST

START_TEST(starts_of_words_and_runs_are_preferred)
{
    ck_assert_str_eq(match("time", "that it is a melody of time"), "23-27");
    ck_assert_str_eq(match("tt", "extent of time travel"), "10-11,15-16");
    ck_assert_str_eq(match("ing", "ixnxg baking"), "9-12");
    ck_assert_int_gt(score_of("rock", "rockets"), score_of("rock", "broken clocks"));
    ck_assert_int_gt(score_of("time tr", "time travel"), score_of("time tr", "timid travel"));
}
END_TEST

START_TEST(terms_match_in_any_order_and_all_of_them)
{
    ck_assert_str_eq(match("travel time", "time travel"), "0-4,5-11");
    ck_assert_str_eq(match("travel zoo", "time travel"), "no");
    ck_assert_str_eq(match(" time  time ", "time"), "0-4"); /* what overlaps is marked once */
}
END_TEST

START_TEST(case_counts_only_if_the_query_has_an_upper_case_letter)
{
    ck_assert_str_eq(match("sql", "SQL joins"), "0-3");
    ck_assert_str_eq(match("SQL", "SQL joins"), "0-3");
    ck_assert_str_eq(match("Sql", "SQL joins"), "no");
    ck_assert_str_eq(match("\xc3\xa9t\xc3\xa9", "L'\xc3\x89T\xc3\x89"), "2-7");
    ck_assert_str_eq(match("\xd0\xbf\xd1\x80", "\xd0\x9f\xd0\xa0\xd0\x98"), "0-4");
}
END_TEST

START_TEST(a_character_is_never_cut_and_bad_bytes_match_nothing)
{
    /* C3 A9 must not be found in C3 A0 E2 82 A9 */
    ck_assert_str_eq(match("\xc3\xa9", "\xc3\xa0\xe2\x82\xa9"), "no");
    ck_assert_str_eq(match("ab", "a\xff\xfe\x80z b"), "0-1,6-7");
    ck_assert_str_eq(match("\xff", "a\xff"), "");
    ck_assert_str_eq(match("\xe6\x97\xa5\xe6\x9c\xac", "x\xe6\x97\xa5-\xe6\x9c\xac"), "1-4,5-8");
}
END_TEST

static int value(const char *text, size_t i, size_t k, bool joined)
{
    bool starts = text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
    return 16 + (starts ? 10 : 0) + (starts && k == 0 ? 4 : 0) + (joined ? 10 : 0);
}

/* The best over every way to choose the places. */
static int brute(const char *query, size_t k, const char *text, int last)
{
    int best = INT32_MIN / 2;
    if (!query[k])
        return 0;
    for (int i = last + 1; text[i]; i++) {
        if (text[i] != query[k])
            continue;
        bool joined = k > 0 && i == last + 1;
        int gap = k > 0 && !joined ? 3 + (i - last - 2) : 0;
        int score = value(text, (size_t)i, k, joined) - gap + brute(query, k + 1, text, i);
        best = score > best ? score : best;
    }
    return best;
}

START_TEST(the_best_of_all_ways_is_found)
{
    static const char letters[] = "ab c";
    uint32_t seed = 7;
    int n_matched = 0;
    for (int round = 0; round < 4000; round++) {
        char query[8], text[24];
        size_t n_query = 1 + (size_t)round % 4, n_text = 1 + (size_t)round % 18;
        for (size_t i = 0; i < n_query + n_text; i++) {
            seed = seed * 1664525u + 1013904223u;
            if (i < n_query)
                query[i] = "abc"[(seed >> 20) % 3];
            else
                text[i - n_query] = letters[(seed >> 20) % 4];
        }
        query[n_query] = text[n_text] = '\0';
        int want = brute(query, 0, text, -1), got = score_of(query, text);
        n_matched += want > -1000;
        ck_assert_msg(want > -1000 ? got == want : got == INT32_MIN, "%s in \"%s\": %d, not %d",
                      query, text, got, want);
    }
    ck_assert_int_gt(n_matched, 1000);
}
END_TEST

START_TEST(long_texts_and_queries_stay_within_bounds)
{
    enum { LEN = 5000 };
    char *text = mem_alloc(LEN + 1, 1);
    memset(text, 'a', LEN);
    text[LEN] = '\0';
    ck_assert_str_eq(match(text, text), "0-64");
    text[600] = 'z';
    ck_assert_str_eq(match("z", text), "no"); /* beyond FUZZY_TEXT_MAX */
    for (int i = 0; i < LEN; i += 2)
        text[i] = ' ';
    ck_assert_int_gt(score_of(text, text), 0);
    free(text);
}
END_TEST

START_TEST(letters_leave_out_only_what_cannot_match)
{
    static const char *const texts[] = {"time travel", "SQL 2024", "caf\xc3\xa9", ""};
    static const char *const queries[] = {"tt", "sql", "24", "\xc3\xa9", "zq"};
    struct fuzzy_pattern *pattern = mem_alloc(1, sizeof *pattern);
    struct span spans[FUZZY_PATTERN_MAX];
    int score;
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 5; k++) {
            fuzzy_pattern_set(pattern, queries[k]);
            bool left_out = pattern->letters & ~fuzzy_letters(texts[i], strlen(texts[i]));
            int n = fuzzy_match(&score, spans, pattern, texts[i], strlen(texts[i]));
            ck_assert(!left_out || n < 0);
        }
    free(pattern);
}
END_TEST

Suite *suite_fuzzy_match(void)
{
    Suite *s = suite_create("fuzzy_match");
    TCase *t = tcase_create("fuzzy_match");
    tcase_add_test(t, letters_match_in_order_with_anything_between);
    tcase_add_test(t, starts_of_words_and_runs_are_preferred);
    tcase_add_test(t, terms_match_in_any_order_and_all_of_them);
    tcase_add_test(t, case_counts_only_if_the_query_has_an_upper_case_letter);
    tcase_add_test(t, a_character_is_never_cut_and_bad_bytes_match_nothing);
    tcase_add_test(t, the_best_of_all_ways_is_found);
    tcase_add_test(t, long_texts_and_queries_stay_within_bounds);
    tcase_add_test(t, letters_leave_out_only_what_cannot_match);
    suite_add_tcase(s, t);
    return s;
}
