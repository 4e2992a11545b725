#include "core/generate.h"
#include "tui/flow.h"
#include "tui/layout.h"
#include "tui/views.h"

#include <string.h>

static const char *state_text(const struct answer *a)
{
    if (a->is_stale && a->state != ANSWER_NONE && a->state != ANSWER_RUNNING)
        return "outdated"; /* the text or the rack has changed since */
    switch (a->state) {
    case ANSWER_NONE:
        return "";
    case ANSWER_RUNNING:
        return "...";
    case ANSWER_EOS:
        return "ended";
    case ANSWER_LENGTH:
        return "cut off"; /* at max_tokens */
    case ANSWER_STOPPED:
        return "stopped";
    }
    return "";
}

static void steered_title(struct grid *g, struct rect r, int x, const struct app *app)
{
    if (app->is_rack_auto && app->n_slots > 0)
        x += grid_str(g, r, 0, x, STYLE_DIM,
                      app_fires(app, app->slots[0].row) ? "auto " : "auto, not firing ");
    int n_on = 0, left = r.width - x;
    for (int i = 0; i < app->n_slots; i++)
        n_on += app->slots[i].is_on;
    for (int i = 0; i < app->n_slots; i++) {
        const struct slot *s = &app->slots[i];
        if (!s->is_on)
            continue;
        int end = x + left / n_on;
        if (s->kind == INTERVENTION_PROJECT_OUT)
            x += grid_str(g, r, 0, x, STYLE_MINUS, "out ");
        else
            x += grid_printf(g, r, 0, x, s->factor < 0 ? STYLE_MINUS : STYLE_PLUS, "%+.2f ",
                             (double)s->factor);
        const char *label = app_label(app, s->row);
        x += grid_fit(g, r, 0, x, end - x - 1, STYLE_DIM, 0, label, strlen(label)) + 1;
    }
    if (!app_steers(app))
        grid_str(g, r, 0, x, STYLE_DIM, "(changes nothing)");
}

static void answer_title(struct grid *g, struct rect r, const struct app *app,
                         enum answer_branch branch)
{
    const struct answer *a = &app->answers[branch];
    bool steered = branch == BRANCH_STEERED;
    if (app->pane == PANE_ANSWERS)
        grid_str(g, r, 0, 0, STYLE_ACCENT, ">");
    int x = 1 + grid_str(g, r, 0, 1, steered ? STYLE_STEERED : STYLE_TITLE,
                         steered ? "STEERED" : "BASELINE");
    struct rect left = r;
    const char *state = state_text(a);
    int width = (int)strlen(state);
    if (width > 0 && r.width - width - 2 > x) {
        grid_str(g, r, 0, r.width - width - 1, STYLE_DIM, state);
        left.width = r.width - width - 2;
    }
    if (steered)
        steered_title(g, left, x + 1, app);
}

/* First text row to show: the one asked for, or the end while it grows. */
static int first_row(const struct app *app, int n_rows, int height)
{
    int last = n_rows > height ? n_rows - height : 0;
    return app->answer_top < 0 || app->answer_top > last ? last : app->answer_top;
}

static void draw_answer(struct grid *g, struct rect r, const struct app *app,
                        enum answer_branch branch)
{
    struct rect area = r;
    if (rect_is_empty(r))
        return;
    const struct answer *a = &app->answers[branch];
    const struct tokens *other = &app->answers[branch == BRANCH_STEERED ? 0 : 1].tokens;
    answer_title(g, rect_take_top(&r, 1), app, branch);
    if (r.width < 2 || r.height < 1)
        return;
    rect_take_left(&r, 1);
    if (a->tokens.n == 0) {
        const char *text = app->load != LOAD_READY || app_is_busy(app) ? ""
                           : app->model.is_dump ? "a dump has no weights to answer with"
                                                : "r runs";
        grid_str(g, r, 0, 0, STYLE_DIM,
                 a->state == ANSWER_EOS ? "(nothing: it ends at once)" : text);
        return;
    }
    struct token_paint paint = {.cursor = -1,
                                .has_tint = app->has_selected,
                                .tint = app->selected,
                                .differs = tokens_first_difference(&a->tokens, other),
                                .stale = a->is_stale,
                                .margin = layout_answer_has_margin(app)};
    struct flow flow;
    flow_layout(&flow, &a->tokens, layout_answer_width(app, area));
    if (layout_answer_has_bars(app, area))
        paint.rows[paint.n_rows++] = app->selected;
    paint.top = first_row(app, flow.n_rows, r.height / (1 + paint.n_rows));
    flow_clear(&flow);
    view_tokens(g, r, app, &a->tokens, &paint);
}

void view_answers(struct grid *g, const struct rect areas[N_BRANCHES], const struct app *app)
{
    struct rect a = areas[BRANCH_BASELINE], b = areas[BRANCH_STEERED];
    draw_answer(g, a, app, BRANCH_BASELINE);
    draw_answer(g, b, app, BRANCH_STEERED);
    if (b.y == a.y)
        view_divider(g, b);
}
