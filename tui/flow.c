#include "tui/flow.h"

#include "data/text.h"

#include <assert.h>
#include <stdlib.h>

struct cursor {
    struct flow *flow;
    const struct tokens *tokens;
    int width;
    int row, col;
};

static void add_span(struct cursor *c, struct flow_span span)
{
    struct flow *f = c->flow;
    f->spans = mem_grow(f->spans, &f->cap, f->n + 1, sizeof *f->spans);
    f->spans[f->n++] = span;
}

static void new_row(struct cursor *c)
{
    c->row++;
    c->col = 0;
}

/* Adds bytes [start, end) of width `width` to the span before it if they touch. */
static void place(struct cursor *c, int token, size_t start, size_t end, int width)
{
    struct flow_span *last = c->flow->n ? &c->flow->spans[c->flow->n - 1] : NULL;
    if (last && last->token == token && last->row == c->row && last->end == start &&
        !last->is_newline) {
        last->end = end;
        last->width += width;
    } else {
        add_span(c, (struct flow_span){token, c->row, c->col, width, start, end, false});
    }
    c->col += width;
}

/* Bytes of the next piece that is never cut: one character, or one bad byte. */
static size_t char_len(const struct tokens *t, size_t at)
{
    uint32_t cp;
    int n = utf8_decode(&cp, t->text.data + at, t->text.len - at);
    return n > 0 ? (size_t)n : 1;
}

static bool is_break(char c)
{
    return c == ' ' || c == '\n';
}

/* Columns of the word that begins at byte `at`, across tokens, up to `limit`. */
static int word_width(const struct tokens *t, size_t at, int limit)
{
    int width = 0;
    while (at < t->text.len && !is_break(t->text.data[at]) && width <= limit) {
        size_t n = char_len(t, at);
        width += text_width(t->text.data + at, n);
        at += n;
    }
    return width;
}

static void place_newline(struct cursor *c, int token, size_t at)
{
    if (c->col > c->width)
        new_row(c);
    add_span(c, (struct flow_span){token, c->row, c->col, 1, at, at + 1, true});
    c->col++;
    if (c->tokens->counted[token])
        new_row(c);
}

static void place_char(struct cursor *c, int token, size_t at, size_t n)
{
    int width = text_width(c->tokens->text.data + at, n);
    if (width > c->width)
        width = c->width; /* drawn cut */
    bool is_space = c->tokens->text.data[at] == ' ';
    /* a space may hang over the end of its row, so that the next begins with its word */
    if (c->col + width > c->width + (is_space ? 1 : 0))
        new_row(c);
    place(c, token, at, at + n, width);
}

static void place_token(struct cursor *c, int token)
{
    const struct tokens *t = c->tokens;
    size_t at, end;
    tokens_range(t, token, &at, &end);
    bool starts_word = at == 0 || is_break(t->text.data[at - 1]);
    while (at < end) {
        size_t n = char_len(t, at);
        if (t->text.data[at] == '\n') {
            place_newline(c, token, at);
        } else {
            if (starts_word && t->text.data[at] != ' ') {
                int width = word_width(t, at, c->width);
                if (c->col > 0 && c->col + width > c->width && width <= c->width)
                    new_row(c);
            }
            place_char(c, token, at, n);
        }
        starts_word = is_break(t->text.data[at]);
        at += n;
    }
}

void flow_layout(struct flow *out, const struct tokens *tokens, int width)
{
    assert(width >= 1);
    *out = (struct flow){.n_rows = 1};
    struct cursor c = {.flow = out, .tokens = tokens, .width = width};
    for (int i = 0; i < tokens->n; i++)
        place_token(&c, i);
    out->n_rows = c.row + 1;
}

void flow_clear(struct flow *flow)
{
    free(flow->spans);
    *flow = (struct flow){0};
}

int flow_row_of(const struct flow *flow, int token)
{
    for (size_t i = 0; i < flow->n; i++)
        if (flow->spans[i].token == token)
            return flow->spans[i].row;
    return 0;
}

int flow_token_at(const struct flow *flow, int row, int col)
{
    for (size_t i = 0; i < flow->n; i++) {
        const struct flow_span *s = &flow->spans[i];
        if (s->row == row && col >= s->col && col < s->col + s->width)
            return s->token;
    }
    return -1;
}

void flow_draw_span(struct grid *g, struct rect clip, int y, int x, const struct flow_span *span,
                    const struct tokens *tokens, enum style style, unsigned mods)
{
    if (span->is_newline)
        grid_str(g, clip, y, x, style == STYLE_TEXT ? STYLE_DIM : style, g->ascii ? "$" : "⏎");
    else
        grid_text(g, clip, y, x, style, mods, tokens->text.data + span->start,
                  span->end - span->start);
    if (span->is_newline)
        grid_add_mods(g, clip, y, x, 1, mods);
}
