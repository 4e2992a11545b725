#include "tui/rect.h"

#include <check.h>

START_TEST(cuts_add_up_to_the_whole)
{
    struct rect r = {2, 3, 10, 20};
    struct rect top = rect_take_top(&r, 4), right = rect_take_right(&r, 5);
    ck_assert_int_eq(top.y, 2);
    ck_assert_int_eq(top.height, 4);
    ck_assert_int_eq(right.x, 18);
    ck_assert_int_eq(right.y, 6);
    ck_assert_int_eq(right.height, 6);
    ck_assert_int_eq(r.width, 15);
    ck_assert_int_eq(top.height * 20 + right.height * right.width + r.height * r.width, 200);
}
END_TEST

START_TEST(a_cut_larger_than_the_rectangle_takes_all_of_it)
{
    struct rect r = {0, 0, 3, 3};
    struct rect cut = rect_take_bottom(&r, 9);
    ck_assert_int_eq(cut.height, 3);
    ck_assert(rect_is_empty(r));
    cut = rect_take_left(&r, -1);
    ck_assert_int_eq(cut.width, 0);
}
END_TEST

START_TEST(intersection_holds_exactly_the_common_cells)
{
    struct rect a = {1, 1, 4, 5}, b = {3, -2, 6, 5};
    struct rect both = rect_intersect(a, b);
    for (int y = -3; y < 12; y++)
        for (int x = -3; x < 12; x++)
            ck_assert_int_eq(rect_contains(both, y, x),
                             rect_contains(a, y, x) && rect_contains(b, y, x));
}
END_TEST

Suite *suite_rect(void)
{
    Suite *s = suite_create("rect");
    TCase *t = tcase_create("rect");
    tcase_add_test(t, cuts_add_up_to_the_whole);
    tcase_add_test(t, a_cut_larger_than_the_rectangle_takes_all_of_it);
    tcase_add_test(t, intersection_holds_exactly_the_common_cells);
    suite_add_tcase(s, t);
    return s;
}
