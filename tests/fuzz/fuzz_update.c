/* Random events: whatever is pressed, pasted, clicked or reported in whatever order, the state
 * stays sound and every frame draws. The first byte of each step picks the kind of event. */
#include "tui/update.h"
#include "tui/views.h"

#include "core/generate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { N_ROWS = 6, MAX_STEPS = 400 };

struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned take(struct input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

static const struct dictionary *dictionary(void)
{
    static float act_max[N_ROWS] = {1, 0, 5, 10, 0.5f, 2},
                 threshold[N_ROWS] = {0, 0, 5, 1, 0.1f, 3};
    static struct label rows[N_ROWS];
    static char name[] = "fuzz";
    static struct dictionary dict;
    for (int i = 0; i < N_ROWS; i++)
        rows[i] = (struct label){.id = i, .text = "label \xc3\xa9\x1b", .text_len = 9, .ref = ""};
    dict = (struct dictionary){.path = name,
                               .name = name,
                               .n_concepts = N_ROWS,
                               .d_model = 4,
                               .labels = {.rows = rows, .n = N_ROWS},
                               .act_max = act_max,
                               .threshold = threshold};
    return &dict;
}

static struct reading *reading(struct input *in)
{
    struct reading *r = mem_zalloc(1, sizeof *r);
    int n = 1 + (int)(take(in) % 20);
    bool counted[32];
    tokens_init(&r->tokens, N_ROWS);
    for (int t = 0; t < n; t++) {
        char text[3] = {(char)take(in), (char)take(in), 0};
        counted[t] = take(in) % 3 > 0;
        tokens_add(&r->tokens, t, text, 2, !counted[t], counted[t]);
        float acts[N_ROWS] = {0};
        acts[take(in) % N_ROWS] = (float)(take(in) % 16);
        tokens_add_acts(&r->tokens, acts);
    }
    reading_set_max(r);
    r->top = mem_alloc(N_ROWS, sizeof *r->top);
    r->n_top = rank_prompt(r->top, N_ROWS, dictionary(), score_unit_of(dictionary()),
                           r->tokens.acts, counted, (size_t)n);
    return r;
}

static struct concept_matches matches(struct input *in)
{
    struct concept_matches m = {0};
    m.rows = mem_zalloc(N_ROWS, sizeof *m.rows);
    m.spans = mem_zalloc(N_ROWS, sizeof *m.spans);
    for (size_t row = 0; row < N_ROWS; row++)
        if (take(in) % 2) {
            m.spans[m.n_spans] = (struct span){2, 8};
            m.rows[m.n++] = (struct concept_match){row, m.n_spans++, 1, (int)take(in)};
        }
    return m;
}

static struct detail *detail(struct input *in)
{
    struct detail *d = mem_zalloc(1, sizeof *d);
    d->row = take(in) % N_ROWS;
    d->n_lens = (int)(take(in) % (DETAIL_ROWS + 1));
    for (int i = 0; i < d->n_lens; i++) {
        d->top[i] = mem_strdup("up");
        d->bottom[i] = mem_strdup("\xff");
    }
    return d;
}

static int key(struct input *in)
{
    unsigned k = take(in);
    return k < 128 ? (int)k : k < 160 ? KEY_SPECIAL + (int)(k % 13) : KEY_ALT + (int)(k % 128);
}

static void fill_run_event(struct event *e, struct input *in, const struct app *app)
{
    e->job = app->last_job - take(in) % 2; /* sometimes an older one */
    e->branch = (int)(take(in) % N_BRANCHES);
    switch (e->kind) {
    case EVENT_READING:
        e->reading = take(in) % 4 ? reading(in) : NULL;
        break;
    case EVENT_PIECE:
        e->piece.text_len = 2;
        e->piece.text[0] = (char)take(in);
        e->piece.text[1] = (char)take(in);
        e->piece.id = (int)take(in);
        break;
    case EVENT_ACTS:
        e->acts.n = N_ROWS;
        e->acts.acts = mem_zalloc(N_ROWS, sizeof *e->acts.acts);
        break;
    case EVENT_ANSWER_END:
        e->stop = (int)(1 + take(in) % 2);
        break;
    case EVENT_PROGRESS:
        e->done = take(in);
        e->total = take(in);
        break;
    case EVENT_DONE:
        e->err.code = take(in) % 2 ? ERR_OK : ERR_CANCELLED;
        if (take(in) % 8 == 0)
            err_set(&e->err, ERR_NOMEM, "no memory");
        break;
    default:
        break;
    }
}

static struct model_info model_info(void)
{
    return (struct model_info){.name = mem_strdup("model"), .has_tokenizer = true};
}

static struct event next_event(struct input *in, const struct app *app, double seconds)
{
    struct event e = {.kind = (enum event_kind)(take(in) % (EVENT_DONE + 1)), .seconds = seconds};
    switch (e.kind) {
    case EVENT_KEY:
        e.key = key(in);
        break;
    case EVENT_MOUSE:
        e.mouse = (enum mouse_kind)(take(in) % 4);
        e.y = (int)take(in) % 60;
        e.x = (int)take(in);
        break;
    case EVENT_PASTE:
        e.text_len = 3;
        e.text = mem_strdup("a\n\xff");
        break;
    case EVENT_RESIZE:
        e.height = 1 + (int)take(in) % 60;
        e.width = 1 + (int)take(in);
        break;
    case EVENT_MATCHES:
        if (take(in) % 3)
            e.matches = matches(in);
        else
            err_set(&e.err, ERR_ARG, "bad pattern");
        break;
    case EVENT_DETAIL:
        e.detail = detail(in);
        break;
    case EVENT_OPENED: /* once, after whatever was pressed before */
        e.opened.dict = dictionary();
        e.kind = app->dict ? EVENT_TICK : EVENT_OPENED;
        break;
    case EVENT_MODEL:
        if (app->model.name)
            e.kind = EVENT_TICK;
        else
            e.model = model_info();
        break;
    default:
        fill_run_event(&e, in, app);
    }
    return e;
}

static void send(struct app *app, struct event e)
{
    struct cmds commands = {0};
    app_update(app, &e, &commands);
    event_clear(&e);
}

static void open_files(struct app *app, struct input *in)
{
    struct event opened = {.kind = EVENT_OPENED}, model = {.kind = EVENT_MODEL};
    opened.opened.dict = take(in) % 8 ? dictionary() : NULL;
    send(app, opened);
    model.model = model_info();
    send(app, model);
}

static void check(const struct app *app)
{
    bool sound =
        (app->n_slots == 0 || app->slot < app->n_slots) &&
        (!app->reading || app->cursor < app->reading->tokens.n) &&
        (app->concept_list.n == 0 || app->concept_list.selected < app->concept_list.n) &&
        (app->read_list.n == 0 || app->entries[app->read_list.selected].row == app->selected);
    if (!sound)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct app app;
    app_init(&app, 24, 80);
    if (take(&in) % 4)
        open_files(&app, &in);
    for (int i = 0; i < MAX_STEPS && in.size > 0; i++) {
        struct grid grid;
        send(&app, next_event(&in, &app, 1 + i * 0.07));
        check(&app);
        if (i % 8 && in.size > 0)
            continue;
        grid_init(&grid, app.height, app.width);
        view_frame(&grid, &app);
        grid_clear(&grid);
    }
    app_clear(&app);
    return 0;
}
