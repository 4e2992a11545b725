#include "tui/update_internal.h"

#include <stdlib.h>
#include <string.h>

void update_select(struct app *app, size_t row)
{
    if (!app->dict || row >= app->dict->n_concepts)
        return;
    if (!app->has_selected || app->selected != row)
        app->page_top = 0;
    app->has_selected = true;
    app->selected = row;
    for (size_t i = 0; i < app->concept_list.n; i++)
        if (app->order[i] == row) {
            list_select(&app->concept_list, i);
            break;
        }
}

void update_choose(struct app *app, size_t row)
{
    app->is_selection_auto = false;
    update_select(app, row);
}

struct scored {
    size_t row;
    float score;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void sort_by_fires(struct app *app)
{
    size_t n = app->concept_list.n;
    if (n == 0 || !app->reading)
        return;
    struct scored *rows = mem_alloc(n, sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        size_t row = app->order[i];
        rows[i].row = row;
        rows[i].score = app_score(app, row, app_prompt_max(app, row));
    }
    qsort(rows, n, sizeof *rows, by_score);
    for (size_t i = 0; i < n; i++)
        app->order[i] = rows[i].row;
    free(rows);
}

static enum concept_order order_of(const struct app *app)
{
    return app->sort == SORT_LABEL       ? ORDER_LABEL
           : app->sort == SORT_ACT_MAX   ? ORDER_ACT_MAX
           : app->sort == SORT_RELEVANCE ? ORDER_RELEVANCE
                                         : ORDER_ROW;
}

void update_order(struct app *app)
{
    if (!app->dict)
        return;
    size_t total = app->dict->n_concepts;
    struct concept_matches list = {.n = app->has_filter ? app->matches.n : total};
    if (!app->order)
        app->order = mem_alloc(total ? total : 1, sizeof *app->order);
    list.rows = mem_zalloc(list.n ? list.n : 1, sizeof *list.rows);
    for (size_t i = 0; i < list.n; i++)
        list.rows[i] = app->has_filter ? app->matches.rows[i] : (struct concept_match){.row = i};
    if (app->genre >= 0)
        concept_matches_keep_genre(&list, (enum genre)app->genre, &app->dict->labels);
    if (order_of(app) != ORDER_ROW)
        concept_matches_sort(&list, order_of(app), &app->dict->labels, app->dict->act_max);
    for (size_t i = 0; i < list.n; i++)
        app->order[i] = list.rows[i].row;
    list_set_n(&app->concept_list, list.n);
    concept_matches_clear(&list);
    if (app->sort == SORT_FIRES)
        sort_by_fires(app);
    if (app->has_selected)
        update_select(app, app->selected);
}

const char *concept_sort_name(enum concept_sort sort)
{
    static const char *const names[N_SORTS] = {"row", "what fires in the prompt", "act_max",
                                               "relevance", "label"};
    return names[sort];
}

/* The next order that says something about this list. */
static void next_sort(struct app *app)
{
    do
        app->sort = (enum concept_sort)((app->sort + 1) % N_SORTS);
    while ((app->sort == SORT_FIRES && !app->reading) ||
           (app->sort == SORT_ACT_MAX && !(app->dict && app->dict->act_max)) ||
           (app->sort == SORT_RELEVANCE && !app->has_filter));
    update_order(app);
    update_notice(app, "sorted by %s", concept_sort_name(app->sort));
}

static bool has_genre(const struct app *app, int genre)
{
    for (size_t row = 0; app->dict && row < app->dict->labels.n; row++)
        if ((int)app->dict->labels.rows[row].genre == genre)
            return true;
    return false;
}

/* All, then each genre that the dictionary has. */
static void next_genre(struct app *app)
{
    do
        app->genre = app->genre == GENRE_OTHER ? -1 : app->genre + 1;
    while (app->genre >= 0 && !has_genre(app, app->genre));
    update_order(app);
    update_notice(app, "genre: %s", app->genre < 0 ? "all" : genre_name((enum genre)app->genre));
}

static void toggle_fuzzy(struct app *app, struct cmds *out)
{
    app->is_fuzzy = !app->is_fuzzy;
    app->sort = app->is_fuzzy ? SORT_RELEVANCE : app->sort == SORT_RELEVANCE ? SORT_ROW : app->sort;
    update_notice(app, app->is_fuzzy ? "fuzzy: letters in order, anything between"
                                     : "regular expression");
    update_filter_changed(app, out);
}

void update_pin(struct app *app)
{
    if (!update_can_choose(app))
        return;
    app->is_pins_auto = false;
    int pin = app_pin_of(app, app->selected);
    if (pin > 0) {
        memmove(app->pins + pin - 1, app->pins + pin,
                (size_t)(app->n_pins - pin) * sizeof *app->pins);
        app->n_pins--;
        return;
    }
    if (app->n_pins == MAX_PINS) {
        update_notice(app, "%d pins are the most; Space on a pinned one removes it", MAX_PINS);
        return;
    }
    app->pins[app->n_pins++] = app->selected;
}

void update_filter_changed(struct app *app, struct cmds *out)
{
    if (app->filter.text.len == 0) {
        concept_matches_clear(&app->matches);
        app->has_filter = false;
        app->filter_err.code = ERR_OK;
        update_order(app);
        return;
    }
    if (app->dict)
        cmd_add(out, (struct cmd){.kind = CMD_SEARCH});
}

/* A bad pattern leaves the last good result standing beside the message. */
void update_matches(struct app *app, struct event *e)
{
    app->filter_err = e->err;
    if (e->err.code != ERR_OK || app->filter.text.len == 0)
        return;
    concept_matches_clear(&app->matches);
    app->matches = e->matches;
    e->matches = (struct concept_matches){0};
    app->has_filter = true;
    app->concept_list.selected = app->concept_list.top = 0;
    update_order(app);
    if (app->is_fuzzy) /* the best match, whatever was selected before */
        app->concept_list.selected = 0;
    if (app->concept_list.n > 0)
        update_choose(app, app->order[app->concept_list.selected]);
}

static void move(struct app *app, long by)
{
    if (app->concept_list.n == 0) {
        (void)update_can_choose(app);
        return;
    }
    list_move(&app->concept_list, by);
    update_choose(app, app->order[app->concept_list.selected]);
}

void update_filter_key(struct app *app, int key, struct cmds *out)
{
    if (key == KEY_RETURN) {
        app->mode = MODE_NORMAL;
    } else if (key == KEY_ESCAPE || key == key_ctrl('C')) {
        app->mode = MODE_NORMAL;
        line_edit_clear(&app->filter);
        update_filter_changed(app, out);
    } else if (key == key_ctrl('R')) {
        toggle_fuzzy(app, out);
    } else if (key == KEY_ARROW_UP || key == KEY_ARROW_DOWN) {
        move(app, key == KEY_ARROW_UP ? -1 : 1);
    } else if (line_edit_key(&app->filter, key) == LINE_EDIT_CHANGED) {
        update_filter_changed(app, out);
    }
}

bool update_selected_action(struct app *app, enum action action, struct cmds *out)
{
    switch (action) {
    case ACTION_OPEN:
        update_page_open(app);
        return true;
    case ACTION_UNIT:
        update_unit(app);
        return true;
    case ACTION_PIN:
        update_pin(app);
        return true;
    case ACTION_STEER:
        if (update_can_choose(app))
            update_rack_add(app, app->selected, out);
        return true;
    default:
        return false;
    }
}

bool update_concepts_action(struct app *app, enum action action, struct cmds *out)
{
    long half = app->height / 2;
    if (update_page_scroll(app, action, half))
        return true;
    switch (action) {
    case ACTION_UP:
        move(app, -1);
        return true;
    case ACTION_DOWN:
        move(app, 1);
        return true;
    case ACTION_PAGE_UP:
        move(app, -half);
        return true;
    case ACTION_PAGE_DOWN:
        move(app, half);
        return true;
    case ACTION_FIRST:
        move(app, -(long)app->concept_list.n);
        return true;
    case ACTION_LAST:
        move(app, (long)app->concept_list.n);
        return true;
    case ACTION_FILTER:
        app->mode = MODE_FILTER;
        return true;
    case ACTION_SORT:
        next_sort(app);
        return true;
    case ACTION_GENRE:
        next_genre(app);
        return true;
    case ACTION_FUZZY:
        toggle_fuzzy(app, out);
        return true;
    default:
        return update_selected_action(app, action, out);
    }
}
