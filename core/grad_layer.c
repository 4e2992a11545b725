/* One decoder layer forward and backward: norms, projections, the gated feed-forward. */
#include "core/grad_internal.h"
#include "core/grad_math.h"
#include "core/grad_rows.h"
#include "core/matmul.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void rms_norm_forward(float *y, float *inv, const float *x, const float *w, size_t n_rows, size_t d,
                      float eps)
{
    for (size_t r = 0; r < n_rows; r++, x += d, y += d) {
        inv[r] = 1 / sqrtf(math_dot(x, x, d) / (float)d + eps);
        for (size_t i = 0; i < d; i++)
            y[i] = x[i] * inv[r] * w[i];
    }
}

void rms_norm_backward(float *dx, float *dw, const float *dy, const float *x, const float *inv,
                       const float *w, size_t n_rows, size_t d, bool overwrite)
{
    for (size_t r = 0; r < n_rows; r++, x += d, dy += d, dx += d) {
        float lanes[8] = {0};
        size_t i = 0;
        for (; i + 8 <= d; i += 8)
            for (size_t j = 0; j < 8; j++)
                lanes[j] += dy[i + j] * w[i + j] * x[i + j];
        for (size_t j = 0; i < d; i++, j++)
            lanes[j] += dy[i] * w[i] * x[i];
        float along = math_sum_lanes(lanes) * inv[r] * inv[r] / (float)d;
        for (i = 0; i < d; i++) {
            float g = inv[r] * (dy[i] * w[i] - x[i] * along);
            dx[i] = overwrite ? g : dx[i] + g;
        }
        for (i = 0; dw && i < d; i++)
            dw[i] += dy[i] * x[i] * inv[r];
    }
}

/* Blocks cannot be taken by columns. Their products differ between processors in the last bits,
 * which only training, where no weight is a block, has to avoid. */
static bool is_blocks(const struct matrix *w)
{
    return dtype_block(w->dtype) > 1;
}

void linear_forward(float *y, const float *x, const struct matrix *w, size_t n_rows,
                    struct gemm_space *space)
{
    if (is_blocks(w))
        matmul(y, x, w, n_rows);
    else
        gemm(y, w->n_rows, gemm_rows(x, w->n_cols), gemm_matrix_transposed(w), n_rows, w->n_rows,
             w->n_cols, false, space);
}

void linear_backward(float *dx, bool accumulate, float *dw, const float *dy, const float *x,
                     const struct matrix *w, size_t n_rows, struct gemm_space *space)
{
    if (is_blocks(w)) {
        assert(!dw); /* blocks are frozen */
        if (!accumulate)
            memset(dx, 0, n_rows * w->n_cols * sizeof *dx);
        matmul_backward(dx, dy, w, n_rows);
        return;
    }
    gemm(dx, w->n_cols, gemm_rows(dy, w->n_rows), gemm_matrix(w), n_rows, w->n_cols, w->n_rows,
         accumulate, space);
    if (dw)
        gemm(dw, w->n_cols, gemm_columns(dy, w->n_rows), gemm_rows(x, w->n_cols), w->n_rows,
             w->n_cols, n_rows, true, space);
}

static void add_rows(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

void layer_forward(float *x_out, struct tape *tape, int l)
{
    const struct model_config *c = &tape->model->config;
    const struct layer *layer = &tape->model->layers[l];
    struct layer_tape *lt = &tape->layers[l];
    struct gemm_space *space = &tape->space;
    size_t rows = (size_t)tape->n_seqs * (size_t)tape->n_tokens, d = (size_t)c->d_model;
    float *branch = tape->dy; /* free during the forward pass */

    rms_norm_forward(lt->y_attn, lt->inv_attn_in, lt->x, layer->norm_attn_in, rows, d, c->rms_eps);
    linear_forward(lt->q, lt->y_attn, &layer->wq, rows, space);
    linear_forward(lt->k, lt->y_attn, &layer->wk, rows, space);
    linear_forward(lt->v, lt->y_attn, &layer->wv, rows, space);
    attention_forward(tape, l);
    linear_forward(lt->attn, lt->heads, &layer->wo, rows, space);
    rms_norm_forward(branch, lt->inv_attn_out, lt->attn, layer->norm_attn_out, rows, d, c->rms_eps);
    add_rows(lt->x_mid, lt->x, branch, rows * d);

    rms_norm_forward(lt->y_ffw, lt->inv_ffw_in, lt->x_mid, layer->norm_ffw_in, rows, d, c->rms_eps);
    linear_forward(lt->gate, lt->y_ffw, &layer->w_gate, rows, space);
    linear_forward(lt->up, lt->y_ffw, &layer->w_up, rows, space);
    gated_forward(tape->hidden, lt->gate, lt->up, rows * (size_t)c->d_ff);
    linear_forward(lt->ffw, tape->hidden, &layer->w_down, rows, space);
    rms_norm_forward(branch, lt->inv_ffw_out, lt->ffw, layer->norm_ffw_out, rows, d, c->rms_eps);
    add_rows(x_out, lt->x_mid, branch, rows * d);
}

void layer_backward(float *dx, struct tape *tape, int l, struct layer_grads *grads)
{
    static const struct layer_grads frozen;
    const struct layer_grads *g = grads ? grads : &frozen;
    const struct layer *layer = &tape->model->layers[l];
    struct layer_tape *lt = &tape->layers[l];
    struct gemm_space *space = &tape->space;
    size_t d = (size_t)tape->model->config.d_model, d_ff = (size_t)tape->model->config.d_ff;
    size_t rows = (size_t)tape->n_seqs * (size_t)tape->n_tokens;
    float *dy = tape->dy, *da = tape->da;

    rms_norm_backward(da, g->norm_ffw_out, dx, lt->ffw, lt->inv_ffw_out, layer->norm_ffw_out, rows,
                      d, true);
    /* hidden is recomputed together with its slope; the weight gradient needs it afterwards */
    linear_backward(tape->d_hidden, false, NULL, da, NULL, &layer->w_down, rows, space);
    gated_backward(tape->hidden, tape->d_gate, tape->d_hidden, lt->gate, lt->up, rows * d_ff);
    if (g->w_down)
        gemm(g->w_down, d_ff, gemm_columns(da, d), gemm_rows(tape->hidden, d_ff), d, d_ff, rows,
             true, space);
    linear_backward(dy, false, g->w_gate, tape->d_gate, lt->y_ffw, &layer->w_gate, rows, space);
    linear_backward(dy, true, g->w_up, tape->d_hidden, lt->y_ffw, &layer->w_up, rows, space);
    rms_norm_backward(dx, g->norm_ffw_in, dy, lt->x_mid, lt->inv_ffw_in, layer->norm_ffw_in, rows,
                      d, false);

    rms_norm_backward(da, g->norm_attn_out, dx, lt->attn, lt->inv_attn_out, layer->norm_attn_out,
                      rows, d, true);
    linear_backward(tape->dheads, false, g->wo, da, lt->heads, &layer->wo, rows, space);
    attention_backward(tape, l);
    linear_backward(dy, false, g->wq, tape->dq, lt->y_attn, &layer->wq, rows, space);
    linear_backward(dy, true, g->wk, tape->dk, lt->y_attn, &layer->wk, rows, space);
    linear_backward(dy, true, g->wv, tape->dv, lt->y_attn, &layer->wv, rows, space);
    rms_norm_backward(dx, g->norm_attn_in, dy, lt->x, lt->inv_attn_in, layer->norm_attn_in, rows, d,
                      false);
}
