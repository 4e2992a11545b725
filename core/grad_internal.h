/* The tape: what the backward pass needs from the forward pass. Internal to core/grad*.c.
 * R = n_seqs * n_tokens rows of the current batch; buffers hold the largest batch. */
#ifndef CORE_GRAD_INTERNAL_H
#define CORE_GRAD_INTERNAL_H

#include "core/gemm.h"
#include "core/grad.h"

struct layer_tape {
    float *x;              /* [R, d_model] the residual that enters the layer */
    float *y_attn, *y_ffw; /* [R, d_model] after the input norms */
    float *inv_attn_in, *inv_attn_out, *inv_ffw_in, *inv_ffw_out; /* [R] 1 / rms */
    float *q;          /* [R, n_heads * d_head], rotated */
    float *k, *v;      /* [R, n_kv_heads * d_head], k rotated */
    float *scores;     /* [n_seqs, n_heads, n_tokens, n_tokens] after scale and soft-cap */
    float *probs;      /* same shape; 0 where masked */
    float *heads;      /* [R, n_heads * d_head] what the heads read */
    float *attn, *ffw; /* [R, d_model] before the output norms */
    float *x_mid;      /* [R, d_model] the residual between attention and feed-forward */
    float *gate, *up;  /* [R, d_ff] */
    float *rope;       /* [n_tokens, d_head / 2, 2] cosine and sine */
};

struct tape {
    const struct model *model;
    int first_layer, max_seqs, max_tokens;
    struct layer_tape *layers; /* [n_layers]; those below first_layer are empty */
    float *block;              /* one allocation behind all buffers */

    /* the head: softmax cross-entropy over chunks of rows */
    float *x_final;   /* [R, d_model] the residual after the last layer */
    float *y_final;   /* [R, d_model] after the final norm */
    float *inv_final; /* [R] */
    float *logits;    /* [n_chunk, n_vocab] */
    size_t n_chunk;   /* rows the buffer of logits holds */

    /* scratch of the backward pass */
    float *dx, *dy, *da;      /* [R, d_model] */
    float *dq, *dheads;       /* [R, n_heads * d_head] */
    float *dk, *dv;           /* [R, n_kv_heads * d_head] */
    float *dscores;           /* [n_tokens, n_tokens] */
    float *hidden, *d_hidden; /* [R, d_ff] */
    float *d_gate;            /* [R, d_ff] */
    struct gemm_space space;

    /* the batch */
    const int *ids, *targets; /* borrowed */
    const int *starts;        /* borrowed or NULL */
    int n_seqs, n_tokens;
};

/* y = x / rms(x) * w per row; inv [n_rows] receives 1 / rms. */
void rms_norm_forward(float *y, float *inv, const float *x, const float *w, size_t n_rows, size_t d,
                      float eps);
/* dx += the gradient through it; dw (or NULL) += the weight's. With `overwrite`, dx =. */
void rms_norm_backward(float *dx, float *dw, const float *dy, const float *x, const float *inv,
                       const float *w, size_t n_rows, size_t d, bool overwrite);

/* y = x Wᵀ; dx (+)= dy W; dw += dyᵀ x unless dw is NULL. */
void linear_forward(float *y, const float *x, const struct matrix *w, size_t n_rows,
                    struct gemm_space *space);
void linear_backward(float *dx, bool accumulate, float *dw, const float *dy, const float *x,
                     const struct matrix *w, size_t n_rows, struct gemm_space *space);

/* One layer: resid after it goes to x_out; dx is overwritten with the gradient before it. */
void layer_forward(float *x_out, struct tape *tape, int l);
void layer_backward(float *dx, struct tape *tape, int l, struct layer_grads *grads);

/* Fills layer_tape.heads from rotated q, k and v; and its way back, from tape.dheads to
 * tape.dq, dk, dv before rotation. */
void tape_rope(float *rope, int n_tokens, int d_head, float theta);
void attention_forward(struct tape *tape, int l);
void attention_backward(struct tape *tape, int l);

#endif
