#include "tui/layout.h"
#include "tui/views.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRACK = SLIDER_WIDTH };

/* Where the automatic slot's concept comes from. */
static const char *auto_source(const struct app *app)
{
    const struct example *e = app->is_example ? &app->examples[app->example] : NULL;
    if (!app_fires(app, app->slots[0].row))
        return "nothing fires, so the nearest concept";
    for (int i = 0; e && i < e->n_pins; i++)
        if (e->pins[i] == app->slots[0].row)
            return "the example's concept";
    return "follows the top concept";
}

static void draw_head(struct grid *g, struct rect r, const struct app *app)
{
    int x = 1 + grid_str(g, r, 0, 1, STYLE_TITLE, "Rack") + 2;
    char text[96];
    if (app->is_rack_auto && app->n_slots > 0)
        x += grid_printf(g, r, 0, x, STYLE_ACCENT, "auto: %s; S keeps it", auto_source(app)) + 2;
    if (app->dict && app->dict->act_max)
        snprintf(text, sizeof text, "1.0 = its act_max");
    else if (app->reading && app->reading->median_norm > 0)
        snprintf(text, sizeof text, "no act_max: 1.0 = the median residual norm %.4g",
                 (double)app->reading->median_norm);
    else
        snprintf(text, sizeof text, "no act_max: 1.0 = the median residual norm");
    x += grid_fit(g, r, 0, x, r.width - x - 1, STYLE_DIM, 0, text, strlen(text));
    if (app->sampler.temperature > 0)
        snprintf(text, sizeof text, "temperature %.1f  seed %llu", (double)app->sampler.temperature,
                 (unsigned long long)app->sampler.seed);
    else
        snprintf(text, sizeof text, "greedy");
    int at = r.width - (int)strlen(text) - 1;
    if (at > x + 1)
        grid_str(g, r, 0, at, STYLE_DIM, text);
}

/* ....|==o..  : zero in the middle, the knob where the factor is. */
static void draw_track(struct grid *g, struct rect r, int y, int x, const struct slot *s)
{
    int zero = TRACK / 2;
    int knob = zero + (int)lroundf(s->factor / FACTOR_MAX * (float)zero);
    knob = knob < 0 ? 0 : knob >= TRACK ? TRACK - 1 : knob;
    enum style style = !s->is_on ? STYLE_DIM : s->factor < 0 ? STYLE_MINUS : STYLE_PLUS;
    grid_repeat(g, r, y, x, TRACK, STYLE_DIM, g->ascii ? "." : "·");
    int from = knob < zero ? knob : zero, to = knob < zero ? zero : knob;
    grid_repeat(g, r, y, x + from, to - from + 1, style, g->ascii ? "=" : "━");
    grid_str(g, r, y, x + zero, STYLE_DIM, g->ascii ? "|" : "│");
    grid_str(g, r, y, x + knob, style, g->ascii ? "o" : "●");
}

static void draw_slot(struct grid *g, struct rect r, int y, const struct app *app, int i)
{
    const struct slot *s = &app->slots[i];
    bool selected = i == app->slot, has_factor = s->kind != INTERVENTION_PROJECT_OUT;
    grid_str(g, r, y, 0, STYLE_ACCENT, selected ? ">" : " ");
    grid_str(g, r, y, 2, s->is_on ? STYLE_TEXT : STYLE_DIM, s->is_on ? "[x]" : "[ ]");
    int track = layout_slider_x(r);
    char name[ROW_NAME_SIZE];
    app_row_name(name, app, s->row);
    int x = 6 + grid_printf(g, r, y, 6, STYLE_ACCENT, "%s ", name);
    const char *label = app_label(app, s->row);
    bool wide = track >= 0;
    int room = (wide ? track : r.width - 20) - x - 1;
    grid_fit(g, r, y, x, room, s->is_on ? STYLE_TEXT : STYLE_DIM, 0, label, strlen(label));
    if (!wide)
        track = r.width - TRACK - 20;
    else if (has_factor)
        draw_track(g, r, y, track, s);
    x = track + TRACK + 1;
    if (app->mode == MODE_VALUE && selected) {
        grid_repeat(g, r, y, x, 6, STYLE_SELECTED, " ");
        grid_fit(g, r, y, x, 6, STYLE_SELECTED, 0, line_edit_text(&app->value),
                 strlen(line_edit_text(&app->value)));
        grid_cursor(g, r, y, x + (int)app->value.cursor, true);
    } else if (has_factor) {
        grid_printf(g, r, y, x, s->factor < 0 ? STYLE_MINUS : STYLE_PLUS, "%+.2f",
                    (double)s->factor);
    }
    x += 7 + grid_str(g, r, y, x + 7, STYLE_DIM, intervention_name(s->kind));
    if (app->is_rack_auto)
        grid_str(g, r, y, x + 1, STYLE_ACCENT, "auto");
    if (selected && app->mode == MODE_NORMAL)
        grid_cursor(g, r, y, 0, false);
    if (selected)
        grid_add_mods(g, r, y, 0, r.width, MOD_BOLD);
}

static void draw_rack(struct grid *g, struct rect r, const struct app *app)
{
    const char *empty = app->model.is_dump
                            ? "a dump is open: steering needs the model's weights"
                            : "empty: a chooses a concept, S on Read or Concepts adds it";
    if (app->n_slots == 0)
        grid_fit(g, r, 0, 2, r.width - 3, STYLE_DIM, 0, empty, strlen(empty));
    int top = app->slot >= r.height ? app->slot - r.height + 1 : 0;
    for (int i = top; i < app->n_slots && i - top < r.height; i++)
        draw_slot(g, r, i - top, app, i);
}

static void draw_effect(struct grid *g, struct rect r, const struct app *app)
{
    if (app->n_slots > 0 && !app_steers(app)) {
        bool any_on = false;
        for (int i = 0; i < app->n_slots; i++)
            any_on |= app->slots[i].is_on;
        const char *why = any_on ? "Strength is 0 for all slots; both answers are identical."
                                 : "All slots are off; both answers are identical.";
        grid_fit(g, r, 0, 1, r.width - 2, STYLE_WARNING, 0, why, strlen(why));
        return;
    }
    int x = 1 + grid_str(g, r, 0, 1, STYLE_DIM, "effect") + 2;
    if (!app->has_effect || !app_steers(app)) /* rounding is no effect */
        return;
    x += grid_str(g, r, 0, x, STYLE_DIM, "KL of first token") + 1;
    x += grid_printf(g, r, 0, x, STYLE_TEXT, "%.3g", (double)app->kl) + 2;
    x += grid_str(g, r, 0, x, STYLE_DIM, "edit/residual") + 1;
    x += grid_printf(g, r, 0, x, STYLE_TEXT, "%.3g", (double)app->norm_ratio) + 2;
    const struct tokens *a = &app->answers[BRANCH_BASELINE].tokens;
    const struct tokens *b = &app->answers[BRANCH_STEERED].tokens;
    int differs = tokens_first_difference(a, b);
    if (differs >= 0)
        grid_printf(g, r, 0, x, STYLE_DIFFERS, "differs at token %d", differs + 1);
    else if (b->n > 0)
        grid_str(g, r, 0, x, STYLE_DIM, "no difference yet");
}

static void draw_prompt(struct grid *g, struct rect r, const struct app *app)
{
    if (rect_is_empty(r))
        return;
    if (app->mode == MODE_EDIT) {
        view_prompt_editor(g, r, app);
        return;
    }
    int x = 1 +
            grid_str(g, r, 0, 1, STYLE_TITLE,
                     app->model.is_chat                                     ? "You:"
                     : app->load == LOAD_READY && !app->model.has_tokenizer ? "Ids:"
                                                                            : "Text:") +
            1;
    struct buf one_line = {0};
    for (const char *s = line_edit_text(&app->prompt); *s; s++)
        buf_char(&one_line, *s == '\n' ? ' ' : *s);
    grid_fit(g, r, 0, x, r.width - x - 1, STYLE_TEXT, 0, buf_cstr(&one_line), one_line.len);
    buf_clear(&one_line);
}

void view_steer(struct grid *g, const struct app *app)
{
    struct steer_layout l = layout_steer(app);
    draw_head(g, l.head, app);
    draw_rack(g, l.rack, app);
    draw_effect(g, l.effect, app);
    if (!rect_is_empty(l.rule))
        view_rule(g, l.rule, STYLE_RULE);
    draw_prompt(g, l.prompt, app);
    if (!rect_is_empty(l.legend))
        view_legend(g, l.legend, app, false);
    view_answers(g, l.answers, app);
}
