#include "tui/flow.h"
#include "tui/views.h"

#include <stdio.h>
#include <string.h>

enum { MARGIN = 2 };

void format_value(char out[16], float value)
{
    float size = value < 0 ? -value : value;
    if (size < 9.995f)
        snprintf(out, 16, "%.2f", (double)value);
    else if (size < 99.95f)
        snprintf(out, 16, "%.1f", (double)value);
    else if (size < 99999.5f)
        snprintf(out, 16, "%.0f", (double)value);
    else
        snprintf(out, 16, "%.0e", (double)value);
}

struct painter {
    struct grid *g;
    struct rect area; /* right of the margin */
    const struct app *app;
    const struct tokens *tokens;
    const struct token_paint *paint;
    int per_row;
    float tint_scale, scales[MAX_PINS + 1]; /* of paint->tint and paint->rows */
};

/* The strongest counted token keeps an underline, so that the peak shows without colours. */
static int peak_of(const struct painter *p)
{
    int peak = p->paint->has_tint ? tokens_peak(p->tokens, p->paint->tint) : -1;
    return peak >= 0 && app_heat(p->app, p->tokens, peak, p->paint->tint, p->tint_scale) > 0 ? peak
                                                                                             : -1;
}

static unsigned mods_of(const struct painter *p, int token, int peak)
{
    unsigned mods = p->paint->stale ? MOD_STALE : 0;
    if (token == p->paint->cursor)
        mods |= MOD_CURSOR;
    if (token == peak)
        mods |= MOD_UNDERLINE;
    return mods;
}

/* What stands under a token; empty where the concept does not fire. */
static void number_text(const struct painter *p, int token, char out[16])
{
    float act = p->paint->has_tint ? tokens_act(p->tokens, token, p->paint->tint) : 0;
    float score = app_score(p->app, p->paint->tint, act);
    if (score <= 0)
        out[0] = '\0';
    else if (p->app->unit == SCORE_RAW)
        snprintf(out, 16, "%.0f", (double)act);
    else if (p->app->unit == SCORE_Z)
        snprintf(out, 16, "%.1f", (double)score);
    else
        snprintf(out, 16, "%.0f", (double)(100 * score));
}

static int number_column(const struct flow_span *span)
{
    return span->col + (span->width > 1 ? 1 : 0);
}

/* Up to the next number: full stops and line breaks, where concepts often peak, are narrow. */
static void draw_number(const struct painter *p, int y, const struct flow *flow, size_t i)
{
    const struct flow_span *span = &flow->spans[i];
    char text[16], next[16] = "";
    int end = p->area.width;
    number_text(p, span->token, text);
    if (i + 1 < flow->n && flow->spans[i + 1].token == span->token) /* stands under its last part */
        return;
    for (size_t k = i + 1; k < flow->n && flow->spans[k].row == span->row && !next[0]; k++) {
        number_text(p, flow->spans[k].token, next);
        if (next[0])
            end = number_column(&flow->spans[k]) - 1;
    }
    if (number_column(span) + (int)strlen(text) > end)
        snprintf(text, sizeof text, "%s", span->width > 2 ? "+" : "");
    grid_str(p->g, p->area, y, number_column(span), STYLE_DIM, text);
}

static void draw_span(const struct painter *p, const struct flow *flow, size_t i, int peak)
{
    const struct flow_span *span = &flow->spans[i];
    int y = (span->row - p->paint->top) * p->per_row;
    int step = !p->paint->has_tint
                   ? 0
                   : app_heat_step(p->app, p->tokens, span->token, p->paint->tint, p->tint_scale);
    unsigned mods = mods_of(p, span->token, peak);
    enum style style = step > 0                           ? style_heat_step(step, &mods)
                       : p->tokens->special[span->token]  ? STYLE_DIM
                       : span->token == p->paint->differs ? STYLE_DIFFERS
                                                          : STYLE_TEXT;
    if (span->token == p->paint->differs)
        mods |= MOD_UNDERLINE | MOD_BOLD;
    flow_draw_span(p->g, p->area, y, span->col, span, p->tokens, style, mods);
    if (span->token == p->paint->cursor && p->g->cursor_y < 0)
        grid_cursor(p->g, p->area, y, span->col, false);
    for (int k = 0; k < p->paint->n_rows; k++)
        grid_bar(p->g, p->area, y + 1 + k, span->col, span->width, STYLE_BAR,
                 app_heat(p->app, p->tokens, span->token, p->paint->rows[k], p->scales[k]));
    if (p->paint->numbers)
        draw_number(p, y + 1 + p->paint->n_rows, flow, i);
}

/* Which bar row is whose: the pin's digit, or a mark for the selected concept. */
static void draw_margin(const struct painter *p, struct rect r, int n_text_rows)
{
    for (int row = 0; row < n_text_rows; row++)
        for (int i = 0; i < p->paint->n_rows; i++) {
            int y = row * p->per_row + 1 + i;
            int pin = app_pin_of(p->app, p->paint->rows[i]);
            if (pin)
                grid_printf(p->g, r, y, 0, STYLE_ACCENT, "%d", pin);
            else
                grid_str(p->g, r, y, 0, STYLE_ACCENT, ">");
        }
}

/* Marks where rows of text go on above and below. */
static void draw_more(const struct painter *p, struct rect r, int n_rows)
{
    int n_shown = (r.height + p->per_row - 1) / p->per_row, top = p->paint->top;
    bool more = top + n_shown < n_rows, ascii = p->g->ascii;
    if (more)
        grid_str(p->g, r, (n_shown - 1) * p->per_row, 0, STYLE_ACCENT, ascii ? "v" : "↓");
    if (top > 0)
        grid_str(p->g, r, 0, 0, STYLE_ACCENT,
                 more && n_shown == 1 ? (ascii ? "|" : "↕") : (ascii ? "^" : "↑"));
}

void view_tokens(struct grid *g, struct rect r, const struct app *app, const struct tokens *tokens,
                 const struct token_paint *paint)
{
    if (rect_is_empty(r))
        return;
    struct rect area = r;
    if (paint->margin && r.width > MARGIN + 8)
        rect_take_left(&area, MARGIN);
    area.width = area.width > 1 ? area.width - 1 : area.width;
    struct painter p = {.g = g,
                        .area = area,
                        .app = app,
                        .tokens = tokens,
                        .paint = paint,
                        .per_row = 1 + paint->n_rows + (paint->numbers ? 1 : 0),
                        .tint_scale = paint->has_tint ? app_scale(app, paint->tint) : 1};
    for (int i = 0; i < paint->n_rows; i++)
        p.scales[i] = app_scale(app, paint->rows[i]);
    int peak = peak_of(&p);
    struct flow flow;
    flow_layout(&flow, tokens, area.width);
    if (area.x + area.width < r.x + r.width)
        p.area.width++; /* where a space hangs */
    for (size_t i = 0; i < flow.n; i++)
        if (flow.spans[i].row >= paint->top)
            draw_span(&p, &flow, i, peak);
    if (area.x > r.x && tokens->n > 0)
        draw_margin(&p, r, flow.n_rows - paint->top);
    if (area.x > r.x)
        draw_more(&p, r, flow.n_rows);
    flow_clear(&flow);
}
