#include "tui/keymap.h"
#include "tui/views.h"

#include <string.h>

static const char *const ABOUT[N_SCREENS][3] = {
    {"Read: which concepts fire in a text, token by token.",
     "Tints and bars: activation of the selected (>) and the pinned (1 2 ..) concepts;",
     "the legend names the unit. Dimmed tokens belong to the template."},
    {"Concepts: all labels of the dictionary.",
     "/ filters by regular expression as you type; the spans that match are marked.",
     "act is the largest activation in the prompt that is on screen."},
    {"Steer: turn concepts up and down and compare the answers.",
     "1.0 adds a concept as strongly as it ever fires. Moving a slider runs the steered",
     "answer again at once; the first token that differs is underlined."},
};

static int help_line(struct grid *g, struct rect r, int y, enum action a)
{
    const struct action_info *info = action_info(a);
    if (g) {
        grid_fit(g, r, y, 1, 14, STYLE_ACCENT, 0, info->keys, strlen(info->keys));
        grid_fit(g, r, y, 16, r.width - 17, STYLE_TEXT, 0, info->help, strlen(info->help));
    }
    return y + 1;
}

static int help_group(struct grid *g, struct rect r, int y, const char *title, unsigned screen,
                      bool shared)
{
    if (g)
        grid_str(g, r, y, 1, STYLE_TITLE, title);
    y++;
    for (int a = ACTION_NONE + 1; a < N_ACTIONS; a++) {
        const struct action_info *info = action_info((enum action)a);
        if (info->screens & screen && (info->screens == ON_ALL) == shared)
            y = help_line(g, r, y, (enum action)a);
    }
    return y;
}

static int draw_column(struct grid *g, struct rect r, int y, const struct app *app, int part)
{
    if (part != 1) {
        y = help_group(g, r, y, "This screen", app_screen_bit(app), false);
        y++;
    }
    if (part != 0)
        y = help_group(g, r, y, "Everywhere", app_screen_bit(app), true);
    return y;
}

static int draw_help(struct grid *g, struct rect r, const struct app *app, int top)
{
    int y = -top;
    for (int i = 0; i < 3; i++, y++)
        if (g)
            grid_str(g, r, y, 1, i ? STYLE_TEXT : STYLE_TITLE, ABOUT[app->screen][i]);
    y++;
    if (r.width < 100)
        return draw_column(g, r, y, app, 2) + top;
    struct rect left = r, right = r;
    left.width = r.width / 2;
    rect_take_left(&right, r.width / 2);
    int a = draw_column(g, left, y, app, 0), b = draw_column(g, right, y, app, 1);
    return (a > b ? a : b) + top;
}

int view_help_rows(const struct app *app, int width)
{
    return draw_help(NULL, rect_make(0, 0, 1, width), app, 0);
}

void view_help(struct grid *g, struct rect r, const struct app *app)
{
    draw_help(g, r, app, app->help_top);
}
