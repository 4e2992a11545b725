/* A Gemma 2 model: configuration and weights, mapped read-only and shared by all sessions.
 * Loaded once; every thread may read it. Dimension names are used bare in kernels. */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include "data/err.h"
#include "data/model_files.h"
#include "data/tensor.h"

#include <stdbool.h>
#include <stddef.h>

/* What differs between layers is a table, so that the layer loop knows no model family. */
struct layer_config {
    int window;       /* keys visible to a query at t: t - j < window; 0: all (global layer) */
    float rope_theta; /* base of the rotary embedding */
};

struct model_config {
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff, n_vocab, n_ctx;
    float rms_eps;
    float query_scale;   /* query_pre_attn_scalar^-1/2 */
    float attn_softcap;  /* 0: none */
    float final_softcap; /* 0: none */
    int bos_id, pad_id;  /* -1: none */
    int stop_ids[MODEL_MAX_STOP_IDS];
    int n_stop_ids;
};

struct layer {
    struct layer_config config;
    struct matrix wq;           /* [n_heads * d_head, d_model] */
    struct matrix wk, wv;       /* [n_kv_heads * d_head, d_model] */
    struct matrix wo;           /* [d_model, n_heads * d_head] */
    struct matrix w_gate, w_up; /* [d_ff, d_model] */
    struct matrix w_down;       /* [d_model, d_ff] */
    /* RMS norm weights as they multiply, their 1 added. f32 [d_model], owned by the model */
    float *norm_attn_in, *norm_attn_out, *norm_ffw_in, *norm_ffw_out;
};

struct model {
    struct model_config config;
    struct matrix embed;       /* [n_vocab, d_model], tied: also the output matrix */
    struct layer *layers;      /* [n_layers] */
    float *norm_final;         /* f32 [d_model] */
    size_t n_weight_bytes;     /* mapped, but for the next ones */
    size_t n_heap_bytes;       /* of weights that were converted */
    char *name;                /* owned: last part of the path, or the hub cache's repository */
    char *path;                /* owned */
    struct model_files *files; /* owns the bytes; NULL for a model built in memory */
    /* core/model_quantise.h; each may be NULL */
    void *blocks;                /* owned: weights on the heap */
    struct weights_cache *cache; /* owned: weights in the cache */
    char *notice;                /* owned: what the user should know of how they were opened */
};

/* Opens a folder in Hugging Face layout or a GGUF file; refuses other architectures by name. */
int model_open(struct model **out, const char *path, struct err *err) ERR_CHECK;
void model_close(struct model *model);

/* The matrix of a role (layer is ignored for the embedding); NULL where a role is a norm's. */
struct matrix *model_matrix(struct model *model, enum weight_role role, int layer);

/* Is it one of the ids that end a generation? */
bool model_is_stop(const struct model *model, int id);

#endif
