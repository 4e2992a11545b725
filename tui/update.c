#include "tui/update.h"

#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/update_internal.h"
#include "tui/views.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

void update_answers_scroll(struct app *app, int by)
{
    int last = layout_answer_last_top(app);
    int top = app->answer_top < 0 || app->answer_top > last ? last : app->answer_top;
    app->answer_top = top + by >= last ? -1 : max_int(0, top + by);
}

static void scroll_answers(struct app *app, enum action action)
{
    enum { ALL = 1 << 24 }; /* more rows than there are */
    int half = max_int(1, app->height / 4);
    update_answers_scroll(app, action == ACTION_UP          ? -1
                               : action == ACTION_DOWN      ? 1
                               : action == ACTION_PAGE_UP   ? -half
                               : action == ACTION_PAGE_DOWN ? half
                               : action == ACTION_FIRST     ? -ALL
                                                            : ALL);
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

void app_update(struct app *app, struct event *e, struct cmds *out)
{
    if (e->seconds > 0)
        app->seconds = e->seconds;
    if (update_is_of_a_run(e->kind)) {
        update_run_event(app, e, out);
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
        update_opened(app, e, out);
        break;
    case EVENT_MODEL:
        update_model(app, e, out);
        break;
    case EVENT_DETAIL:
        update_detail(app, e);
        break;
    default:
        break;
    }
    tick(app, out);
    update_settle(app);
}
