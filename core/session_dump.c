/* The whole prompt under a branch's steering, with residuals and logits handed out. Runs beside
 * the session's own caches, which know the residual at the hook layer only. */
#include "core/session_internal.h"
#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

struct dump {
    struct session *s;
    const struct steering *steering; /* or NULL */
    const int *layers;               /* [n_layers] wanted */
    int n_layers;
    float **resid;
    float *logits; /* or NULL */
    bool all_logits;
    int end_layer; /* layers before this one have to run */
    struct kv_cache cache;
    struct timeline line;
};

/* Hands out what leaves a layer, then edits it. */
static int after_layer(void *data, int layer, const struct batch *batch, struct err *err)
{
    const struct dump *d = data;
    const struct session *s = d->s;
    const size_t d_model = session_width(s);
    for (int i = 0; i < d->n_layers; i++)
        if (d->layers[i] == layer)
            memcpy(d->resid[i] + (size_t)batch->rows[0].pos * d_model, batch->x,
                   (size_t)batch->n * d_model * sizeof(float));
    for (int t = 0; t < batch->n && d->steering; t++)
        steering_apply(batch->x + (size_t)t * d_model, d->steering, layer, batch->rows[t].pos,
                       s->n_prompt);
    return forward_check(s->model, batch->x, batch->rows, batch->n, layer, err);
}

static int run_logits(struct dump *d, const struct batch *batch, struct err *err)
{
    const size_t d_model = session_width(d->s);
    const size_t n_vocab = (size_t)d->s->model->config.n_vocab;
    const struct row *first = batch->rows, *last = batch->rows + batch->n - 1;
    if (!d->logits)
        return ERR_OK;
    if (d->all_logits)
        return forward_logits(d->s->forward, d->logits + (size_t)first->pos * n_vocab, batch->x,
                              first, batch->n, err);
    if (last->pos < d->s->n_prompt - 1)
        return ERR_OK;
    return forward_logits(d->s->forward, d->logits, batch->x + (size_t)(batch->n - 1) * d_model,
                          last, 1, err);
}

/* n rows from position `start` on, through all layers that have to run. */
static int run_chunk(struct dump *d, float *x, struct row *rows, int start, int n, struct err *err)
{
    struct session *s = d->s;
    struct batch batch = {.x = x, .rows = rows, .n = n};
    for (int t = 0; t < n; t++)
        rows[t] = (struct row){&d->line, start + t};
    forward_embed(x, s->model, s->ids + start, n);
    int rc = session_run(s, &batch, 0, d->end_layer, after_layer, d, err);
    return rc == ERR_OK ? run_logits(d, &batch, err) : rc;
}

static int run(struct dump *d, struct err *err)
{
    struct session *s = d->s;
    float *x = mem_try_alloc(FORWARD_MAX_ROWS * session_width(s), sizeof *x);
    if (!x)
        return err_set(err, ERR_NOMEM, "no memory for a batch of %d tokens", FORWARD_MAX_ROWS);
    struct row *rows = mem_alloc(FORWARD_MAX_ROWS, sizeof *rows);
    int rc = kv_cache_reserve(&d->cache, s->n_prompt, err);
    session_start_progress(s, (long)s->n_prompt * d->end_layer);
    for (int start = 0, n; start < s->n_prompt && rc == ERR_OK; start += n) {
        n = session_chunk(s->n_prompt - start);
        rc = run_chunk(d, x, rows, start, n, err);
    }
    free(rows);
    free(x);
    return rc;
}

int session_dump(struct session *s, int branch, const int *layers, int n_layers, float **resid,
                 float *logits, bool all_logits, struct err *err)
{
    struct dump d = {
        .s = s,
        .steering = branch < 0 ? NULL : &s->branches[branch].steering,
        .layers = layers,
        .n_layers = n_layers,
        .resid = resid,
        .logits = logits,
        .all_logits = all_logits,
    };
    if (s->n_prompt == 0)
        return err_set(err, ERR_LIMIT, "an empty prompt has nothing to hand out");
    for (int i = 0; i < n_layers; i++) {
        if (layers[i] < 0 || layers[i] >= s->model->config.n_layers)
            return err_set(err, ERR_LIMIT, "layer %d does not exist: %s has layers 0 to %d",
                           layers[i], s->model->name, s->model->config.n_layers - 1);
        if (layers[i] >= d.end_layer)
            d.end_layer = layers[i] + 1;
    }
    if (logits)
        d.end_layer = s->model->config.n_layers;
    kv_cache_init(&d.cache, s->model, 0, d.end_layer, s->kv_dtype);
    d.line.own = &d.cache;
    int rc = run(&d, err);
    kv_cache_clear(&d.cache);
    return rc;
}
