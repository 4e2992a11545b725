#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/views.h"

#include "data/text.h"

#include <string.h>

enum { KEY_COLUMNS = 15, TWO_COLUMNS = 100 };

static const char *const ABOUT[N_SCREENS][2] = {
    {"Read: which concepts fire in a text, token by token.",
     "Tints and bars show the selected (>) and the pinned (1 2 ..) concepts."},
    {"Concepts: all labels of the dictionary.",
     "/ filters as you type. Marks: 1 2 .. pinned, S in the rack."},
    {"Steer: turn concepts up and down and compare the answers.",
     "A moved slider answers again at once; the first different token is underlined."},
};

/* Words that the screens use, in plain ones. */
static const struct {
    unsigned screens; /* union of ON_* */
    const char *word, *meaning;
} WORDS[] = {
    {ON_ALL, "concept", "a direction in the model, and a label that says of what"},
    {ON_ALL, "act", "activation: how strongly a concept fires"},
    {ON_ALL, "act_max", "the largest activation of the concept that is known"},
    {ON_READ | ON_CONCEPTS, "threshold", "the act from which the concept counts as present"},
    {ON_READ | ON_CONCEPTS, "most act", "its largest act in your text; act here: at the cursor"},
    {ON_READ | ON_STEER, "margin", "0: just counts as present, 1: fires like its act_max"},
    {ON_READ | ON_STEER, "z", "spreads above the concept's mean on neutral text"},
    {ON_READ | ON_STEER, "share", "act / act_max; raw: act itself, without an act_max"},
    {ON_READ, "token/prompt", "the list: at the cursor's token, or most over your text"},
    {ON_READ | ON_CONCEPTS, "pin", "keeps a concept in a row of bars of its own"},
    {ON_CONCEPTS, "genre", "what the label is about: text, code or math"},
    {ON_CONCEPTS, "fuzzy", "finds letters in this order, with anything between"},
    {ON_READ | ON_CONCEPTS, "pushes up", "tokens the concept makes likelier; down: less likely"},
    {ON_READ | ON_CONCEPTS, "nearest", "concepts whose directions point nearly the same way"},
    {ON_READ | ON_STEER, "baseline", "the answer without steering, by the same random numbers"},
    {ON_STEER, "rack", "the concepts that steer, a slot each"},
    {ON_READ | ON_STEER, "auto",
     "steers with the text's top concept at 0.5 until you touch the rack"},
    {ON_STEER, "factor", "how much is added: 1.0 is act_max, 0 nothing"},
    {ON_STEER, "kind",
     "add; clamp: fix the activation; threshold: add only where it is weak; project out: take the "
     "concept away"},
    {ON_STEER, "KL", "how far the odds of the first token moved; 0: not at all"},
    {ON_STEER, "edit/residual", "size of the edit beside the state that it changes"},
};

/* Titles over the actions that all screens share, each up to the next. */
static const struct {
    enum action first;
    const char *title;
} GROUPS[] = {{ACTION_UP, "Moving"},
              {ACTION_GO_READ, "Screens"},
              {ACTION_PALETTE, "Colours"},
              {ACTION_MOUSE, "Program"}};

/* Where the help is written; g is NULL where only its rows are counted. */
struct column {
    struct grid *g;
    struct rect r;
    int y;
};

/* Wraps text at blanks from column x on; takes at least one row. */
static void wrapped(struct column *c, int x, enum style style, const char *text)
{
    do {
        size_t cut = text_wrap(text, max_int(8, c->r.width - x - 1));
        if (c->g)
            grid_text(c->g, c->r, c->y, x, style, 0, text, cut);
        c->y++;
        text += cut;
        text += strspn(text, " ");
    } while (*text);
}

static void title(struct column *c, const char *text)
{
    wrapped(c, 1, STYLE_TITLE, text);
}

static void line(struct column *c, const char *left, const char *right)
{
    if (c->g)
        grid_fit(c->g, c->r, c->y, 1, KEY_COLUMNS - 1, STYLE_ACCENT, 0, left, strlen(left));
    wrapped(c, KEY_COLUMNS + 1, STYLE_TEXT, right);
}

static void own_keys(struct column *c, unsigned screen)
{
    title(c, "Keys of this screen");
    for (int a = ACTION_NONE + 1; a < N_ACTIONS; a++) {
        const struct action_info *info = action_info((enum action)a);
        if (info->screens & screen && info->screens != ON_ALL)
            line(c, info->keys, info->help);
    }
    c->y++;
}

static void words(struct column *c, unsigned screen)
{
    title(c, "Words");
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (WORDS[i].screens & screen)
            line(c, WORDS[i].word, WORDS[i].meaning);
    c->y++;
}

static void shared_keys(struct column *c)
{
    size_t group = 0;
    for (int a = ACTION_NONE + 1; a < N_ACTIONS; a++) {
        const struct action_info *info = action_info((enum action)a);
        if (info->screens != ON_ALL)
            continue;
        if (group < sizeof GROUPS / sizeof *GROUPS && GROUPS[group].first == (enum action)a) {
            c->y += group > 0;
            title(c, GROUPS[group++].title);
        }
        line(c, info->keys, info->help);
    }
}

/* Writes the help from row `top` on; returns how many rows all of it has. */
static int draw_help(struct grid *g, struct rect r, const struct app *app, int top)
{
    unsigned screen = app_screen_bit(app);
    struct column left = {g, r, -top}, right = left;
    title(&left, ABOUT[app->screen][0]);
    wrapped(&left, 1, STYLE_TEXT, ABOUT[app->screen][1]);
    left.y++;
    right.y = left.y;
    bool wide = r.width >= TWO_COLUMNS;
    if (wide) {
        left.r.width = r.width * 31 / 50;
        rect_take_left(&right.r, left.r.width);
    }
    own_keys(&left, screen);
    words(&left, screen);
    if (!wide)
        right.y = left.y;
    shared_keys(&right);
    return (left.y > right.y ? left.y : right.y) + top;
}

/* Rows for the text: the last one tells where one is if there is more than fits. */
static int visible_rows(const struct app *app, struct rect r)
{
    return draw_help(NULL, r, app, 0) > r.height && r.height > 1 ? r.height - 1 : r.height;
}

int view_help_page(const struct app *app)
{
    int rows = visible_rows(app, layout_frame(app).body);
    return rows > 1 ? rows : 1;
}

int view_help_last_top(const struct app *app)
{
    struct rect r = layout_frame(app).body;
    int over = draw_help(NULL, r, app, 0) - visible_rows(app, r);
    return over > 0 ? over : 0;
}

void view_help(struct grid *g, struct rect r, const struct app *app)
{
    int visible = visible_rows(app, r);
    struct rect text = rect_take_top(&r, visible);
    int total = draw_help(g, text, app, app->help_top);
    if (rect_is_empty(r))
        return;
    int pages = (total + visible - 1) / visible;
    int page = app->help_top + visible >= total ? pages : app->help_top / visible + 1;
    view_rule(g, r, STYLE_RULE);
    grid_printf(g, r, 0, 2, STYLE_ACCENT,
                page < pages ? " more: j k, Space  %d/%d " : " end: k, g  %d/%d ", page, pages);
}
