#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/views.h"

#include "data/text.h"

#include <stdio.h>
#include <string.h>

void view_tabs(struct grid *g, struct rect r, const struct app *app)
{
    int x = 0;
    for (int i = 0; i < N_SCREENS; i++) {
        bool active = (int)app->screen == i;
        x += grid_printf(g, r, 0, x, active ? STYLE_TAB_ACTIVE : STYLE_TAB,
                         active ? "[%s]" : " %s ", SCREEN_NAMES[i]);
    }
    char text[256] = "";
    const char *dict = app->dict ? app->dict->name : "no dictionary";
    if (app->model.name)
        snprintf(text, sizeof text, "%s  %s  L%d  ? help", app->model.name, dict,
                 app->model.hook_layer);
    else
        snprintf(text, sizeof text, "%s  ? help", app->dict ? dict : "");
    int room = r.width - x - 2, width = text_width(text, strlen(text));
    const char *from = text;
    if (width > room && app->model.name) { /* the names give way to the screens */
        snprintf(text, sizeof text, "%s  ? help", app->model.name);
        width = text_width(text, strlen(text));
    }
    if (width > room)
        from = "? help";
    width = text_width(from, strlen(from));
    if (width <= room)
        grid_str(g, r, 0, r.width - width - 1, STYLE_DIM, from);
}

/* First key of an action as it is shown. */
static int key_text(const char *keys, char out[16])
{
    size_t n = strcspn(keys, " ");
    snprintf(out, 16, "%.*s", (int)n, keys);
    return (int)n;
}

static const char *hint_of_mode(const struct app *app)
{
    switch (app->mode) {
    case MODE_EDIT:
        if (app->load == LOAD_READY && !app->model.has_tokenizer)
            return "Token ids such as 2,17,5   Enter run   Ctrl-U empty   Esc back";
        return app->replaces_prompt
                   ? "Typing replaces the example, arrows edit it   Enter run   Esc back"
                   : "Enter run   Ctrl-U empty   Ctrl-J new line   Up older prompts   Esc back";
    case MODE_FILTER:
        return app->is_fuzzy
                   ? "Enter keep   Esc clear   Up Down move   Ctrl-R regular expression"
                   : "Enter keep   Esc clear   Up Down move   Ctrl-R fuzzy   lower case: any";
    case MODE_VALUE:
        return "Enter set   Esc cancel   from -2 to 2";
    case MODE_HELP:
        return "j k Space scroll   Esc close";
    case MODE_PAGE:
        return app_offers(app, ACTION_STEER)
                   ? "Esc back   j k other concept   PgDn more   S steer   Space pin"
                   : "Esc back   j k other concept   PgDn more   Space pin";
    case MODE_NORMAL:
        break;
    }
    return NULL;
}

/* Is there anything that the action could change now? */
static bool is_useful(const struct app *app, enum action action)
{
    bool needs_slot = action >= ACTION_WEAKER && action <= ACTION_KEEP;
    return app_offers(app, action) && (!needs_slot || app->n_slots > 0);
}

void view_hints(struct grid *g, struct rect r, const struct app *app)
{
    const char *text = hint_of_mode(app);
    if (text) {
        grid_fit(g, r, 0, 1, r.width - 1, STYLE_DIM, 0, text, strlen(text));
        return;
    }
    int x = 1;
    for (int a = ACTION_NONE + 1; a < N_ACTIONS; a++) {
        const struct action_info *info = action_info((enum action)a);
        if (!info->hint[0] || !(info->screens & app_screen_bit(app)) ||
            !is_useful(app, (enum action)a))
            continue;
        char key[16];
        int width = key_text(info->keys, key) + 1 + (int)strlen(info->hint);
        if (x + width > r.width)
            break;
        x += grid_str(g, r, 0, x, STYLE_ACCENT, key) + 1;
        x += grid_str(g, r, 0, x, STYLE_DIM, info->hint) + 2;
    }
}

static void progress_text(const struct app *app, char *out, size_t size)
{
    double seconds = app->seconds - app->run_started;
    double rate = seconds > 0.05 ? app->n_run_pieces / seconds : 0;
    switch (app->run) {
    case RUN_READING:
        if (app->total > 0)
            snprintf(out, size, "reading %ld%%", 100 * app->done / app->total);
        else
            snprintf(out, size, "reading");
        break;
    case RUN_ANSWERING:
        if (rate > 0)
            snprintf(out, size, "answering  %d tokens  %.0f/s", app->n_run_pieces, rate);
        else
            snprintf(out, size, "answering");
        break;
    case RUN_STOPPING:
        snprintf(out, size, "stopping");
        break;
    case RUN_IDLE:
        out[0] = '\0';
    }
}

static void load_text(const struct app *app, char *out, size_t size)
{
    switch (app->load) {
    case LOAD_DICTIONARY:
        snprintf(out, size, "opening the dictionary");
        break;
    case LOAD_MODEL:
        if (app->total > 0)
            snprintf(out, size, "quantising the weights %ld%%; labels and search work already",
                     100 * app->done / app->total);
        else
            snprintf(out, size, "loading the model; labels and search work already");
        break;
    case LOAD_FAILED:
        snprintf(out, size, "no model");
        break;
    case LOAD_READY:
        snprintf(out, size, "ready");
    }
}

/* In plain words, what the numbers on this screen mean. */
static const char *legend_of(const struct app *app)
{
    if (!app->dict)
        return "";
    if (app->screen == SCREEN_STEER)
        return "KL: how far the first token's odds moved, 0: not";
    switch (app->unit) {
    case SCORE_MARGIN:
        return "margin 0: just present, 1: as strong as known";
    case SCORE_Z:
        return "z: spreads above the mean on neutral text";
    case SCORE_SHARE:
        return "share 1: as strong as known";
    case SCORE_RAW:
        return "raw: the activation itself";
    case N_SCORE_UNITS:
        break;
    }
    return "";
}

void view_status(struct grid *g, struct rect r, const struct app *app)
{
    char text[128];
    int x = 1;
    progress_text(app, text, sizeof text);
    bool busy = text[0] != '\0';
    if (!busy)
        load_text(app, text, sizeof text);
    x += grid_str(g, r, 0, x, app->load == LOAD_FAILED ? STYLE_WARNING : STYLE_GOOD, text) + 2;
    const char *right = busy ? "Esc stop  ? help  q quit" : "? help  q quit";
    int at = r.width - (int)strlen(right) - 1;
    if (at > x)
        grid_str(g, r, 0, at, STYLE_DIM, right);
    int room = (at > x ? at : r.width) - x - 1;
    if (app->notice[0])
        grid_fit(g, r, 0, x, room, STYLE_TEXT, 0, app->notice, strlen(app->notice));
    else if (!busy && app->load == LOAD_READY && (int)strlen(legend_of(app)) <= room)
        grid_str(g, r, 0, x, STYLE_DIM, legend_of(app));
}

static int wrap_line(struct grid *g, struct rect r, int y, enum style style, const char *text)
{
    while (*text && y < r.height) {
        size_t cut = text_wrap(text, r.width - 2);
        grid_text(g, r, y++, 1, style, 0, text, cut);
        text += cut;
        text += strspn(text, " ");
    }
    return y;
}

void view_error(struct grid *g, struct rect r, const struct app *app)
{
    struct rect box = r;
    int rows = (text_width(app->err.message, strlen(app->err.message)) +
                text_width(app->err.hint, strlen(app->err.hint))) /
                   (r.width > 4 ? r.width - 4 : 1) +
               6;
    box = rect_take_bottom(&box, rows);
    for (int y = 0; y < box.height; y++)
        grid_repeat(g, box, y, 0, box.width, STYLE_TEXT, " ");
    view_rule(g, box, STYLE_ERROR);
    int y = wrap_line(g, box, 1, STYLE_ERROR, app->err.message);
    if (app->err.hint[0])
        y = wrap_line(g, box, y, STYLE_TEXT, app->err.hint);
    wrap_line(g, box, y, STYLE_DIM, "Enter or Esc closes this; any other key does so and acts.");
}
