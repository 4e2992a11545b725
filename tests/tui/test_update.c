#include "core/generate.h"
#include "tests/tui/fake_app.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/views.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct cmd *find(const struct cmds *commands, enum cmd_kind kind)
{
    for (int i = 0; i < commands->n; i++)
        if (commands->items[i].kind == kind)
            return &commands->items[i];
    return NULL;
}

static void done(struct app *app)
{
    fake_send(app, (struct event){.kind = EVENT_DONE, .job = app->last_job, .seconds = 5}, NULL);
}

START_TEST(the_first_example_is_read_then_answered)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_LOADING, 24, 80);
    struct event e = {.kind = EVENT_MODEL, .seconds = 2};
    e.model.has_tokenizer = true;
    fake_send(&app, e, &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_RUN));
    ck_assert(!find(&commands, CMD_RUN)->answers);
    commands.n = 0;
    fake_send(&app, fake_reading(app.last_job), &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_RUN));
    ck_assert(find(&commands, CMD_RUN)->answers);
    ck_assert_int_eq(app.n_pins, 2);
    ck_assert_uint_eq(app.pins[0], 0);
    ck_assert_uint_eq(app.pins[1], 1);
    ck_assert_int_eq(app.n_slots, 1);
    ck_assert_float_eq(app.slots[0].factor, 1);
    app_clear(&app);
}
END_TEST

START_TEST(a_warning_of_the_opened_files_is_the_first_notice)
{
    struct app app;
    fake_app(&app, FAKE_LOADING, 24, 80);
    struct event e = {.kind = EVENT_MODEL, .seconds = 2};
    e.model.warning = mem_strdup("made for the chat model");
    fake_send(&app, e, NULL);
    ck_assert_str_eq(app.notice, "made for the chat model");
    app_clear(&app);
}
END_TEST

START_TEST(labels_can_be_filtered_before_the_model_is_there)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_LOADING, 24, 80);
    fake_keys(&app, "2/");
    fake_key(&app, 'b', &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_SEARCH));
    struct event e = {.kind = EVENT_MATCHES};
    e.matches.n = 2;
    e.matches.rows = mem_zalloc(2, sizeof *e.matches.rows);
    e.matches.rows[0].row = 1;
    e.matches.rows[1].row = 8;
    fake_send(&app, e, NULL);
    ck_assert_uint_eq(app.concept_list.n, 2);
    ck_assert_uint_eq(app.selected, 1);
    fake_key(&app, KEY_ARROW_DOWN, NULL);
    ck_assert_uint_eq(app.selected, 8);
    app_clear(&app);
}
END_TEST

static void press(struct app *app, int key, int times)
{
    for (int i = 0; i < times; i++)
        fake_key(app, key, NULL);
}

START_TEST(a_fuzzy_filter_puts_the_best_match_first_and_selects_it)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "2/");
    fake_key(&app, key_ctrl('R'), NULL);
    ck_assert(app.is_fuzzy);
    fake_key(&app, 'b', &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_SEARCH));
    struct event e = {.kind = EVENT_MATCHES};
    e.matches.n = 3;
    e.matches.rows = mem_zalloc(3, sizeof *e.matches.rows);
    for (size_t i = 0; i < 3; i++)
        e.matches.rows[i] = (struct concept_match){.row = 4 * i, .score = i == 2 ? 50 : 20};
    fake_send(&app, e, NULL); /* row 0, selected before, matches too */
    ck_assert_uint_eq(app.order[0], 8);
    ck_assert_uint_eq(app.selected, 8);
    fake_key(&app, key_ctrl('R'), NULL);
    ck_assert(!app.is_fuzzy);
    ck_assert_int_eq(app.sort, SORT_ROW);
    app_clear(&app);
}
END_TEST

START_TEST(help_scrolls_by_pages_to_its_end)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "3?");
    int last = view_help_last_top(&app);
    ck_assert_int_gt(last, 20);
    press(&app, KEY_SPACE, 1);
    ck_assert_int_eq(app.help_top, view_help_page(&app));
    press(&app, 'j', 300);
    ck_assert_int_eq(app.help_top, last);
    fake_keys(&app, "gG");
    ck_assert_int_eq(app.help_top, last);
    fake_keys(&app, "gq");
    ck_assert_int_eq(app.mode, MODE_NORMAL);
    app_clear(&app);
}
END_TEST

START_TEST(a_bad_pattern_keeps_the_last_good_result)
{
    struct app app;
    fake_app(&app, FAKE_READY, 24, 80);
    fake_keys(&app, "2/b");
    struct event good = {.kind = EVENT_MATCHES};
    good.matches.n = 1;
    good.matches.rows = mem_zalloc(1, sizeof *good.matches.rows);
    good.matches.rows[0].row = 8;
    fake_send(&app, good, NULL);
    fake_keys(&app, "(");
    struct event bad = {.kind = EVENT_MATCHES};
    err_set(&bad.err, ERR_ARG, "missing closing parenthesis at column 3");
    fake_send(&app, bad, NULL);
    ck_assert_int_eq(app.filter_err.code, ERR_ARG);
    ck_assert_uint_eq(app.concept_list.n, 1);
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_int_eq(app.filter_err.code, ERR_OK);
    ck_assert_uint_eq(app.concept_list.n, FAKE_CONCEPTS);
    ck_assert_uint_eq(app.selected, 8);
    app_clear(&app);
}
END_TEST

START_TEST(a_pause_in_typing_reads_the_prompt_again)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_key(&app, 'i', NULL);
    fake_send(&app, (struct event){.kind = EVENT_KEY, .key = '!', .seconds = 10}, &commands);
    ck_assert_ptr_null(find(&commands, CMD_RUN));
    ck_assert_double_gt(app_wake_at(&app), 10.2);
    fake_send(&app, (struct event){.kind = EVENT_TICK, .seconds = 10.2}, &commands);
    ck_assert_ptr_null(find(&commands, CMD_RUN));
    fake_send(&app, (struct event){.kind = EVENT_TICK, .seconds = 10.31}, &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_RUN));
    ck_assert(!find(&commands, CMD_RUN)->answers);
    commands.n = 0;
    fake_send(&app, fake_reading(app.last_job), NULL);
    fake_key(&app, KEY_RETURN, &commands);
    ck_assert(find(&commands, CMD_RUN)->answers);
    ck_assert_int_eq(app.mode, MODE_NORMAL);
    app_clear(&app);
}
END_TEST

START_TEST(a_pasted_newline_never_submits)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    struct event e = {.kind = EVENT_PASTE, .text = mem_strdup("a\nb\n"), .text_len = 4};
    fake_send(&app, e, &commands);
    ck_assert_int_eq(app.mode, MODE_EDIT);
    ck_assert_ptr_null(find(&commands, CMD_RUN));
    ck_assert_str_eq(line_edit_text(&app.prompt), "a\nb\n"); /* in place of the example */
    e = (struct event){.kind = EVENT_PASTE, .text = mem_strdup("c"), .text_len = 1};
    fake_send(&app, e, NULL);
    ck_assert_str_eq(line_edit_text(&app.prompt), "a\nb\nc");
    app_clear(&app);
}
END_TEST

START_TEST(a_moved_slider_runs_again_at_once_and_stays_in_range)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_key(&app, '3', NULL);
    unsigned before = app.last_job;
    fake_key(&app, 'l', &commands);
    ck_assert_float_eq_tol(app.slots[0].factor, 1.05f, 1e-6f);
    ck_assert_uint_eq(find(&commands, CMD_RUN)->job, before + 1);
    for (int i = 0; i < 30; i++)
        fake_key(&app, KEY_ARROW_RIGHT, NULL);
    ck_assert_float_eq(app.slots[0].factor, 2);
    commands.n = 0;
    fake_key(&app, 'l', &commands); /* at the end of the range nothing changes */
    ck_assert_ptr_null(find(&commands, CMD_RUN));
    for (int i = 0; i < 90; i++)
        fake_key(&app, 'h', NULL);
    ck_assert_float_eq(app.slots[0].factor, -2);
    for (int i = 0; i < 40; i++)
        fake_key(&app, 'l', NULL);
    ck_assert_float_eq(app.slots[0].factor, 0); /* exactly */
    app_clear(&app);
}
END_TEST

START_TEST(a_typed_factor_is_checked)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "3\r-0.35\r");
    ck_assert_float_eq_tol(app.slots[0].factor, -0.35f, 1e-6f);
    fake_keys(&app, "\r7\r");
    ck_assert_float_eq_tol(app.slots[0].factor, -0.35f, 1e-6f);
    ck_assert_ptr_nonnull(strstr(app.notice, "from -2 to 2"));
    fake_keys(&app, "\rnan\r");
    ck_assert_float_eq_tol(app.slots[0].factor, -0.35f, 1e-6f);
    app_clear(&app);
}
END_TEST

START_TEST(slots_are_added_turned_off_changed_and_removed)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "2jS"); /* the first choice replaces the demonstration */
    ck_assert_int_eq(app.screen, SCREEN_STEER);
    ck_assert_int_eq(app.n_slots, 1);
    ck_assert_uint_eq(app.slots[0].row, 1);
    fake_keys(&app, "2jS");
    ck_assert_int_eq(app.n_slots, 2);
    ck_assert_int_eq(app.slot, 1);
    fake_keys(&app, "tt ");
    ck_assert_int_eq(app.slots[1].kind, INTERVENTION_THRESHOLD);
    ck_assert(!app.slots[1].is_on);
    fake_keys(&app, "kX");
    ck_assert_int_eq(app.n_slots, 1);
    ck_assert_uint_eq(app.slots[0].row, 2);
    fake_keys(&app, "XXX");
    ck_assert_int_eq(app.n_slots, 0);
    app_clear(&app);
}
END_TEST

START_TEST(events_of_an_older_run_are_dropped)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    unsigned old = app.last_job;
    fake_keys(&app, "3l");
    int n = app.answers[BRANCH_STEERED].tokens.n;
    fake_send(&app, fake_piece(old, BRANCH_STEERED, 1, "late"), NULL);
    ck_assert_int_eq(app.answers[BRANCH_STEERED].tokens.n, n);
    ck_assert(app.answers[BRANCH_STEERED].is_stale);
    fake_send(
        &app,
        (struct event){.kind = EVENT_ANSWER_BEGIN, .job = app.last_job, .branch = BRANCH_STEERED},
        NULL);
    ck_assert_int_eq(app.answers[BRANCH_STEERED].tokens.n, 0);
    ck_assert_int_eq(app.answers[BRANCH_BASELINE].tokens.n, 18); /* kept */
    app_clear(&app);
}
END_TEST

START_TEST(escape_stops_what_runs_and_only_then_goes_back)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_RUNNING, 24, 80);
    fake_keys(&app, "2\r");
    fake_key(&app, KEY_ESCAPE, &commands);
    ck_assert_uint_eq(find(&commands, CMD_CANCEL)->job, app.last_job);
    ck_assert_int_eq(app.run, RUN_STOPPING);
    ck_assert_int_eq(app.mode, MODE_PAGE);
    done(&app);
    ck_assert_int_eq(app.run, RUN_IDLE);
    ck_assert_int_eq(app.answers[BRANCH_STEERED].state, ANSWER_STOPPED);
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_int_eq(app.mode, MODE_NORMAL);
    app_clear(&app);
}
END_TEST

START_TEST(a_second_interrupt_quits)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_RUNNING, 24, 80);
    struct event e = {.kind = EVENT_KEY, .key = 3, .seconds = 20};
    fake_send(&app, e, &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_CANCEL));
    ck_assert_ptr_null(find(&commands, CMD_QUIT));
    e.seconds = 23;
    fake_send(&app, e, &commands); /* too late: counts as a first one */
    ck_assert_ptr_null(find(&commands, CMD_QUIT));
    e.seconds = 24;
    fake_send(&app, e, &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_QUIT));
    app_clear(&app);
}
END_TEST

START_TEST(an_error_stays_until_a_key_which_acts_unless_it_only_closes)
{
    struct app app;
    fake_app(&app, FAKE_ERROR, 24, 80);
    fake_send(&app, (struct event){.kind = EVENT_TICK, .seconds = 99}, NULL);
    ck_assert_int_eq(app.err.code, ERR_LIMIT);
    fake_key(&app, '3', NULL);
    ck_assert_int_eq(app.err.code, ERR_OK);
    ck_assert_int_eq(app.screen, SCREEN_STEER);
    app_clear(&app);
    static const int closing[] = {KEY_RETURN, KEY_ESCAPE};
    for (int i = 0; i < 2; i++) {
        fake_app(&app, FAKE_ERROR, 24, 80);
        fake_key(&app, closing[i], NULL);
        ck_assert_int_eq(app.err.code, ERR_OK);
        ck_assert_int_eq(app.mode, MODE_NORMAL); /* Enter opened no page */
        app_clear(&app);
    }
}
END_TEST

START_TEST(pins_are_limited_and_belong_to_the_user_once_touched)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "jj ");
    ck_assert_int_eq(app.n_pins, 3);
    fake_keys(&app, "j j ");
    ck_assert_int_eq(app.n_pins, MAX_PINS);
    size_t pins[MAX_PINS];
    memcpy(pins, app.pins, sizeof pins);
    fake_keys(&app, "o");
    fake_send(&app, fake_reading(app.last_job), NULL);
    ck_assert_int_eq(app.n_pins, MAX_PINS);
    ck_assert_mem_eq(pins, app.pins, sizeof pins);
    app_clear(&app);
}
END_TEST

START_TEST(the_tint_follows_the_text_until_a_concept_is_chosen)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "i!");
    struct event e = fake_reading(app.last_job);
    struct ranked first = e.reading->top[0];
    e.reading->top[0] = e.reading->top[1];
    e.reading->top[1] = first;
    fake_send(&app, e, NULL);
    ck_assert_uint_eq(app.selected, 1);
    ck_assert_uint_eq(app.pins[0], 1);
    fake_keys(&app, "\rjj");
    size_t chosen = app.selected;
    ck_assert_uint_ne(chosen, 1);
    fake_send(&app, fake_reading(app.last_job), NULL);
    ck_assert_uint_eq(app.selected, chosen);
    app_clear(&app);
}
END_TEST

START_TEST(what_is_typed_first_replaces_an_example_and_edits_a_text_of_ones_own)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "iabc");
    ck_assert_str_eq(line_edit_text(&app.prompt), "abc");
    fake_key(&app, KEY_ESCAPE, NULL);
    fake_keys(&app, "id");
    ck_assert_str_eq(line_edit_text(&app.prompt), "abcd");
    app_clear(&app);
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_key(&app, 'i', NULL);
    fake_key(&app, KEY_TO_END, NULL);
    fake_keys(&app, "!");
    ck_assert_ptr_nonnull(strstr(line_edit_text(&app.prompt), "its rates!"));
    app_clear(&app);
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_key(&app, 'i', NULL);
    fake_key(&app, KEY_RUBOUT, NULL);
    ck_assert_str_eq(line_edit_text(&app.prompt), "");
    struct cmds commands = {0};
    fake_key(&app, KEY_RETURN, &commands); /* nothing to run, and the screen says so */
    ck_assert_ptr_null(find(&commands, CMD_RUN));
    ck_assert_ptr_nonnull(strstr(app.notice, "no text"));
    app_clear(&app);
}
END_TEST

static void check_selected_in_sight(const struct app *app)
{
    const struct list *l = &app->read_list;
    ck_assert(app->has_selected);
    ck_assert_uint_eq(app->entries[l->selected].row, app->selected);
    ck_assert_uint_ge(l->selected, l->top);
    ck_assert_uint_lt(l->selected, l->top + (size_t)layout_read(app).list.height);
}

START_TEST(there_is_always_a_selected_row_in_sight)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    for (size_t row = 0; row < FAKE_CONCEPTS; row++) {
        app.selected = row; /* also those that never fire */
        fake_keys(&app, "p");
        for (int i = 0; i < 25; i++) {
            fake_key(&app, i < 20 ? KEY_ARROW_LEFT : KEY_ARROW_RIGHT, NULL);
            ck_assert_uint_eq(app.selected, row); /* the tint stays */
            check_selected_in_sight(&app);
        }
        fake_keys(&app, "p");
        check_selected_in_sight(&app);
    }
    fake_keys(&app, "pG");
    check_selected_in_sight(&app);
    fake_keys(&app, "gj");
    check_selected_in_sight(&app);
    size_t shown = app.entries[app.read_list.selected].row;
    fake_keys(&app, "S");
    ck_assert_uint_eq(app.slots[0].row, shown);
    app_clear(&app);
}
END_TEST

START_TEST(keys_that_have_nothing_to_act_on_say_why)
{
    struct app app;
    fake_app(&app, FAKE_LOADING, 24, 80);
    for (const char *key = " Sj\r"; *key; key++) {
        fake_key(&app, *key, NULL);
        ck_assert_msg(strstr(app.notice, "nothing was read yet"), "'%c': %s", *key, app.notice);
    }
    app_clear(&app);
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "2/zz");
    fake_send(&app, (struct event){.kind = EVENT_MATCHES}, NULL);
    fake_key(&app, KEY_RETURN, NULL);
    int n_pins = app.n_pins;
    for (const char *key = " Sj\r"; *key; key++) {
        fake_key(&app, *key, NULL);
        ck_assert_msg(strstr(app.notice, "no label matches"), "'%c': %s", *key, app.notice);
    }
    ck_assert_int_eq(app.n_pins, n_pins);
    fake_keys(&app, "3X");
    for (const char *key = "hlt0~X S\r"; *key; key++) {
        fake_key(&app, *key, NULL);
        ck_assert_msg(strstr(app.notice, "rack is empty"), "'%c': %s", *key, app.notice);
    }
    app_clear(&app);
}
END_TEST

START_TEST(enter_on_read_opens_the_page_and_escape_returns)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "j");
    size_t selected = app.selected;
    fake_key(&app, KEY_RETURN, NULL);
    ck_assert_int_eq(app.mode, MODE_PAGE);
    ck_assert_int_eq(app.screen, SCREEN_READ);
    ck_assert(!rect_is_empty(layout_read(&app).detail));
    ck_assert_uint_eq(app.selected, selected);
    fake_keys(&app, "j"); /* the next concept's page */
    ck_assert_uint_ne(app.selected, selected);
    ck_assert_int_eq(app.mode, MODE_PAGE);
    fake_key(&app, KEY_ESCAPE, NULL);
    ck_assert_int_eq(app.mode, MODE_NORMAL);
    ck_assert_int_eq(app.screen, SCREEN_READ);
    app_clear(&app);
}
END_TEST

START_TEST(an_untouched_slot_follows_the_text_and_a_touched_one_stays)
{
    static const char *const touches[] = {"3l", "3S", "3ll"};
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "ix");
    fake_key(&app, KEY_RETURN, &commands); /* read first: the slot may change */
    ck_assert(!find(&commands, CMD_RUN)->answers);
    struct event e = fake_reading(app.last_job);
    e.reading->top[0] = e.reading->top[1];
    commands.n = 0;
    fake_send(&app, e, &commands);
    ck_assert_uint_eq(app.slots[0].row, 1);
    ck_assert(find(&commands, CMD_RUN)->answers);
    app_clear(&app);
    for (int i = 0; i < 3; i++) {
        fake_app(&app, FAKE_STEERED, 24, 80);
        fake_keys(&app, touches[i]);
        fake_keys(&app, "oo1ix");
        e = fake_reading(app.last_job);
        e.reading->top[0] = e.reading->top[1];
        fake_send(&app, e, NULL);
        ck_assert_int_eq(app.n_slots, 1);
        ck_assert_uint_eq(app.slots[0].row, 0);
        app_clear(&app);
    }
    app_clear(&app);
}
END_TEST

START_TEST(the_unit_goes_round_what_the_dictionary_allows)
{
    struct app app;
    static const enum score_unit expected[] = {SCORE_SHARE, SCORE_RAW, SCORE_MARGIN};
    fake_app(&app, FAKE_READY, 24, 80);
    ck_assert_int_eq(app.unit, SCORE_MARGIN);
    size_t n_top = app.reading->n_top;
    for (int i = 0; i < 3; i++) {
        fake_keys(&app, i == 1 ? "2U1" : "U");
        ck_assert_int_eq(app.unit, expected[i]);
        ck_assert_uint_eq(app.reading->n_top, n_top);
        for (size_t k = 0; k < n_top; k++) {
            const struct ranked *item = &app.reading->top[k];
            ck_assert_float_eq(item->score, score_in(expected[i], app.dict, item->row, item->act));
            ck_assert(k == 0 || item->score <= app.reading->top[k - 1].score);
        }
    }
    fake_keys(&app, "U"); /* a new reading keeps the unit */
    fake_send(&app, fake_reading(app.last_job), NULL);
    ck_assert_float_eq(app.reading->top[0].score,
                       app.reading->top[0].act / app.dict->act_max[app.reading->top[0].row]);
    app_clear(&app);
}
END_TEST

START_TEST(examples_go_round_and_are_answered)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_key(&app, 'o', NULL);
    ck_assert_uint_eq(app.example, 1);
    fake_send(&app, fake_reading(app.last_job), &commands);
    ck_assert(find(&commands, CMD_RUN)->answers);
    ck_assert_uint_eq(app.pins[0], 3); /* this one names its concepts */
    ck_assert_uint_eq(app.pins[1], 14);
    ck_assert_uint_eq(app.slots[0].row, 3);
    ck_assert_float_eq(app.slots[0].factor, 0.6f);
    fake_keys(&app, "oO");
    ck_assert_uint_eq(app.example, 1);
    ck_assert_str_eq(line_edit_text(&app.prompt), app.examples[1].text);
    app_clear(&app);
}
END_TEST

START_TEST(a_dump_is_looked_at_and_neither_edited_nor_steered)
{
    struct app app;
    struct cmds commands = {0};
    app_init(&app, 24, 80);
    fake_send(&app, fake_opened(fake_dictionary()), NULL);
    struct event e = {.kind = EVENT_MODEL};
    e.model.is_dump = true;
    fake_send(&app, e, &commands);
    ck_assert_ptr_nonnull(find(&commands, CMD_RUN));
    ck_assert(!find(&commands, CMD_RUN)->answers);
    fake_send(&app, fake_reading(app.last_job), NULL);
    fake_send(&app, (struct event){.kind = EVENT_DONE, .job = app.last_job}, NULL);
    ck_assert_ptr_nonnull(app.reading);
    ck_assert_int_eq(app.n_slots, 0);
    for (const char *key = "iSr"; *key; key++) {
        commands.n = 0;
        fake_key(&app, *key, &commands);
        ck_assert_msg(strstr(app.notice, "need the model's weights"), "'%c': %s", *key, app.notice);
        ck_assert_int_eq(app.mode, MODE_NORMAL);
        ck_assert_int_eq(app.n_slots, 0);
        const struct cmd *run = find(&commands, CMD_RUN);
        ck_assert(!run || !run->answers);
    }
    struct event pasted = {.kind = EVENT_PASTE, .text = mem_strdup("abc"), .text_len = 3};
    char *before = mem_strdup(line_edit_text(&app.prompt));
    fake_send(&app, pasted, NULL);
    ck_assert_str_eq(line_edit_text(&app.prompt), before);
    free(before);
    app_clear(&app);
}
END_TEST

START_TEST(older_prompts_come_back_on_up)
{
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    fake_keys(&app, "ione\r");
    done(&app);
    fake_keys(&app, "i two\r");
    done(&app);
    fake_keys(&app, "i");
    fake_key(&app, KEY_ARROW_UP, NULL);
    ck_assert_str_eq(line_edit_text(&app.prompt), "one");
    fake_key(&app, KEY_ARROW_DOWN, NULL);
    ck_assert_str_eq(line_edit_text(&app.prompt), "one two");
    app_clear(&app);
}
END_TEST

START_TEST(the_mouse_selects_and_drags_but_starts_nothing)
{
    struct app app;
    struct cmds commands = {0};
    fake_app(&app, FAKE_STEERED, 24, 80);
    struct rect list = layout_read(&app).list;
    struct event e = {.kind = EVENT_MOUSE, .mouse = MOUSE_CLICK, .y = list.y + 2, .x = 20};
    fake_send(&app, e, &commands);
    ck_assert_uint_eq(app.selected, app.reading->top[2].row);
    e = (struct event){.kind = EVENT_MOUSE, .mouse = MOUSE_CLICK, .y = 0, .x = 24};
    fake_send(&app, e, &commands);
    ck_assert_int_eq(app.screen, SCREEN_STEER);
    ck_assert_int_eq(commands.n, 0);
    struct rect rack = layout_steer(&app).rack;
    e = (struct event){
        .kind = EVENT_MOUSE, .mouse = MOUSE_DRAG, .y = rack.y, .x = rack.x + layout_slider_x(rack)};
    fake_send(&app, e, &commands);
    ck_assert_float_eq(app.slots[0].factor, -2);
    app_clear(&app);
}
END_TEST

START_TEST(no_two_actions_of_a_screen_share_a_key)
{
    static const unsigned screens[] = {ON_READ, ON_CONCEPTS, ON_STEER};
    for (size_t s = 0; s < 3; s++)
        for (int a = ACTION_NONE + 1; a < N_ACTIONS; a++) {
            const struct action_info *info = action_info((enum action)a);
            if (!(info->screens & screens[s]))
                continue;
            for (const char *key = info->keys; *key; key += strspn(key, " ")) {
                size_t len = strcspn(key, " ");
                int code = key_from_name(key, len);
                ck_assert_msg(code != KEY_NONE, "%s: no key is called %.*s", info->name, (int)len,
                              key);
                ck_assert_msg(keymap_find(screens[s], code) == (enum action)a,
                              "%s: %.*s means something else too", info->name, (int)len, key);
                key += len;
            }
        }
}
END_TEST

/* Whatever happens in whatever order: invariants hold and every frame draws. */
static void check_invariants(const struct app *app)
{
    ck_assert_int_le(app->n_slots, MAX_SLOTS);
    ck_assert_int_le(app->n_pins, MAX_PINS);
    ck_assert(app->n_slots == 0 || app->slot < app->n_slots);
    ck_assert(app->concept_list.n == 0 || app->concept_list.selected < app->concept_list.n);
    ck_assert(!app->reading || app->cursor < app->reading->tokens.n);
    ck_assert(app->read_list.n == 0 || app->entries[app->read_list.selected].row == app->selected);
    for (int i = 0; i < app->n_slots; i++)
        ck_assert(app->slots[i].factor >= -2 && app->slots[i].factor <= 2);
}

START_TEST(random_keys_break_nothing)
{
    static const int special[] = {KEY_RETURN,     KEY_ESCAPE,      KEY_TAB,       KEY_ARROW_UP,
                                  KEY_ARROW_DOWN, KEY_ARROW_LEFT,  KEY_PAGE_DOWN, KEY_PAGE_UP,
                                  KEY_TO_HOME,    KEY_ARROW_RIGHT, KEY_TO_END,    KEY_RUBOUT};
    uint32_t seed = 3;
    struct app app;
    fake_app(&app, FAKE_STEERED, 24, 80);
    for (int i = 0; i < 6000; i++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned r = seed >> 8;
        int key = r % 3 == 0 ? special[r / 3 % 12] : 32 + (int)(r / 3 % 95);
        struct event e = {.kind = EVENT_KEY, .key = key, .seconds = 10 + 0.01 * i};
        if (r % 41 == 0)
            e = (struct event){.kind = EVENT_RESIZE,
                               .height = 1 + (int)(r / 41 % 50),
                               .width = 1 + (int)(r / 41 % 140)};
        else if (r % 43 == 0)
            e = (struct event){.kind = EVENT_MOUSE,
                               .mouse = (enum mouse_kind)(r / 43 % 4),
                               .y = (int)(r / 43 % 40),
                               .x = (int)(r / 43 % 90)};
        else if (r % 47 == 0)
            e = fake_reading(app.last_job);
        fake_send(&app, e, NULL);
        check_invariants(&app);
        if (i % 10 == 0) {
            struct grid grid;
            grid_init(&grid, app.height, app.width);
            view_frame(&grid, &app);
            grid_clear(&grid);
        }
    }
    app_clear(&app);
}
END_TEST

Suite *suite_update(void)
{
    Suite *s = suite_create("update");
    TCase *t = tcase_create("update");
    tcase_add_test(t, the_first_example_is_read_then_answered);
    tcase_add_test(t, a_warning_of_the_opened_files_is_the_first_notice);
    tcase_add_test(t, labels_can_be_filtered_before_the_model_is_there);
    tcase_add_test(t, a_fuzzy_filter_puts_the_best_match_first_and_selects_it);
    tcase_add_test(t, help_scrolls_by_pages_to_its_end);
    tcase_add_test(t, a_bad_pattern_keeps_the_last_good_result);
    tcase_add_test(t, a_pause_in_typing_reads_the_prompt_again);
    tcase_add_test(t, a_pasted_newline_never_submits);
    tcase_add_test(t, a_moved_slider_runs_again_at_once_and_stays_in_range);
    tcase_add_test(t, a_typed_factor_is_checked);
    tcase_add_test(t, slots_are_added_turned_off_changed_and_removed);
    tcase_add_test(t, events_of_an_older_run_are_dropped);
    tcase_add_test(t, escape_stops_what_runs_and_only_then_goes_back);
    tcase_add_test(t, a_second_interrupt_quits);
    tcase_add_test(t, an_error_stays_until_a_key_which_acts_unless_it_only_closes);
    tcase_add_test(t, pins_are_limited_and_belong_to_the_user_once_touched);
    tcase_add_test(t, the_tint_follows_the_text_until_a_concept_is_chosen);
    tcase_add_test(t, what_is_typed_first_replaces_an_example_and_edits_a_text_of_ones_own);
    tcase_add_test(t, there_is_always_a_selected_row_in_sight);
    tcase_add_test(t, keys_that_have_nothing_to_act_on_say_why);
    tcase_add_test(t, enter_on_read_opens_the_page_and_escape_returns);
    tcase_add_test(t, an_untouched_slot_follows_the_text_and_a_touched_one_stays);
    tcase_add_test(t, the_unit_goes_round_what_the_dictionary_allows);
    tcase_add_test(t, examples_go_round_and_are_answered);
    tcase_add_test(t, a_dump_is_looked_at_and_neither_edited_nor_steered);
    tcase_add_test(t, older_prompts_come_back_on_up);
    tcase_add_test(t, the_mouse_selects_and_drags_but_starts_nothing);
    tcase_add_test(t, no_two_actions_of_a_screen_share_a_key);
    tcase_add_test(t, random_keys_break_nothing);
    suite_add_tcase(s, t);
    return s;
}
