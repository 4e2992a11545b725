#include "core/traced_text.h"
#include "tests/support/runner.h"

#include <string.h>

static void check(const struct traced_text *text, const char *bytes, const size_t *origin)
{
    ck_assert_str_eq(buf_cstr(&text->bytes), bytes);
    for (size_t i = 0; i <= strlen(bytes); i++)
        ck_assert_msg(text->origin[i] == origin[i], "byte %zu stands for %zu", i, text->origin[i]);
}

START_TEST(bytes_that_are_no_text_become_replacement_characters)
{
    struct traced_text text = {0};
    traced_add_valid(&text, "a\xff\xc3\xa9\xe2", 5, 0);
    traced_end(&text, 5);
    check(&text, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd", (size_t[]){0, 1, 1, 1, 2, 3, 4, 4, 4, 5});
    traced_clear(&text);
}
END_TEST

START_TEST(replacements_keep_track_when_they_grow_shrink_and_vanish)
{
    struct traced_text text = {0};
    traced_add_valid(&text, "a b  c", 6, 10);
    traced_end(&text, 16);
    traced_replace(&text, " ", 1, "--", 2);
    check(&text, "a--b----c", (size_t[]){10, 11, 11, 12, 13, 13, 14, 14, 15, 16});
    traced_replace(&text, "---", 3, "=", 1);
    check(&text, "a--b=-c", (size_t[]){10, 11, 11, 12, 13, 14, 15, 16});
    traced_prepend(&text, ">>", 2);
    check(&text, ">>a--b=-c", (size_t[]){10, 10, 10, 11, 11, 12, 13, 14, 15, 16});
    traced_replace(&text, "-", 1, "", 0);
    check(&text, ">>ab=c", (size_t[]){10, 10, 10, 12, 13, 15, 16});
    traced_clear(&text);
}
END_TEST

START_TEST(an_empty_text_stays_empty)
{
    struct traced_text text = {0};
    traced_add_valid(&text, "", 0, 0);
    traced_end(&text, 0);
    traced_replace(&text, "x", 1, "y", 1);
    traced_prepend(&text, "p", 1);
    check(&text, "", (size_t[]){0});
    traced_clear(&text);
}
END_TEST

Suite *suite_traced_text(void)
{
    Suite *s = suite_create("traced_text");
    TCase *t = tcase_create("traced_text");
    tcase_add_test(t, bytes_that_are_no_text_become_replacement_characters);
    tcase_add_test(t, replacements_keep_track_when_they_grow_shrink_and_vanish);
    tcase_add_test(t, an_empty_text_stays_empty);
    suite_add_tcase(s, t);
    return s;
}
