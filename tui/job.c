#include "tui/job.h"

#include "core/pool.h"
#include "data/file.h"
#include "data/text.h"
#include "tui/dict_read.h"
#include "tui/interrupt.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)256 << 20)

void job_note(const char *fmt, ...)
{
    va_list args;
    fputs("axscope: note: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* The tokenizer reads such a byte as U+FFFD, which is never what was meant. */
static void note_invalid(const char *name, const char *text, size_t len)
{
    size_t at = utf8_invalid_at(text, len);
    if (at < len)
        job_note("%s is not UTF-8 from byte %zu on; such bytes are read as U+FFFD", name, at);
}

int job_text(struct buf *out, const struct args *args, struct err *err)
{
    bool is_stdin = strcmp(args->text, "-") == 0;
    int rc = ERR_OK;
    if (is_stdin)
        rc = file_read(out, "-", MAX_TEXT_BYTES, err);
    else
        buf_str(out, args->text);
    if (is_stdin && rc == ERR_OK && out->len > 0 && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
    if (rc == ERR_OK)
        note_invalid(is_stdin ? "standard input" : "the text", buf_cstr(out), out->len);
    return rc;
}

int job_conversation(struct conversation *out, const struct args *args, struct err *err)
{
    *out = (struct conversation){0};
    int rc = messages_read(&out->messages, args->messages, err);
    if (rc != ERR_OK)
        return rc;
    size_t n = out->messages.n;
    if (args->answer && out->messages.items[n - 1].is_model) {
        rc = err_set(err, ERR_FORMAT, "%s ends with the assistant's message, and --answer is one",
                     args->messages);
        err_hint(err, "Leave --answer out, or let the list end with a user message.");
        conversation_clear(out);
        return rc;
    }
    out->turns = mem_alloc(n + 1, sizeof *out->turns);
    for (size_t i = 0; i < n; i++) {
        const struct message *m = &out->messages.items[i];
        char name[32];
        snprintf(name, sizeof name, "message %zu", i + 1);
        note_invalid(name, m->text, m->len);
        out->turns[i] = (struct chat_turn){m->is_model ? CHAT_MODEL : CHAT_USER, m->text, m->len};
    }
    out->n = n;
    if (args->answer)
        out->turns[out->n++] = (struct chat_turn){CHAT_MODEL, args->answer, strlen(args->answer)};
    return ERR_OK;
}

void conversation_clear(struct conversation *c)
{
    messages_clear(&c->messages);
    free(c->turns);
    *c = (struct conversation){0};
}

static int make_conversation_prompt(struct job *job, const struct args *args, struct err *err)
{
    struct conversation c;
    int rc = job_conversation(&c, args, err);
    if (rc != ERR_OK)
        return rc;
    rc = prompt_from_turns(&job->prompt, &job->scope, c.turns, c.n, err);
    conversation_clear(&c);
    return rc;
}

static int make_prompt(struct job *job, const struct args *args, struct err *err)
{
    if (args->messages)
        return make_conversation_prompt(job, args, err);
    if (args->form == PROMPT_IDS)
        return prompt_from_ids(&job->prompt, &job->scope, args->ids, args->n_ids, err);
    struct buf text = {0};
    int rc = job_text(&text, args, err);
    if (rc == ERR_OK && args->form != PROMPT_RAW && text_is_blank(buf_cstr(&text), text.len))
        rc = args_refuse_blank(args, "standard input", err);
    if (rc == ERR_OK)
        rc = prompt_from_text(&job->prompt, &job->scope, args->form, buf_cstr(&text), text.len,
                              args->answer, err);
    buf_clear(&text);
    return rc;
}

static int add_edit(struct steering *steering, const struct dict_set *set,
                    const struct steer_flag *flag, struct err *err)
{
    float strength = flag->value;
    size_t in_all;
    int rc = dict_set_row(&in_all, set, flag->ref, err);
    if (rc != ERR_OK)
        return rc;
    const struct dictionary *dict = set->dicts[flag->ref.dict];
    if (flag->is_factor)
        rc = steering_strength(&strength, dict, flag->ref.row, flag->value, err);
    if (rc != ERR_OK)
        return rc;
    struct intervention what = {steering_kind_for(dict, flag->kind), flag->ref.row, strength};
    return steering_add(steering, dict, what, err);
}

static int make_steering(struct job *job, const struct args *args, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; i < args->n_edits && rc == ERR_OK; i++)
        rc = add_edit(&job->steering, &job->set, &args->edits[i], err);
    job->steering.at = args->steer_at;
    job->steering.from = args->steer_from;
    job->steering.n_spared = job->prompt.n_spared;
    return rc;
}

void job_note_unsteered(const struct job *job, const int *layers, size_t n, bool has_logits)
{
    int lowest = steering_next_layer(&job->steering, 0);
    bool above = has_logits, below = false;
    for (size_t i = 0; i < n; i++) {
        above |= layers[i] > lowest;
        below |= layers[i] <= lowest;
    }
    if (lowest < 0)
        return;
    if (job->steering.at == STEER_GENERATED)
        job_note("the steering flags change nothing here: no token is generated");
    else if (!above)
        job_note("the steering flags change nothing here: what is read up to layer %d lies before "
                 "the edit",
                 lowest);
    else if (below)
        job_note("steering changes what is read above layer %d; the rest is as without it", lowest);
}

/* Prints scope_warning, if there is one. */
static void warn(const struct scope *scope)
{
    char *warning = scope_warning(scope);
    if (warning)
        fprintf(stderr, "axscope: warning: %s\n", warning);
    free(warning);
}

int job_open_dicts(struct dict_set *set, const struct scope *scope, const struct args *args,
                   struct err *err)
{
    int rc = dict_set_open(set, scope->dict, args->more_dicts, args->n_more_dicts, err);
    if (rc != ERR_OK)
        return rc;
    rc = dict_set_fit(set, scope, scope->model ? scope->model->path : NULL, err);
    if (rc != ERR_OK) {
        dict_set_close(set);
        return rc;
    }
    for (size_t d = 1; d < set->n; d++) {
        struct scope pair = dict_set_scope(set, scope, d);
        warn(&pair);
    }
    set->all.calibration = dict_set_calibration(set);
    return ERR_OK;
}

static int open_session(struct job *job, int n_branches, struct err *err)
{
    const struct prompt *prompt = &job->prompt;
    int hook = job->scope.dict ? dict_set_lowest_layer(&job->set) : job->scope.hook_layer;
    job->steered = n_branches - 1;
    int rc = session_new(&job->session, job->scope.model, hook, n_branches, err);
    if (rc != ERR_OK)
        return rc;
    session_set_kv(job->session, job->scope.kv);
    session_set_progress(job->session, progress_step, &job->progress);
    rc = session_set_prompt(job->session, prompt->ids.ids, (int)prompt->ids.n, err);
    return rc == ERR_OK ? session_set_steering(job->session, job->steered, &job->steering, err)
                        : rc;
}

static bool open_step(void *progress, long done, long total)
{
    return progress_step(progress, done, total) || interrupt_came();
}

int job_open_scope(struct scope *out, const struct args *args, int need, struct err *err)
{
    struct progress progress;
    struct interrupt interrupt;
    struct scope_options options = args->scope;
    options.progress = open_step;
    options.progress_data = &progress;
    pool_set_threads(args->threads);
    progress_start(&progress, "quantising the weights");
    if (options.caches_weights)
        interrupt_catch(&interrupt);
    int rc = scope_open(out, &options, need, err);
    if (options.caches_weights)
        interrupt_release(&interrupt);
    progress_end(&progress);
    if (rc != ERR_OK)
        return rc;
    warn(out);
    if (out->model && out->model->notice)
        job_note("%s", out->model->notice);
    return ERR_OK;
}

static int open_all(struct job *job, const struct args *args, int need, int n_branches,
                    struct err *err)
{
    int rc = job_open_scope(&job->scope, args, need, err);
    if (rc == ERR_OK)
        progress_start(&job->progress, "reading");
    if (rc == ERR_OK)
        rc = make_prompt(job, args, err);
    if (rc == ERR_OK && job->scope.dict)
        rc = job_open_dicts(&job->set, &job->scope, args, err);
    if (rc == ERR_OK)
        rc = make_steering(job, args, err);
    return rc == ERR_OK ? open_session(job, n_branches, err) : rc;
}

static int open_dump(struct job *job, const struct args *args, int need, struct err *err)
{
    need = (need & ~SCOPE_MODEL) | SCOPE_DICT | SCOPE_TOKENIZER_IF_ANY;
    int rc = scope_open(&job->scope, &args->scope, need, err);
    progress_start(&job->progress, "reading");
    if (rc == ERR_OK)
        rc = dump_file_open(&job->dump, args->dump, err);
    if (rc == ERR_OK)
        prompt_from_dump(&job->prompt, &job->scope, job->dump);
    return rc == ERR_OK ? job_open_dicts(&job->set, &job->scope, args, err) : rc;
}

int job_open(struct job *job, const struct args *args, int need, int n_branches, struct err *err)
{
    *job = (struct job){0};
    pool_set_threads(args->threads);
    need |= SCOPE_MODEL | (args->n_edits > 0 ? SCOPE_DICT : SCOPE_DICT_IF_ANY);
    int rc =
        args->dump ? open_dump(job, args, need, err) : open_all(job, args, need, n_branches, err);
    if (rc != ERR_OK)
        job_close(job);
    return rc;
}

void job_quiet(struct job *job)
{
    progress_end(&job->progress);
    if (job->session)
        session_set_progress(job->session, NULL, NULL);
}

static void forget_resid(struct job *job)
{
    dict_resid_free(job->resid, &job->set);
    job->resid = NULL;
}

void job_close(struct job *job)
{
    progress_end(&job->progress);
    session_free(job->session);
    dump_file_close(job->dump);
    steering_clear(&job->steering);
    forget_resid(job);
    dict_set_close(&job->set);
    prompt_clear(&job->prompt);
    scope_close(&job->scope);
    *job = (struct job){0};
}

/* --- reading --- */

/* Fills job->resid: what each dictionary reads at every prompt position, [n_prompt, d_model], the
 * residual of its own layer before the edits there and after those of the layers below. */
static int read_resid(struct job *job, struct err *err)
{
    if (job->resid)
        return ERR_OK;
    job->resid = mem_zalloc(job->set.n, sizeof *job->resid);
    int rc = job->dump ? dict_read_dump(job->resid, &job->set, job->dump, err)
                       : dict_read_session(job->resid, &job->set, job->session, job->steered, err);
    if (rc != ERR_OK)
        forget_resid(job);
    return rc;
}

int job_latents(float **acts, struct job *job, size_t d, bool is_signed, struct err *err)
{
    int rc = read_resid(job, err);
    return rc == ERR_OK ? dict_encode(acts, job->set.dicts[d], job->resid[d], job->prompt.ids.n,
                                      is_signed, err)
                        : rc;
}

int job_take_acts(struct lazy_acts **acts, struct job *job, const bool *counted, bool is_signed,
                  struct err *err)
{
    int rc = read_resid(job, err);
    if (rc != ERR_OK)
        return rc;
    float **resid = job->resid;
    job->resid = NULL;
    return lazy_acts_new(acts, &job->set, resid, job->prompt.ids.n, counted, is_signed, NULL, NULL,
                         err);
}
