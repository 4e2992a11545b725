#include "data/text.h"
#include "tui/layout.h"
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
static size_t rank_at_cursor(struct app *app)
{
    const struct tokens *t = &app->reading->tokens;
    if (app->cursor >= t->n_read || t->n_concepts == 0)
        return 0;
    size_t n = rank_token(app->entries, TOKEN_TOP, tokens_acts(t, app->cursor), t->n_concepts);
    for (size_t i = 0; i < n; i++) {
        app->entries[i].pos = app->cursor;
        app->entries[i].score = app_score(app, app->entries[i].row, app->entries[i].act);
    }
    qsort(app->entries, n, sizeof *app->entries, by_score);
    return n;
}

/* What Space and S act on is always in sight: if the selected concept is not in the list, or only
 * far down, it comes before the others, and the title says so. Returns the new number of entries.
 */
static size_t rank_selected(struct app *app, size_t n)
{
    size_t row = app->selected, at = 0;
    size_t visible = (size_t)layout_read(app).list.height;
    while (at < n && app->entries[at].row != row)
        at++;
    if (at < n && at < visible)
        return n;
    struct ranked first = {.row = row, .pos = app->cursor};
    first.act = app->pool_prompt ? app_prompt_max(app, row)
                                 : tokens_act(&app->reading->tokens, app->cursor, row);
    first.score = app_score(app, row, first.act);
    if (at < n)
        first = app->entries[at];
    else
        n++;
    memmove(app->entries + 1, app->entries, at * sizeof *app->entries);
    app->entries[0] = first;
    return n;
}

void update_rank(struct app *app)
{
    size_t n = 0;
    if (app->reading && app->dict && app->pool_prompt) {
        n = app->reading->n_top;
        memcpy(app->entries, app->reading->top, n * sizeof *app->entries);
    } else if (app->reading && app->dict) {
        n = rank_at_cursor(app);
    }
    if (n > 0 && !app->has_selected)
        update_select(app, app->entries[0].row);
    if (app->reading && app->dict && app->has_selected)
        n = rank_selected(app, n);
    list_set_n(&app->read_list, n);
    app->read_list.top = 0;
}

bool update_listed(struct app *app)
{
    for (size_t i = 0; i < app->read_list.n; i++)
        if (app->entries[i].row == app->selected) {
            list_select(&app->read_list, i);
            return true;
        }
    return false;
}

/* Why keys that act on a concept have nothing to act on. */
static void say_nothing_listed(struct app *app)
{
    update_notice(app, !app->dict      ? "no dictionary is open: there are no concepts to choose"
                       : !app->reading ? "nothing was read yet: there is no concept to choose"
                                       : "no concept fires: there is none to choose");
}

static bool has_acts(const struct app *app)
{
    return app->dict && app->reading && app->reading->tokens.n_concepts == app->dict->n_concepts;
}

/* The next unit that the dictionary allows, and all rankings by it. */
void update_unit(struct app *app)
{
    if (!app->dict)
        return;
    do
        app->unit = (app->unit + 1) % N_SCORE_UNITS;
    while (!score_unit_allowed(app->dict, app->unit));
    if (has_acts(app))
        reading_rank(app->reading, app->dict, app->unit);
    update_rank(app);
    if (app->sort == SORT_FIRES)
        update_order(app);
    update_notice(app, "scores in %s", score_unit_name(app->unit));
}

void update_list_move(struct app *app, long by)
{
    if (app->read_list.n == 0) {
        say_nothing_listed(app);
        return;
    }
    list_move(&app->read_list, by);
    update_choose(app, app->entries[app->read_list.selected].row);
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
    if (!update_has_weights(app))
        return;
    app->mode = MODE_EDIT;
    app->replaces_prompt = app->is_example;
    app->history_at = -1;
    app->prompt.cursor = app->prompt.text.len;
}

void update_edit_replace(struct app *app)
{
    if (app->replaces_prompt)
        line_edit_set(&app->prompt, "");
    app->replaces_prompt = false;
}

void update_prompt_changed(struct app *app)
{
    app->is_example = app->replaces_prompt = app->wants_answer = false;
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

/* An untouched rack follows the text, so the text is read before it is answered. */
static void submit(struct app *app, struct cmds *out)
{
    if (text_is_blank(line_edit_text(&app->prompt), app->prompt.text.len)) {
        update_notice(app, "there is no text yet: type one, or Esc and o for an example");
        return;
    }
    remember(app);
    app->mode = MODE_NORMAL;
    bool read_first = app->is_rack_auto && app->is_reading_stale && app->load == LOAD_READY;
    app->wants_answer = read_first;
    update_run(app, out, !read_first);
}

/* Like a field whose text is selected as a whole: what is typed replaces it, movement keeps it. */
static void replace_example(struct app *app, int key)
{
    bool types = key == KEY_RUBOUT || key == KEY_DELETE || key == 8 || key == KEY_CTRL_J ||
                 key == key_ctrl('U') || key == key_ctrl('W') || key == key_ctrl('Y') ||
                 (key >= KEY_SPACE && key < KEY_SPECIAL);
    if (types) {
        update_edit_replace(app);
        update_prompt_changed(app);
    }
    app->replaces_prompt = false;
}

void update_edit_key(struct app *app, int key, struct cmds *out)
{
    app->notice[0] = '\0';
    if (key == KEY_RETURN) {
        submit(app, out);
        return;
    }
    if (key == KEY_ESCAPE || key == key_ctrl('C')) {
        remember(app);
        app->mode = MODE_NORMAL;
        bool is_blank = text_is_blank(line_edit_text(&app->prompt), app->prompt.text.len);
        if (app->answers[BRANCH_BASELINE].is_stale)
            update_notice(app, "%si, then Up: older texts",
                          is_blank ? "" : "r answers this text; ");
        return;
    }
    if (app->replaces_prompt)
        replace_example(app, key);
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

/* The concepts that show best in the text: those the example names, the ones that fire first, else
 * what fires most. Writes up to EXAMPLE_PINS rows, returns how many. */
static int best_rows(const struct app *app, size_t *rows)
{
    const struct reading *r = app->reading;
    const struct example *e = app->is_example ? &app->examples[app->example] : NULL;
    int n = 0;
    for (int fires = 1; fires >= 0; fires--)
        for (int i = 0; e && i < e->n_pins; i++)
            if (app->dict && e->pins[i] < app->dict->n_concepts &&
                app_fires(app, e->pins[i]) == (fires == 1))
                rows[n++] = e->pins[i];
    for (size_t i = 0; n == 0 && i < r->n_top && i < EXAMPLE_PINS; i++)
        rows[i] = r->top[i].row;
    return n > 0 ? n : r->n_top < EXAMPLE_PINS ? (int)r->n_top : EXAMPLE_PINS;
}

static float prompt_score(const struct app *app, size_t row)
{
    return app_score(app, row, app_prompt_max(app, row));
}

/* Which of them steers: the strongest; of an example's two that fire the weaker, since the model
 * goes on about the other as it is, and nothing would be seen to change. */
static size_t steered_row(const struct app *app, const size_t *rows, int n)
{
    bool contrast = app->is_example && app->examples[app->example].n_pins == 2 && n == 2 &&
                    app_fires(app, rows[0]) && app_fires(app, rows[1]);
    return contrast && prompt_score(app, rows[1]) < prompt_score(app, rows[0]) ? rows[1] : rows[0];
}

/* They get the bar rows, and one of them steers and tints, until the user chooses. */
static void auto_pick(struct app *app)
{
    size_t rows[EXAMPLE_PINS];
    int n = best_rows(app, rows);
    if (n == 0)
        return;
    size_t row = steered_row(app, rows, n);
    if (app->is_pins_auto) {
        memcpy(app->pins, rows, (size_t)n * sizeof *rows);
        app->n_pins = n;
    }
    if (app->is_rack_auto && !app->model.is_dump) {
        float factor = app->is_example ? app->examples[app->example].factor : FACTOR_FIRST;
        app->n_slots = 1;
        app->slots[0] = (struct slot){INTERVENTION_ADD, row, factor, true};
    }
    bool steers = app->screen == SCREEN_STEER && app->slot < app->n_slots;
    if (app->is_selection_auto)
        update_select(app, steers ? app->slots[app->slot].row : row);
}

static void take_reading(struct app *app, struct event *e)
{
    bool first = !app->reading || app->place_cursor;
    app->place_cursor = false;
    reading_free(app->reading);
    app->reading = e->reading;
    e->reading = NULL;
    if (has_acts(app) && app->unit != score_unit_of(app->dict))
        reading_rank(app->reading, app->dict, app->unit);
    if (first)
        app->cursor = first_counted(&app->reading->tokens);
    if (app->cursor >= app->reading->tokens.n)
        app->cursor = app->reading->tokens.n - 1;
    auto_pick(app);
    update_rank(app);
    if (app->sort == SORT_FIRES)
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

bool update_can_choose(struct app *app)
{
    bool filtered = app->screen == SCREEN_CONCEPTS && app->dict;
    if (filtered && app->concept_list.n == 0 && app->mode != MODE_PAGE) {
        update_notice(app, "no label matches: there is no concept to choose; Esc shows all");
        return false;
    }
    bool hidden = app->screen == SCREEN_READ && app->mode != MODE_PAGE && app->read_list.n == 0;
    if (!app->has_selected || hidden)
        say_nothing_listed(app);
    return app->has_selected && !hidden;
}

void update_page_open(struct app *app)
{
    if (!update_can_choose(app))
        return;
    app->mode = MODE_PAGE;
    app->page_top = 0;
}

bool update_page_scroll(struct app *app, enum action action, long n_rows)
{
    if (app->mode != MODE_PAGE || (action != ACTION_PAGE_UP && action != ACTION_PAGE_DOWN))
        return false;
    app->page_top += (int)(action == ACTION_PAGE_UP ? -n_rows : n_rows);
    return true;
}

bool update_text_action(struct app *app, enum action action, struct cmds *out)
{
    switch (action) {
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

bool update_read_action(struct app *app, enum action action, struct cmds *out)
{
    long half = app->height / 4;
    if (update_page_scroll(app, action, half))
        return true;
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
        update_rank(app);
        return true;
    case ACTION_NUMBERS:
        app->show_numbers = !app->show_numbers;
        if (app->show_numbers)
            update_notice(app,
                          app->unit == SCORE_RAW ? "numbers: activation"
                          : app->unit == SCORE_Z ? "numbers: %s"
                                                 : "numbers: hundredths of the %s",
                          score_unit_name(app->unit));
        return true;
    default:
        return update_selected_action(app, action, out) || update_text_action(app, action, out);
    }
}
