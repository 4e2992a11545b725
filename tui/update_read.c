#include "tui/update_internal.h"

#include <stdlib.h>
#include <string.h>

#define TYPING_PAUSE 0.3 /* seconds without a key before the prompt is read again */

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The strongest at the cursor, then in the order of the score that all lists show. */
void update_rank(struct app *app)
{
    const struct reading *r = app->reading;
    app->n_token_top = 0;
    if (!r || app->cursor >= r->tokens.n_read || r->tokens.n_concepts == 0)
        return;
    app->n_token_top = rank_token(app->token_top, MAX_TOKEN_TOP,
                                  r->tokens.acts + (size_t)app->cursor * r->tokens.n_concepts,
                                  r->tokens.n_concepts);
    for (size_t i = 0; i < app->n_token_top; i++)
        app->token_top[i].score = app_score(app, app->token_top[i].row, app->token_top[i].act);
    qsort(app->token_top, app->n_token_top, sizeof *app->token_top, by_score);
}

void update_list_move(struct app *app, long by)
{
    size_t n;
    const struct ranked *entries = app_read_entries(app, &n);
    if (n == 0)
        return;
    bool listed = app->has_selected && entries[app->read_list.selected].row == app->selected;
    if (listed || by < -1 || by > 1)
        list_move(&app->read_list, by);
    update_choose(app, entries[app->read_list.selected].row);
}

void update_example(struct app *app, long step, struct cmds *out)
{
    if (app->n_examples == 0) {
        update_notice(app, "no examples come with this model");
        return;
    }
    long n = (long)app->n_examples;
    long at = app->is_example ? (long)app->example + step : (long)app->example;
    app->example = (size_t)((at % n + n) % n);
    line_edit_set(&app->prompt, app->examples[app->example].text);
    app->is_example = true;
    app->is_reading_stale = true;
    app->place_cursor = true;
    app->is_selection_auto = true;
    app->wants_answer = true;
    update_run(app, out, false);
}

void update_edit_begin(struct app *app)
{
    app->mode = MODE_EDIT;
    app->history_at = -1;
    app->prompt.cursor = app->prompt.text.len;
}

void update_prompt_changed(struct app *app)
{
    app->is_example = false;
    app->is_reading_stale = true;
    for (int b = 0; b < N_BRANCHES; b++)
        app->answers[b].is_stale = true;
    app->reread_at = app->seconds + TYPING_PAUSE;
}

static void remember(struct app *app)
{
    const char *text = line_edit_text(&app->prompt);
    if (!*text || (app->n_history > 0 && strcmp(app->history[0], text) == 0))
        return;
    if (app->n_history == MAX_HISTORY)
        free(app->history[--app->n_history]);
    memmove(app->history + 1, app->history, (size_t)app->n_history * sizeof *app->history);
    app->history[0] = mem_strdup(text);
    app->n_history++;
}

/* Up at the first line: older prompts; Down: newer ones. */
static void recall(struct app *app, int step)
{
    int at = app->history_at + step;
    if (at < 0 || at >= app->n_history)
        return;
    if (app->history_at < 0 && step > 0) { /* what is being typed is not lost either */
        remember(app);
        if (strcmp(app->history[0], line_edit_text(&app->prompt)) == 0 && app->n_history > 1)
            at = 1;
    }
    app->history_at = at;
    line_edit_set(&app->prompt, app->history[at]);
    update_prompt_changed(app);
}

void update_edit_key(struct app *app, int key, struct cmds *out)
{
    if (key == KEY_RETURN) {
        remember(app);
        app->mode = MODE_NORMAL;
        app->wants_answer = false;
        update_run(app, out, true);
        return;
    }
    if (key == KEY_ESCAPE || key == key_ctrl('C')) {
        remember(app);
        app->mode = MODE_NORMAL;
        return;
    }
    enum line_edit_result result = line_edit_key(&app->prompt, key);
    if (result == LINE_EDIT_CHANGED)
        update_prompt_changed(app);
    else if (result == LINE_EDIT_IGNORED && key == KEY_ARROW_UP)
        recall(app, 1);
    else if (result == LINE_EDIT_IGNORED && key == KEY_ARROW_DOWN)
        recall(app, -1);
}

static int first_counted(const struct tokens *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->counted[i])
            return i;
    return 0;
}

/* The concepts that show best in the text: those the example names, else what fires most.
 * Writes up to EXAMPLE_PINS rows, returns how many. */
static int best_rows(const struct app *app, size_t *rows)
{
    const struct reading *r = app->reading;
    const struct example *e = app->is_example ? &app->examples[app->example] : NULL;
    int n = 0;
    for (int i = 0; e && i < e->n_pins; i++)
        if (app->dict && e->pins[i] < app->dict->n_concepts)
            rows[n++] = e->pins[i];
    for (size_t i = 0; n == 0 && i < r->n_top && i < EXAMPLE_PINS; i++)
        rows[i] = r->top[i].row;
    return n > 0 ? n : r->n_top < EXAMPLE_PINS ? (int)r->n_top : EXAMPLE_PINS;
}

/* They get the bar rows and the tint until the user chooses; the first also steers an example. */
static void auto_pick(struct app *app)
{
    size_t rows[EXAMPLE_PINS];
    int n = best_rows(app, rows);
    if (n == 0)
        return;
    if (app->is_pins_auto) {
        memcpy(app->pins, rows, (size_t)n * sizeof *rows);
        app->n_pins = n;
    }
    if (app->is_selection_auto)
        update_select(app, rows[0]);
    if ((app->is_example || app->n_slots == 0) && app->is_rack_auto) {
        float factor = app->is_example ? app->examples[app->example].factor : 1;
        app->n_slots = 1;
        app->slots[0] = (struct slot){INTERVENTION_ADD, rows[0], factor, true};
    }
}

static void take_reading(struct app *app, struct event *e)
{
    bool first = !app->reading || app->place_cursor;
    app->place_cursor = false;
    reading_free(app->reading);
    app->reading = e->reading;
    e->reading = NULL;
    if (first)
        app->cursor = first_counted(&app->reading->tokens);
    if (app->cursor >= app->reading->tokens.n)
        app->cursor = app->reading->tokens.n - 1;
    app->read_list.selected = app->read_list.top = 0; /* unless the selected concept fires */
    auto_pick(app);
    update_rank(app);
    if (app->sort_by_score)
        update_order(app);
}

/* An event without a reading says that the one on screen still holds. */
void update_reading(struct app *app, struct event *e, struct cmds *out)
{
    app->is_reading_stale = app->reread_at > 0;
    if (e->reading)
        take_reading(app, e);
    if (!app->run_answers && app->wants_answer) {
        app->wants_answer = false;
        update_run(app, out, true);
    }
}

static void move_cursor(struct app *app, int by)
{
    int n = app->reading ? app->reading->tokens.n : 0;
    app->cursor += by;
    app->cursor = app->cursor >= n ? n - 1 : app->cursor;
    app->cursor = app->cursor < 0 ? 0 : app->cursor;
    update_rank(app);
}

bool update_read_action(struct app *app, enum action action, struct cmds *out)
{
    long half = app->height / 4;
    switch (action) {
    case ACTION_EDIT:
        update_edit_begin(app);
        return true;
    case ACTION_TOKEN_LEFT:
    case ACTION_TOKEN_RIGHT:
        move_cursor(app, action == ACTION_TOKEN_LEFT ? -1 : 1);
        return true;
    case ACTION_UP:
    case ACTION_DOWN:
        update_list_move(app, action == ACTION_UP ? -1 : 1);
        return true;
    case ACTION_PAGE_UP:
    case ACTION_PAGE_DOWN:
        update_list_move(app, action == ACTION_PAGE_UP ? -half : half);
        return true;
    case ACTION_FIRST:
    case ACTION_LAST:
        update_list_move(app,
                         action == ACTION_FIRST ? -(long)app->read_list.n : (long)app->read_list.n);
        return true;
    case ACTION_POOL:
        app->pool_prompt = !app->pool_prompt;
        app->read_list.top = 0;
        return true;
    case ACTION_NUMBERS:
        app->show_numbers = !app->show_numbers;
        if (app->show_numbers)
            update_notice(app,
                          app->unit == SCORE_RAW ? "numbers: activation"
                                                 : "numbers: hundredths of the %s",
                          score_unit_name(app->unit));
        return true;
    case ACTION_PIN:
        update_pin(app);
        return true;
    case ACTION_STEER:
        if (app->has_selected)
            update_rack_add(app, app->selected, out);
        return true;
    case ACTION_RERUN:
        update_run(app, out, true);
        return true;
    case ACTION_EXAMPLE:
    case ACTION_EXAMPLE_BACK:
        update_example(app, action == ACTION_EXAMPLE ? 1 : -1, out);
        return true;
    default:
        return false;
    }
}
