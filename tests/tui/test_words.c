#include "tui/words.h"

#include <check.h>
#include <string.h>

static void expect(const char *text, int n_words, int n_unseen)
{
    static const char list[] = "the\nbread\r\n\ncaf\xc3\xa9\noven";
    struct words words;
    int got_words, got_unseen;
    words_parse(&words, list, sizeof list - 1);
    words_count(&got_words, &got_unseen, &words, text, strlen(text));
    ck_assert_int_eq(got_words, n_words);
    ck_assert_int_eq(got_unseen, n_unseen);
    words_clear(&words);
}

START_TEST(case_and_punctuation_do_not_matter)
{
    expect("The bread, THE oven!", 4, 0);
    expect("\xe2\x80\x9c"
           "bread\xe2\x80\x9d \xe2\x80\x94 oven \xf0\x9f\x8d\x9e",
           2, 0); /* quotes, dash, emoji */
    expect("CAF\xc3\x89 caf\xc3\xa9", 2, 0);
}
END_TEST

START_TEST(numbers_are_no_words_and_unknown_ones_are_counted)
{
    expect("", 0, 0);
    expect("12 + 34", 0, 0);
    expect("breads in the oven2", 4, 2);
    expect("\xe6\x97\xa5\xe6\x9c\xac", 1, 1);
    expect("bad \xff bytes", 2, 2);
}
END_TEST

START_TEST(an_empty_list_knows_nothing)
{
    struct words words;
    int n_words, n_unseen;
    words_parse(&words, "", 0);
    words_count(&n_words, &n_unseen, &words, "a b", 3);
    ck_assert_int_eq(n_unseen, 2);
    words_clear(&words);
}
END_TEST

Suite *suite_words(void)
{
    Suite *s = suite_create("words");
    TCase *t = tcase_create("words");
    tcase_add_test(t, case_and_punctuation_do_not_matter);
    tcase_add_test(t, numbers_are_no_words_and_unknown_ones_are_counted);
    tcase_add_test(t, an_empty_list_knows_nothing);
    suite_add_tcase(s, t);
    return s;
}
