/* Terminal size and state to the rectangles of the panes. Pure. */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include "tui/app.h"
#include "tui/rect.h"

enum { SCREEN_MIN_HEIGHT = 10, SCREEN_MIN_WIDTH = 40 };

/* What all screens share; any of them may be empty. */
struct frame {
    struct rect tabs, body, hints, status;
};
struct frame layout_frame(const struct app *app);
bool layout_is_too_small(const struct app *app);

struct read_layout {
    struct rect head;   /* one line about the prompt */
    struct rect editor; /* rows of the prompt while it is typed, else empty */
    struct rect tokens;
    struct rect legend;
    struct rect list_head, list;
    struct rect detail; /* beside the list; empty on narrow screens */
    struct rect rule;   /* above the answers */
    struct rect answers[N_BRANCHES];
};
struct read_layout layout_read(const struct app *app);
int layout_tokens_width(const struct app *app); /* columns for the text of tokens on Read */

struct concepts_layout {
    struct rect head, filter, columns, list, detail;
};
struct concepts_layout layout_concepts(const struct app *app);

struct steer_layout {
    struct rect head, rack, effect, rule, prompt, answers[N_BRANCHES], legend;
};
struct steer_layout layout_steer(const struct app *app);

/* Columns of a slider, -2..2 in steps of a quarter, and its first column in a row of the rack;
 * -1 where the rack is too narrow for one. */
enum { SLIDER_WIDTH = 17 };
int layout_slider_x(struct rect rack);

/* Screen whose tab covers column x of the first row, or -1. */
int layout_tab_at(int x);
extern const char *const SCREEN_NAMES[N_SCREENS];

/* One answer's area: a title row, a column at its left, perhaps a margin for the keys of bar rows.
 * width: columns for its text. */
int layout_answer_width(const struct app *app, struct rect area);
bool layout_answer_has_margin(const struct app *app);
bool layout_answer_has_bars(const struct app *app, struct rect area);

/* Rows of text the answers have above the first one visible at their end. */
int layout_answer_last_top(const struct app *app);

#endif
