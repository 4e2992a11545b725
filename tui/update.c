#include "tui/update.h"

#include "core/generate.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/update_internal.h"
#include "tui/views.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PROMPT "She sat on the bank of the river while the bank raised its rates."
#define DEFAULT_IDS "2,5,11" /* for a model without a tokenizer */
#define INTERRUPT_WINDOW 2.0 /* seconds in which a second Ctrl-C quits */

void cmd_add(struct cmds *out, struct cmd command)
{
    assert(out->n < MAX_CMDS);
    out->items[out->n++] = command;
}

void update_notice(struct app *app, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(app->notice, sizeof app->notice, fmt, args);
    va_end(args);
}

bool update_has_weights(struct app *app)
{
    if (app->model.is_dump)
        update_notice(app, "a dump is open: typing and steering need the model's weights");
    return !app->model.is_dump;
}

/* The request holds the whole wanted state, so a newer one simply replaces an older one. */
void update_run(struct app *app, struct cmds *out, bool answers)
{
    app->reread_at = 0;
    answers = answers && update_has_weights(app);
    if (app->load != LOAD_READY) {
        app->wants_answer |= answers;
        if (answers)
            update_notice(app, app->load == LOAD_FAILED ? "no model: nothing can be run"
                                                        : "runs as soon as the model is there");
        return;
    }
    app->last_job++;
    app->run = RUN_READING;
    app->run_answers = answers;
    app->done = app->total = 0;
    if (answers) {
        app->answers[BRANCH_STEERED].is_stale = true;
        app->answers[BRANCH_BASELINE].is_stale |= app->is_reading_stale;
        app->answer_top = -1;
    }
    cmd_add(out, (struct cmd){CMD_RUN, app->last_job, 0, answers});
}

void update_cancel(struct app *app, struct cmds *out)
{
    if (!app_is_busy(app))
        return;
    app->run = RUN_STOPPING;
    cmd_add(out, (struct cmd){CMD_CANCEL, app->last_job, 0, false});
}

void update_go(struct app *app, enum screen_id screen)
{
    if (screen != app->screen) {
        app->previous = app->screen;
        app->screen = screen;
    }
    app->mode = MODE_NORMAL;
    app->pane = PANE_LIST;
    app->page_top = 0;
}

void app_set_prompt(struct app *app, const char *text)
{
    line_edit_set(&app->prompt, text);
    app->is_example = false;
}

static void escape(struct app *app, struct cmds *out)
{
    if (app_is_busy(app))
        update_cancel(app, out);
    else if (app->mode == MODE_PAGE)
        app->mode = MODE_NORMAL;
    else if (app->screen == SCREEN_CONCEPTS && app->filter.text.len > 0) {
        line_edit_clear(&app->filter);
        update_filter_changed(app, out);
    } else if (app->screen == SCREEN_CONCEPTS && app->genre >= 0) {
        app->genre = -1;
        update_order(app);
    } else if (app->pane == PANE_ANSWERS)
        app->pane = PANE_LIST;
}

static void interrupt(struct app *app, struct cmds *out)
{
    if (app->interrupt_at > 0 && app->seconds - app->interrupt_at < INTERRUPT_WINDOW) {
        cmd_add(out, (struct cmd){.kind = CMD_QUIT});
        return;
    }
    app->interrupt_at = app->seconds > 0 ? app->seconds : 1e-9;
    update_cancel(app, out);
    app->mode = MODE_NORMAL;
    update_notice(app, "Ctrl-C again quits");
}

static void gain(struct app *app, float factor)
{
    app->gain = factor > 0 ? app->gain * factor : 1;
    app->gain = app->gain < 0.125f ? 0.125f : app->gain > 16 ? 16 : app->gain;
}

static void other_pane(struct app *app)
{
    if (app->screen == SCREEN_CONCEPTS || app->model.is_dump) /* which has no answers */
        return;
    app->pane = app->pane == PANE_LIST ? PANE_ANSWERS : PANE_LIST;
    update_notice(app, app->pane == PANE_LIST ? "list" : "answers: j k scroll");
}

static void next_palette(struct app *app)
{
    app->theme.palette = (enum palette)((app->theme.palette + 1) % N_PALETTES);
    update_notice(app, "palette %s", palette_name(app->theme.palette));
}

/* Actions that mean the same on every screen. */
static bool common_action(struct app *app, enum action action, struct cmds *out)
{
    switch (action) {
    case ACTION_GO_READ:
        update_go(app, SCREEN_READ);
        return true;
    case ACTION_GO_CONCEPTS:
        update_go(app, SCREEN_CONCEPTS);
        return true;
    case ACTION_GO_STEER:
        update_go(app, SCREEN_STEER);
        return true;
    case ACTION_FIND:
        update_go(app, SCREEN_CONCEPTS);
        app->mode = MODE_FILTER;
        return true;
    case ACTION_BACK:
        update_go(app, app->previous);
        return true;
    case ACTION_PALETTE:
        next_palette(app);
        return true;
    case ACTION_GAIN_DOWN:
        gain(app, 0.8f);
        return true;
    case ACTION_GAIN_UP:
        gain(app, 1.25f);
        return true;
    case ACTION_GAIN_AUTO:
        gain(app, 0);
        return true;
    case ACTION_NEXT_PANE:
    case ACTION_PREVIOUS_PANE:
        other_pane(app);
        return true;
    case ACTION_HELP:
        app->mode_before_help = app->mode;
        app->mode = MODE_HELP;
        app->help_top = 0;
        return true;
    case ACTION_MOUSE:
        app->mouse_on = !app->mouse_on;
        update_notice(app, "mouse %s", app->mouse_on ? "on" : "off");
        cmd_add(out, (struct cmd){.kind = CMD_MOUSE});
        return true;
    case ACTION_REDRAW:
        cmd_add(out, (struct cmd){.kind = CMD_REDRAW});
        return true;
    case ACTION_SUSPEND:
        cmd_add(out, (struct cmd){.kind = CMD_SUSPEND});
        return true;
    case ACTION_CANCEL:
        escape(app, out);
        return true;
    case ACTION_INTERRUPT:
        interrupt(app, out);
        return true;
    default:
        return false;
    }
}

static void quit(struct app *app, struct cmds *out)
{
    if (app->mode == MODE_PAGE)
        app->mode = MODE_NORMAL;
    else
        cmd_add(out, (struct cmd){.kind = CMD_QUIT});
}

static void scroll_answers(struct app *app, enum action action)
{
    int last = layout_answer_last_top(app), half = app->height / 4 > 0 ? app->height / 4 : 1;
    int top = app->answer_top < 0 || app->answer_top > last ? last : app->answer_top;
    switch (action) {
    case ACTION_UP:
        top--;
        break;
    case ACTION_DOWN:
        top++;
        break;
    case ACTION_PAGE_UP:
        top -= half;
        break;
    case ACTION_PAGE_DOWN:
        top += half;
        break;
    case ACTION_FIRST:
        top = 0;
        break;
    default:
        top = last;
    }
    app->answer_top = top >= last ? -1 : top > 0 ? top : 0;
}

static bool is_movement(enum action action)
{
    return action == ACTION_UP || action == ACTION_DOWN || action == ACTION_FIRST ||
           action == ACTION_LAST || action == ACTION_PAGE_UP || action == ACTION_PAGE_DOWN;
}

static void normal_key(struct app *app, int key, struct cmds *out)
{
    enum action action = keymap_find(app_screen_bit(app), key);
    app->notice[0] = '\0';
    if (action == ACTION_QUIT) {
        quit(app, out);
        return;
    }
    if (is_movement(action) && app->pane == PANE_ANSWERS && app->screen != SCREEN_CONCEPTS) {
        scroll_answers(app, action);
        return;
    }
    if (common_action(app, action, out))
        return;
    if (app->screen == SCREEN_READ)
        update_read_action(app, action, out);
    else if (app->screen == SCREEN_CONCEPTS)
        update_concepts_action(app, action, out);
    else
        update_steer_action(app, action, out);
}

static void help_key(struct app *app, int key, struct cmds *out)
{
    enum action action = keymap_find(app_screen_bit(app), key);
    int page = view_help_page(app);
    if (action == ACTION_DOWN)
        app->help_top++;
    else if (action == ACTION_UP)
        app->help_top--;
    else if (action == ACTION_PAGE_DOWN || key == KEY_SPACE)
        app->help_top += page;
    else if (action == ACTION_PAGE_UP)
        app->help_top -= page;
    else if (action == ACTION_FIRST)
        app->help_top = 0;
    else if (action == ACTION_LAST)
        app->help_top = view_help_last_top(app);
    else if (action == ACTION_INTERRUPT)
        interrupt(app, out);
    else if (action == ACTION_CANCEL || action == ACTION_HELP || action == ACTION_QUIT)
        app->mode = app->mode_before_help;
}

static bool is_typing(const struct app *app)
{
    return app->mode == MODE_EDIT || app->mode == MODE_FILTER || app->mode == MODE_VALUE;
}

static void any_key(struct app *app, int key, struct cmds *out)
{
    if (key > KEY_ALT && !is_typing(app)) { /* Escape and a key in quick succession look so */
        any_key(app, KEY_ESCAPE, out);
        key -= KEY_ALT;
    }
    if (app->err.code != ERR_OK) { /* it was read: other keys mean what they always mean */
        app->err.code = ERR_OK;
        if (key == KEY_ESCAPE || key == KEY_RETURN)
            return;
    }
    switch (app->mode) {
    case MODE_EDIT:
        update_edit_key(app, key, out);
        return;
    case MODE_FILTER:
        update_filter_key(app, key, out);
        return;
    case MODE_VALUE:
        update_value_key(app, key, out);
        return;
    case MODE_HELP:
        help_key(app, key, out);
        return;
    case MODE_NORMAL:
    case MODE_PAGE:
        normal_key(app, key, out);
    }
}

static void paste(struct app *app, const struct event *e, struct cmds *out)
{
    app->err.code = ERR_OK; /* like any key */
    app->notice[0] = '\0';
    if (app->mode == MODE_FILTER) {
        line_edit_insert(&app->filter, e->text, e->text_len);
        update_filter_changed(app, out);
    } else if (app->mode == MODE_VALUE) {
        line_edit_insert(&app->value, e->text, e->text_len);
    } else if (app->mode != MODE_HELP) {
        if (app->screen == SCREEN_CONCEPTS)
            update_go(app, SCREEN_READ);
        if (app->mode != MODE_EDIT)
            update_edit_begin(app);
        if (app->mode != MODE_EDIT)
            return;
        update_edit_replace(app);
        line_edit_insert(&app->prompt, e->text, e->text_len);
        update_prompt_changed(app);
    }
}

static void tick(struct app *app, struct cmds *out)
{
    if (app->reread_at > 0 && app->seconds >= app->reread_at)
        update_run(app, out, false);
    if (app->detail_at > 0 && app->seconds >= app->detail_at) {
        app->detail_at = 0;
        if (app->has_selected && (!app->detail || app->detail->row != app->selected))
            cmd_add(out, (struct cmd){CMD_DETAIL, 0, app->selected, false});
    }
}

static void opened(struct app *app, struct event *e, struct cmds *out)
{
    app->set = e->opened.set;
    app->dict = e->opened.dict;
    if (app->dict)
        app->unit = score_unit_of(app->dict);
    app->examples = e->opened.examples;
    app->n_examples = e->opened.n_examples;
    e->opened.examples = NULL;
    e->opened.n_examples = 0;
    if (app->n_examples > 0 && app->prompt.text.len == 0 && app->mode != MODE_EDIT) {
        line_edit_set(&app->prompt, app->examples[0].text);
        app->is_example = true;
    }
    app->load = LOAD_MODEL;
    update_order(app);
    if (app->filter.text.len > 0)
        update_filter_changed(app, out);
}

/* The calibration is there: z may be the better unit, unless the user has chosen one already. */
static void take_calibrated(struct app *app, const struct dictionary *dict)
{
    if (app->unit == score_unit_of(app->dict))
        app->unit = score_unit_of(dict);
    app->dict = dict;
}

static void model(struct app *app, struct event *e, struct cmds *out)
{
    if (app->dict && e->model.dict)
        take_calibrated(app, e->model.dict);
    app->model = e->model;
    e->model = (struct model_info){0};
    app->load = LOAD_READY;
    app->has_asked = false; /* details gain the lens */
    detail_free(app->detail);
    app->detail = NULL;
    if (app->model.is_dump) { /* it has one text, and it is there */
        app->wants_answer = false;
        update_run(app, out, false);
        return;
    }
    app->wants_answer = app->mode != MODE_EDIT;
    if (app->model.warning)
        update_notice(app, "%s", app->model.warning);
    else if (!app->model.has_tokenizer)
        update_notice(app, "no tokenizer: i types token ids, such as " DEFAULT_IDS);
    if (app->prompt.text.len == 0 && app->mode != MODE_EDIT)
        line_edit_set(&app->prompt, app->model.has_tokenizer ? DEFAULT_PROMPT : DEFAULT_IDS);
    update_run(app, out, false);
}

static struct answer *answer_of(struct app *app, const struct event *e)
{
    assert(e->branch >= 0 && e->branch < N_BRANCHES);
    return &app->answers[e->branch];
}

static void answer_begin(struct app *app, const struct event *e)
{
    struct answer *a = answer_of(app, e);
    tokens_clear(&a->tokens);
    tokens_init(&a->tokens, app->dict ? app->dict->n_concepts : 0);
    a->state = ANSWER_RUNNING;
    a->is_stale = false;
    app->run = app->run == RUN_STOPPING ? RUN_STOPPING : RUN_ANSWERING;
    app->run_started = app->seconds;
    app->n_run_pieces = 0;
    app->has_effect = false;
}

static void piece(struct app *app, const struct event *e)
{
    struct answer *a = answer_of(app, e);
    tokens_add(&a->tokens, e->piece.id, e->piece.text, (size_t)e->piece.text_len, e->piece.special,
               true);
    if (a->state != ANSWER_RUNNING)
        a->state = ANSWER_RUNNING;
    app->n_run_pieces++;
}

static void acts(struct app *app, const struct event *e)
{
    struct answer *a = answer_of(app, e);
    if (a->tokens.n_read < a->tokens.n && e->acts.n == a->tokens.n_concepts)
        tokens_add_acts(&a->tokens, e->acts.acts);
}

static void done(struct app *app, const struct event *e)
{
    if (e->job == JOB_OPEN) {
        app->load = LOAD_FAILED;
        app->err = e->err;
        if (app->dict) /* labels can be browsed all the same */
            update_go(app, SCREEN_CONCEPTS);
        return;
    }
    app->run = RUN_IDLE;
    if (e->err.code != ERR_OK)
        app->wants_answer = false;
    for (int b = 0; b < N_BRANCHES; b++)
        if (app->answers[b].state == ANSWER_RUNNING)
            app->answers[b].state = ANSWER_STOPPED;
    if (e->err.code == ERR_CANCELLED)
        update_notice(app, "stopped");
    else if (e->err.code != ERR_OK)
        app->err = e->err;
}

static bool is_of_a_run(enum event_kind kind)
{
    return kind == EVENT_READING || kind == EVENT_PROGRESS || kind == EVENT_ANSWER_BEGIN ||
           kind == EVENT_PIECE || kind == EVENT_ACTS || kind == EVENT_ANSWER_END ||
           kind == EVENT_EFFECT || kind == EVENT_DONE;
}

static void run_event(struct app *app, struct event *e, struct cmds *out)
{
    switch (e->kind) {
    case EVENT_READING:
        update_reading(app, e, out);
        break;
    case EVENT_PROGRESS:
        app->done = e->done;
        app->total = e->total;
        break;
    case EVENT_ANSWER_BEGIN:
        answer_begin(app, e);
        break;
    case EVENT_PIECE:
        piece(app, e);
        break;
    case EVENT_ACTS:
        acts(app, e);
        break;
    case EVENT_ANSWER_END:
        answer_of(app, e)->state = e->stop == GENERATE_EOS ? ANSWER_EOS : ANSWER_LENGTH;
        break;
    case EVENT_EFFECT:
        app->has_effect = true;
        app->kl = e->kl;
        app->norm_ratio = e->norm_ratio;
        break;
    default:
        done(app, e);
    }
}

static void take_detail(struct app *app, struct event *e)
{
    detail_free(app->detail);
    app->detail = e->detail;
    e->detail = NULL;
}

void app_update(struct app *app, struct event *e, struct cmds *out)
{
    if (e->seconds > 0)
        app->seconds = e->seconds;
    if (is_of_a_run(e->kind)) {
        if (e->job == app->last_job || (e->kind == EVENT_DONE && e->job == JOB_OPEN))
            run_event(app, e, out);
        update_settle(app);
        return;
    }
    switch (e->kind) {
    case EVENT_KEY:
        any_key(app, e->key, out);
        break;
    case EVENT_MOUSE:
        update_mouse(app, e, out);
        break;
    case EVENT_PASTE:
        paste(app, e, out);
        break;
    case EVENT_RESIZE:
        app->height = e->height;
        app->width = e->width;
        break;
    case EVENT_MATCHES:
        update_matches(app, e);
        break;
    case EVENT_OPENED:
        opened(app, e, out);
        break;
    case EVENT_MODEL:
        model(app, e, out);
        break;
    case EVENT_DETAIL:
        take_detail(app, e);
        break;
    default:
        break;
    }
    tick(app, out);
    update_settle(app);
}

static void settle_cursor(struct app *app)
{
    int n = app->reading ? app->reading->tokens.n : 0;
    if (app->cursor >= n)
        app->cursor = n > 0 ? n - 1 : 0;
    if (app->cursor < 0)
        app->cursor = 0;
}

/* The row that is marked is the concept that keys act on. */
static void settle_concepts(struct app *app)
{
    const struct list *l = &app->concept_list;
    if (app->screen == SCREEN_CONCEPTS && app->mode != MODE_PAGE && l->n > 0 &&
        (!app->has_selected || app->order[l->selected] != app->selected))
        update_select(app, app->order[l->selected]);
}

static void settle_lists(struct app *app)
{
    settle_concepts(app);
    if (!update_listed(app)) {
        update_rank(app);
        (void)update_listed(app);
    }
    list_scroll(&app->read_list, layout_read(app).list.height);
    list_scroll(&app->concept_list, layout_concepts(app).list.height);
    if (app->slot >= app->n_slots)
        app->slot = app->n_slots > 0 ? app->n_slots - 1 : 0;
}

void update_settle(struct app *app)
{
    settle_cursor(app);
    settle_lists(app);
    if (app->mode == MODE_HELP) {
        int most = view_help_last_top(app);
        app->help_top = app->help_top > most ? most : app->help_top;
        app->help_top = app->help_top < 0 ? 0 : app->help_top;
    }
    if (app->page_top > 0) {
        struct rect page =
            app->screen == SCREEN_CONCEPTS ? layout_concepts(app).detail : layout_read(app).detail;
        int most = view_concept_rows(app, page.width) - page.height;
        app->page_top = app->page_top > most ? most : app->page_top;
    }
    if (app->page_top < 0)
        app->page_top = 0;
    /* the detail is looked up when the selection has rested, where it is shown */
    bool shown = (app->screen == SCREEN_CONCEPTS && !rect_is_empty(layout_concepts(app).detail)) ||
                 (app->screen == SCREEN_READ && !rect_is_empty(layout_read(app).detail));
    if (shown && app->dict && app->has_selected && app->detail_at == 0 &&
        (!app->detail || app->detail->row != app->selected) &&
        (!app->has_asked || app->asked_row != app->selected)) {
        app->has_asked = true;
        app->asked_row = app->selected;
        app->detail_at = app->seconds + DETAIL_DELAY;
    }
}
