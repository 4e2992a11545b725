#include "assets/demo/world_internal.h"
#include "tests/support/runner.h"

#include <string.h>

static void assert_form(const char *base, int form, const char *want)
{
    struct buf out = {0};
    inflect(&out, base, form);
    ck_assert_str_eq(buf_cstr(&out), want);
    buf_clear(&out);
}

START_TEST(nouns_take_their_plural_where_it_belongs)
{
    assert_form("cat", FORM_S, "cats");
    assert_form("box", FORM_S, "boxes");
    assert_form("church", FORM_S, "churches");
    assert_form("city", FORM_S, "cities");
    assert_form("key", FORM_S, "keys");
    assert_form("rocket engine", FORM_S, "rocket engines");
    assert_form("cup of tea", FORM_S, "cups of tea");
    assert_form("cat", FORM_BASE, "cat");
}
END_TEST

START_TEST(verbs_follow_the_rules_of_spelling)
{
    assert_form("bake", FORM_ED, "baked");
    assert_form("bake", FORM_ING, "baking");
    assert_form("stop", FORM_ED, "stopped");
    assert_form("stop", FORM_ING, "stopping");
    assert_form("cook", FORM_ING, "cooking");
    assert_form("carry", FORM_S, "carries");
    assert_form("carry", FORM_ED, "carried");
    assert_form("carry", FORM_ING, "carrying");
    assert_form("play", FORM_ED, "played");
    assert_form("agree", FORM_ING, "agreeing");
    assert_form("fix", FORM_ED, "fixed");
    assert_form("visit", FORM_ED, "visited");
    assert_form("watch the film", FORM_S, "watches the film");
    assert_form("pull quickly", FORM_ED, "pulled quickly");
}
END_TEST

START_TEST(the_article_follows_the_sound)
{
    static const char *const an[] = {"apple",     "hour",      "honest man",  "HTML page",
                                     "SQL query", "8 o'clock", "unimportant", "orange",
                                     "X-ray",     "11 cats"};
    static const char *const a[] = {"bread",          "unicorn",     "university", "European",
                                    "one-way street", "CSS rule",    "user",       "house",
                                    "12 cats",        "Unicode name"};
    for (size_t i = 0; i < sizeof an / sizeof *an; i++) {
        ck_assert_msg(strcmp(inflect_article(an[i]), "an") == 0, "%s", an[i]);
    }
    for (size_t i = 0; i < sizeof a / sizeof *a; i++) {
        ck_assert_msg(strcmp(inflect_article(a[i]), "a") == 0, "%s", a[i]);
    }
}
END_TEST

START_TEST(capitals_reach_latin_letters_with_marks)
{
    char plain[] = "bread", marked[] = "école", digit[] = "3 eggs", empty[] = "";
    inflect_capital(plain);
    inflect_capital(marked);
    inflect_capital(digit);
    inflect_capital(empty);
    ck_assert_str_eq(plain, "Bread");
    ck_assert_str_eq(marked, "École");
    ck_assert_str_eq(digit, "3 eggs");
    ck_assert_str_eq(empty, "");
}
END_TEST

Suite *suite_world_inflect(void)
{
    Suite *s = suite_create("world_inflect");
    TCase *t = tcase_create("world_inflect");
    tcase_add_test(t, nouns_take_their_plural_where_it_belongs);
    tcase_add_test(t, verbs_follow_the_rules_of_spelling);
    tcase_add_test(t, the_article_follows_the_sound);
    tcase_add_test(t, capitals_reach_latin_letters_with_marks);
    suite_add_tcase(s, t);
    return s;
}
