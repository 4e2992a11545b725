#include "data/passages.h"

#include "data/text.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

static void check_split(const char *text, size_t max_bytes, const char *joined)
{
    struct passages p;
    char got[512] = "";
    passages_split(&p, text, strlen(text), max_bytes);
    for (size_t i = 0; i < p.n; i++) {
        strncat(got, p.items[i].text, p.items[i].len);
        strcat(got, "|");
    }
    ck_assert_str_eq(got, joined);
    passages_clear(&p);
}

START_TEST(blank_lines_separate_and_line_breaks_stay)
{
    check_split("", 99, "");
    check_split(" \n\n \n", 99, "");
    check_split("one", 99, "one|");
    check_split("one\ntwo\n\nthree\n", 99, "one\ntwo|three|");
    check_split("\n\n  one  \n \t\r\n\n\ntwo\r\n\r\nthree", 99, "one|two|three|");
}
END_TEST

START_TEST(a_long_passage_is_cut_behind_a_blank)
{
    check_split("aaaa bbbb cccc dddd", 10, "aaaa bbbb|cccc dddd|");
    check_split("aaaabbbbccccdddd", 6, "aaaabb|bbcccc|dddd|");
    check_split("aaaa bbbb cccc", 14, "aaaa bbbb cccc|");
}
END_TEST

START_TEST(a_cut_never_splits_a_character)
{
    const char *text = "äöüßéèñ€€€€𝄞𝄞𝄞";
    for (size_t max_bytes = 4; max_bytes < 20; max_bytes++) {
        struct passages p;
        size_t total = 0;
        passages_split(&p, text, strlen(text), max_bytes);
        for (size_t i = 0; i < p.n; i++) {
            uint32_t cp;
            ck_assert_uint_le(p.items[i].len, max_bytes);
            for (size_t at = 0; at < p.items[i].len;) {
                int n = utf8_decode(&cp, p.items[i].text + at, p.items[i].len - at);
                ck_assert_int_gt(n, 0);
                at += (size_t)n;
            }
            total += p.items[i].len;
        }
        ck_assert_uint_eq(total, strlen(text));
        passages_clear(&p);
    }
}
END_TEST

Suite *suite_passages(void)
{
    Suite *s = suite_create("passages");
    TCase *t = tcase_create("passages");
    tcase_add_test(t, blank_lines_separate_and_line_breaks_stay);
    tcase_add_test(t, a_long_passage_is_cut_behind_a_blank);
    tcase_add_test(t, a_cut_never_splits_a_character);
    suite_add_tcase(s, t);
    return s;
}
