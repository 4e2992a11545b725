/* Tokens laid out in rows of a given width, broken at spaces.
 *
 * A token is one or more spans: a space stays at the end of its row, hanging one column over where
 * the row is full, while its word moves to the next; a newline is drawn as a mark and breaks the
 * row (inside the user's own text and answers; newlines of a chat template do not break, they only
 * show their mark). */
#ifndef TUI_FLOW_H
#define TUI_FLOW_H

#include "tui/grid.h"
#include "tui/tokens.h"

#include <stdbool.h>
#include <stddef.h>

struct flow_span {
    int token;
    int row, col, width; /* cells, relative to the area */
    size_t start, end;   /* bytes of tokens.text; a newline span is the newline itself */
    bool is_newline;
};

struct flow {
    struct flow_span *spans; /* [n] owned, in order of tokens */
    size_t n, cap;
    int n_rows; /* >= 1 */
};

/* Needs width >= 1. */
void flow_layout(struct flow *out, const struct tokens *tokens, int width);
void flow_clear(struct flow *flow);

/* Row of a token's first span; 0 if it has none. */
int flow_row_of(const struct flow *flow, int token);
/* Token at a cell, or -1. */
int flow_token_at(const struct flow *flow, int row, int col);

/* Draws one span's text. */
void flow_draw_span(struct grid *g, struct rect clip, int y, int x, const struct flow_span *span,
                    const struct tokens *tokens, enum style style, unsigned mods);

#endif
