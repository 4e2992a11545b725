#include "tui/flow.h"
#include "tui/layout.h"
#include "tui/views.h"

#include "data/text.h"

#include <stdio.h>
#include <string.h>

enum {
    NARROW = 60, /* columns under which lists and legend leave out what they can */
    WIDE = 100,  /* columns from which the head says more */
};

#define Z_UNUSUAL 2.0f /* spreads above the mean from which a concept is worth a look */

static bool shows_act(const struct app *app, struct rect r)
{
    return app->unit != SCORE_RAW && r.width >= NARROW - 10;
}

/* Why there is no text where one is expected. */
static const char *no_reading(const struct app *app)
{
    if (app->load != LOAD_READY)
        return app->load == LOAD_FAILED ? "no model is loaded: nothing can be read"
                                        : "the model is loading ...";
    if (app_is_busy(app))
        return "reading ...";
    return app->model.is_dump ? "the dump was not read" : "nothing was read; r tries again";
}

/* Why tokens have no texts, and what to do about it. */
static const char *no_tokenizer(const struct app *app, int width)
{
    if (app->model.is_dump)
        return width < WIDE ? "--model names a tokenizer"
                            : "no texts: --model names a folder with a tokenizer";
    return width < WIDE ? "no tokenizer: ids only"
                        : "no tokenizer.json or tokenizer.model: ids only";
}

/* How much of the text the model can know; shorter where it must be, or nothing. */
static int draw_words(struct grid *g, struct rect r, int x, int end, const struct reading *p)
{
    char text[64];
    if (p->n_unseen < 0 || p->n_words == 0)
        return 0;
    if (p->n_unseen == 0)
        snprintf(text, sizeof text, "all %d words known", p->n_words);
    else
        snprintf(text, sizeof text, "%d of %d words never seen by the model", p->n_unseen,
                 p->n_words);
    if (p->n_unseen > 0 && x + (int)strlen(text) > end)
        snprintf(text, sizeof text, "%d of %d words unseen", p->n_unseen, p->n_words);
    if (x + (int)strlen(text) > end)
        return 0;
    return grid_str(g, r, 0, x, p->n_unseen > 0 ? STYLE_WARNING : STYLE_DIM, text) + 2;
}

/* The token under the cursor, at the right edge, if there is room for it from column x on. Returns
 * the column before which the rest has to end. */
static int draw_cursor_token(struct grid *g, struct rect r, int x, const struct app *app)
{
    const struct tokens *t = &app->reading->tokens;
    size_t start, end;
    char text[64];
    struct buf safe = {0};
    tokens_range(t, app->cursor, &start, &end);
    text_safe(&safe, t->text.data + start, end - start, false);
    snprintf(text, sizeof text, "token %d id %d", app->cursor, t->ids[app->cursor]);
    int left = r.width - text_width(buf_cstr(&safe), safe.len) - 4 - (int)strlen(text);
    if (left > x) {
        int at = left + grid_str(g, r, 0, left, STYLE_DIM, text);
        grid_printf(g, r, 0, at, STYLE_TEXT, " \"%s\"", buf_cstr(&safe));
    }
    buf_clear(&safe);
    return left > x ? left - 2 : r.width - 1;
}

static void draw_head(struct grid *g, struct rect r, const struct app *app)
{
    int x = 1 + grid_str(g, r, 0, 1, STYLE_TITLE, "Prompt") + 2;
    if (!app->reading)
        return;
    const struct reading *p = app->reading;
    x +=
        grid_printf(g, r, 0, x, STYLE_DIM, "%d token%s", p->tokens.n, p->tokens.n == 1 ? "" : "s") +
        2;
    if (!app->model.has_tokenizer)
        x += grid_str(g, r, 0, x, STYLE_WARNING, no_tokenizer(app, r.width)) + 2;
    if (app->is_reading_stale && (app->run == RUN_READING || app->reread_at > 0))
        x += grid_str(g, r, 0, x, STYLE_DIM, "(reading)") + 2;
    else if (app->is_reading_stale)
        x += grid_str(g, r, 0, x, STYLE_WARNING, "older text: the new one was not read") + 2;
    int end = draw_cursor_token(g, r, x, app);
    if (app->is_reading_stale)
        return;
    x += draw_words(g, r, x, end, p);
    char text[32];
    snprintf(text, sizeof text, "example %zu of %zu", app->example + 1, app->n_examples);
    if (app->n_examples > 1 && app->is_example && x + (int)strlen(text) <= end)
        grid_str(g, r, 0, x, STYLE_DIM, text);
}

void view_prompt_editor(struct grid *g, struct rect r, const struct app *app)
{
    if (rect_is_empty(r))
        return;
    int row, col, width = r.width - 3 > 1 ? r.width - 3 : 1;
    line_edit_place(&app->prompt, width, &row, &col);
    int top = row >= r.height ? row - r.height + 1 : 0;
    struct rect box = r;
    grid_str(g, box, 0, 0, STYLE_ACCENT, ">");
    rect_take_left(&box, 2);
    enum style style = app->replaces_prompt ? STYLE_SELECTED : STYLE_TEXT;
    struct line_edit_spot spot = {0};
    while (line_edit_next(&app->prompt, width, &spot) && spot.row < top + r.height) {
        const char *s = line_edit_text(&app->prompt) + spot.at;
        if (spot.len == 0 || spot.row < top)
            continue;
        if (s[0] == '\n')
            grid_str(g, box, spot.row - top, spot.col, STYLE_DIM, g->ascii ? "$" : "⏎");
        else
            grid_text(g, box, spot.row - top, spot.col, style, 0, s, spot.len);
    }
    bool takes_ids = app->load == LOAD_READY && !app->model.has_tokenizer;
    if (app->prompt.text.len == 0)
        grid_str(g, box, 0, 0, STYLE_DIM,
                 takes_ids ? "type token ids such as 2,17,5; Enter runs them"
                           : "type a text; Enter runs it");
    grid_cursor(g, box, row - top, col, true);
}

/* Bytes of the words that label i has in common with another: in little room they tell nothing. */
static size_t shared_words(const struct app *app, const size_t *rows, int n, int i)
{
    const char *label = app_label(app, rows[i]);
    size_t most = 0;
    for (int k = 0; k < n; k++) {
        const char *other = app_label(app, rows[k]);
        size_t words = 0;
        for (size_t at = 0; k != i && label[at] && label[at] == other[at]; at++)
            if (label[at] == ' ')
                words = at + 1;
        most = words > most ? words : most;
    }
    return most;
}

/* The key of a concept on screen, and as much of its label as fits. */
static void draw_chip(struct grid *g, struct rect r, const struct app *app, const size_t *rows,
                      int n, int i, bool pins)
{
    int pin = app_pin_of(app, rows[i]);
    bool tint = app->has_selected && rows[i] == app->selected;
    char key[8] = "tint";
    if (pins)
        snprintf(key, sizeof key, pin ? "%d%s" : ">", pin, tint && pin ? ">" : "");
    int x = 2 + grid_str(g, r, 0, 1, STYLE_ACCENT, key), room = r.width - x - 1;
    enum style style = tint ? STYLE_TEXT : STYLE_DIM;
    const char *label = app_label(app, rows[i]);
    size_t shared = shared_words(app, rows, n, i);
    if (shared > 0 && text_width(label, strlen(label)) > room && room > 2) {
        int dots = grid_str(g, r, 0, x, STYLE_DIM, g->ascii ? "~" : "…");
        label += shared;
        x += dots;
        room -= dots;
    }
    grid_fit(g, r, 0, x, room, style, 0, label, strlen(label));
}

void view_legend(struct grid *g, struct rect r, const struct app *app, bool pins)
{
    if (!app->dict)
        return;
    const char *unit = score_unit_name(app->unit);
    int x = 1 + grid_printf(g, r, 0, 1, STYLE_DIM, "%s 0", unit);
    bool tints = app->theme.mode > COLOR_8, bars = !tints || r.width >= NARROW;
    for (int level = 1; level <= STYLE_HEAT_LEVELS; level++) {
        if (tints)
            grid_str(g, r, 0, x + level - 1, style_heat(level), " ");
        if (bars)
            grid_bar(g, r, 0, x + level - 1 + (tints ? STYLE_HEAT_LEVELS : 0), 1, STYLE_BAR, level);
    }
    x += (tints && bars ? 2 : 1) * STYLE_HEAT_LEVELS;
    if (app->unit == SCORE_RAW)
        x += grid_str(g, r, 0, x, STYLE_DIM, "max") + 1;
    else
        x += grid_printf(g, r, 0, x, STYLE_DIM, "%.2g",
                         (double)(score_full(app->unit) / app->gain)) +
             1;
    size_t rows[MAX_PINS + 1];
    int n = app_bar_rows(app, rows);
    if (!pins && app->has_selected) {
        rows[0] = app->selected;
        n = 1;
    }
    int room = n > 0 ? (r.width - x - 1) / n : 0;
    for (int i = 0; i < n && room > 6; i++, x += room) {
        struct rect chip = {r.y, r.x + x, 1, room};
        draw_chip(g, rect_intersect(chip, r), app, rows, n, i, pins);
    }
}

/* First text row shown so that the cursor's is visible. */
static int tokens_top(const struct app *app, const struct flow *flow, int n_visible)
{
    int row = flow_row_of(flow, app->cursor);
    int last = flow->n_rows > n_visible ? flow->n_rows - n_visible : 0;
    int top = row >= n_visible ? row - n_visible + 1 : 0;
    return top > last ? last : top;
}

static void draw_tokens(struct grid *g, struct rect r, const struct app *app)
{
    if (!app->reading) {
        grid_str(g, r, 0, 2, STYLE_DIM, no_reading(app));
        struct rect rest = r;
        rect_take_top(&rest, 1);
        const char *text = line_edit_text(&app->prompt);
        grid_fit(g, rest, 0, 2, r.width - 3, STYLE_DIM, 0, text, strlen(text));
        return;
    }
    struct token_paint paint = {.cursor = app->mode == MODE_EDIT ? -1 : app->cursor,
                                .differs = -1,
                                .margin = true,
                                .has_tint = app->has_selected,
                                .tint = app->selected,
                                .numbers = app->show_numbers,
                                .stale = app->is_reading_stale};
    paint.n_rows = app_bar_rows(app, paint.rows);
    int extra = 1 + (paint.numbers ? 1 : 0);
    while (paint.n_rows > 0 && paint.n_rows + extra > r.height)
        paint.n_rows--;
    int per_row = paint.n_rows + extra;
    struct flow flow;
    flow_layout(&flow, &app->reading->tokens, layout_tokens_width(app));
    /* what does not fit is better read without some of the bars than not at all */
    if (per_row > 2 && flow.n_rows > r.height / per_row && r.height / per_row < 2) {
        int few = r.height >= 4 || app->theme.mode <= COLOR_8 ? 1 : 0;
        int fit = r.height / 2 - extra; /* with two rows of text */
        paint.n_rows = fit > few ? fit : few;
        per_row = paint.n_rows + extra;
    }
    paint.top = tokens_top(app, &flow, r.height / per_row > 0 ? r.height / per_row : 1);
    flow_clear(&flow);
    view_tokens(g, r, app, &app->reading->tokens, &paint);
}

/* Entries above their threshold, where there are thresholds; by z, those that are unusual. */
static size_t n_firing(const struct app *app)
{
    size_t n_above = 0;
    float floor = app->unit == SCORE_Z ? Z_UNUSUAL : 0;
    for (size_t i = 0; i < app->read_list.n; i++)
        n_above += app_score(app, app->entries[i].row, app->entries[i].act) > floor;
    return n_above;
}

static void list_title(struct grid *g, struct rect r, const struct app *app)
{
    int x = 4 + grid_printf(g, r, 0, 4, STYLE_DIM, "%6s ",
                            app->unit == SCORE_RAW ? "act" : score_unit_name(app->unit));
    if (shows_act(app, r))
        x += grid_printf(g, r, 0, x, STYLE_DIM, "%6s ", "act");
    x += grid_printf(g, r, 0, x, STYLE_DIM, "%-6s ", "row");
    if (app->pool_prompt || !app->reading) {
        x += grid_str(g, r, 0, x, STYLE_TITLE, "Over the prompt");
    } else {
        size_t start, end;
        tokens_range(&app->reading->tokens, app->cursor, &start, &end);
        struct buf safe = {0};
        text_safe(&safe, app->reading->tokens.text.data + start, end - start, false);
        x += grid_printf(g, r, 0, x, STYLE_TITLE, "At \"%s\" (token %d)", buf_cstr(&safe),
                         app->cursor);
        buf_clear(&safe);
    }
    if (!app->reading)
        return;
    size_t n = n_firing(app);
    /* the one row that may be out of order, see update_rank */
    const char *first = app->read_list.n > 1 && app->entries[0].row == app->selected &&
                                app->entries[0].score < app->entries[1].score
                            ? "selected; then "
                            : "";
    const char *more = n >= (app->pool_prompt ? READING_TOP : TOKEN_TOP) ? "+" : "";
    char by[48] = "";
    int at = x + 1 + grid_printf(g, r, 0, x + 1, STYLE_DIM, "%s%zu%s ", first, n, more);
    if (app->unit == SCORE_Z) {
        grid_printf(g, r, 0, at, STYLE_DIM, "above z %.0f", (double)Z_UNUSUAL);
        return;
    }
    at += grid_str(g, r, 0, at, STYLE_DIM, "fire");
    snprintf(by, sizeof by, ", by %s", score_unit_name(app->unit));
    if (at + (int)strlen(by) <= r.width)
        grid_str(g, r, 0, at, STYLE_DIM, by);
}

static void list_row(struct grid *g, struct rect r, int y, const struct app *app,
                     const struct ranked *entry, bool selected)
{
    char act[16], score[16];
    format_value(act, entry->act);
    float own = app_score(app, entry->row, entry->act);
    format_value(score, own);
    int pin = app_pin_of(app, entry->row);
    grid_str(g, r, y, 0, STYLE_ACCENT, selected ? ">" : " ");
    if (pin)
        grid_printf(g, r, y, 1, STYLE_ACCENT, "%d", pin);
    grid_bar(g, r, y, 2, 1, STYLE_BAR, app_bar_level(app, own));
    enum style style = own > 0 ? STYLE_TEXT : STYLE_DIM; /* below its threshold */
    int x = 4 + grid_printf(g, r, y, 4, style, "%6s ", score);
    if (shows_act(app, r))
        x += grid_printf(g, r, y, x, style, "%6s ", act);
    char name[ROW_NAME_SIZE];
    app_row_name(name, app, entry->row);
    x += grid_printf(g, r, y, x, STYLE_ACCENT, "%-*s ", app_row_columns(app), name);
    const char *label = app_label(app, entry->row);
    grid_fit(g, r, y, x, r.width - x - 1, style, 0, label, strlen(label));
    if (selected)
        grid_add_mods(g, r, y, 0, r.width, MOD_BOLD);
}

static void draw_list(struct grid *g, struct rect head, struct rect r, const struct app *app)
{
    size_t n = app->read_list.n;
    list_title(g, head, app);
    if (n == 0 && app->reading && r.height > 0)
        grid_str(g, r, 0, 2, STYLE_DIM,
                 !app->dict         ? "No dictionary was found; --dict DIR names one."
                 : app->pool_prompt ? "No concept fires in this text."
                                    : "No concept fires at this token; p shows the whole prompt.");
    for (int y = 0; y < r.height && app->read_list.top + (size_t)y < n; y++) {
        const struct ranked *entry = &app->entries[app->read_list.top + (size_t)y];
        bool selected = app->has_selected && entry->row == app->selected;
        list_row(g, r, y, app, entry, selected);
        if (selected && g->cursor_y < 0 && app->pane == PANE_LIST && app->mode == MODE_NORMAL)
            grid_cursor(g, r, y, 0, false);
    }
}

void view_read(struct grid *g, const struct app *app)
{
    struct read_layout l = layout_read(app);
    draw_head(g, l.head, app);
    view_prompt_editor(g, l.editor, app);
    draw_tokens(g, l.tokens, app);
    view_legend(g, l.legend, app, true);
    if (!rect_is_empty(l.list_head))
        draw_list(g, l.list_head, l.list, app);
    view_concept(g, l.detail, app);
    view_divider(g, l.detail);
    if (!rect_is_empty(l.rule))
        view_rule(g, l.rule, STYLE_RULE);
    view_answers(g, l.answers, app);
}
