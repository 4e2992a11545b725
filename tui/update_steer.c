#include "tui/update_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct slot *slot_of(struct app *app)
{
    return app->slot >= 0 && app->slot < app->n_slots ? &app->slots[app->slot] : NULL;
}

void update_rack_add(struct app *app, size_t row, struct cmds *out)
{
    int at = app_slot_of(app, row);
    if (!update_has_weights(app))
        return;
    if (at < 0 && app->n_slots == MAX_SLOTS) {
        update_notice(app, "the rack holds %d concepts; X removes one", MAX_SLOTS);
        return;
    }
    /* an untouched rack only demonstrates: the user's first choice replaces it */
    if (app->is_rack_auto && at < 0)
        app->n_slots = 0;
    app->is_rack_auto = false;
    if (at < 0) {
        at = app->n_slots++;
        app->slots[at] = (struct slot){INTERVENTION_ADD, row, FACTOR_FIRST, true};
    }
    app->slot = at;
    update_go(app, SCREEN_STEER);
    update_run(app, out, true);
}

void update_factor(struct app *app, float factor, struct cmds *out)
{
    struct slot *s = slot_of(app);
    if (!s)
        return;
    factor = factor > FACTOR_MAX ? FACTOR_MAX : factor < -FACTOR_MAX ? -FACTOR_MAX : factor;
    factor = roundf(factor * 1000) / 1000; /* steps of 0.05 do not drift; no -0 */
    factor = factor == 0 ? 0 : factor;
    app->is_rack_auto = false;
    if (s->factor == factor)
        return;
    s->factor = factor;
    update_run(app, out, true);
}

static void nudge(struct app *app, float by, struct cmds *out)
{
    struct slot *s = slot_of(app);
    if (s)
        update_factor(app, s->factor + by, out);
}

static void toggle(struct app *app, struct cmds *out)
{
    struct slot *s = slot_of(app);
    if (!s)
        return;
    s->is_on = !s->is_on;
    app->is_rack_auto = false;
    update_run(app, out, true);
}

static void next_kind(struct app *app, struct cmds *out)
{
    struct slot *s = slot_of(app);
    if (!s)
        return;
    s->kind = (enum intervention_kind)((s->kind + 1) % (INTERVENTION_PROJECT_OUT + 1));
    app->is_rack_auto = false;
    update_run(app, out, true);
}

static void remove_slot(struct app *app, struct cmds *out)
{
    const struct slot *s = slot_of(app);
    char name[ROW_NAME_SIZE];
    if (!s)
        return;
    app_row_name(name, app, s->row);
    update_notice(app, "removed %s %+.2f; a, then S adds it again", name, (double)s->factor);
    memmove(app->slots + app->slot, app->slots + app->slot + 1,
            (size_t)(app->n_slots - app->slot - 1) * sizeof *app->slots);
    app->n_slots--;
    app->is_rack_auto = false;
    update_run(app, out, true);
}

static void move(struct app *app, long by)
{
    long at = app->slot + by;
    at = at >= app->n_slots ? app->n_slots - 1 : at;
    app->slot = at > 0 ? (int)at : 0;
    if (app->n_slots > 0) /* the slot's concept tints the answers */
        update_choose(app, app->slots[app->slot].row);
}

static void next_temperature(struct app *app, struct cmds *out)
{
    float t = app->sampler.temperature;
    app->sampler.temperature = t == 0 ? 0.7f : t < 0.9f ? 1.0f : 0;
    update_run(app, out, true);
}

static void reseed(struct app *app, struct cmds *out)
{
    app->sampler.seed++;
    if (app->sampler.temperature == 0)
        update_notice(app, "greedy answers have no seed; T sets a temperature");
    else
        update_run(app, out, true);
}

static void begin_value(struct app *app)
{
    if (!slot_of(app))
        return;
    line_edit_clear(&app->value);
    app->mode = MODE_VALUE;
}

void update_value_key(struct app *app, int key, struct cmds *out)
{
    if (key == KEY_ESCAPE || key == key_ctrl('C')) {
        app->mode = MODE_NORMAL;
        return;
    }
    if (key != KEY_RETURN) {
        line_edit_key(&app->value, key);
        return;
    }
    const char *text = line_edit_text(&app->value);
    char *end;
    float factor = strtof(text, &end);
    app->mode = MODE_NORMAL;
    if (*text == '\0')
        return;
    if (*end != '\0' || !(factor >= -FACTOR_MAX && factor <= FACTOR_MAX))
        update_notice(app, "\"%s\" is no number from -2 to 2; nothing was changed", text);
    else
        update_factor(app, factor, out);
}

static bool slider_action(struct app *app, enum action action, struct cmds *out)
{
    struct slot *s = slot_of(app);
    switch (action) {
    case ACTION_WEAKER:
        nudge(app, -FACTOR_STEP, out);
        return true;
    case ACTION_STRONGER:
        nudge(app, FACTOR_STEP, out);
        return true;
    case ACTION_MINUS:
        nudge(app, -2 * FACTOR_STEP, out);
        return true;
    case ACTION_PLUS:
        nudge(app, 2 * FACTOR_STEP, out);
        return true;
    case ACTION_MUCH_WEAKER:
        nudge(app, -10 * FACTOR_STEP, out);
        return true;
    case ACTION_MUCH_STRONGER:
        nudge(app, 10 * FACTOR_STEP, out);
        return true;
    case ACTION_ZERO:
        update_factor(app, 0, out);
        return true;
    case ACTION_FLIP:
        update_factor(app, s ? -s->factor : 0, out);
        return true;
    case ACTION_VALUE:
        begin_value(app);
        return true;
    default:
        return false;
    }
}

static void keep(struct app *app)
{
    if (!slot_of(app))
        return;
    update_notice(app, app->is_rack_auto ? "the slot stays when the text changes"
                                         : "the slots stay already; X removes one");
    app->is_rack_auto = false;
}

static void add_slot(struct app *app)
{
    if (!update_has_weights(app))
        return;
    update_go(app, SCREEN_CONCEPTS);
    update_notice(app, "S puts the selected concept into the rack; / filters");
}

static bool acts_on_slot(enum action action)
{
    return action == ACTION_KIND || action == ACTION_TOGGLE || action == ACTION_REMOVE ||
           action == ACTION_KEEP || (action >= ACTION_WEAKER && action <= ACTION_VALUE);
}

bool update_steer_action(struct app *app, enum action action, struct cmds *out)
{
    if (app->n_slots == 0 && acts_on_slot(action)) {
        update_notice(app, "the rack is empty: a chooses a concept for it");
        return true;
    }
    if (slider_action(app, action, out))
        return true;
    switch (action) {
    case ACTION_UP:
    case ACTION_DOWN:
        move(app, action == ACTION_UP ? -1 : 1);
        return true;
    case ACTION_FIRST:
    case ACTION_PAGE_UP:
        move(app, -MAX_SLOTS);
        return true;
    case ACTION_LAST:
    case ACTION_PAGE_DOWN:
        move(app, MAX_SLOTS);
        return true;
    case ACTION_KIND:
        next_kind(app, out);
        return true;
    case ACTION_TOGGLE:
        toggle(app, out);
        return true;
    case ACTION_REMOVE:
        remove_slot(app, out);
        return true;
    case ACTION_KEEP:
        keep(app);
        return true;
    case ACTION_ADD:
        add_slot(app);
        return true;
    case ACTION_EDIT_STEER:
        update_edit_begin(app);
        return true;
    case ACTION_RESEED:
        reseed(app, out);
        return true;
    case ACTION_TEMPERATURE:
        next_temperature(app, out);
        return true;
    default:
        return update_text_action(app, action, out);
    }
}
