/* An editor for a few lines of UTF-8 text, with the keys of readline; only Ctrl-U takes all of a
 * text that may have several lines, wherever the cursor is. */
#ifndef TUI_LINE_EDIT_H
#define TUI_LINE_EDIT_H

#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct line_edit {
    struct buf text; /* owned, valid UTF-8 */
    size_t cursor;   /* byte offset, on a character boundary */
    struct buf kill; /* last text cut by Ctrl-W, U, K; Ctrl-Y puts it back */
    bool multi_line; /* Ctrl-J and Alt-Enter insert a newline, Up and Down move between lines */
};

void line_edit_set(struct line_edit *e, const char *text); /* cursor at the end */
void line_edit_clear(struct line_edit *e);
const char *line_edit_text(const struct line_edit *e); /* valid until the next change */

/* Inserts text; bytes that are not UTF-8 become U+FFFD; control characters other than newline
 * (where multi_line) and tab are dropped; without multi_line newlines become spaces. */
void line_edit_insert(struct line_edit *e, const char *s, size_t len);

enum line_edit_result {
    LINE_EDIT_IGNORED, /* not a key of the editor */
    LINE_EDIT_MOVED,   /* cursor only */
    LINE_EDIT_CHANGED, /* the text */
};
enum line_edit_result line_edit_key(struct line_edit *e, int key);

/* One character of the text wrapped hard at `width` columns, and where it is drawn. A walk begins
 * with a spot of zeros and ends, after the place behind the last character (len 0), with false. */
struct line_edit_spot {
    size_t at, len;        /* bytes of the character */
    int row, col, columns; /* columns: 0 for a newline, 1 behind the end */
    bool begun;
};
bool line_edit_next(const struct line_edit *e, int width, struct line_edit_spot *spot);

/* Where the cursor is when the text is wrapped hard at `width` columns: row and column; returns
 * the number of rows. Either output may be NULL. */
int line_edit_place(const struct line_edit *e, int width, int *row, int *col);

#endif
