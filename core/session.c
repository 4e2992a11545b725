#include "core/session_internal.h"
#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_cancelled(void *data)
{
    struct session *s = data;
    return s->progress && s->progress(s->progress_data, s->done, s->total);
}

/* --- life --- */

int session_new(struct session **out, const struct model *model, int hook_layer, int n_branches,
                struct err *err)
{
    *out = NULL;
    const struct model_config *c = &model->config;
    if (hook_layer < 0 || hook_layer >= c->n_layers)
        return err_set(err, ERR_LIMIT, "layer %d does not exist: %s has layers 0 to %d", hook_layer,
                       model->name, c->n_layers - 1);
    assert(n_branches >= 0 && n_branches <= SESSION_MAX_BRANCHES);
    struct session *s = mem_zalloc(1, sizeof *s);
    s->model = model;
    s->hook_layer = hook_layer;
    s->n_branches = n_branches;
    s->forward = forward_new(model);
    forward_set_ask(s->forward, is_cancelled, s);
    s->kv_dtype = DTYPE_F32;
    kv_cache_init(&s->lower, model, 0, hook_layer + 1, s->kv_dtype);
    s->line.own = &s->lower;
    for (int b = 0; b < n_branches; b++) {
        struct branch *branch = &s->branches[b];
        kv_cache_init(&branch->lower, model, 0, hook_layer + 1, s->kv_dtype);
        kv_cache_init(&branch->upper, model, hook_layer + 1, c->n_layers, s->kv_dtype);
        branch->lower_line = (struct timeline){&branch->lower, &s->lower};
        branch->upper_line = (struct timeline){&branch->upper, NULL};
    }
    *out = s;
    return ERR_OK;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    for (int b = 0; b < s->n_branches; b++) {
        struct branch *branch = &s->branches[b];
        steering_clear(&branch->steering);
        kv_cache_clear(&branch->lower);
        kv_cache_clear(&branch->upper);
        free(branch->answer);
        free(branch->resid);
        free(branch->changes);
        session_free_kept(branch);
    }
    kv_cache_clear(&s->lower);
    forward_free(s->forward);
    free(s->ids);
    free(s->resid);
    free(s->x);
    free(s->rows);
    free(s);
}

int session_reserve_resid(float **resid, size_t *cap, size_t n, size_t d_model, struct err *err)
{
    if (n <= *cap)
        return ERR_OK;
    size_t n_new = n > *cap + *cap / 2 ? n : *cap + *cap / 2, n_floats;
    float *larger =
        size_mul(&n_floats, n_new, d_model) ? mem_try_zalloc(n_floats, sizeof *larger) : NULL;
    if (!larger)
        return err_set(err, ERR_NOMEM, "no memory for the residuals of %zu positions", n_new);
    if (*resid)
        memcpy(larger, *resid, *cap * d_model * sizeof *larger);
    free(*resid);
    *resid = larger;
    *cap = n_new;
    return ERR_OK;
}

/* The room for a batch is made at the first use: a session that only reads labels has none. */
int session_reserve_batch(struct session *s, struct err *err)
{
    if (!s->rows)
        s->rows = mem_alloc(FORWARD_MAX_ROWS, sizeof *s->rows);
    if (!s->x)
        s->x = mem_try_alloc(FORWARD_MAX_ROWS * session_width(s), sizeof *s->x);
    if (!s->x)
        return err_set(err, ERR_NOMEM, "no memory for a batch of %d tokens", FORWARD_MAX_ROWS);
    return ERR_OK;
}

int session_reserve_branch(struct session *s, struct branch *b, struct err *err)
{
    int n_total = s->n_prompt + b->n_answer;
    int rc = kv_cache_reserve(&b->lower, n_total, err);
    if (rc == ERR_OK)
        rc = kv_cache_reserve(&b->upper, n_total, err);
    if (rc == ERR_OK)
        rc = session_reserve_resid(&b->resid, &b->cap_resid, (size_t)b->n_answer, session_width(s),
                                   err);
    return rc == ERR_OK ? session_reserve_kept(s, b, err) : rc;
}

void session_set_kv(struct session *s, enum dtype dtype)
{
    assert(!s->ids);
    s->kv_dtype = s->lower.dtype = dtype;
    for (int b = 0; b < s->n_branches; b++)
        s->branches[b].lower.dtype = s->branches[b].upper.dtype = dtype;
}

void session_rewind_upper(struct branch *b, int n)
{
    if (n < b->n_upper)
        b->n_upper = kv_cache_rewind(&b->upper, n);
}

/* --- progress --- */

void session_set_progress(struct session *s, session_progress_fn *fn, void *data)
{
    s->progress = fn;
    s->progress_data = data;
}

void session_start_progress(struct session *s, long total)
{
    s->done = 0;
    s->total = total;
}

/* What session_run is asked to do after each layer, beside counting. */
struct watch {
    struct session *session;
    int n; /* rows that entered; the last layer may keep fewer */
    forward_layer_fn *after;
    void *data;
};

static int watch_layer(void *data, int layer, const struct batch *batch, struct err *err)
{
    const struct watch *w = data;
    struct session *s = w->session;
    int rc = w->after ? w->after(w->data, layer, batch, err) : ERR_OK;
    s->done += w->n;
    if (rc == ERR_OK && is_cancelled(s))
        return err_set(err, ERR_CANCELLED, "cancelled");
    return rc;
}

int session_run(struct session *s, struct batch *batch, int l0, int l1, forward_layer_fn *after,
                void *data, struct err *err)
{
    struct watch watch = {s, batch->n, after, data};
    return forward_layers(s->forward, batch, l0, l1, watch_layer, &watch, err);
}

int session_chunk(int n)
{
    int n_chunks = (n + FORWARD_MAX_ROWS - 1) / FORWARD_MAX_ROWS;
    int n_equal = (n + n_chunks - 1) / n_chunks;
    int n_whole = (n_equal + 15) / 16 * 16; /* as products like it */
    return n_whole < n ? n_whole : n;
}

/* --- the prompt --- */

static int check_ids(const struct session *s, const int *ids, int n_ids, struct err *err)
{
    const struct model_config *c = &s->model->config;
    if (n_ids > c->n_ctx) {
        err_set(err, ERR_LIMIT, "the text has %d tokens, %s reads at most %d", n_ids,
                s->model->name, c->n_ctx);
        err_hint(err, "Shorten the text.");
        return ERR_LIMIT;
    }
    for (int i = 0; i < n_ids; i++)
        if (ids[i] < 0 || ids[i] >= c->n_vocab)
            return err_set(err, ERR_LIMIT, "token id %d at position %d: %s has ids 0 to %d", ids[i],
                           i, s->model->name, c->n_vocab - 1);
    return ERR_OK;
}

static void restart_branch(struct session *s, struct branch *branch, int n_common)
{
    branch->n_answer = 0;
    branch->n_lower = 0;
    session_rewind_upper(branch, n_common);
    kv_cache_restart(&branch->lower, s->n_prompt);
    session_forget_changes(s, branch, n_common);
}

int session_set_prompt(struct session *s, const int *ids, int n_ids, struct err *err)
{
    assert(n_ids >= 0);
    int rc = check_ids(s, ids, n_ids, err);
    if (rc == ERR_OK)
        rc = kv_cache_reserve(&s->lower, n_ids, err);
    if (rc == ERR_OK)
        rc = session_reserve_resid(&s->resid, &s->cap_resid, (size_t)n_ids, session_width(s), err);
    if (rc != ERR_OK)
        return rc;
    int n_common = 0;
    while (n_common < n_ids && n_common < s->n_prompt && s->ids[n_common] == ids[n_common])
        n_common++;
    s->n_read = kv_cache_rewind(&s->lower, min_int(s->n_read, n_common));
    s->ids = mem_realloc(s->ids, (size_t)n_ids + 1, sizeof *s->ids);
    memcpy(s->ids, ids, (size_t)n_ids * sizeof *ids);
    s->n_prompt = n_ids;
    for (int b = 0; b < s->n_branches; b++)
        restart_branch(s, &s->branches[b], n_common);
    return ERR_OK;
}

int session_n_prompt(const struct session *s)
{
    return s->n_prompt;
}

const float *session_resid(const struct session *s)
{
    return s->resid;
}

int session_n_computed(const struct session *s)
{
    return s->n_computed;
}

/* --- branches --- */

struct branch *session_branch(struct session *s, int branch)
{
    assert(branch >= 0 && branch < s->n_branches);
    return &s->branches[branch];
}

const struct branch *session_see_branch(const struct session *s, int branch)
{
    assert(branch >= 0 && branch < s->n_branches);
    return &s->branches[branch];
}

void session_truncate(struct session *s, int branch, int n_answer)
{
    struct branch *b = session_branch(s, branch);
    assert(n_answer >= 0 && n_answer <= b->n_answer);
    b->n_answer = n_answer;
    if (n_answer < b->n_lower)
        b->n_lower = kv_cache_rewind(&b->lower, s->n_prompt + n_answer) - s->n_prompt;
    session_rewind_upper(b, s->n_prompt + n_answer);
}

int session_append(struct session *s, int branch, int id, struct err *err)
{
    const struct model_config *c = &s->model->config;
    struct branch *b = session_branch(s, branch);
    if (id < 0 || id >= c->n_vocab)
        return err_set(err, ERR_LIMIT, "token id %d: %s has ids 0 to %d", id, s->model->name,
                       c->n_vocab - 1);
    if (s->n_prompt + b->n_answer >= c->n_ctx)
        return err_set(err, ERR_LIMIT, "prompt and answer have %d tokens, all that %s reads",
                       s->n_prompt + b->n_answer, s->model->name);
    b->answer = mem_grow(b->answer, &b->cap_answer, (size_t)b->n_answer + 1, sizeof *b->answer);
    b->answer[b->n_answer++] = id;
    return ERR_OK;
}

int session_n_answer(const struct session *s, int branch)
{
    return session_see_branch(s, branch)->n_answer;
}

const int *session_answer(const struct session *s, int branch)
{
    return session_see_branch(s, branch)->answer;
}
