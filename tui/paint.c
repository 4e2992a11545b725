#include "tui/paint.h"

#include "data/mem.h"
#include "data/text.h"
#include "tui/theme.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool wants_colour(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    const char *truecolor = getenv("COLORTERM");
    if (!isatty(fileno(stream)) || (no_color && *no_color) || !term || strcmp(term, "dumb") == 0)
        return false;
    return strstr(term, "256color") || strstr(term, "direct") || (truecolor && *truecolor);
}

static int columns_of(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int n = columns ? atoi(columns) : 0;
    return n >= 20 && n <= 10000 ? n : 80;
}

void paint_init(struct paint *p, FILE *stream)
{
    p->stream = stream;
    p->has_colour = wants_colour(stream);
    p->is_terminal = isatty(fileno(stream));
    p->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    p->width = columns_of(stream);
}

/* s without anything that moves the cursor; a line break becomes a sign of one column. */
static void visible(struct buf *out, const struct paint *p, const char *s, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(s, '\n', len);
        size_t n = newline ? (size_t)(newline - s) : len;
        text_safe(out, s, n, false);
        if (newline)
            buf_str(out, p->is_utf8 ? "\u21b5" : "\\n");
        n += newline != NULL;
        s += n;
        len -= n;
    }
}

int paint_text(const struct paint *p, const char *s, size_t len)
{
    struct buf safe = {0};
    visible(&safe, p, s, len);
    fwrite(buf_cstr(&safe), 1, safe.len, p->stream);
    int columns = text_width(buf_cstr(&safe), safe.len);
    buf_clear(&safe);
    return columns;
}

int paint_padded(const struct paint *p, const char *s, size_t len, int columns)
{
    int used = paint_text(p, s, len);
    if (used < columns)
        fprintf(p->stream, "%*s", columns - used, "");
    return used < columns ? columns : used;
}

void paint_last(const struct paint *p, const char *s, size_t len, int used)
{
    struct buf safe = {0};
    visible(&safe, p, s, len);
    const char *dots = p->is_utf8 ? "\u2026" : "~";
    size_t fit = safe.len;
    int room = p->width - used;
    if (p->is_terminal && text_width(buf_cstr(&safe), safe.len) > room)
        while (fit > 0 && text_width(buf_cstr(&safe), fit) >= room)
            fit = utf8_complete_len(buf_cstr(&safe), fit - 1);
    fprintf(p->stream, "%.*s%s", (int)fit, buf_cstr(&safe), fit < safe.len ? dots : "");
    buf_clear(&safe);
}

void paint_bold(const struct paint *p, bool on)
{
    if (p->has_colour)
        fputs(on ? "\033[1m" : "\033[0m", p->stream);
}

void paint_dim(const struct paint *p, bool on)
{
    if (p->has_colour)
        fputs(on ? "\033[2m" : "\033[0m", p->stream);
}

/* 0: no heat, 1..STYLE_HEAT_LEVELS. */
static int level_of_cell(const struct paint_cell *cell)
{
    if (!cell->is_counted || !(cell->share > 0))
        return 0;
    int level = 1 + (int)(cell->share * STYLE_HEAT_LEVELS);
    return level > STYLE_HEAT_LEVELS ? STYLE_HEAT_LEVELS : level;
}

/* Returns whether the cell's look has to be taken back after it. */
static bool begin_tint(const struct paint *p, int level, bool is_dim)
{
    static const struct theme theme = {.mode = COLOR_256};
    if (!p->has_colour || (level == 0 && !is_dim))
        return false;
    struct ink ink = theme_ink(&theme, style_heat(level), 0);
    if (level > 0)
        fprintf(p->stream, "\033[48;5;%d;38;5;%dm", ink.bg, ink.fg);
    else
        paint_dim(p, true);
    return true;
}

static void print_bar(const struct paint *p, int level, int columns)
{
    static const char *const blocks[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const signs[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
    for (int i = 0; i < columns; i++)
        fputs(p->is_utf8 ? blocks[level] : signs[level], p->stream);
}

static int cell_columns(const struct paint *p, const struct paint_cell *cell)
{
    struct buf safe = {0};
    visible(&safe, p, cell->text, cell->len);
    int columns = text_width(buf_cstr(&safe), safe.len);
    buf_clear(&safe);
    return columns;
}

static void heat_line(const struct paint *p, const struct paint_cell *cells, const int *columns,
                      size_t n)
{
    fputs("  ", p->stream);
    for (size_t i = 0; i < n; i++) {
        int level = level_of_cell(&cells[i]);
        bool is_tinted = begin_tint(p, level, cells[i].is_special || !cells[i].is_counted);
        paint_text(p, cells[i].text, cells[i].len);
        if (is_tinted)
            fputs("\033[0m", p->stream);
    }
    fputs("\n  ", p->stream);
    for (size_t i = 0; i < n; i++)
        print_bar(p, level_of_cell(&cells[i]), columns[i]);
    fputc('\n', p->stream);
}

void paint_heat(const struct paint *p, const struct paint_cell *cells, size_t n)
{
    int *columns = mem_alloc(n, sizeof *columns);
    for (size_t i = 0; i < n; i++)
        columns[i] = cell_columns(p, &cells[i]);
    for (size_t start = 0; start < n;) {
        size_t end = start;
        int used = 2;
        while (end < n && (end == start || used + columns[end] <= p->width))
            used += columns[end++];
        heat_line(p, cells + start, columns + start, end - start);
        start = end;
    }
    free(columns);
}
