#include "tui/app.h"

#include "tui/keymap.h"
#include "tui/rect.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void app_init(struct app *app, int height, int width)
{
    *app = (struct app){.height = height,
                        .width = width,
                        .theme = {.mode = COLOR_256},
                        .mouse_on = true,
                        .gain = 1,
                        .pool_prompt = true,
                        .is_pins_auto = true,
                        .is_rack_auto = true,
                        .is_selection_auto = true,
                        .last_job = JOB_OPEN,
                        .history_at = -1,
                        .answer_top = -1,
                        .genre = -1,
                        .max_tokens = 60,
                        .sampler = {.top_p = 1, .seed = 16}};
    app->prompt.multi_line = true;
}

void app_clear(struct app *app)
{
    for (size_t i = 0; i < app->n_examples; i++)
        free(app->examples[i].text);
    free(app->examples);
    free(app->model.name);
    free(app->model.warning);
    for (int i = 0; i < app->n_history; i++)
        free(app->history[i]);
    line_edit_clear(&app->prompt);
    line_edit_clear(&app->filter);
    line_edit_clear(&app->value);
    reading_free(app->reading);
    free(app->order);
    concept_matches_clear(&app->matches);
    detail_free(app->detail);
    for (int b = 0; b < N_BRANCHES; b++)
        tokens_clear(&app->answers[b].tokens);
    *app = (struct app){0};
}

float app_score(const struct app *app, size_t row, float act)
{
    /* z is of the signed projection, which an activation of 0 does not tell */
    bool tells = act > 0 || (app->unit == SCORE_MARGIN && app->reading);
    if (!app->dict || row >= app->dict->n_concepts || !tells)
        return 0;
    return score_in(app->unit, app->dict, row, act);
}

float app_prompt_max(const struct app *app, size_t row)
{
    const struct reading *r = app->reading;
    return r && row < r->tokens.n_concepts ? r->row_max[row] : 0;
}

bool app_fires(const struct app *app, size_t row)
{
    return app_score(app, row, app_prompt_max(app, row)) > 0;
}

/* A unit without a full value takes the concept's own largest on this text. */
float app_scale(const struct app *app, size_t row)
{
    if (app->unit != SCORE_RAW || !app->reading)
        return app->unit != SCORE_RAW ? score_full(app->unit) : 1;
    float best = app_prompt_max(app, row);
    for (int b = 0; b < N_BRANCHES; b++) {
        float answer = tokens_act_max(&app->answers[b].tokens, row);
        best = answer > best ? answer : best;
    }
    return best > 0 ? best : 1;
}

int app_heat_step(const struct app *app, const struct tokens *tokens, int i, size_t row,
                  float scale)
{
    float act = tokens_act(tokens, i, row);
    if (!(act > 0))
        return 0;
    float step = STYLE_HEAT_STEPS * app->gain * app_score(app, row, act) / scale;
    return step >= STYLE_HEAT_STEPS ? STYLE_HEAT_STEPS : step > 2 ? (int)ceilf(step) : 0;
}

int app_heat(const struct app *app, const struct tokens *tokens, int i, size_t row, float scale)
{
    return (app_heat_step(app, tokens, i, row, scale) + 3) / 4;
}

int app_bar_level(const struct app *app, float score)
{
    float share = app->unit == SCORE_RAW ? 0 : score * app->gain / score_full(app->unit);
    return share > 0 ? min_int(STYLE_HEAT_LEVELS, (int)(share * STYLE_HEAT_LEVELS + 0.999f)) : 0;
}

const char *app_label(const struct app *app, size_t row)
{
    return app->dict && row < app->dict->labels.n ? app->dict->labels.rows[row].text : "";
}

int app_row_columns(const struct app *app)
{
    return app->set && app->set->n > 1 ? 8 : 6;
}

void app_row_name(char out[ROW_NAME_SIZE], const struct app *app, size_t row)
{
    struct buf name = {0};
    if (app->set)
        dict_set_row_name(&name, app->set, dict_set_ref(app->set, row));
    else
        buf_printf(&name, "%zu", row);
    snprintf(out, ROW_NAME_SIZE, "#%s", name.data);
    buf_clear(&name);
}

int app_pin_of(const struct app *app, size_t row)
{
    for (int i = 0; i < app->n_pins; i++)
        if (app->pins[i] == row)
            return i + 1;
    return 0;
}

bool app_is_pinned(const struct app *app, size_t row)
{
    return app_pin_of(app, row) > 0;
}

int app_slot_of(const struct app *app, size_t row)
{
    for (int i = 0; i < app->n_slots; i++)
        if (app->slots[i].row == row)
            return i;
    return -1;
}

unsigned app_screen_bit(const struct app *app)
{
    static const unsigned bits[N_SCREENS] = {ON_READ, ON_CONCEPTS, ON_STEER};
    assert(app->screen < N_SCREENS);
    return bits[app->screen];
}

bool app_is_busy(const struct app *app)
{
    return app->run != RUN_IDLE;
}

double app_wake_at(const struct app *app)
{
    double at = app->reread_at;
    if (app->detail_at > 0 && (at == 0 || app->detail_at < at))
        at = app->detail_at;
    return at;
}

bool app_offers(const struct app *app, enum action action)
{
    bool is_example = action == ACTION_EXAMPLE || action == ACTION_EXAMPLE_BACK;
    if (is_example && app->load == LOAD_READY && app->n_examples == 0)
        return false;
    unsigned screens = action_info(action)->screens;
    bool runs = action == ACTION_EDIT || action == ACTION_STEER || action == ACTION_RERUN;
    return !app->model.is_dump || (!runs && !is_example && screens != ON_STEER);
}

bool app_steers(const struct app *app)
{
    for (int i = 0; i < app->n_slots; i++) {
        const struct slot *s = &app->slots[i];
        if (s->is_on && (s->kind == INTERVENTION_PROJECT_OUT || s->kind == INTERVENTION_CLAMP ||
                         s->factor != 0))
            return true;
    }
    return false;
}

int app_bar_rows(const struct app *app, size_t *rows)
{
    int n = 0;
    if (app->has_selected && !app_is_pinned(app, app->selected))
        rows[n++] = app->selected;
    for (int i = 0; i < app->n_pins; i++)
        rows[n++] = app->pins[i];
    return n;
}
