#include "tui/job.h"

#include "core/latents.h"
#include "core/matmul.h"
#include "data/file.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)256 << 20)

int job_text(struct buf *out, const struct args *args, struct err *err)
{
    if (strcmp(args->text, "-") != 0) {
        buf_str(out, args->text);
        return ERR_OK;
    }
    int rc = file_read(out, "-", MAX_TEXT_BYTES, err);
    if (rc == ERR_OK && out->len > 0 && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
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

int job_check_row(const struct dictionary *dict, size_t row, struct err *err)
{
    if (row < dict->n_concepts)
        return ERR_OK;
    err_set(err, ERR_LIMIT, "row %zu is out of range: the dictionary %s has %zu rows", row,
            dict->name, dict->n_concepts);
    err_hint(err, "Use a row from 0 to %zu; axscope search lists them.", dict->n_concepts - 1);
    return ERR_LIMIT;
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
    if (rc == ERR_OK)
        rc = prompt_from_text(&job->prompt, &job->scope, args->form, buf_cstr(&text), text.len,
                              args->answer, err);
    buf_clear(&text);
    return rc;
}

static int add_edit(struct steering *steering, const struct dictionary *dict,
                    const struct steer_flag *flag, struct err *err)
{
    float strength = flag->value;
    int rc = job_check_row(dict, flag->row, err);
    if (rc == ERR_OK && flag->is_factor)
        rc = steering_strength(&strength, dict, flag->row, flag->value, err);
    if (rc != ERR_OK)
        return rc;
    struct intervention what = {steering_kind_for(dict, flag->kind), flag->row, strength};
    return steering_add(steering, dict, what, err);
}

static int make_steering(struct job *job, const struct args *args, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; i < args->n_edits && rc == ERR_OK; i++)
        rc = add_edit(&job->steering, job->scope.dict, &args->edits[i], err);
    job->steering.at = args->steer_at;
    job->steering.from = args->steer_from;
    job->steering.n_spared = job->prompt.n_spared;
    return rc;
}

void job_warn(const struct scope *scope)
{
    char *warning = scope_warning(scope);
    if (warning)
        fprintf(stderr, "axscope: warning: %s\n", warning);
    free(warning);
}

static int open_all(struct job *job, const struct args *args, int need, int n_branches,
                    struct err *err)
{
    int rc = scope_open(&job->scope, &args->scope, need, err);
    if (rc == ERR_OK)
        rc = make_prompt(job, args, err);
    if (rc == ERR_OK)
        job_warn(&job->scope);
    if (rc == ERR_OK)
        rc = make_steering(job, args, err);
    if (rc == ERR_OK)
        rc = session_new(&job->session, job->scope.model, job->scope.hook_layer, n_branches, err);
    if (rc == ERR_OK)
        session_set_progress(job->session, progress_step, &job->progress);
    if (rc == ERR_OK)
        rc = session_set_prompt(job->session, job->prompt.ids.ids, (int)job->prompt.ids.n, err);
    return rc;
}

static int open_dump(struct job *job, const struct args *args, int need, struct err *err)
{
    need = (need & ~SCOPE_MODEL) | SCOPE_DICT | SCOPE_TOKENIZER_IF_ANY;
    int rc = scope_open(&job->scope, &args->scope, need, err);
    if (rc == ERR_OK)
        rc = dump_file_open(&job->dump, args->dump, err);
    if (rc == ERR_OK)
        prompt_from_dump(&job->prompt, &job->scope, job->dump);
    return rc;
}

int job_open(struct job *job, const struct args *args, int need, int n_branches, struct err *err)
{
    *job = (struct job){0};
    progress_start(&job->progress, "reading");
    matmul_set_threads(args->threads);
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

void job_close(struct job *job)
{
    progress_end(&job->progress);
    session_free(job->session);
    dump_file_close(job->dump);
    steering_clear(&job->steering);
    prompt_clear(&job->prompt);
    scope_close(&job->scope);
    *job = (struct job){0};
}

int job_latents(float **acts, struct job *job, bool is_signed, struct err *err)
{
    const struct dictionary *dict = job->scope.dict;
    size_t n_tokens = job->prompt.ids.n, n = 0;
    int rc = session_read(job->session, err);
    if (rc != ERR_OK)
        return rc;
    if (!size_mul(&n, n_tokens, dict->n_concepts) || !(*acts = mem_try_alloc(n, sizeof **acts)))
        return err_set(err, ERR_NOMEM, "no memory for the latents of %zu tokens x %zu concepts",
                       n_tokens, dict->n_concepts);
    rc = latents_encode(*acts, dict, session_resid(job->session), n_tokens, dict->d_model,
                        is_signed, err);
    if (rc != ERR_OK) {
        free(*acts);
        *acts = NULL;
    }
    return rc;
}
