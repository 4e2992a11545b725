/* The mouse selects and drags sliders; it never starts a job elsewhere and removes nothing. */
#include "tui/flow.h"
#include "tui/layout.h"
#include "tui/update_internal.h"

#include <math.h>

static void click_list(struct app *app, struct rect r, const struct event *e)
{
    size_t i = app->read_list.top + (size_t)(e->y - r.y);
    if (i < app->read_list.n)
        update_choose(app, app->entries[i].row);
}

static void click_read(struct app *app, const struct event *e)
{
    struct read_layout l = layout_read(app);
    if (rect_contains(l.list, e->y, e->x)) {
        app->pane = PANE_LIST;
        click_list(app, l.list, e);
    } else if (rect_contains(l.answers[0], e->y, e->x) || rect_contains(l.answers[1], e->y, e->x)) {
        app->pane = PANE_ANSWERS;
    } else if (rect_contains(l.tokens, e->y, e->x) && app->reading) {
        size_t rows[MAX_PINS + 1];
        int per_row = 1 + app_bar_rows(app, rows) + (app->show_numbers ? 1 : 0);
        struct flow flow;
        flow_layout(&flow, &app->reading->tokens, layout_tokens_width(app));
        /* only an unscrolled view is certain to show row 0 at its top */
        int token = flow.n_rows * per_row <= l.tokens.height
                        ? flow_token_at(&flow, (e->y - l.tokens.y) / per_row, e->x - 2)
                        : -1;
        flow_clear(&flow);
        if (token >= 0) {
            app->cursor = token;
            app->pool_prompt = false;
            update_rank(app);
        }
    }
}

static void click_concepts(struct app *app, const struct event *e)
{
    struct rect r = layout_concepts(app).list;
    size_t i = app->concept_list.top + (size_t)(e->y - r.y);
    if (rect_contains(r, e->y, e->x) && i < app->concept_list.n)
        update_choose(app, app->order[i]);
}

static void click_steer(struct app *app, const struct event *e, struct cmds *out)
{
    struct steer_layout l = layout_steer(app);
    int x = layout_slider_x(l.rack);
    int top = app->slot >= l.rack.height ? app->slot - l.rack.height + 1 : 0;
    int i = top + e->y - l.rack.y;
    if (!rect_contains(l.rack, e->y, e->x) || i >= app->n_slots) {
        for (int b = 0; b < N_BRANCHES; b++)
            if (rect_contains(l.answers[b], e->y, e->x))
                app->pane = PANE_ANSWERS;
        return;
    }
    app->pane = PANE_LIST;
    bool same = app->slot == i;
    app->slot = i;
    update_choose(app, app->slots[i].row);
    /* the first click only selects; on the selected slot the knob follows the mouse */
    if (same && x >= 0 && e->x >= x && e->x < x + SLIDER_WIDTH)
        update_factor(app,
                      FACTOR_MAX * (float)(e->x - x - SLIDER_WIDTH / 2) / (float)(SLIDER_WIDTH / 2),
                      out);
}

static void click(struct app *app, const struct event *e, struct cmds *out)
{
    if (rect_contains(layout_frame(app).tabs, e->y, e->x)) {
        int tab = layout_tab_at(e->x);
        if (tab >= 0 && e->mouse == MOUSE_CLICK)
            update_go(app, (enum screen_id)tab);
        return;
    }
    if (app->screen == SCREEN_READ)
        click_read(app, e);
    else if (app->screen == SCREEN_CONCEPTS)
        click_concepts(app, e);
    else
        click_steer(app, e, out);
}

static void wheel(struct app *app, long by, struct cmds *out)
{
    if (app->mode == MODE_HELP)
        app->help_top += (int)by;
    else if (app->mode == MODE_PAGE)
        app->page_top += (int)by;
    else if (app->screen == SCREEN_READ && app->pane == PANE_LIST)
        update_list_move(app, by > 0 ? 1 : -1);
    else if (app->screen == SCREEN_CONCEPTS)
        update_concepts_action(app, by > 0 ? ACTION_DOWN : ACTION_UP, out);
    else
        update_answers_scroll(app, (int)by);
}

void update_mouse(struct app *app, const struct event *e, struct cmds *out)
{
    if (!app->mouse_on || layout_is_too_small(app))
        return;
    if (e->mouse == MOUSE_WHEEL_UP || e->mouse == MOUSE_WHEEL_DOWN)
        wheel(app, e->mouse == MOUSE_WHEEL_UP ? -2 : 2, out);
    else if (app->mode == MODE_NORMAL)
        click(app, e, out);
}
