#include "core/forward.h"

#include "core/attention.h"
#include "core/kernels.h"
#include "core/matmul.h"
#include "core/parts.h"
#include "core/pool.h"
#include "data/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(FORWARD_MAX_ROWS <= KV_MARGIN, "a batch must find its window in the cache");

struct forward {
    const struct model *model;
    int cap;                         /* rows there is room for */
    float *y;                        /* [cap, d_model] what enters a product */
    float *q, *mixed;                /* [cap, n_heads * d_head] queries; what attention returns */
    float *k, *v;                    /* [cap, n_kv_heads * d_head] */
    float *gate, *up;                /* [cap, d_ff] */
    float *out;                      /* [cap, d_model] what leaves attention or feed-forward */
    float *cosines, *sines;          /* [cap, d_head / 2] rotary table of the rows */
    float rope_theta;                /* base the table was made for; 0: none yet */
    struct attention_query *queries; /* [cap] */
    struct steps steps;
};

struct forward *forward_new(const struct model *model)
{
    struct forward *f = mem_zalloc(1, sizeof *f);
    f->model = model;
    f->steps.cost = FORWARD_STEP_COST;
    return f;
}

/* The scratch memory: where each block is kept, and its floats for each row. */
#define N_SCRATCH_BLOCKS 10
struct scratch_block {
    float **block;
    size_t width;
};

static void list_scratch(struct scratch_block out[N_SCRATCH_BLOCKS], struct forward *f,
                         const struct model *model)
{
    const struct model_config *c = &model->config;
    const size_t d_model = (size_t)c->d_model, d_ff = (size_t)c->d_ff;
    const size_t d_q = (size_t)c->n_heads * (size_t)c->d_head;
    const size_t d_kv = (size_t)c->n_kv_heads * (size_t)c->d_head;
    const struct scratch_block blocks[N_SCRATCH_BLOCKS] = {
        {&f->y, d_model},
        {&f->q, d_q},
        {&f->mixed, d_q},
        {&f->k, d_kv},
        {&f->v, d_kv},
        {&f->gate, d_ff},
        {&f->up, d_ff},
        {&f->out, d_model},
        {&f->cosines, (size_t)c->d_head / 2},
        {&f->sines, (size_t)c->d_head / 2},
    };
    memcpy(out, blocks, sizeof blocks);
}

size_t forward_row_bytes(const struct model *model)
{
    struct forward none;
    struct scratch_block blocks[N_SCRATCH_BLOCKS];
    size_t n_floats = 0;
    list_scratch(blocks, &none, model);
    for (size_t i = 0; i < N_SCRATCH_BLOCKS; i++)
        n_floats += blocks[i].width;
    return n_floats * sizeof(float);
}

static void free_scratch(struct forward *f)
{
    struct scratch_block blocks[N_SCRATCH_BLOCKS];
    list_scratch(blocks, f, f->model);
    for (size_t i = 0; i < N_SCRATCH_BLOCKS; i++) {
        free(*blocks[i].block);
        *blocks[i].block = NULL;
    }
    free(f->queries);
    f->queries = NULL;
    f->cap = 0;
}

void forward_free(struct forward *f)
{
    if (!f)
        return;
    free_scratch(f);
    free(f);
}

static int reserve(struct forward *f, int n, struct err *err)
{
    assert(n <= FORWARD_MAX_ROWS);
    if (n <= f->cap)
        return ERR_OK;
    struct scratch_block blocks[N_SCRATCH_BLOCKS];
    list_scratch(blocks, f, f->model);
    free_scratch(f);
    for (size_t i = 0; i < N_SCRATCH_BLOCKS; i++) {
        *blocks[i].block = mem_try_alloc((size_t)n * blocks[i].width, sizeof(float));
        if (!*blocks[i].block) {
            free_scratch(f);
            return err_set(err, ERR_NOMEM, "no memory to run %d tokens at once (%zu MB)", n,
                           (size_t)n * forward_row_bytes(f->model) >> 20);
        }
    }
    f->queries = mem_alloc((size_t)n, sizeof *f->queries);
    f->cap = n;
    return ERR_OK;
}

void forward_set_ask(struct forward *f, steps_ask_fn *ask, void *data)
{
    f->steps.ask = ask;
    f->steps.data = data;
}

void forward_set_step(struct forward *f, double cost)
{
    f->steps.cost = cost;
}

/* y [n, out] = x [n, in] Wᵀ */
static int product(struct forward *f, float *y, const float *x, const struct matrix *w, int n,
                   struct err *err)
{
    const double row_cost = (double)w->n_rows * (double)w->n_cols;
    int rc = ERR_OK;
    for (int t = 0, n_step; t < n && rc == ERR_OK; t += n_step) {
        rc = steps_next(&n_step, &f->steps, n - t, row_cost, err);
        if (rc == ERR_OK)
            matmul(y + (size_t)t * w->n_rows, x + (size_t)t * w->n_cols, w, (size_t)n_step);
    }
    return rc;
}

/* --- input --- */

void forward_embed(float *x, const struct model *model, const int *ids, int n)
{
    const size_t d_model = (size_t)model->config.d_model;
    for (int t = 0; t < n; t++) {
        assert(ids[t] >= 0 && ids[t] < model->config.n_vocab);
        matrix_row(x + (size_t)t * d_model, &model->embed, (size_t)ids[t]);
        rescale(x + (size_t)t * d_model, sqrtf((float)d_model), d_model);
    }
}

/* --- long loops over numbers, shared out in pieces --- */

#define PIECE 8192
#define EXP_COST 12 /* an exponential takes as long as so many multiplications */

struct pieces {
    float *x;
    const float *up;
    float cap;
    size_t n;
};

static void gelu_piece(void *data, size_t i)
{
    const struct pieces *p = data;
    size_t at = i * PIECE;
    gelu_tanh_mul(p->x + at, p->x + at, p->up + at, size_min(PIECE, p->n - at));
}

static void softcap_piece(void *data, size_t i)
{
    const struct pieces *p = data;
    size_t at = i * PIECE;
    softcap(p->x + at, p->cap, size_min(PIECE, p->n - at));
}

/* gate = gelu(gate) * up */
static void gelu_all(float *gate, const float *up, size_t n)
{
    struct pieces p = {gate, up, 0, n};
    pool_run(gelu_piece, &p, n_parts(n, PIECE), (double)n * EXP_COST);
}

static void softcap_all(float *x, float cap, size_t n)
{
    struct pieces p = {x, NULL, cap, n};
    if (cap != 0)
        pool_run(softcap_piece, &p, n_parts(n, PIECE), (double)n * EXP_COST);
}

/* --- parts of a layer; all over the rows of a batch --- */

static void norm_rows(float *y, const float *x, const float *w, int n, const struct model_config *c)
{
    const size_t d_model = (size_t)c->d_model;
    for (size_t t = 0; t < (size_t)n; t++)
        rms_norm(y + t * d_model, x + t * d_model, w, d_model, c->rms_eps);
}

/* x += rms_norm(out): Gemma 2 normalises what it adds. */
static void add_normed(float *x, float *out, const float *w, int n, const struct model_config *c)
{
    norm_rows(out, out, w, n, c);
    axpy(x, 1.0f, out, (size_t)n * (size_t)c->d_model);
}

static void prepare_rope(struct forward *f, const struct batch *b, float theta)
{
    const size_t d_head = (size_t)f->model->config.d_head;
    for (size_t t = 0; t < (size_t)b->n; t++)
        rope_table(f->cosines + t * d_head / 2, f->sines + t * d_head / 2, b->rows[t].pos, d_head,
                   theta);
    f->rope_theta = theta;
}

static void rope_rows(float *x, const struct forward *f, int n, int n_heads)
{
    const size_t d_head = (size_t)f->model->config.d_head;
    for (size_t t = 0; t < (size_t)n; t++)
        for (size_t h = 0; h < (size_t)n_heads; h++)
            rope_rotate(x + (t * (size_t)n_heads + h) * d_head, f->cosines + t * d_head / 2,
                        f->sines + t * d_head / 2, d_head);
}

/* y = what enters attention; keys and values of every row go to the caches. */
static int store_keys_values(struct forward *f, const struct batch *b, int l, struct err *err)
{
    const struct model_config *c = &f->model->config;
    const struct layer *layer = &f->model->layers[l];
    const size_t n = (size_t)b->n, width = (size_t)c->n_kv_heads * (size_t)c->d_head;
    norm_rows(f->y, b->x, layer->norm_attn_in, b->n, c);
    int rc = product(f, f->k, f->y, &layer->wk, b->n, err);
    if (rc == ERR_OK)
        rc = product(f, f->v, f->y, &layer->wv, b->n, err);
    if (rc != ERR_OK)
        return rc;
    rope_rows(f->k, f, b->n, c->n_kv_heads);
    for (size_t t = 0; t < n; t++)
        kv_cache_put(b->rows[t].timeline->own, l, b->rows[t].pos, f->k + t * width,
                     f->v + t * width);
    return ERR_OK;
}

static int attend(struct forward *f, const struct batch *b, int l, struct err *err)
{
    const struct model_config *c = &f->model->config;
    const struct attention_config config = {
        c->n_heads,     c->n_kv_heads,   c->d_head, f->model->layers[l].config.window,
        c->query_scale, c->attn_softcap,
    };
    const size_t width = (size_t)c->n_heads * (size_t)c->d_head;
    double row_cost = 0; /* of the row that sees the most */
    for (size_t t = 0; t < (size_t)b->n; t++) {
        const struct timeline *line = b->rows[t].timeline;
        f->queries[t] = (struct attention_query){
            .q = f->q + t * width,
            .out = f->mixed + t * width,
            .pos = b->rows[t].pos,
            .spans[1] = kv_cache_span(line->own, l, b->rows[t].pos + 1),
        };
        if (line->prefix)
            f->queries[t].spans[0] = kv_cache_span(line->prefix, l, line->own->first_pos);
        row_cost = fmax(row_cost, attention_cost(&config, b->rows[t].pos));
    }
    int rc = ERR_OK;
    for (int t = 0, n_step; t < b->n && rc == ERR_OK; t += n_step) {
        rc = steps_next(&n_step, &f->steps, b->n - t, row_cost, err);
        if (rc == ERR_OK)
            attention(&config, f->queries + t, (size_t)n_step);
    }
    return rc;
}

static int attention_block(struct forward *f, const struct batch *b, int l, struct err *err)
{
    const struct layer *layer = &f->model->layers[l];
    int rc = product(f, f->q, f->y, &layer->wq, b->n, err);
    if (rc != ERR_OK)
        return rc;
    rope_rows(f->q, f, b->n, f->model->config.n_heads);
    rc = attend(f, b, l, err);
    if (rc == ERR_OK)
        rc = product(f, f->out, f->mixed, &layer->wo, b->n, err);
    if (rc == ERR_OK)
        add_normed(b->x, f->out, layer->norm_attn_out, b->n, &f->model->config);
    return rc;
}

static int feed_forward_block(struct forward *f, const struct batch *b, int l, struct err *err)
{
    const struct model_config *c = &f->model->config;
    const struct layer *layer = &f->model->layers[l];
    norm_rows(f->y, b->x, layer->norm_ffw_in, b->n, c);
    int rc = product(f, f->gate, f->y, &layer->w_gate, b->n, err);
    if (rc == ERR_OK)
        rc = product(f, f->up, f->y, &layer->w_up, b->n, err);
    if (rc != ERR_OK)
        return rc;
    gelu_all(f->gate, f->up, (size_t)b->n * (size_t)c->d_ff);
    rc = product(f, f->out, f->gate, &layer->w_down, b->n, err);
    if (rc == ERR_OK)
        add_normed(b->x, f->out, layer->norm_ffw_out, b->n, c);
    return rc;
}

/* Drops the rows that nobody needs, with all that the rest of the layer reads of them. */
static void keep_rows(struct forward *f, struct batch *b)
{
    const size_t d_model = (size_t)f->model->config.d_model;
    const size_t half = (size_t)f->model->config.d_head / 2;
    size_t kept = 0;
    for (size_t t = 0; t < (size_t)b->n; t++) {
        if (!b->keep[t])
            continue;
        memmove(b->x + kept * d_model, b->x + t * d_model, d_model * sizeof(float));
        memmove(f->y + kept * d_model, f->y + t * d_model, d_model * sizeof(float));
        memmove(f->cosines + kept * half, f->cosines + t * half, half * sizeof(float));
        memmove(f->sines + kept * half, f->sines + t * half, half * sizeof(float));
        b->rows[kept++] = b->rows[t];
    }
    b->n = (int)kept;
}

int forward_check(const struct model *model, const float *x, const struct row *rows, int n,
                  int layer, struct err *err)
{
    const size_t d_model = (size_t)model->config.d_model;
    for (size_t t = 0; t < (size_t)n; t++) {
        if (isfinite(dot(x + t * d_model, x + t * d_model, d_model)))
            continue;
        err_set(err, ERR_FORMAT, "layer %d, position %d: the residual is not a finite number",
                layer, rows[t].pos);
        err_hint(err, "A steering strength is too large, or the weights are damaged.");
        return ERR_FORMAT;
    }
    return ERR_OK;
}

int forward_layers(struct forward *f, struct batch *batch, int l0, int l1, forward_layer_fn *after,
                   void *data, struct err *err)
{
    int rc = reserve(f, batch->n, err);
    f->rope_theta = 0; /* the table is of other rows */
    for (int l = l0; l < l1 && rc == ERR_OK; l++) {
        const struct layer_config *layer = &f->model->layers[l].config;
        if (layer->rope_theta != f->rope_theta)
            prepare_rope(f, batch, layer->rope_theta);
        rc = store_keys_values(f, batch, l, err);
        if (rc == ERR_OK && l == l1 - 1 && batch->keep)
            keep_rows(f, batch);
        if (rc == ERR_OK)
            rc = attention_block(f, batch, l, err);
        if (rc == ERR_OK)
            rc = feed_forward_block(f, batch, l, err);
        if (rc == ERR_OK)
            rc = forward_check(f->model, batch->x, batch->rows, batch->n, l, err);
        if (rc == ERR_OK && after)
            rc = after(data, l, batch, err);
    }
    return rc;
}

/* --- output --- */

static int logits_step(struct forward *f, float *logits, const float *y, const struct row *rows,
                       int n, struct err *err)
{
    const struct model_config *c = &f->model->config;
    const size_t n_vocab = (size_t)c->n_vocab;
    matmul(logits, y, &f->model->embed, (size_t)n);
    for (size_t t = 0; t < (size_t)n; t++) {
        if (all_finite(logits + t * n_vocab, n_vocab)) /* the soft-cap would hide an infinity */
            continue;
        err_set(err, ERR_FORMAT, "output, position %d: a logit is not a finite number",
                rows[t].pos);
        err_hint(err, "The weights are damaged; download or copy the model again.");
        return ERR_FORMAT;
    }
    softcap_all(logits, c->final_softcap, (size_t)n * n_vocab);
    return ERR_OK;
}

int forward_logits(struct forward *f, float *logits, const float *x, const struct row *rows, int n,
                   struct err *err)
{
    const struct model_config *c = &f->model->config;
    const size_t n_vocab = (size_t)c->n_vocab, d_model = (size_t)c->d_model;
    const double row_cost = (double)n_vocab * (double)d_model;
    int rc = reserve(f, n, err);
    if (rc == ERR_OK)
        norm_rows(f->y, x, f->model->norm_final, n, c);
    for (int t = 0, n_step; t < n && rc == ERR_OK; t += n_step) {
        rc = steps_next(&n_step, &f->steps, n - t, row_cost, err);
        if (rc == ERR_OK)
            rc = logits_step(f, logits + (size_t)t * n_vocab, f->y + (size_t)t * d_model, rows + t,
                             n_step, err);
    }
    return rc;
}
