/* What keys and texts on Read lead to. */
#include "data/calibration.h"
#include "tests/tui/fake_app.h"

#include <check.h>
#include <string.h>

START_TEST(slash_opens_the_filter_from_every_screen)
{
    static const char *const keys[] = {"/ri", "\r3/ri", "2/ri"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct app app;
        fake_app(&app, FAKE_STEERED, 24, 80);
        fake_keys(&app, keys[i]);
        ck_assert_int_eq(app.screen, SCREEN_CONCEPTS);
        ck_assert_int_eq(app.mode, MODE_FILTER);
        ck_assert_str_eq(line_edit_text(&app.filter), "ri");
        fake_keys(&app, "\r'");
        ck_assert_int_eq(app.screen, i == 2 ? SCREEN_READ : (int)i * SCREEN_STEER);
        app_clear(&app);
    }
}
END_TEST

START_TEST(a_text_of_blanks_is_not_run)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "i  ");
    fake_key(&app, KEY_RETURN, &commands);
    for (int i = 0; i < commands.n; i++)
        ck_assert_int_ne(commands.items[i].kind, CMD_RUN);
    ck_assert_ptr_nonnull(strstr(app.notice, "no text"));
    app_clear(&app);
}
END_TEST

/* Of the concepts an example names the one that fires steers, whatever their order. */
START_TEST(the_automatic_slot_prefers_a_concept_that_fires)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    app.examples[1].pins[0] = 15;
    app.examples[1].pins[1] = 3;
    fake_keys(&app, "o");
    fake_send(&app, fake_reading(app.last_job), NULL);
    ck_assert(!app_fires(&app, 15) && app_fires(&app, 3));
    ck_assert_uint_eq(app.slots[0].row, 3);
    ck_assert_uint_eq(app.pins[0], 3);
    ck_assert_uint_eq(app.pins[1], 15);
    app_clear(&app);
}
END_TEST

START_TEST(of_two_senses_that_fire_the_weaker_steers)
{
    for (int order = 0; order < 2; order++) {
        struct app app;
        fake_app(&app, FAKE_STEERED, 24, 80);
        app.examples[1].pins[order] = 0;
        app.examples[1].pins[!order] = 1;
        fake_keys(&app, "o");
        fake_send(&app, fake_reading(app.last_job), NULL);
        ck_assert_float_gt(app_prompt_max(&app, 0), app_prompt_max(&app, 1));
        ck_assert_uint_eq(app.slots[0].row, 1);
        ck_assert_uint_eq(app.selected, 1);
        ck_assert_uint_eq(app.pins[order], 0);
        app_clear(&app);
    }
}
END_TEST

/* The answers on Steer are tinted by what steers them, not by what the new text is about. */
START_TEST(a_new_text_on_steer_keeps_the_tint_of_the_rack)
{
    for (int on_read = 0; on_read < 2; on_read++) {
        struct app app;
        fake_app(&app, FAKE_STEERED, 24, 80);
        app.is_rack_auto = false;
        app.slots[0].row = 5;
        fake_keys(&app, on_read ? "1ix" : "3ix");
        fake_key(&app, KEY_RETURN, NULL);
        fake_send(&app, fake_reading(app.last_job), NULL);
        ck_assert_uint_eq(app.selected, on_read ? 0 : 5);
        app_clear(&app);
    }
}
END_TEST

START_TEST(a_text_that_was_left_unanswered_says_how_it_is_answered)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "i");
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_str_eq(app.notice, "");
    fake_keys(&app, "ix");
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_ptr_nonnull(strstr(app.notice, "r answers this text"));
    app_clear(&app);
}
END_TEST

/* z is the best unit of a dictionary without maxima, but not above one that was chosen. */
START_TEST(a_calibration_that_comes_with_the_model_makes_z_the_unit)
{
    struct calibration *cal = calibration_new(FAKE_CONCEPTS, false);
    calibration_set_floor(cal);
    for (int chosen = 0; chosen < 2; chosen++) {
        const struct dictionary *raw = fake_dictionary_raw(), *full = fake_dictionary();
        struct dictionary calibrated = chosen ? *full : *raw;
        calibrated.calibration = cal;
        struct app app;
        app_init(&app, 24, 80);
        fake_send(&app, fake_opened(chosen ? full : raw), NULL);
        fake_keys(&app, chosen ? "U" : "");
        ck_assert_int_eq(app.unit, chosen ? SCORE_SHARE : SCORE_RAW);
        struct event e = {.kind = EVENT_MODEL, .model.dict = &calibrated};
        fake_send(&app, e, NULL);
        ck_assert_int_eq(app.unit, chosen ? SCORE_SHARE : SCORE_Z);
        ck_assert_ptr_eq(app.dict, &calibrated);
        app_clear(&app);
    }
    calibration_close(cal);
}
END_TEST

Suite *suite_update_read(void)
{
    Suite *s = suite_create("update_read");
    TCase *t = tcase_create("update_read");
    tcase_add_test(t, slash_opens_the_filter_from_every_screen);
    tcase_add_test(t, a_text_of_blanks_is_not_run);
    tcase_add_test(t, of_two_senses_that_fire_the_weaker_steers);
    tcase_add_test(t, a_new_text_on_steer_keeps_the_tint_of_the_rack);
    tcase_add_test(t, a_text_that_was_left_unanswered_says_how_it_is_answered);
    tcase_add_test(t, a_calibration_that_comes_with_the_model_makes_z_the_unit);
    tcase_add_test(t, the_automatic_slot_prefers_a_concept_that_fires);
    suite_add_tcase(s, t);
    return s;
}
