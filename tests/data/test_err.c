#include "data/err.h"
#include "tests/support/runner.h"

#include <string.h>

START_TEST(a_failure_is_one_line)
{
    struct err err;
    ck_assert_int_eq(err_set(&err, ERR_SHAPE, "%s: %d rows", "w.pt", 3), ERR_SHAPE);
    ck_assert_int_eq(err.code, ERR_SHAPE);
    ck_assert_str_eq(err.message, "w.pt: 3 rows");
    ck_assert_str_eq(err.hint, "");
    err_hint(&err, "use %s", "another");
    ck_assert_str_eq(err.hint, "use another");
    ck_assert_int_eq(err_set(&err, ERR_IO, "x"), ERR_IO);
    ck_assert_str_eq(err.hint, "");
    ck_assert_int_eq(err_hint_missing(&err, ERR_IO, "default"), ERR_IO);
    ck_assert_str_eq(err.hint, "default");
    ck_assert_int_eq(err_hint_missing(&err, ERR_IO, "another"), ERR_IO);
    ck_assert_str_eq(err.hint, "default");
    ck_assert_int_eq(err_hint_missing(NULL, ERR_OK, "x"), ERR_OK);
    ck_assert_int_eq(err_set(NULL, ERR_IO, "x"), ERR_IO);
    err_hint(NULL, "x");
}
END_TEST

START_TEST(quoted_names_cannot_drive_a_terminal)
{
    struct err err;
    ck_assert_int_eq(err_set(&err, ERR_IO, "%s", "a\033[31m\n\x7f \xC2\x9B \xFF \xC3\xA9"), ERR_IO);
    ck_assert_str_eq(err.message, "a?[31m?? ?? ? \xC3\xA9");
    err_hint(&err, "%s", "\r\n");
    ck_assert_str_eq(err.hint, "??");
}
END_TEST

START_TEST(a_long_text_is_cut_to_whole_characters)
{
    struct err err;
    char text[1001];
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[1000] = '\0';
    ck_assert_int_eq(err_set(&err, ERR_IO, "%s", text), ERR_IO);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    ck_assert_str_eq(err.message + sizeof err.message - 4, "\xC3\xA9?");
}
END_TEST

Suite *suite_err(void)
{
    Suite *s = suite_create("err");
    TCase *t = tcase_create("err");
    tcase_add_test(t, a_failure_is_one_line);
    tcase_add_test(t, quoted_names_cannot_drive_a_terminal);
    tcase_add_test(t, a_long_text_is_cut_to_whole_characters);
    suite_add_tcase(s, t);
    return s;
}
