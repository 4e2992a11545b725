#include "tui/layout.h"

#include "tui/flow.h"

#include <string.h>

enum {
    WIDE = 100,        /* columns from which a detail pane fits beside a list */
    SIDE_BY_SIDE = 80, /* columns from which two answers fit side by side */
    PAGE_ROWS = 10,    /* that a concept's page wants below the text */
    MARGIN = 2,        /* columns left of tokens: the keys of the bar rows */
};

const char *const SCREEN_NAMES[N_SCREENS] = {"1 Read", "2 Concepts", "3 Steer"};

bool layout_is_too_small(const struct app *app)
{
    return app->height < SCREEN_MIN_HEIGHT || app->width < SCREEN_MIN_WIDTH;
}

struct frame layout_frame(const struct app *app)
{
    struct rect all = {0, 0, app->height, app->width};
    struct frame f;
    f.tabs = rect_take_top(&all, 1);
    f.status = rect_take_bottom(&all, 1);
    f.hints = rect_take_bottom(&all, app->height >= 12 ? 1 : 0);
    f.body = all;
    return f;
}

int layout_tokens_width(const struct app *app)
{
    return max_int(app->width - MARGIN - 1, 1);
}

/* Rows that the tokens of the reading want: one of text and one per bar row, each. */
static int tokens_rows(const struct app *app)
{
    if (!app->reading)
        return 3;
    size_t rows[MAX_PINS + 1];
    struct flow flow;
    flow_layout(&flow, &app->reading->tokens, layout_tokens_width(app));
    int per_row = 1 + app_bar_rows(app, rows) + (app->show_numbers ? 1 : 0);
    int n = flow.n_rows > 1000 ? 1000 * per_row : flow.n_rows * per_row;
    flow_clear(&flow);
    return n;
}

static int editor_rows(const struct app *app, int most)
{
    if (app->mode != MODE_EDIT)
        return 0;
    int rows = line_edit_place(&app->prompt, max_int(app->width - 3, 1), NULL, NULL);
    return max_int(1, min_int(rows, most));
}

static void split_answers(struct rect area, struct rect answers[N_BRANCHES])
{
    if (area.width >= SIDE_BY_SIDE) {
        answers[BRANCH_BASELINE] = rect_take_left(&area, area.width / 2);
        rect_take_left(&area, 1);
        answers[BRANCH_STEERED] = area;
    } else {
        answers[BRANCH_BASELINE] = rect_take_top(&area, area.height / 2);
        answers[BRANCH_STEERED] = area;
    }
}

struct read_layout layout_read(const struct app *app)
{
    struct read_layout l = {0};
    struct rect rest = layout_frame(app).body;
    int height = rest.height;
    l.head = rect_take_top(&rest, 1);
    l.editor = rect_take_top(&rest, editor_rows(app, max_int(1, height / 4)));
    int wanted = tokens_rows(app);
    int most = height >= 16 ? height * 2 / 5 : max_int(1, height / 2 - 1);
    l.tokens = rect_take_top(&rest, min_int(wanted, most));
    l.legend = rect_take_top(&rest, 1);
    if (app->mode == MODE_PAGE) {
        if (rest.height < PAGE_ROWS) { /* the page is worth more than the text */
            l.tokens = l.legend = (struct rect){0};
            rest = layout_frame(app).body;
            rect_take_top(&rest, 1);
        }
        l.detail = rest;
        return l;
    }
    bool both = rest.height >= 9 && !app->model.is_dump; /* which has no answers */
    if (both || app->pane == PANE_ANSWERS) {
        int rows = both ? max_int(5, min_int(rest.height * 3 / 5, 12)) : rest.height;
        struct rect answers = rect_take_bottom(&rest, rows);
        l.rule = rect_take_top(&answers, both ? 1 : 0);
        split_answers(answers, l.answers);
    }
    if (both || app->pane == PANE_LIST) {
        if (rest.width >= WIDE) {
            l.detail = rect_take_right(&rest, rest.width / 2);
            rect_take_left(&l.detail, 1);
        }
        l.list_head = rect_take_top(&rest, 1);
        l.list = rest;
    }
    return l;
}

struct concepts_layout layout_concepts(const struct app *app)
{
    struct concepts_layout l = {0};
    struct rect rest = layout_frame(app).body;
    l.filter = rect_take_top(&rest, 1);
    l.head = rect_take_top(&rest, app->filter_err.code != ERR_OK ? 1 : 0);
    if (app->mode == MODE_PAGE && rest.width < WIDE) {
        l.detail = rest;
        return l;
    }
    if (rest.width >= WIDE) {
        l.detail = rect_take_right(&rest, rest.width * 9 / 20);
        rect_take_left(&l.detail, 1);
    }
    l.columns = rect_take_top(&rest, 1);
    l.list = rest;
    return l;
}

struct steer_layout layout_steer(const struct app *app)
{
    struct steer_layout l = {0};
    struct rect rest = layout_frame(app).body;
    l.head = rect_take_top(&rest, 1);
    int slots = max_int(app->n_slots, 1);
    l.rack = rect_take_top(&rest, max_int(1, min_int(slots, rest.height / 3)));
    l.effect = rect_take_top(&rest, 1);
    l.rule = rect_take_top(&rest, rest.height >= 8 ? 1 : 0);
    l.prompt = rect_take_top(
        &rest, max_int(rest.height >= 6 ? 1 : 0, editor_rows(app, max_int(1, rest.height / 3))));
    l.legend = rect_take_bottom(&rest, rest.height >= 8 ? 1 : 0);
    split_answers(rest, l.answers);
    return l;
}

int layout_slider_x(struct rect rack)
{
    int right = SLIDER_WIDTH + 7 + 13; /* then the factor and the kind */
    return rack.width >= 60 ? rack.width - right : -1;
}

int layout_tab_at(int x)
{
    int end = 0;
    for (int i = 0; i < N_SCREENS; i++) {
        end += (int)strlen(SCREEN_NAMES[i]) + 2;
        if (x < end)
            return i;
    }
    return -1;
}

bool layout_answer_has_margin(const struct app *app)
{
    return app->screen == SCREEN_STEER || app->theme.mode <= COLOR_8;
}

int layout_answer_width(const struct app *app, struct rect area)
{
    int width = area.width - 1;
    if (layout_answer_has_margin(app) && width > MARGIN + 8)
        width -= MARGIN;
    return max_int(width - 1, 1);
}

/* Decided by the length to come, so that rows do not vanish while an answer grows; where colours
 * are few, the bars are worth scrolling for. */
bool layout_answer_has_bars(const struct app *app, struct rect area)
{
    enum { COLUMNS_PER_TOKEN = 5 };
    if (!layout_answer_has_margin(app) || !app->has_selected)
        return false;
    int rows = app->max_tokens * COLUMNS_PER_TOKEN / layout_answer_width(app, area) + 1;
    int height = area.height - 1;
    return app->theme.mode <= COLOR_8 ? height >= 4 : rows * 2 <= height;
}

/* Rows of text of an answer that are above its visible end. */
static int last_top(const struct app *app, const struct tokens *tokens, struct rect area)
{
    if (area.width < 4 || area.height < 2 || tokens->n == 0)
        return 0;
    struct flow flow;
    flow_layout(&flow, tokens, layout_answer_width(app, area));
    int visible = (area.height - 1) / (layout_answer_has_bars(app, area) ? 2 : 1);
    int over = flow.n_rows - visible;
    flow_clear(&flow);
    return max_int(over, 0);
}

int layout_answer_last_top(const struct app *app)
{
    struct rect areas[N_BRANCHES];
    if (app->screen == SCREEN_READ)
        memcpy(areas, layout_read(app).answers, sizeof areas);
    else
        memcpy(areas, layout_steer(app).answers, sizeof areas);
    int most = 0;
    for (int b = 0; b < N_BRANCHES; b++)
        most = max_int(most, last_top(app, &app->answers[b].tokens, areas[b]));
    return most;
}
