/* Text output of the subcommands: safe text, columns, and the heat of tokens, in colour on a
 * terminal only (NO_COLOR and TERM=dumb are honoured) and always with a second channel. */
#ifndef TUI_PAINT_H
#define TUI_PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct paint {
    FILE *stream;
    bool has_colour; /* escape sequences for weight and 256 colours */
    bool is_utf8;    /* the locale can show block characters */
    bool is_terminal;
    int width; /* columns of the terminal, 80 when there is none */
};

void paint_init(struct paint *p, FILE *stream);

/* Prints text so that a terminal can show it, line breaks as a sign. Returns the columns used. */
int paint_text(const struct paint *p, const char *s, size_t len);
/* The same, padded with blanks to at least `columns`. */
int paint_padded(const struct paint *p, const char *s, size_t len, int columns);

/* The last column of a table, to the right of `used` columns: on a terminal what exceeds the width
 * is left out, so that a row stays a row; elsewhere all is printed. */
void paint_last(const struct paint *p, const char *s, size_t len, int used);

void paint_bold(const struct paint *p, bool on);
void paint_dim(const struct paint *p, bool on);

/* A word of a heat map: its text, and its share of a full bar. */
struct paint_cell {
    const char *text; /* borrowed */
    size_t len;
    float share; /* above 1: full; not above 0: no heat */
    bool is_special;
    bool is_counted; /* others are outside the scale: no heat, dim */
};

/* Cells in reading order, wrapped to the width, tinted, with a row of bars under each line. */
void paint_heat(const struct paint *p, const struct paint_cell *cells, size_t n);

#endif
