#include "tui/layout.h"
#include "tui/views.h"

#include "data/text.h"

#include <stdio.h>
#include <string.h>

static void draw_filter(struct grid *g, struct rect r, const struct app *app)
{
    const char *text = line_edit_text(&app->filter);
    int x = 1 + grid_str(g, r, 0, 1, STYLE_ACCENT, app->is_fuzzy ? "~" : "/");
    size_t total = app->dict ? app->dict->n_concepts : 0;
    char count[64];
    const char *genre = app->genre < 0 ? "" : genre_name((enum genre)app->genre);
    if (app->filter_err.code != ERR_OK)
        snprintf(count, sizeof count, "invalid%s", app->has_filter ? ": the older list" : "");
    else if (app->has_filter)
        snprintf(count, sizeof count, "%zu of %zu match%s%s", app->concept_list.n, total,
                 *genre ? ", " : "", genre);
    else if (*genre)
        snprintf(count, sizeof count, "%zu of %zu: %s", app->concept_list.n, total, genre);
    else
        snprintf(count, sizeof count, "%zu concepts", total);
    int room = r.width - x - (int)strlen(count) - 3;
    int used = text_width(text, strlen(text));
    int cursor = text_width(text, app->filter.cursor);
    struct rect box = r;
    rect_take_left(&box, x);
    box.width = room > 0 ? room : 0;
    int shift = cursor >= room ? cursor - room + 1 : 0;
    grid_str(g, box, 0, -shift, app->filter_err.code ? STYLE_ERROR : STYLE_TEXT, text);
    const char *what = app->is_fuzzy ? "fuzzy filter: letters in order, anything between"
                                     : "filters by regular expression; Ctrl-R: fuzzy";
    if (used == 0 && app->mode != MODE_FILTER)
        grid_fit(g, box, 0, 0, room, STYLE_DIM, 0, what, strlen(what));
    if (app->mode == MODE_FILTER)
        grid_cursor(g, box, 0, cursor - shift, true);
    grid_str(g, r, 0, r.width - (int)strlen(count) - 1,
             app->filter_err.code ? STYLE_ERROR : STYLE_DIM, count);
}

static const struct concept_match *match_of(const struct app *app, size_t row)
{
    size_t lo = 0, hi = app->matches.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (app->matches.rows[mid].row < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < app->matches.n && app->matches.rows[lo].row == row ? &app->matches.rows[lo] : NULL;
}

static void draw_spans(struct grid *g, struct rect r, int y, int x, int room, const struct app *app,
                       size_t row)
{
    const struct concept_match *match = app->has_filter ? match_of(app, row) : NULL;
    const char *label = app_label(app, row);
    for (size_t i = 0; match && i < match->n_spans; i++) {
        struct span span = app->matches.spans[match->first_span + i];
        int from = text_width(label, span.start);
        int width = text_width(label + span.start, span.end - span.start);
        if (from + width > room - 1)
            width = room - 1 - from;
        if (width > 0)
            grid_restyle(g, r, y, x + from, width, STYLE_MATCH);
    }
}

static void draw_row(struct grid *g, struct rect r, int y, const struct app *app, size_t row,
                     bool selected)
{
    grid_str(g, r, y, 0, STYLE_ACCENT, selected ? ">" : " ");
    if (app_pin_of(app, row))
        grid_printf(g, r, y, 1, STYLE_ACCENT, "%d", app_pin_of(app, row));
    if (app_slot_of(app, row) >= 0)
        grid_str(g, r, y, 2, STYLE_STEERED, "S");
    char name[ROW_NAME_SIZE];
    app_row_name(name, app, row);
    int x = 4 + grid_printf(g, r, y, 4, STYLE_ACCENT, "%-*s ", app_row_columns(app), name);
    float act = app_prompt_max(app, row);
    grid_bar(g, r, y, x, 1, STYLE_BAR, app_bar_level(app, app_score(app, row, act)));
    float shown = app->sort == SORT_ACT_MAX && app->dict->act_max ? app->dict->act_max[row] : act;
    if (shown > 0) {
        char text[16];
        format_value(text, shown);
        grid_printf(g, r, y, x + 2, STYLE_DIM, "%5s", text);
    }
    x += 9;
    if (r.width >= 60)
        x += grid_printf(g, r, y, x, STYLE_DIM, "%-5s ",
                         genre_name(app->dict->labels.rows[row].genre));
    const char *label = app_label(app, row);
    int room = r.width - x - 1;
    grid_fit(g, r, y, x, room, STYLE_TEXT, 0, label, strlen(label));
    draw_spans(g, r, y, x, room, app, row);
    if (selected)
        grid_add_mods(g, r, y, 0, r.width, MOD_BOLD);
}

static void draw_list(struct grid *g, struct rect r, const struct app *app)
{
    if (!app->dict) {
        grid_str(g, r, 0, 2, STYLE_DIM,
                 app->load == LOAD_DICTIONARY ? "opening the dictionary ..." : "no dictionary");
        return;
    }
    if (app->concept_list.n == 0)
        grid_str(g, r, 0, 2, STYLE_DIM,
                 app->genre >= 0 ? "No label of this genre matches; f shows the others."
                 : app->is_fuzzy ? "No label matches; Esc clears the filter."
                                 : "No label matches; Ctrl-R matches loosely, Esc clears.");
    for (int y = 0; y < r.height && app->concept_list.top + (size_t)y < app->concept_list.n; y++) {
        size_t i = app->concept_list.top + (size_t)y;
        bool selected = i == app->concept_list.selected;
        draw_row(g, r, y, app, app->order[i], selected);
        if (selected && app->mode == MODE_NORMAL)
            grid_cursor(g, r, y, 0, false);
    }
}

static void draw_columns(struct grid *g, struct rect r, const struct app *app)
{
    bool by_act_max = app->sort == SORT_ACT_MAX;
    int x =
        4 + grid_printf(g, r, 0, 4, STYLE_DIM, "%-7s%7s  %s", "row", by_act_max ? "act_max" : "act",
                        r.width >= 60 ? "genre label" : "label");
    if (app->sort != SORT_ROW)
        grid_printf(g, r, 0, x, STYLE_DIM, "   (by %s)", concept_sort_name(app->sort));
}

void view_concepts(struct grid *g, const struct app *app)
{
    struct concepts_layout l = layout_concepts(app);
    draw_filter(g, l.filter, app);
    if (!rect_is_empty(l.head))
        grid_fit(g, l.head, 0, 1, l.head.width - 2, STYLE_ERROR, 0, app->filter_err.message,
                 strlen(app->filter_err.message));
    if (!rect_is_empty(l.columns))
        draw_columns(g, l.columns, app);
    draw_list(g, l.list, app);
    view_concept(g, l.detail, app);
    view_divider(g, l.detail);
}
