#include "data/concept_matches.h"
#include "data/mem.h"
#include "tests/support/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct label rows[] = {
    {.text = "delta", .genre = GENRE_TEXT}, {.text = "Alpha", .genre = GENRE_CODE},
    {.text = "beta", .genre = GENRE_MATH},  {.text = "alphabet", .genre = GENRE_TEXT},
    {.text = "beta", .genre = GENRE_TEXT},
};
enum { N_ROWS = sizeof rows / sizeof *rows };
static const float act_max[N_ROWS] = {-3, 50.5f, 0, -100, 50.25f};
static const int scores[N_ROWS] = {10, 30, 20, 30, 20};

static struct labels make_labels(void)
{
    for (size_t i = 0; i < N_ROWS; i++)
        rows[i].text_len = strlen(rows[i].text);
    return (struct labels){.rows = rows, .n = N_ROWS};
}

static struct concept_matches make_matches(void)
{
    struct concept_matches m = {.n = N_ROWS, .rows = mem_zalloc(N_ROWS, sizeof *m.rows)};
    for (size_t i = 0; i < N_ROWS; i++)
        m.rows[i] = (struct concept_match){.row = i, .score = scores[i]};
    return m;
}

static void check_order(enum concept_order order, const float *maxima, const char *want)
{
    struct labels labels = make_labels();
    struct concept_matches m = make_matches();
    char got[32] = "";
    concept_matches_sort(&m, order, &labels, maxima);
    for (size_t i = 0; i < m.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%zu", m.rows[i].row);
    ck_assert_msg(strcmp(got, want) == 0, "%s: %s", concept_order_name(order), got);
    concept_matches_clear(&m);
}

START_TEST(orders_are_what_they_say_and_ties_keep_the_row_order)
{
    check_order(ORDER_ROW, act_max, "01234");
    check_order(ORDER_LABEL, act_max, "13240");
    check_order(ORDER_ACT_MAX, act_max, "14203");
    check_order(ORDER_ACT_MAX, NULL, "01234");
    check_order(ORDER_RELEVANCE, act_max, "13240"); /* equal scores: the shorter label first */
}
END_TEST

START_TEST(an_empty_pattern_finds_all_rows_equally_relevant)
{
    struct labels labels = make_labels();
    struct concept_matches m = make_matches();
    for (size_t i = 0; i < m.n; i++)
        m.rows[i] = (struct concept_match){.row = i};
    concept_matches_sort(&m, ORDER_RELEVANCE, &labels, NULL);
    for (size_t i = 0; i < m.n; i++)
        ck_assert_uint_eq(m.rows[i].row, i);
    concept_matches_clear(&m);
}
END_TEST

START_TEST(another_order_can_be_taken_back)
{
    struct labels labels = make_labels();
    struct concept_matches m = make_matches();
    concept_matches_sort(&m, ORDER_ACT_MAX, &labels, act_max);
    concept_matches_sort(&m, ORDER_ROW, &labels, NULL);
    for (size_t i = 0; i < m.n; i++)
        ck_assert_uint_eq(m.rows[i].row, i);
    concept_matches_clear(&m);
    concept_matches_sort(&m, ORDER_LABEL, &labels, NULL); /* nothing is no problem */
}
END_TEST

START_TEST(a_genre_leaves_the_others_out)
{
    struct labels labels = make_labels();
    struct concept_matches m = make_matches();
    concept_matches_keep_genre(&m, GENRE_TEXT, &labels);
    ck_assert_uint_eq(m.n, 3);
    ck_assert_uint_eq(m.rows[1].row, 3);
    concept_matches_keep_genre(&m, GENRE_MATH, &labels);
    ck_assert_uint_eq(m.n, 0);
    concept_matches_clear(&m);
}
END_TEST

Suite *suite_concept_matches(void)
{
    Suite *s = suite_create("concept_matches");
    TCase *t = tcase_create("concept_matches");
    tcase_add_test(t, orders_are_what_they_say_and_ties_keep_the_row_order);
    tcase_add_test(t, an_empty_pattern_finds_all_rows_equally_relevant);
    tcase_add_test(t, another_order_can_be_taken_back);
    tcase_add_test(t, a_genre_leaves_the_others_out);
    suite_add_tcase(s, t);
    return s;
}
