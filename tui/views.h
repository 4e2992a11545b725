/* All views: each writes cells of its rectangle and changes nothing else. */
#ifndef TUI_VIEWS_H
#define TUI_VIEWS_H

#include "tui/app.h"
#include "tui/grid.h"

/* The whole frame: what the program shows. Sets the grid's cursor. */
void view_frame(struct grid *g, const struct app *app);

void view_tabs(struct grid *g, struct rect r, const struct app *app);
void view_hints(struct grid *g, struct rect r, const struct app *app);
void view_status(struct grid *g, struct rect r, const struct app *app);
void view_read(struct grid *g, const struct app *app);
void view_concepts(struct grid *g, const struct app *app);
void view_steer(struct grid *g, const struct app *app);
void view_help(struct grid *g, struct rect r, const struct app *app);
int view_help_page(const struct app *app);     /* rows of it that are shown at once */
int view_help_last_top(const struct app *app); /* first row shown at its end */
void view_error(struct grid *g, struct rect r, const struct app *app);

/* Pieces that several screens use. */
void view_answers(struct grid *g, const struct rect areas[N_BRANCHES], const struct app *app);
void view_concept(struct grid *g, struct rect r, const struct app *app);
int view_concept_rows(const struct app *app, int width); /* rows of the whole page */
void view_divider(struct grid *g, struct rect r);        /* a line left of r, if there is room */
void view_rule(struct grid *g, struct rect r, enum style style); /* across its first row */
void view_prompt_editor(struct grid *g, struct rect r, const struct app *app);
void view_legend(struct grid *g, struct rect r, const struct app *app, bool pins);

/* Tokens in rows with their tints and bar rows; `top` is the first text row shown. cursor: token
 * to mark or -1; differs: token to mark as the first difference or -1. */
struct token_paint {
    size_t rows[MAX_PINS + 1]; /* concepts with a bar row, first to last */
    int n_rows;
    bool has_tint;
    size_t tint; /* concept that tints the text */
    int cursor, differs;
    int top;
    bool numbers, stale;
    bool margin; /* leave columns for the keys of the bar rows */
};
void view_tokens(struct grid *g, struct rect r, const struct app *app, const struct tokens *tokens,
                 const struct token_paint *paint);

/* A value in at most 5 columns: "0.83", "12.4", "1.2e4". */
void format_value(char out[16], float value);

#endif
