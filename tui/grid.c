#include "tui/grid.h"

#include "data/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cell BLANK = {.bytes = " ", .len = 1, .width = 1, .style = STYLE_TEXT};

void grid_init(struct grid *g, int height, int width)
{
    assert(height >= 0 && width >= 0);
    size_t n = (size_t)height * (size_t)width;
    *g = (struct grid){.height = height, .width = width, .cursor_y = -1, .cursor_x = -1};
    g->cells = mem_alloc(n ? n : 1, sizeof *g->cells);
    for (size_t i = 0; i < n; i++)
        g->cells[i] = BLANK;
}

void grid_clear(struct grid *g)
{
    free(g->cells);
    *g = (struct grid){.cursor_y = -1, .cursor_x = -1};
}

struct rect grid_rect(const struct grid *g)
{
    return (struct rect){0, 0, g->height, g->width};
}

static struct cell *cell_at(const struct grid *g, int y, int x)
{
    return &g->cells[(size_t)y * (size_t)g->width + (size_t)x];
}

/* Overwriting one half of a wide glyph leaves no half behind. */
static void break_wide(struct grid *g, int y, int x)
{
    struct cell *c = cell_at(g, y, x);
    if (c->width == 2 && x + 1 < g->width) {
        cell_at(g, y, x + 1)->len = 1;
        cell_at(g, y, x + 1)->width = 1;
        cell_at(g, y, x + 1)->bytes[0] = ' ';
    } else if (c->width == 0 && x > 0) {
        cell_at(g, y, x - 1)->len = 1;
        cell_at(g, y, x - 1)->width = 1;
        cell_at(g, y, x - 1)->bytes[0] = ' ';
    }
}

static void put(struct grid *g, struct rect clip, int y, int x, struct cell c)
{
    struct rect area = rect_intersect(clip, grid_rect(g));
    int gy = clip.y + y, gx = clip.x + x;
    if (!rect_contains(area, gy, gx) || !rect_contains(area, gy, gx + c.width - 1))
        return;
    for (int i = 0; i < c.width; i++)
        break_wide(g, gy, gx + i);
    *cell_at(g, gy, gx) = c;
    if (c.width == 2)
        *cell_at(g, gy, gx + 1) = (struct cell){.style = c.style, .mods = c.mods};
}

static void join_mark(struct grid *g, struct rect clip, int y, int x, const char *s, int len)
{
    struct rect area = rect_intersect(clip, grid_rect(g));
    int gy = clip.y + y, gx = clip.x + x;
    if (x < 0 || !rect_contains(area, gy, gx))
        return;
    struct cell *c = cell_at(g, gy, gx);
    if (c->width == 0 && gx > 0)
        c = cell_at(g, gy, gx - 1);
    if (c->len + len <= CELL_BYTES && !g->ascii) {
        memcpy(c->bytes + c->len, s, (size_t)len);
        c->len = (uint8_t)(c->len + len);
    }
}

static int put_escape(struct grid *g, struct rect clip, int y, int x, enum style style,
                      unsigned mods, unsigned char byte)
{
    char text[8];
    int n = snprintf(text, sizeof text, "<0x%02X>", byte);
    for (int i = 0; i < n; i++)
        put(g, clip, y, x + i,
            (struct cell){.bytes = {text[i]},
                          .len = 1,
                          .width = 1,
                          .style = (uint8_t)style,
                          .mods = (uint8_t)mods});
    return n;
}

static struct cell glyph_cell(const struct grid *g, const char *s, int len, int width,
                              enum style style, unsigned mods)
{
    struct cell c = {.len = (uint8_t)len,
                     .width = (uint8_t)width,
                     .style = (uint8_t)style,
                     .mods = (uint8_t)mods};
    if (g->ascii && (unsigned char)s[0] >= 0x80) {
        c.bytes[0] = '?';
        c.bytes[1] = ' '; /* the second column of a wide one */
        c.len = (uint8_t)width;
    } else {
        memcpy(c.bytes, s, (size_t)len);
    }
    return c;
}

/* Draws one character (or one bad byte) at column x; *used is its length in bytes. */
static int put_char(struct grid *g, struct rect clip, int y, int x, enum style style, unsigned mods,
                    const char *s, size_t len, size_t *used)
{
    uint32_t cp;
    int n = utf8_decode(&cp, s, len);
    if (n == 0) {
        *used = 1;
        return put_escape(g, clip, y, x, style, mods, (unsigned char)s[0]);
    }
    *used = (size_t)n;
    int width = text_width_char(cp);
    if (width < 0) {
        int columns = 0;
        for (int i = 0; i < n; i++)
            columns += put_escape(g, clip, y, x + columns, style, mods, (unsigned char)s[i]);
        return columns;
    }
    if (width == 0)
        join_mark(g, clip, y, x - 1, s, n);
    else
        put(g, clip, y, x, glyph_cell(g, s, n, width, style, mods));
    return width;
}

int grid_text(struct grid *g, struct rect clip, int y, int x, enum style style, unsigned mods,
              const char *s, size_t len)
{
    int columns = 0;
    for (size_t i = 0, used; i < len; i += used)
        columns += put_char(g, clip, y, x + columns, style, mods, s + i, len - i, &used);
    return columns;
}

int grid_str(struct grid *g, struct rect clip, int y, int x, enum style style, const char *s)
{
    return grid_text(g, clip, y, x, style, 0, s, strlen(s));
}

int grid_printf(struct grid *g, struct rect clip, int y, int x, enum style style, const char *fmt,
                ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    /* a cut in the middle of a character would show as an escape */
    return grid_text(g, clip, y, x, style, 0, text, utf8_complete_len(text, strlen(text)));
}

int grid_fit(struct grid *g, struct rect clip, int y, int x, int width, enum style style,
             unsigned mods, const char *s, size_t len)
{
    if (width <= 0)
        return 0;
    struct rect box = {clip.y, clip.x, clip.height, clip.width};
    struct rect cut = rect_intersect(box, rect_make(clip.y, clip.x + x, clip.height, width));
    int shift = clip.x + x - cut.x; /* the cut may begin further right than asked for */
    if (text_width(s, len) <= width)
        return grid_text(g, cut, y, shift, style, mods, s, len);
    struct rect body = cut;
    body.width = body.width > 0 ? body.width - 1 : 0;
    grid_text(g, body, y, shift, style, mods, s, len);
    grid_text(g, cut, y, shift + width - 1, style, mods, g->ascii ? "~" : "…", g->ascii ? 1 : 3);
    return width;
}

void grid_repeat(struct grid *g, struct rect clip, int y, int x, int n, enum style style,
                 const char *glyph)
{
    for (int i = 0; i < n; i++)
        grid_str(g, clip, y, x + i, style, glyph);
}

void grid_restyle(struct grid *g, struct rect clip, int y, int x, int n, enum style style)
{
    struct rect area = rect_intersect(clip, grid_rect(g));
    for (int i = 0; i < n; i++)
        if (rect_contains(area, clip.y + y, clip.x + x + i))
            cell_at(g, clip.y + y, clip.x + x + i)->style = (uint8_t)style;
}

void grid_add_mods(struct grid *g, struct rect clip, int y, int x, int n, unsigned mods)
{
    struct rect area = rect_intersect(clip, grid_rect(g));
    for (int i = 0; i < n; i++)
        if (rect_contains(area, clip.y + y, clip.x + x + i))
            cell_at(g, clip.y + y, clip.x + x + i)->mods |= (uint8_t)mods;
}

void grid_bar(struct grid *g, struct rect clip, int y, int x, int n, enum style style, int level)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const digits[] = {" ", "1", "2", "3", "4", "5", "6", "7", "8"};
    level = level < 0 ? 0 : level > 8 ? 8 : level;
    grid_repeat(g, clip, y, x, n, style, g->ascii ? digits[level] : blocks[level]);
}

void grid_cursor(struct grid *g, struct rect clip, int y, int x, bool visible)
{
    if (!rect_contains(rect_intersect(clip, grid_rect(g)), clip.y + y, clip.x + x))
        return;
    g->cursor_y = clip.y + y;
    g->cursor_x = clip.x + x;
    g->shows_cursor = visible;
}

static char mods_letter(unsigned mods)
{
    return mods & MOD_CURSOR      ? 'c'
           : mods & MOD_UNDERLINE ? 'u'
           : mods & MOD_BOLD      ? 'b'
           : mods & MOD_STALE     ? 's'
                                  : '.';
}

static void dump_row(struct buf *out, const struct grid *g, int y)
{
    bool has_mods = false;
    for (int x = 0; x < g->width; x++) {
        const struct cell *c = cell_at(g, y, x);
        buf_add(out, c->bytes, c->len);
        has_mods |= c->mods != 0;
    }
    buf_char(out, '|');
    for (int x = 0; x < g->width; x++)
        buf_char(out, style_letter((enum style)cell_at(g, y, x)->style));
    if (has_mods) {
        buf_char(out, '|');
        for (int x = 0; x < g->width; x++)
            buf_char(out, mods_letter(cell_at(g, y, x)->mods));
    }
    buf_char(out, '\n');
}

void grid_dump(struct buf *out, const struct grid *g)
{
    for (int y = 0; y < g->height; y++)
        dump_row(out, g, y);
    if (g->cursor_y >= 0)
        buf_printf(out, "cursor %d,%d%s\n", g->cursor_y, g->cursor_x,
                   g->shows_cursor ? "" : " hidden");
}
