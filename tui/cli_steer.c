/* axscope steer: the steered answer beside the baseline, as two branches in lockstep. */
#include "core/generate.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"

#include <stdlib.h>
#include <string.h>

enum { BASELINE, STEERED, N_BRANCHES };

struct comparison {
    const struct args *args;
    struct job *job;
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    float *first[N_BRANCHES]; /* [n_vocab] owned: logits of the first generated token */
    double kl_first;          /* nats */
    int max_tokens;
};

static bool note_token(void *data, int branch, int index, int id, const float *logits)
{
    struct comparison *c = data;
    (void)id;
    if (index == 0) {
        memcpy(c->first[branch], logits,
               (size_t)c->job->scope.model->config.n_vocab * sizeof *logits);
        /* from here on the line tells tokens, not layers */
        session_set_progress(c->job->session, NULL, NULL);
        c->job->progress.what = "generating";
    }
    progress_step(&c->job->progress, index, c->max_tokens);
    return true;
}

static int compare(struct comparison *c, const struct args *args, struct err *err)
{
    struct job *job = c->job;
    const struct model *model = job->scope.model;
    if (job->prompt.ids.n >= (size_t)model->config.n_ctx) {
        err_set(err, ERR_LIMIT,
                "the text has %zu tokens and %s takes at most %d: no room to answer",
                job->prompt.ids.n, model->name, model->config.n_ctx);
        err_hint(err, "Shorten the text.");
        return ERR_LIMIT;
    }
    for (int b = 0; b < N_BRANCHES; b++)
        c->first[b] = mem_zalloc((size_t)model->config.n_vocab, sizeof(float));
    struct sampler sampler = {args->temperature, args->top_k, args->top_p, args->seed};
    int rc = generate(c->stop, job->session, model, 1u << BASELINE | 1u << STEERED, &sampler,
                      args->max_tokens, note_token, c, err);
    if (rc == ERR_OK)
        c->kl_first = logits_kl(c->first[STEERED], c->first[BASELINE], model->config.n_vocab);
    return rc;
}

static void answer_text(struct buf *out, const struct comparison *c, int branch)
{
    const int *ids = session_answer(c->job->session, branch);
    int n = session_n_answer(c->job->session, branch);
    for (int i = 0; i < n; i++)
        scope_token_text(out, &c->job->scope, ids[i]);
}

static const char *stop_name(enum generate_stop stop)
{
    return stop == GENERATE_EOS ? "eos" : "length";
}

static void json_answer(struct json_writer *w, const char *key, const struct comparison *c,
                        int branch)
{
    const struct session *session = c->job->session;
    struct buf text = {0};
    answer_text(&text, c, branch);
    jw_key(w, key);
    jw_object(w);
    json_ids(w, "ids", session_answer(session, branch), (size_t)session_n_answer(session, branch));
    jw_key(w, "text"), jw_string_len(w, buf_cstr(&text), text.len);
    jw_key(w, "stop"), jw_string(w, stop_name(c->stop[branch]));
    jw_object_end(w);
    buf_clear(&text);
}

static const struct label *label_of(const struct comparison *c, struct concept_ref ref)
{
    return &c->job->set.dicts[ref.dict]->labels.rows[ref.row];
}

static float norm_ratio(const struct comparison *c, int layer)
{
    return session_norm_ratio(c->job->session, STEERED, layer);
}

static void json_edits(struct json_writer *w, const struct comparison *c)
{
    jw_key(w, "edits");
    jw_array(w);
    for (size_t i = 0; i < c->job->steering.n; i++) {
        const struct steering_edit *edit = &c->job->steering.edits[i];
        struct concept_ref ref = c->args->edits[i].ref;
        jw_object(w);
        jw_key(w, "kind"), jw_string(w, intervention_name(edit->what.kind));
        jw_key(w, "layer"), jw_int(w, edit->layer);
        json_row(w, &c->job->set, ref);
        json_label(w, c->job->set.dicts[ref.dict], ref.row);
        jw_key(w, "strength");
        if (edit->what.kind == INTERVENTION_PROJECT_OUT)
            jw_null(w);
        else
            jw_float(w, edit->what.strength);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void json_effect(struct json_writer *w, const struct comparison *c)
{
    const struct steering *steering = &c->job->steering;
    int lowest = steering_next_layer(steering, 0);
    jw_key(w, "effect");
    jw_object(w);
    jw_key(w, "kl_first"), jw_double(w, c->kl_first);
    jw_key(w, "norm_ratio"), jw_float(w, lowest < 0 ? 0 : norm_ratio(c, lowest));
    jw_key(w, "layers");
    jw_array(w);
    for (int l = lowest; l >= 0; l = steering_next_layer(steering, l + 1)) {
        jw_object(w);
        jw_key(w, "layer"), jw_int(w, l);
        jw_key(w, "norm_ratio"), jw_float(w, norm_ratio(c, l));
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

static void print_json(const struct comparison *c)
{
    const struct prompt *prompt = &c->job->prompt;
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    json_ids(&w, "prompt_ids", prompt->ids.ids, prompt->ids.n);
    json_answer(&w, "baseline", c, BASELINE);
    json_answer(&w, "steered", c, STEERED);
    json_edits(&w, c);
    json_effect(&w, c);
    jw_object_end(&w);
    putchar('\n');
}

static void print_edit(const struct paint *p, const struct comparison *c, size_t i)
{
    const struct intervention *what = &c->job->steering.edits[i].what;
    struct concept_ref ref = c->args->edits[i].ref;
    struct buf name = {0};
    dict_set_row_name(&name, &c->job->set, ref);
    printf("  %-11s ", intervention_name(what->kind));
    if (what->kind != INTERVENTION_PROJECT_OUT)
        printf("%10.4g ", what->strength);
    else
        printf("%10s ", "");
    printf("%7s  ", name.data);
    paint_text(p, label_of(c, ref)->text, label_of(c, ref)->text_len);
    putchar('\n');
    buf_clear(&name);
}

/* In the order in which they are applied. */
static void print_edits(const struct paint *p, const struct comparison *c)
{
    const struct steering *steering = &c->job->steering;
    for (int l = steering_next_layer(steering, 0); l >= 0;
         l = steering_next_layer(steering, l + 1)) {
        printf("Edits at layer %d, edit / residual %.4g\n", l, norm_ratio(c, l));
        for (size_t i = 0; i < steering->n; i++)
            if (steering->edits[i].layer == l)
                print_edit(p, c, i);
    }
}

static const char *ending(const struct comparison *c, int branch)
{
    if (c->stop[branch] == GENERATE_EOS)
        return "ended";
    return session_n_answer(c->job->session, branch) < c->max_tokens
               ? "cut at the end of the model's context"
               : "cut at the length asked for";
}

static void print_answer(const struct paint *p, const char *title, const struct comparison *c,
                         int branch)
{
    struct buf text = {0};
    answer_text(&text, c, branch);
    int n = session_n_answer(c->job->session, branch);
    paint_bold(p, true);
    fputs(title, stdout);
    paint_bold(p, false);
    printf("  (%d tokens, %s)\n", n, ending(c, branch));
    const char *line = buf_cstr(&text), *end = line + text.len;
    while (line <= end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        fputs("  ", stdout);
        paint_text(p, line, (size_t)(stop - line));
        putchar('\n');
        line = stop + 1;
    }
    putchar('\n');
    buf_clear(&text);
}

static void print_text(const struct comparison *c)
{
    const struct job *job = c->job;
    struct paint p;
    paint_init(&p, stdout);
    print_answer(&p, "Baseline", c, BASELINE);
    print_answer(&p, "Steered", c, STEERED);
    if (job->steering.n == 0) {
        puts("No steering flag was given: both are the same. Try --set ROW=FACTOR.");
        return;
    }
    print_edits(&p, c);
    printf("Effect: KL of the first token %.4g nats\n", c->kl_first);
}

int cli_steer(const struct args *args, struct err *err)
{
    struct job job;
    int rc = job_open(&job, args, 0, N_BRANCHES, err);
    if (rc != ERR_OK)
        return rc;
    struct comparison c = {.args = args, .job = &job, .max_tokens = args->max_tokens};
    rc = compare(&c, args, err);
    job_quiet(&job);
    if (rc == ERR_OK) {
        if (args->json)
            print_json(&c);
        else
            print_text(&c);
    }
    for (int b = 0; b < N_BRANCHES; b++)
        free(c.first[b]);
    job_close(&job);
    return rc;
}
