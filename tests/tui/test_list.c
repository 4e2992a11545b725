#include "tests/support/approx.h"
#include "tui/list.h"

#include <check.h>

START_TEST(movement_stops_at_the_ends)
{
    struct list l = {.n = 5};
    list_move(&l, -1);
    ck_assert_uint_eq(l.selected, 0);
    list_move(&l, 99);
    ck_assert_uint_eq(l.selected, 4);
    list_move(&l, -3);
    ck_assert_uint_eq(l.selected, 1);
}
END_TEST

START_TEST(an_empty_list_has_no_place_to_go)
{
    struct list l = {0};
    list_move(&l, 3);
    list_move(&l, -3);
    list_scroll(&l, 10);
    ck_assert_uint_eq(l.selected, 0);
    ck_assert_uint_eq(l.top, 0);
}
END_TEST

START_TEST(a_shorter_list_keeps_a_valid_selection)
{
    struct list l = {.n = 10, .selected = 9};
    list_set_n(&l, 3);
    ck_assert_uint_eq(l.selected, 2);
}
END_TEST

/* While a page covers it, say. */
START_TEST(a_list_without_rows_does_not_scroll)
{
    struct list l = {.n = 10, .selected = 4, .top = 2};
    list_scroll(&l, 0);
    ck_assert_uint_eq(l.top, 2);
}
END_TEST

START_TEST(the_selection_stays_visible_and_no_row_is_wasted)
{
    struct list l = {0};
    float random[600];
    random_floats(random, 600, 7);
    for (int i = 0; i + 2 < 600; i += 3) {
        int height = 1 + (int)((random[i] + 1) * 6);
        list_set_n(&l, (size_t)((random[i + 1] + 1) * 20));
        list_move(&l, (long)(random[i + 2] * 15));
        list_scroll(&l, height);
        size_t h = (size_t)height;
        if (l.n > 0)
            ck_assert(l.selected < l.n && l.selected >= l.top && l.selected < l.top + h);
        ck_assert(l.n <= h ? l.top == 0 : l.top + h <= l.n);
    }
}
END_TEST

Suite *suite_list(void)
{
    Suite *s = suite_create("list");
    TCase *t = tcase_create("list");
    tcase_add_test(t, movement_stops_at_the_ends);
    tcase_add_test(t, an_empty_list_has_no_place_to_go);
    tcase_add_test(t, a_shorter_list_keeps_a_valid_selection);
    tcase_add_test(t, a_list_without_rows_does_not_scroll);
    tcase_add_test(t, the_selection_stays_visible_and_no_row_is_wasted);
    suite_add_tcase(s, t);
    return s;
}
