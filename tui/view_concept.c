/* One concept in depth: the page on Concepts and the card on Read. */
#include "tui/views.h"

#include "data/text.h"

#include <string.h>

struct page {
    struct grid *g;
    struct rect r;
    int y; /* next row; may be above or below what is visible */
};

static void line(struct page *p, enum style style, const char *text)
{
    grid_fit(p->g, p->r, p->y++, 1, p->r.width - 2, style, 0, text, strlen(text));
}

static void label_lines(struct page *p, const char *text)
{
    while (*text) {
        size_t cut = text_wrap(text, max_int(8, p->r.width - 2));
        grid_text(p->g, p->r, p->y++, 1, STYLE_TITLE, 0, text, cut);
        text += cut;
        text += strspn(text, " ");
    }
}

static int pair(struct page *p, int x, const char *name, float value)
{
    char text[16];
    format_value(text, value);
    x += grid_str(p->g, p->r, p->y, x, STYLE_DIM, name) + 1;
    return x + grid_str(p->g, p->r, p->y, x, STYLE_TEXT, text) + 2;
}

static void numbers(struct page *p, const struct app *app, size_t row)
{
    const struct dictionary *dict = app->dict;
    int x = 1;
    if (dict->act_max)
        x = pair(p, x, "act_max", dict->act_max[row]);
    else
        x += grid_str(p->g, p->r, p->y, x, STYLE_DIM, "no act_max") + 2;
    if (dict->threshold)
        x = pair(p, x, "threshold", dict->threshold[row]);
    if (app->detail && app->detail->row == row)
        pair(p, x, "norm", app->detail->norm);
    p->y++;
    if (!app->reading)
        return;
    const struct tokens *t = &app->reading->tokens;
    float best = app_prompt_max(app, row), here = tokens_act(t, app->cursor, row);
    x = pair(p, 1, "most act", best);
    if (app->unit != SCORE_RAW)
        x = pair(p, x, score_unit_name(app->unit), app_score(app, row, best));
    int peak = tokens_peak(t, row);
    if (peak >= 0)
        x += grid_printf(p->g, p->r, p->y, x - 1, STYLE_DIM, "at token %d", peak) + 1;
    if (x > p->r.width * 2 / 3) {
        p->y++;
        x = 1;
    }
    x = pair(p, x, "act here", here);
    if (app->unit != SCORE_RAW)
        pair(p, x, score_unit_name(app->unit), app_score(app, row, here));
    p->y++;
}

/* A token; the blank before a word is drawn, since there are tokens with and without. */
static int lens_token(struct page *p, int x, const char *text)
{
    bool blank = text[0] == ' ';
    if (blank)
        x += grid_str(p->g, p->r, p->y, x, STYLE_DIM, p->g->ascii ? "_" : "·");
    return x + grid_str(p->g, p->r, p->y, x, STYLE_TEXT, text + blank);
}

static void lens(struct page *p, const char *name, char *const *texts, const float *values, int n)
{
    int x = 1 + grid_str(p->g, p->r, p->y, 1, STYLE_DIM, name) + 1;
    for (int i = 0; i < n && texts[i]; i++) {
        struct buf safe = {0};
        text_safe(&safe, texts[i], strlen(texts[i]), false);
        int width = text_width(buf_cstr(&safe), safe.len);
        if (x + width + 6 > p->r.width - 1 && x > 1) {
            p->y++;
            x = 3;
        }
        x = lens_token(p, x, buf_cstr(&safe)) + 1;
        x += grid_printf(p->g, p->r, p->y, x, STYLE_DIM, "%.2f", (double)values[i]) + 2;
        buf_clear(&safe);
    }
    p->y++;
}

static void nearest(struct page *p, const struct app *app, const struct detail *d)
{
    line(p, STYLE_DIM, "nearest by cosine");
    for (int i = 0; i < d->n_nearest; i++) {
        int x = 1 + grid_printf(p->g, p->r, p->y, 1, STYLE_TEXT, "%5.2f ",
                                (double)d->nearest[i].cosine);
        char name[ROW_NAME_SIZE];
        app_row_name(name, app, d->nearest[i].row);
        x += grid_printf(p->g, p->r, p->y, x, STYLE_ACCENT, "%s ", name);
        const char *label = app_label(app, d->nearest[i].row);
        grid_fit(p->g, p->r, p->y, x, p->r.width - x - 1, STYLE_TEXT, 0, label, strlen(label));
        p->y++;
    }
}

/* Returns the row after the last. */
static int draw_page(struct grid *g, struct rect r, const struct app *app, int top)
{
    struct page p = {g, r, -top};
    if (!app->dict || !app->has_selected || app->selected >= app->dict->n_concepts) {
        line(&p, STYLE_DIM, "no concept selected");
        return p.y;
    }
    const struct label *label = &app->dict->labels.rows[app->selected];
    label_lines(&p, label->text);
    char name[ROW_NAME_SIZE];
    app_row_name(name, app, app->selected);
    grid_str(g, r, p.y, 1, STYLE_ACCENT, name);
    grid_printf(g, r, p.y++, 9, STYLE_DIM, "id %ld  %s%s%s", label->id, genre_name(label->genre),
                app_is_pinned(app, app->selected) ? "  pinned" : "",
                app_slot_of(app, app->selected) >= 0 ? "  in the rack" : "");
    if (label->ref[0])
        line(&p, STYLE_DIM, label->ref);
    if (app->set && app->set->n > 1)
        line(&p, STYLE_DIM, app->set->dicts[dict_set_ref(app->set, app->selected).dict]->name);
    numbers(&p, app, app->selected);
    p.y++;
    const struct detail *d = app->detail;
    if (!d || d->row != app->selected)
        return p.y;
    if (d->n_lens > 0) {
        lens(&p, "pushes up  ", d->top, d->top_value, d->n_lens);
        lens(&p, "pushes down", d->bottom, d->bottom_value, d->n_lens);
        p.y++;
    }
    nearest(&p, app, d);
    return p.y;
}

void view_concept(struct grid *g, struct rect r, const struct app *app)
{
    if (!rect_is_empty(r))
        draw_page(g, r, app, app->page_top);
}

int view_concept_rows(const struct app *app, int width)
{
    struct grid nothing;
    grid_init(&nothing, 0, 0);
    int rows = draw_page(&nothing, rect_make(0, 0, 1, width), app, 0);
    grid_clear(&nothing);
    return rows;
}
