#include "core/grad.h"

#include "core/grad_internal.h"
#include "core/grad_rows.h"
#include "core/parts.h"
#include "data/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LOGITS = 1 << 24 }; /* floats in the buffer of logits; longer batches go in chunks */

/* --- the gradients --- */

static size_t matrix_size(const struct matrix *m)
{
    return m->n_rows * m->n_cols;
}

/* Hands out pieces of a block; with a NULL block it only counts. */
struct carver {
    float *block;
    size_t used; /* floats */
};

static float *carve(struct carver *c, size_t n)
{
    float *piece = c->block ? c->block + c->used : NULL;
    c->used += (n + 15) / 16 * 16; /* 64 bytes */
    return piece;
}

static void carve_grads(struct model_grads *g, struct carver *c, const struct model *model)
{
    size_t d = (size_t)model->config.d_model;
    g->embed = carve(c, matrix_size(&model->embed));
    for (int l = 0; l < model->config.n_layers; l++) {
        const struct layer *layer = &model->layers[l];
        g->layers[l] = (struct layer_grads){
            .wq = carve(c, matrix_size(&layer->wq)),
            .wk = carve(c, matrix_size(&layer->wk)),
            .wv = carve(c, matrix_size(&layer->wv)),
            .wo = carve(c, matrix_size(&layer->wo)),
            .w_gate = carve(c, matrix_size(&layer->w_gate)),
            .w_up = carve(c, matrix_size(&layer->w_up)),
            .w_down = carve(c, matrix_size(&layer->w_down)),
            .norm_attn_in = carve(c, d),
            .norm_attn_out = carve(c, d),
            .norm_ffw_in = carve(c, d),
            .norm_ffw_out = carve(c, d),
        };
    }
    g->norm_final = carve(c, d);
    g->n_params = c->used;
}

int model_grads_new(struct model_grads *out, const struct model *model, struct err *err)
{
    struct carver c = {0};
    *out = (struct model_grads){0};
    out->layers = mem_zalloc((size_t)model->config.n_layers, sizeof *out->layers);
    carve_grads(out, &c, model);
    c = (struct carver){mem_try_zalloc(c.used, sizeof *c.block), 0};
    if (!c.block) {
        size_t n = out->n_params;
        model_grads_free(out);
        return err_set(err, ERR_NOMEM, "no memory for %zu gradients", n);
    }
    out->block = c.block;
    carve_grads(out, &c, model);
    return ERR_OK;
}

void model_grads_free(struct model_grads *g)
{
    free(g->layers);
    free(g->block);
    *g = (struct model_grads){0};
}

void model_grads_zero(struct model_grads *g)
{
    memset(g->block, 0, g->n_params * sizeof *g->block);
}

/* --- the tape --- */

static void carve_layer(struct layer_tape *lt, struct carver *c, const struct model_config *m,
                        size_t n_seqs, size_t n_tokens)
{
    size_t rows = n_seqs * n_tokens, d = (size_t)m->d_model, d_ff = (size_t)m->d_ff;
    size_t d_q = (size_t)m->n_heads * (size_t)m->d_head;
    size_t d_kv = (size_t)m->n_kv_heads * (size_t)m->d_head;
    size_t n_scores = (size_t)m->n_heads * rows * n_tokens;
    *lt = (struct layer_tape){
        .x = carve(c, rows * d),
        .y_attn = carve(c, rows * d),
        .y_ffw = carve(c, rows * d),
        .inv_attn_in = carve(c, rows),
        .inv_attn_out = carve(c, rows),
        .inv_ffw_in = carve(c, rows),
        .inv_ffw_out = carve(c, rows),
        .q = carve(c, rows * d_q),
        .k = carve(c, rows * d_kv),
        .v = carve(c, rows * d_kv),
        .scores = carve(c, n_scores),
        .probs = carve(c, n_scores),
        .heads = carve(c, rows * d_q),
        .attn = carve(c, rows * d),
        .ffw = carve(c, rows * d),
        .x_mid = carve(c, rows * d),
        .gate = carve(c, rows * d_ff),
        .up = carve(c, rows * d_ff),
        .rope = carve(c, n_tokens * (size_t)m->d_head),
    };
}

static void carve_tape(struct tape *t, struct carver *c)
{
    const struct model_config *m = &t->model->config;
    size_t n_tokens = (size_t)t->max_tokens, rows = (size_t)t->max_seqs * n_tokens;
    size_t d = (size_t)m->d_model, d_ff = (size_t)m->d_ff;
    size_t d_q = (size_t)m->n_heads * (size_t)m->d_head;
    size_t d_kv = (size_t)m->n_kv_heads * (size_t)m->d_head;
    for (int l = t->first_layer; l < m->n_layers; l++)
        carve_layer(&t->layers[l], c, m, (size_t)t->max_seqs, n_tokens);
    t->x_final = carve(c, rows * d);
    t->y_final = carve(c, rows * d);
    t->inv_final = carve(c, rows);
    t->logits = carve(c, t->n_chunk * (size_t)m->n_vocab);
    t->dx = carve(c, rows * d);
    t->dy = carve(c, rows * d);
    t->da = carve(c, rows * d);
    t->dq = carve(c, rows * d_q);
    t->dheads = carve(c, rows * d_q);
    t->dk = carve(c, rows * d_kv);
    t->dv = carve(c, rows * d_kv);
    t->dscores = carve(c, n_tokens * n_tokens);
    t->hidden = carve(c, rows * d_ff);
    t->d_hidden = carve(c, rows * d_ff);
    t->d_gate = carve(c, rows * d_ff);
}

static size_t chunk_rows(int n_vocab, size_t rows)
{
    size_t fit = (size_t)MAX_LOGITS / (size_t)n_vocab;
    if (fit < 1)
        fit = 1;
    return fit < rows ? fit : rows;
}

int tape_new(struct tape **out, const struct model *model, int first_layer, int n_seqs,
             int n_tokens, struct err *err)
{
    const struct model_config *m = &model->config;
    *out = NULL;
    if (n_seqs < 1 || n_tokens < 1 || first_layer < 0 || first_layer > m->n_layers)
        return err_set(err, ERR_ARG, "a tape needs sequences, tokens and a layer of the model");
    struct tape *t = mem_zalloc(1, sizeof *t);
    struct carver c = {0};
    t->model = model;
    t->first_layer = first_layer;
    t->max_seqs = n_seqs;
    t->max_tokens = n_tokens;
    t->n_chunk = chunk_rows(m->n_vocab, (size_t)n_seqs * (size_t)n_tokens);
    t->layers = mem_zalloc((size_t)m->n_layers, sizeof *t->layers);
    carve_tape(t, &c);
    size_t n = c.used;
    c = (struct carver){mem_try_alloc(n, sizeof *c.block), 0};
    t->block = c.block;
    int rc = c.block ? gemm_space_init(&t->space, err)
                     : err_set(err, ERR_NOMEM, "no memory for a tape of %zu MB", n >> 18);
    if (rc) {
        tape_free(t);
        return rc;
    }
    carve_tape(t, &c);
    for (int l = first_layer; l < m->n_layers; l++)
        tape_rope(t->layers[l].rope, n_tokens, m->d_head, model->layers[l].config.rope_theta);
    *out = t;
    return ERR_OK;
}

void tape_free(struct tape *tape)
{
    if (!tape)
        return;
    gemm_space_clear(&tape->space);
    free(tape->block);
    free(tape->layers);
    free(tape);
}

void tape_set_starts(struct tape *tape, const int *starts)
{
    tape->starts = starts;
}

/* --- the head --- */

/* Rows [row, row + n) of the batch: logits become their own gradient. */
static double head_chunk(struct tape *tape, size_t row, size_t n, long *n_counted)
{
    const struct model_config *c = &tape->model->config;
    size_t n_vocab = (size_t)c->n_vocab;
    double loss = 0;
    linear_forward(tape->logits, tape->y_final + row * (size_t)c->d_model, &tape->model->embed, n,
                   &tape->space);
    for (size_t r = 0; r < n; r++) {
        int target = tape->targets[row + r];
        float *logits = tape->logits + r * n_vocab;
        if (target < 0) {
            memset(logits, 0, n_vocab * sizeof *logits);
            continue;
        }
        loss += cross_entropy_row(logits, target, n_vocab, c->final_softcap);
        ++*n_counted;
    }
    return loss;
}

static void head_backward(struct tape *tape, float scale, struct model_grads *grads)
{
    const struct model_config *c = &tape->model->config;
    size_t rows = (size_t)tape->n_seqs * (size_t)tape->n_tokens, d = (size_t)c->d_model;
    long ignored = 0;
    for (size_t r = 0; r < rows; r += tape->n_chunk) {
        size_t n = size_min(tape->n_chunk, rows - r);
        if (tape->n_chunk < rows) /* one chunk: the forward pass has left its gradient there */
            head_chunk(tape, r, n, &ignored);
        scale_row(tape->logits, scale, n * (size_t)c->n_vocab);
        linear_backward(tape->dy + r * d, false, grads ? grads->embed : NULL, tape->logits,
                        tape->y_final + r * d, &tape->model->embed, n, &tape->space);
    }
    rms_norm_backward(tape->dx, grads ? grads->norm_final : NULL, tape->dy, tape->x_final,
                      tape->inv_final, tape->model->norm_final, rows, d, true);
}

/* --- the whole --- */

static void embed_rows(float *x, const struct tape *tape)
{
    size_t d = (size_t)tape->model->config.d_model;
    float scale = sqrtf((float)d);
    for (int r = 0; r < tape->n_seqs * tape->n_tokens; r++, x += d) {
        matrix_row(x, &tape->model->embed, (size_t)tape->ids[r]);
        for (size_t i = 0; i < d; i++)
            x[i] *= scale;
    }
}

double tape_forward(struct tape *tape, const int *ids, const int *targets, const float *resid_in,
                    int n_seqs, int n_tokens, long *n_counted)
{
    const struct model_config *c = &tape->model->config;
    size_t rows = (size_t)n_seqs * (size_t)n_tokens, d = (size_t)c->d_model;
    float *x = tape->first_layer < c->n_layers ? tape->layers[tape->first_layer].x : tape->x_final;
    tape->ids = ids;
    tape->targets = targets;
    tape->n_seqs = n_seqs;
    tape->n_tokens = n_tokens;
    if (resid_in)
        memcpy(x, resid_in, rows * d * sizeof *x);
    else
        embed_rows(x, tape);
    for (int l = tape->first_layer; l < c->n_layers; l++)
        layer_forward(l + 1 < c->n_layers ? tape->layers[l + 1].x : tape->x_final, tape, l);
    rms_norm_forward(tape->y_final, tape->inv_final, tape->x_final, tape->model->norm_final, rows,
                     d, c->rms_eps);
    double loss = 0;
    *n_counted = 0;
    for (size_t r = 0; r < rows; r += tape->n_chunk)
        loss += head_chunk(tape, r, size_min(tape->n_chunk, rows - r), n_counted);
    return loss;
}

static void embed_backward(struct tape *tape, struct model_grads *grads)
{
    size_t d = (size_t)tape->model->config.d_model;
    float scale = sqrtf((float)d);
    const float *dx = tape->dx;
    for (int r = 0; r < tape->n_seqs * tape->n_tokens; r++, dx += d) {
        float *row = grads->embed + (size_t)tape->ids[r] * d;
        for (size_t i = 0; i < d; i++)
            row[i] += dx[i] * scale;
    }
}

void tape_backward(struct tape *tape, float scale, struct model_grads *grads, float *d_resid_in)
{
    size_t rows = (size_t)tape->n_seqs * (size_t)tape->n_tokens;
    size_t d = (size_t)tape->model->config.d_model;
    head_backward(tape, scale, grads);
    for (int l = tape->model->config.n_layers - 1; l >= tape->first_layer; l--)
        layer_backward(tape->dx, tape, l, grads ? &grads->layers[l] : NULL);
    if (d_resid_in)
        memcpy(d_resid_in, tape->dx, rows * d * sizeof *d_resid_in);
    if (grads && tape->first_layer == 0)
        embed_backward(tape, grads);
}
