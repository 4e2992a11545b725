#include "tui/layout.h"
#include "tui/views.h"

void view_divider(struct grid *g, struct rect r)
{
    struct rect line = {r.y, r.x - 1, r.height, 1};
    for (int y = 0; r.x > 0 && r.width > 0 && y < r.height; y++)
        grid_str(g, line, y, 0, STYLE_RULE, g->ascii ? "|" : "│");
}

void view_rule(struct grid *g, struct rect r, enum style style)
{
    grid_repeat(g, r, 0, 0, r.width, style, g->ascii ? "-" : "─");
}

static void draw_screen(struct grid *g, const struct app *app)
{
    switch (app->screen) {
    case SCREEN_READ:
        view_read(g, app);
        break;
    case SCREEN_CONCEPTS:
        view_concepts(g, app);
        break;
    case SCREEN_STEER:
        view_steer(g, app);
        break;
    case N_SCREENS:
        break;
    }
}

void view_frame(struct grid *g, const struct app *app)
{
    g->ascii = app->ascii;
    if (layout_is_too_small(app)) {
        int x = grid_printf(g, grid_rect(g), 0, 0, STYLE_WARNING, "needs %dx%d, ", SCREEN_MIN_WIDTH,
                            SCREEN_MIN_HEIGHT);
        bool below = app->width < 2 * x;
        grid_printf(g, grid_rect(g), below, below ? 0 : x, STYLE_WARNING, "has %dx%d", app->width,
                    app->height);
        return;
    }
    struct frame f = layout_frame(app);
    view_tabs(g, f.tabs, app);
    if (app->mode == MODE_HELP)
        view_help(g, f.body, app);
    else
        draw_screen(g, app);
    if (app->err.code != ERR_OK)
        view_error(g, f.body, app);
    if (!rect_is_empty(f.hints))
        view_hints(g, f.hints, app);
    view_status(g, f.status, app);
}
