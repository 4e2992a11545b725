/* The order of the list of concepts. */
#include "tests/tui/fake_app.h"

#include <check.h>
#include <stdbool.h>
#include <strings.h>

START_TEST(the_list_is_sorted_by_what_says_something_about_it)
{
    struct app app;
    fake_app(&app, FAKE_LOADING, 24, 80); /* nothing was read: nothing fires */
    fake_keys(&app, "2s");
    ck_assert_int_eq(app.sort, SORT_ACT_MAX);
    fake_keys(&app, "s");
    ck_assert_int_eq(app.sort, SORT_LABEL); /* without a filter there is no relevance */
    for (size_t i = 1; i < app.concept_list.n; i++)
        ck_assert_int_le(
            strcasecmp(app_label(&app, app.order[i - 1]), app_label(&app, app.order[i])), 0);
    fake_keys(&app, "s");
    ck_assert_int_eq(app.sort, SORT_ROW);
    app_clear(&app);
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "2s");
    ck_assert_int_eq(app.sort, SORT_FIRES);
    ck_assert_uint_eq(app.order[0], app.reading->top[0].row);
    ck_assert_uint_eq(app.order[app.concept_list.selected], app.selected);
    app_clear(&app);
}
END_TEST

START_TEST(a_genre_is_listed_alone_until_escape)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "2ff"); /* text, then code */
    ck_assert_uint_eq(app.concept_list.n, 4);
    for (size_t i = 0; i < app.concept_list.n; i++)
        ck_assert_int_eq(app.dict->labels.rows[app.order[i]].genre, GENRE_CODE);
    ck_assert_uint_eq(app.selected, app.order[app.concept_list.selected]);
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_uint_eq(app.concept_list.n, FAKE_CONCEPTS);
    fake_keys(&app, "fffff"); /* text, code, math, other, all */
    ck_assert_int_eq(app.genre, -1);
    app_clear(&app);
}
END_TEST

START_TEST(keys_before_the_dictionary_is_open_leave_room_for_its_rows)
{
    struct app app;
    app_init(&app, 24, 80);
    fake_keys(&app, "2sf/x");
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_ptr_null(app.order); /* how many rows there will be is not known yet */
    fake_send(&app, fake_opened(fake_dictionary()), NULL);
    ck_assert_uint_eq(app.concept_list.n, FAKE_CONCEPTS);
    bool seen[FAKE_CONCEPTS] = {false};
    for (size_t i = 0; i < FAKE_CONCEPTS; i++)
        seen[app.order[i]] = true;
    for (size_t row = 0; row < FAKE_CONCEPTS; row++)
        ck_assert(seen[row]);
    app_clear(&app);
}
END_TEST

Suite *suite_update_concepts(void)
{
    Suite *s = suite_create("update_concepts");
    TCase *t = tcase_create("update_concepts");
    tcase_add_test(t, the_list_is_sorted_by_what_says_something_about_it);
    tcase_add_test(t, a_genre_is_listed_alone_until_escape);
    tcase_add_test(t, keys_before_the_dictionary_is_open_leave_room_for_its_rows);
    suite_add_tcase(s, t);
    return s;
}
