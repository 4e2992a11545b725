/* What the worker says: files that are open, a reading, the pieces of answers. */
#include "core/generate.h"
#include "tui/update_internal.h"

#include <assert.h>

#define DEFAULT_PROMPT "She sat on the bank of the river while the bank raised its rates."
#define DEFAULT_IDS "2,5,11" /* for a model without a tokenizer */

void update_opened(struct app *app, struct event *e, struct cmds *out)
{
    app->set = e->opened.set;
    app->dict = e->opened.dict;
    if (app->dict)
        app->unit = score_unit_of(app->dict);
    app->examples = e->opened.examples;
    app->n_examples = e->opened.n_examples;
    e->opened.examples = NULL;
    e->opened.n_examples = 0;
    if (app->n_examples > 0 && app->prompt.text.len == 0 && app->mode != MODE_EDIT) {
        line_edit_set(&app->prompt, app->examples[0].text);
        app->is_example = true;
    }
    app->load = LOAD_MODEL;
    update_order(app);
    if (app->filter.text.len > 0)
        update_filter_changed(app, out);
}

/* The calibration is there: z may be the better unit, unless the user has chosen one already. */
static void take_calibrated(struct app *app, const struct dictionary *dict)
{
    if (app->unit == score_unit_of(app->dict))
        app->unit = score_unit_of(dict);
    app->dict = dict;
}

void update_model(struct app *app, struct event *e, struct cmds *out)
{
    if (app->dict && e->model.dict)
        take_calibrated(app, e->model.dict);
    app->model = e->model;
    e->model = (struct model_info){0};
    app->load = LOAD_READY;
    app->has_asked = false; /* details gain the lens */
    detail_free(app->detail);
    app->detail = NULL;
    if (app->model.is_dump) { /* it has one text, and it is there */
        app->wants_answer = false;
        update_run(app, out, false);
        return;
    }
    app->wants_answer = app->mode != MODE_EDIT;
    if (app->model.warning)
        update_notice(app, "%s", app->model.warning);
    else if (!app->model.has_tokenizer)
        update_notice(app, "no tokenizer: i types token ids, such as " DEFAULT_IDS);
    if (app->prompt.text.len == 0 && app->mode != MODE_EDIT)
        line_edit_set(&app->prompt, app->model.has_tokenizer ? DEFAULT_PROMPT : DEFAULT_IDS);
    update_run(app, out, false);
}

static struct answer *answer_of(struct app *app, const struct event *e)
{
    assert(e->branch >= 0 && e->branch < N_BRANCHES);
    return &app->answers[e->branch];
}

static void answer_begin(struct app *app, const struct event *e)
{
    struct answer *a = answer_of(app, e);
    tokens_clear(&a->tokens);
    tokens_init(&a->tokens, app->dict ? app->dict->n_concepts : 0);
    a->state = ANSWER_RUNNING;
    a->is_stale = false;
    app->run = app->run == RUN_STOPPING ? RUN_STOPPING : RUN_ANSWERING;
    app->run_started = app->seconds;
    app->n_run_pieces = 0;
    app->has_effect = false;
}

static void piece(struct app *app, const struct event *e)
{
    struct answer *a = answer_of(app, e);
    tokens_add(&a->tokens, e->piece.id, e->piece.text, (size_t)e->piece.text_len, e->piece.special,
               true);
    a->state = ANSWER_RUNNING;
    app->n_run_pieces++;
}

static void acts(struct app *app, const struct event *e)
{
    struct answer *a = answer_of(app, e);
    if (a->tokens.n_read < a->tokens.n && e->acts.n == a->tokens.n_concepts)
        tokens_add_acts(&a->tokens, e->acts.acts);
}

static void done(struct app *app, const struct event *e)
{
    if (e->job == JOB_OPEN) {
        app->load = LOAD_FAILED;
        app->err = e->err;
        if (app->dict) /* labels can be browsed all the same */
            update_go(app, SCREEN_CONCEPTS);
        return;
    }
    app->run = RUN_IDLE;
    if (e->err.code != ERR_OK)
        app->wants_answer = false;
    for (int b = 0; b < N_BRANCHES; b++)
        if (app->answers[b].state == ANSWER_RUNNING)
            app->answers[b].state = ANSWER_STOPPED;
    if (e->err.code == ERR_CANCELLED)
        update_notice(app, "stopped");
    else if (e->err.code != ERR_OK)
        app->err = e->err;
}

bool update_is_of_a_run(enum event_kind kind)
{
    return kind == EVENT_READING || kind == EVENT_PROGRESS || kind == EVENT_ANSWER_BEGIN ||
           kind == EVENT_PIECE || kind == EVENT_ACTS || kind == EVENT_ANSWER_END ||
           kind == EVENT_EFFECT || kind == EVENT_DONE;
}

static void of_the_run(struct app *app, struct event *e, struct cmds *out)
{
    switch (e->kind) {
    case EVENT_READING:
        update_reading(app, e, out);
        break;
    case EVENT_PROGRESS:
        app->done = e->done;
        app->total = e->total;
        break;
    case EVENT_ANSWER_BEGIN:
        answer_begin(app, e);
        break;
    case EVENT_PIECE:
        piece(app, e);
        break;
    case EVENT_ACTS:
        acts(app, e);
        break;
    case EVENT_ANSWER_END:
        answer_of(app, e)->state = e->stop == GENERATE_EOS ? ANSWER_EOS : ANSWER_LENGTH;
        break;
    case EVENT_EFFECT:
        app->has_effect = true;
        app->kl = e->kl;
        app->norm_ratio = e->norm_ratio;
        break;
    default:
        done(app, e);
    }
}

void update_run_event(struct app *app, struct event *e, struct cmds *out)
{
    if (e->job == app->last_job || (e->kind == EVENT_DONE && e->job == JOB_OPEN))
        of_the_run(app, e, out);
}

void update_detail(struct app *app, struct event *e)
{
    detail_free(app->detail);
    app->detail = e->detail;
    e->detail = NULL;
}
