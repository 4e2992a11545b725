#include "tests/support/runner.h"
#include "tui/near_word.h"

#include <check.h>

START_TEST(slips_of_the_fingers_count_one_each)
{
    ck_assert_int_eq(near_word_distance("read", "read", 2), 0);
    ck_assert_int_eq(near_word_distance("raed", "read", 2), 1); /* exchanged */
    ck_assert_int_eq(near_word_distance("rea", "read", 2), 1);
    ck_assert_int_eq(near_word_distance("reead", "read", 2), 1);
    ck_assert_int_eq(near_word_distance("rezd", "read", 2), 1);
    ck_assert_int_eq(near_word_distance("sraech", "search", 2), 2);
    ck_assert_int_eq(near_word_distance("", "ab", 2), 2);
}
END_TEST

START_TEST(what_is_far_is_only_known_to_be_far)
{
    ck_assert_int_eq(near_word_distance("hello", "search", 2), 3);
    ck_assert_int_eq(near_word_distance("a word that is much longer than any command", "read", 1),
                     2);
    ck_assert_int_eq(near_word_limit("show"), 1);
    ck_assert_int_eq(near_word_limit("steer"), 2);
}
END_TEST

Suite *suite_near_word(void)
{
    Suite *s = suite_create("near_word");
    TCase *t = tcase_create("near_word");
    tcase_add_test(t, slips_of_the_fingers_count_one_each);
    tcase_add_test(t, what_is_far_is_only_known_to_be_far);
    suite_add_tcase(s, t);
    return s;
}
