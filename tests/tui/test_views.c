#include "data/calibration.h"
#include "tests/support/golden.h"
#include "tests/tui/fake_app.h"
#include "tui/views.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int height, width;
} SIZES[] = {{24, 80}, {40, 120}, {12, 40}};
static const char *const SCREENS[N_SCREENS] = {"read", "concepts", "steer"};

static void check_frame(const struct app *app, const char *name)
{
    struct grid grid;
    struct buf text = {0};
    grid_init(&grid, app->height, app->width);
    view_frame(&grid, app);
    grid_dump(&text, &grid);
    golden_check(name, buf_cstr(&text), text.len);
    buf_clear(&text);
    grid_clear(&grid);
}

/* Every screen in every state at every size: the loop index picks state and screen. */
START_TEST(screens_look_as_they_did)
{
    enum fake_state state = (enum fake_state)(_i / N_SCREENS);
    int screen = _i % N_SCREENS;
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        struct app app;
        char name[96];
        fake_app(&app, state, SIZES[s].height, SIZES[s].width);
        app.screen = (enum screen_id)screen; /* by key, an error would only be closed */
        fake_send(&app, (struct event){.kind = EVENT_TICK}, NULL);
        snprintf(name, sizeof name, "%s_%s_%dx%d", SCREENS[screen], fake_state_name(state),
                 SIZES[s].width, SIZES[s].height);
        check_frame(&app, name);
        app_clear(&app);
    }
}
END_TEST

static void check_keys(const char *keys, const char *what)
{
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        struct app app;
        char name[96];
        fake_app(&app, FAKE_STEERED, SIZES[s].height, SIZES[s].width);
        fake_keys(&app, keys);
        snprintf(name, sizeof name, "%s_%dx%d", what, SIZES[s].width, SIZES[s].height);
        check_frame(&app, name);
        app_clear(&app);
    }
}

START_TEST(modes_look_as_they_did)
{
    check_keys("?", "help_read");
    check_keys("3?", "help_steer");
    check_keys("2?  ", "help_concepts_end");
    check_keys("2sssff", "concepts_sorted");
    check_keys("i", "read_edit_example");
    check_keys("iA fish, said the fish", "read_typing");
    check_keys("j\r", "read_page");
    check_keys("pll", "read_at_token");
    check_keys("#", "read_numbers");
    check_keys("2\r", "concepts_page");
    check_keys("2jj S[[[", "steer_two_slots");
    check_keys("3\r-1.5", "steer_typing_value");
    check_keys("3jt0", "steer_zero");
}
END_TEST

START_TEST(a_terminal_without_utf8_gets_ascii_only)
{
    struct app app;
    struct grid grid;
    struct buf text = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    app.ascii = true;
    for (int screen = 0; screen < N_SCREENS; screen++) {
        fake_key(&app, '1' + screen, NULL);
        grid_init(&grid, 24, 80);
        view_frame(&grid, &app);
        grid_dump(&text, &grid);
        grid_clear(&grid);
    }
    for (size_t i = 0; i < text.len; i++)
        ck_assert_int_lt((unsigned char)text.data[i], 0x80);
    buf_clear(&text);
    app_clear(&app);
}
END_TEST

START_TEST(an_escape_sequence_from_the_model_stays_text)
{
    struct app app;
    struct grid grid;
    struct buf text = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    grid_init(&grid, 24, 80);
    view_frame(&grid, &app);
    grid_dump(&text, &grid);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "<0x1B>[2J"));
    ck_assert_ptr_null(strchr(buf_cstr(&text), '\x1b'));
    buf_clear(&text);
    grid_clear(&grid);
    app_clear(&app);
}
END_TEST

static bool shows(const struct app *app, const char *text)
{
    struct grid grid;
    struct buf dump = {0};
    grid_init(&grid, app->height, app->width);
    view_frame(&grid, app);
    grid_dump(&dump, &grid);
    bool found = strstr(buf_cstr(&dump), text) != NULL;
    buf_clear(&dump);
    grid_clear(&grid);
    return found;
}

START_TEST(a_refused_text_is_not_said_to_be_read_still)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "ix");
    ck_assert(shows(&app, "(reading)"));
    fake_send(&app, (struct event){.kind = EVENT_TICK, .seconds = 99}, NULL);
    ck_assert(shows(&app, "(reading)"));
    struct event e = {.kind = EVENT_DONE, .job = app.last_job, .seconds = 99};
    err_set(&e.err, ERR_LIMIT, "the text has 9000 tokens");
    fake_send(&app, e, NULL);
    ck_assert(!shows(&app, "(reading)"));
    ck_assert(shows(&app, "the new one was not read"));
    app_clear(&app);
}
END_TEST

START_TEST(a_bad_pattern_takes_the_place_of_the_count)
{
    struct app app;
    fake_app(&app, FAKE_READY, 24, 80);
    fake_keys(&app, "2/(");
    struct event bad = {.kind = EVENT_MATCHES};
    err_set(&bad.err, ERR_ARG, "missing closing parenthesis at column 2");
    fake_send(&app, bad, NULL);
    ck_assert(shows(&app, "invalid") && shows(&app, "missing closing parenthesis"));
    ck_assert(!shows(&app, "concepts") && !shows(&app, "match"));
    app_clear(&app);
}
END_TEST

/* The row that is out of order is announced; where it stands in order, it is not. */
START_TEST(a_selected_concept_before_its_place_is_named_by_the_title)
{
    struct app app;
    fake_app(&app, FAKE_READY, 24, 80);
    ck_assert(!shows(&app, "selected; then"));
    for (int i = 0; i < 15; i++)
        fake_keys(&app, i ? "j" : "2j");
    fake_keys(&app, "1");
    ck_assert_uint_eq(app.entries[0].row, app.selected);
    ck_assert_float_lt(app.entries[0].score, app.entries[1].score);
    ck_assert(shows(&app, "selected; then"));
    for (size_t i = 2; i < app.read_list.n; i++)
        ck_assert_float_le(app.entries[i].score, app.entries[i - 1].score);
    app_clear(&app);
}
END_TEST

/* Three labels that begin with the same words could not be told apart. */
START_TEST(labels_in_little_room_leave_out_what_they_share)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    app.pins[0] = 0;
    app.pins[1] = 8;
    app.pins[2] = 9;
    app.n_pins = 3;
    ck_assert(shows(&app, "1> …rivers") && shows(&app, "2 …bread a") && shows(&app, "3 terms"));
    app.n_pins = 1;
    ck_assert(shows(&app, "1> references to rivers, lakes and"));
    app_clear(&app);
}
END_TEST

START_TEST(text_above_and_below_what_is_visible_is_marked)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 12, 40);
    ck_assert(shows(&app, "↓") && !shows(&app, "↑"));
    for (int i = 0; i < app.reading->tokens.n; i++)
        fake_key(&app, KEY_ARROW_RIGHT, NULL);
    ck_assert(shows(&app, "↑") && !shows(&app, "↓"));
    app_clear(&app);
    fake_app(&app, FAKE_STEERED, 24, 80);
    ck_assert(!shows(&app, "↓") && !shows(&app, "↑"));
    app_clear(&app);
}
END_TEST

/* Where the pins' bars do not fit, some of them do. */
START_TEST(a_fourth_bar_row_takes_no_bars_from_the_others)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    app.n_pins = 4;
    for (size_t i = 0; i < 4; i++)
        app.pins[i] = i;
    ck_assert(shows(&app, "\n3 ") && !shows(&app, "\n4 "));
    app_clear(&app);
}
END_TEST

/* A full stop has one column, and is where many concepts peak. */
START_TEST(a_number_takes_the_room_that_the_next_ones_leave)
{
    static const char *const texts[] = {"She", ".", "<end>", " a", "!", "?"};
    static const float acts[][FAKE_CONCEPTS] = {{0}, {10}, {0}, {4}, {10}, {10}};
    struct app app;
    struct grid g;
    struct tokens t;
    struct buf dump = {0};
    fake_app(&app, FAKE_READY, 24, 80);
    tokens_init(&t, FAKE_CONCEPTS);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tokens_add(&t, 1, texts[i], strlen(texts[i]), false, true);
        tokens_add_acts(&t, acts[i]);
    }
    struct token_paint paint = {.has_tint = true, .cursor = -1, .differs = -1, .numbers = true};
    grid_init(&g, 2, 20);
    view_tokens(&g, rect_make(0, 0, 2, 20), &app, &t, &paint);
    grid_dump(&dump, &g);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&dump), "She.<end> a!?"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&dump), "\n   100      100"));
    buf_clear(&dump);
    grid_clear(&g);
    tokens_clear(&t);
    app_clear(&app);
}
END_TEST

START_TEST(an_empty_rack_offers_no_keys_for_its_slots)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "3");
    ck_assert(shows(&app, "h l slide  ~ flip"));
    fake_keys(&app, "X");
    ck_assert(shows(&app, "removed #0 +1.00; a, then S adds it again"));
    ck_assert(app.n_slots == 0 && !shows(&app, "slide") && !shows(&app, "X remove"));
    ck_assert(shows(&app, "a add"));
    app_clear(&app);
}
END_TEST

START_TEST(a_narrow_terminal_is_told_its_size_in_full)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 6, 20);
    ck_assert(shows(&app, "needs 40x10,") && shows(&app, "\nhas 20x6"));
    app_clear(&app);
}
END_TEST

static void open_model(struct app *app, bool is_dump, bool has_tokenizer)
{
    app_init(app, 24, 80);
    fake_send(app, (struct event){.kind = EVENT_OPENED, .opened.dict = fake_dictionary()}, NULL);
    struct event e = {.kind = EVENT_MODEL};
    e.model = (struct model_info){.is_dump = is_dump, .has_tokenizer = has_tokenizer};
    fake_send(app, e, NULL);
}

START_TEST(a_dump_is_offered_only_what_it_can_serve)
{
    static const char *const lacking[] = {"edit", "steer", "example", "BASELINE", "r runs"};
    struct app app;
    open_model(&app, true, false);
    ck_assert(shows(&app, "reading ..."));
    fake_send(&app, fake_reading(app.last_job), NULL);
    fake_send(&app, (struct event){.kind = EVENT_DONE, .job = app.last_job}, NULL);
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        ck_assert_msg(!shows(&app, lacking[i]), "%s is offered", lacking[i]);
    ck_assert(shows(&app, "pin") && shows(&app, "page"));
    ck_assert(shows(&app, "--model names a tokenizer"));
    fake_keys(&app, "\r");
    ck_assert(shows(&app, "other concept") && !shows(&app, "S steer"));
    fake_keys(&app, "3a");
    ck_assert_int_eq(app.screen, SCREEN_STEER);
    ck_assert(shows(&app, "steering needs the model's weights") && !shows(&app, "slide"));
    app_clear(&app);
}
END_TEST

START_TEST(a_dump_that_is_refused_is_not_said_to_be_read_still)
{
    struct app app;
    open_model(&app, true, false);
    struct event e = {.kind = EVENT_DONE, .job = app.last_job};
    err_set(&e.err, ERR_SHAPE, "the dump holds residuals after layer 3");
    fake_send(&app, e, NULL);
    ck_assert(!shows(&app, "reading ..."));
    ck_assert(shows(&app, "the dump was not read") && shows(&app, "after layer 3"));
    app_clear(&app);
}
END_TEST

START_TEST(without_a_tokenizer_the_screens_say_how_ids_are_typed)
{
    struct app app;
    open_model(&app, false, false);
    fake_send(&app, fake_reading(app.last_job), NULL);
    fake_send(&app, (struct event){.kind = EVENT_DONE, .job = app.last_job}, NULL);
    ck_assert(shows(&app, "no tokenizer: ids only"));
    ck_assert(shows(&app, "i types token ids, such as 2,5,11"));
    app.width = 120;
    ck_assert(shows(&app, "no tokenizer.json or tokenizer.model: ids only"));
    app.width = 80;
    fake_keys(&app, "i");
    fake_key(&app, key_ctrl('U'), NULL);
    ck_assert(shows(&app, "type token ids such as 2,17,5") && shows(&app, "Token ids such as"));
    app_clear(&app);
    open_model(&app, false, true);
    fake_send(&app, fake_reading(app.last_job), NULL);
    ck_assert(!shows(&app, "ids only"));
    app_clear(&app);
}
END_TEST

START_TEST(rows_of_several_dictionaries_name_theirs)
{
    static char names[2][16] = {"reft/l20", "diffmean/l10"};
    struct dictionary parts[2] = {{.name = names[0]}, {.name = names[1]}};
    struct dict_set set = {.dicts = (struct dictionary *[]){&parts[0], &parts[1]},
                           .first = (size_t[]){0, 10, FAKE_CONCEPTS},
                           .n = 2};
    struct app app;
    fake_app(&app, FAKE_READY, 24, 80);
    app.set = &set;
    for (int i = 0; i < 12; i++)
        fake_keys(&app, i ? "j" : "2j");
    ck_assert(shows(&app, "#0:9 "));
    ck_assert(shows(&app, "#1:0 "));
    fake_keys(&app, "\r");
    ck_assert(shows(&app, app.selected < 10 ? "reft/l20" : "diffmean/l10"));
    fake_keys(&app, "S");
    char name[ROW_NAME_SIZE];
    app_row_name(name, &app, app.selected);
    ck_assert(strchr(name, ':') && shows(&app, name));
    app_clear(&app);
}
END_TEST

START_TEST(the_automatic_slot_says_where_it_comes_from)
{
    struct app app;
    fake_app(&app, FAKE_READY, 24, 80);
    fake_keys(&app, "3");
    ck_assert(shows(&app, "auto: follows the top concept"));
    fake_keys(&app, "o"); /* this one names its concepts */
    fake_send(&app, fake_reading(app.last_job), NULL);
    ck_assert(shows(&app, "auto: the example's concept"));
    fake_keys(&app, "ix\r");
    struct event e = fake_reading(app.last_job);
    for (size_t c = 0; c < FAKE_CONCEPTS; c++)
        e.reading->row_max[c] = 1; /* thresholds are 2 */
    fake_send(&app, e, NULL);
    ck_assert_float_eq(app.slots[0].factor, FACTOR_FIRST);
    ck_assert(shows(&app, "auto: nothing fires, so the nearest"));
    ck_assert(shows(&app, "auto, not firing"));
    app_clear(&app);
}
END_TEST

/* Work that grows with the square of the text would take minutes here. */
START_TEST(a_long_prompt_draws_at_once)
{
    enum { LEN = 1 << 19 };
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    struct event e = {.kind = EVENT_PASTE, .text = mem_alloc(LEN, 1), .text_len = LEN};
    for (size_t i = 0; i < LEN; i++)
        e.text[i] = i % 7 ? 'a' : ' ';
    fake_send(&app, e, NULL);
    ck_assert_uint_eq(app.prompt.text.len, LEN);
    for (int i = 0; i < 5; i++)
        ck_assert(shows(&app, "aaaaaa aaaaaa"));
    app_clear(&app);
}
END_TEST

/* Every view at every size from 1x1: nothing is written outside, nothing aborts. */
START_TEST(quantising_says_how_far_it_is)
{
    struct app app;
    struct grid grid;
    struct buf text = {0};
    fake_app(&app, FAKE_LOADING, 24, 80);
    fake_send(&app,
              (struct event){.kind = EVENT_PROGRESS, .job = JOB_OPEN, .done = 34, .total = 100},
              NULL);
    grid_init(&grid, 24, 80);
    view_frame(&grid, &app);
    grid_dump(&text, &grid);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "quantising the weights 34%"));
    buf_clear(&text);
    grid_clear(&grid);
    app_clear(&app);
}
END_TEST

START_TEST(every_size_draws)
{
    for (int state = 0; state < N_FAKE_STATES; state++) {
        struct app app;
        fake_app(&app, (enum fake_state)state, 24, 80);
        for (int width = 1; width <= 130; width += width < 45 ? 1 : 5)
            for (int height = 1; height <= 45; height += height < 16 ? 1 : 3) {
                fake_send(&app,
                          (struct event){.kind = EVENT_RESIZE, .height = height, .width = width},
                          NULL);
                app.screen = (enum screen_id)((width + height) % N_SCREENS);
                app.mode = (enum app_mode)((width * 7 + height) % (MODE_PAGE + 1));
                app.pane = (enum pane)(height % 2);
                app.show_numbers = width % 3 == 0;
                struct grid grid;
                grid_init(&grid, height, width);
                view_frame(&grid, &app);
                ck_assert_int_eq(grid.height, height);
                grid_clear(&grid);
            }
        app.mode = MODE_NORMAL;
        app_clear(&app);
    }
}
END_TEST

/* Spreads of 4 and means of 0: an activation above 8 is an unusual one. */
START_TEST(by_z_the_legend_and_the_count_say_so)
{
    struct app app;
    struct grid grid;
    struct buf text = {0};
    struct dictionary dict = *fake_dictionary();
    struct calibration *cal = calibration_new(FAKE_CONCEPTS, false);
    for (int c = 0; c < FAKE_CONCEPTS; c++)
        cal->spread[c] = 4;
    calibration_set_floor(cal);
    dict.calibration = cal;
    fake_app(&app, FAKE_STEERED, 24, 80);
    app.dict = &dict;
    fake_keys(&app, "U"); /* from margin */
    ck_assert_int_eq(app.unit, SCORE_Z);
    int n_unusual = 0;
    for (size_t i = 0; i < app.reading->n_top; i++)
        n_unusual += app.reading->top[i].act > 8;
    ck_assert_int_gt(n_unusual, 0);
    grid_init(&grid, app.height, app.width);
    view_frame(&grid, &app);
    grid_dump(&text, &grid);
    char count[32];
    snprintf(count, sizeof count, "%d above z 2", n_unusual);
    ck_assert_msg(strstr(text.data, count), "'%s' is not in\n%s", count, text.data);
    ck_assert_ptr_nonnull(strstr(text.data, " z 0 "));
    buf_clear(&text);
    grid_clear(&grid);
    app_clear(&app);
    calibration_close(cal);
}
END_TEST

START_TEST(a_small_terminal_is_told_what_is_needed)
{
    struct app app;
    fake_app(&app, FAKE_READY, 9, 39);
    check_frame(&app, "too_small_39x9");
    app_clear(&app);
}
END_TEST

Suite *suite_views(void)
{
    Suite *s = suite_create("views");
    TCase *t = tcase_create("views");
    tcase_add_loop_test(t, screens_look_as_they_did, 0, N_FAKE_STATES * N_SCREENS);
    tcase_add_test(t, modes_look_as_they_did);
    tcase_add_test(t, a_terminal_without_utf8_gets_ascii_only);
    tcase_add_test(t, an_escape_sequence_from_the_model_stays_text);
    tcase_add_test(t, a_refused_text_is_not_said_to_be_read_still);
    tcase_add_test(t, a_bad_pattern_takes_the_place_of_the_count);
    tcase_add_test(t, labels_in_little_room_leave_out_what_they_share);
    tcase_add_test(t, text_above_and_below_what_is_visible_is_marked);
    tcase_add_test(t, a_narrow_terminal_is_told_its_size_in_full);
    tcase_add_test(t, an_empty_rack_offers_no_keys_for_its_slots);
    tcase_add_test(t, a_number_takes_the_room_that_the_next_ones_leave);
    tcase_add_test(t, a_fourth_bar_row_takes_no_bars_from_the_others);
    tcase_add_test(t, a_selected_concept_before_its_place_is_named_by_the_title);
    tcase_add_test(t, a_dump_is_offered_only_what_it_can_serve);
    tcase_add_test(t, a_dump_that_is_refused_is_not_said_to_be_read_still);
    tcase_add_test(t, without_a_tokenizer_the_screens_say_how_ids_are_typed);
    tcase_add_test(t, rows_of_several_dictionaries_name_theirs);
    tcase_add_test(t, the_automatic_slot_says_where_it_comes_from);
    tcase_add_test(t, a_long_prompt_draws_at_once);
    tcase_add_test(t, every_size_draws);
    tcase_add_test(t, quantising_says_how_far_it_is);
    tcase_add_test(t, by_z_the_legend_and_the_count_say_so);
    tcase_add_test(t, a_small_terminal_is_told_what_is_needed);
    suite_add_tcase(s, t);
    return s;
}
