/* The frame that views draw: cells of text and roles, no terminal.
 *
 * Calls take a clip rectangle in grid coordinates and positions relative to it; what falls
 * outside is dropped by design. Text is made safe cell by cell: control characters and invalid
 * bytes become <0xNN>, zero-width marks join their cell. Owned by one thread. */
#ifndef TUI_GRID_H
#define TUI_GRID_H

#include "data/mem.h"
#include "tui/rect.h"
#include "tui/style.h"

#include <stddef.h>
#include <stdint.h>

enum { CELL_BYTES = 12 };

struct cell {
    char bytes[CELL_BYTES]; /* UTF-8, not NUL-terminated */
    uint8_t len;            /* bytes used; 0 in the second half of a wide glyph */
    uint8_t width;          /* 1 or 2; 0 in the second half of a wide glyph */
    uint8_t style;          /* enum style */
    uint8_t mods;           /* union of style_mods */
};

struct grid {
    struct cell *cells; /* [height, width] owned */
    int height, width;
    int cursor_y, cursor_x; /* where the terminal's cursor belongs; -1: hidden */
    bool shows_cursor;      /* draw it (typing); else it only sits there for screen readers */
    bool ascii;             /* replace what is not ASCII */
};

void grid_init(struct grid *g, int height, int width); /* blank */
void grid_clear(struct grid *g);                       /* frees */
struct rect grid_rect(const struct grid *g);

/* Writes text from column x of row y; returns the columns it takes, drawn or not. */
int grid_text(struct grid *g, struct rect clip, int y, int x, enum style style, unsigned mods,
              const char *s, size_t len);
int grid_str(struct grid *g, struct rect clip, int y, int x, enum style style, const char *s);
int grid_printf(struct grid *g, struct rect clip, int y, int x, enum style style, const char *fmt,
                ...) __attribute__((format(printf, 6, 7)));

/* Like grid_text in at most `width` columns: a longer text ends in an ellipsis. */
int grid_fit(struct grid *g, struct rect clip, int y, int x, int width, enum style style,
             unsigned mods, const char *s, size_t len);

/* Repeats one character of width 1 over n columns. */
void grid_repeat(struct grid *g, struct rect clip, int y, int x, int n, enum style style,
                 const char *glyph);
/* Changes role or adds modifiers on n columns, leaves the text. */
void grid_restyle(struct grid *g, struct rect clip, int y, int x, int n, enum style style);
void grid_add_mods(struct grid *g, struct rect clip, int y, int x, int n, unsigned mods);

/* A bar cell of height level 0..8 (0: blank): ▁▂▃▄▅▆▇█, digits without UTF-8. */
void grid_bar(struct grid *g, struct rect clip, int y, int x, int n, enum style style, int level);

/* Puts the terminal's cursor; ignored outside the clip. */
void grid_cursor(struct grid *g, struct rect clip, int y, int x, bool visible);

/* The frame as text: per row the cells, a '|', and one role letter per cell; a second map, after
 * another '|', where a row holds modifiers (c cursor, u underline, b bold, s stale). */
void grid_dump(struct buf *out, const struct grid *g);

#endif
