#include "core/model.h"

#include "data/file.h"
#include "data/hub_cache.h"
#include "data/mem.h"
#include "data/weights_cache.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_family(const struct model_numbers *n, const char *path, struct err *err)
{
    if (strcmp(n->architecture, "gemma2") != 0) {
        err_set(err, ERR_UNSUPPORTED, "%s: is %s%s%s; this program runs gemma2", path,
                *n->architecture ? "a '" : "a model of no named family", n->architecture,
                *n->architecture ? "' model" : "");
        err_hint(err, "Use Gemma 2, for example google/gemma-2-2b-it.");
        return ERR_UNSUPPORTED;
    }
    if (strcmp(n->activation, "gelu_pytorch_tanh") != 0)
        return err_set(err, ERR_UNSUPPORTED, "%s: the activation '%s' is not gelu_pytorch_tanh",
                       path, n->activation);
    if (!n->tied_embeddings)
        return err_set(err, ERR_UNSUPPORTED, "%s: tie_word_embeddings is false; Gemma 2 ties them",
                       path);
    if (n->attention_bias)
        return err_set(err, ERR_UNSUPPORTED, "%s: attention_bias is true; Gemma 2 has none", path);
    return ERR_OK;
}

static int check_sizes(const struct model_numbers *n, const char *path, struct err *err)
{
    if (n->n_heads % n->n_kv_heads != 0)
        return err_set(err, ERR_SHAPE, "%s: %d heads cannot share %d key/value heads", path,
                       n->n_heads, n->n_kv_heads);
    if (n->d_head % 2 != 0)
        return err_set(err, ERR_SHAPE, "%s: head_dim is %d; the rotary embedding needs an even one",
                       path, n->d_head);
    if ((long long)n->n_heads * n->d_head > INT_MAX)
        return err_set(err, ERR_LIMIT, "%s: %d heads of %d are too many", path, n->n_heads,
                       n->d_head);
    return ERR_OK;
}

static struct model_config config_from(const struct model_numbers *n)
{
    struct model_config c = {
        .n_layers = n->n_layers,
        .d_model = n->d_model,
        .n_heads = n->n_heads,
        .n_kv_heads = n->n_kv_heads,
        .d_head = n->d_head,
        .d_ff = n->d_ff,
        .n_vocab = n->n_vocab,
        .n_ctx = n->n_ctx,
        .rms_eps = (float)n->rms_eps,
        .query_scale = (float)(1 / sqrt(n->query_pre_attn_scalar)),
        .attn_softcap = (float)n->attn_softcap,
        .final_softcap = (float)n->final_softcap,
        .bos_id = n->bos_id,
        .pad_id = n->pad_id,
        .n_stop_ids = n->n_stop_ids,
    };
    memcpy(c.stop_ids, n->stop_ids, sizeof c.stop_ids);
    return c;
}

/* --- weights --- */

/* Where tensors are looked up. */
struct binder {
    const struct model_files *files;
    int layer;
    struct err *err;
};

static const struct tensor *find(const struct binder *b, enum weight_role role, char *name)
{
    const struct tensor *t = model_files_tensor(b->files, role, b->layer, name);
    if (!t) {
        err_set(b->err, ERR_FORMAT, "%s: the weights have no tensor '%s'",
                model_files_path(b->files), name);
        err_hint(b->err, "The download is incomplete, or its parts belong to different models.");
    }
    return t;
}

static int bind_matrix(struct matrix *out, const struct binder *b, enum weight_role role,
                       size_t n_rows, size_t n_cols)
{
    char name[WEIGHT_NAME_SIZE];
    const struct tensor *t = find(b, role, name);
    if (!t)
        return ERR_FORMAT;
    int rc = matrix_from_tensor(out, t, b->err);
    if (rc == ERR_OK && (out->n_rows != n_rows || out->n_cols != n_cols))
        return err_set(b->err, ERR_SHAPE,
                       "%s: tensor '%s' is [%zu, %zu], the configuration asks for [%zu, %zu]",
                       model_files_path(b->files), name, out->n_rows, out->n_cols, n_rows, n_cols);
    return rc;
}

static int bind_norm(float **out, const struct binder *b, enum weight_role role, size_t n)
{
    char name[WEIGHT_NAME_SIZE];
    const struct tensor *t = find(b, role, name);
    if (!t)
        return ERR_FORMAT;
    if (t->n_dims != 1 || t->shape[0] != n)
        return err_set(b->err, ERR_SHAPE, "%s: tensor '%s' is no vector of %zu",
                       model_files_path(b->files), name, n);
    if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_F16 && t->dtype != DTYPE_BF16)
        return err_set(b->err, ERR_UNSUPPORTED, "%s: tensor '%s' is %s, not F32, F16 or BF16",
                       model_files_path(b->files), name, dtype_name(t->dtype));
    *out = mem_alloc(n, sizeof **out);
    tensor_to_f32(*out, t->data, t->dtype, n);
    for (size_t i = 0; i < n; i++)
        (*out)[i] += model_files_norm_offset(b->files);
    return ERR_OK;
}

static int bind_layer(struct layer *layer, const struct model_config *c, const struct binder *b)
{
    const size_t d_model = (size_t)c->d_model, d_ff = (size_t)c->d_ff;
    const size_t d_q = (size_t)c->n_heads * (size_t)c->d_head;
    const size_t d_kv = (size_t)c->n_kv_heads * (size_t)c->d_head;
    const struct {
        struct matrix *out;
        enum weight_role role;
        size_t n_rows, n_cols;
    } matrices[] = {
        {&layer->wq, WEIGHT_QUERY, d_q, d_model},     {&layer->wk, WEIGHT_KEY, d_kv, d_model},
        {&layer->wv, WEIGHT_VALUE, d_kv, d_model},    {&layer->wo, WEIGHT_ATTN_OUT, d_model, d_q},
        {&layer->w_gate, WEIGHT_GATE, d_ff, d_model}, {&layer->w_up, WEIGHT_UP, d_ff, d_model},
        {&layer->w_down, WEIGHT_DOWN, d_model, d_ff},
    };
    const struct {
        float **out;
        enum weight_role role;
    } norms[] = {
        {&layer->norm_attn_in, WEIGHT_NORM_ATTN_IN},
        {&layer->norm_attn_out, WEIGHT_NORM_ATTN_OUT},
        {&layer->norm_ffw_in, WEIGHT_NORM_FFW_IN},
        {&layer->norm_ffw_out, WEIGHT_NORM_FFW_OUT},
    };
    int rc = ERR_OK;
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices && rc == ERR_OK; i++)
        rc = bind_matrix(matrices[i].out, b, matrices[i].role, matrices[i].n_rows,
                         matrices[i].n_cols);
    for (size_t i = 0; i < sizeof norms / sizeof *norms && rc == ERR_OK; i++)
        rc = bind_norm(norms[i].out, b, norms[i].role, d_model);
    return rc;
}

/* Nothing is allocated by a number of the files alone: the array grows with the layers found. */
static int bind_layers(struct model *model, const struct model_numbers *n, struct err *err)
{
    int rc = ERR_OK;
    size_t cap = 0;
    model->config.n_layers = 0; /* those that model_close has to free */
    for (int l = 0; l < n->n_layers && rc == ERR_OK; l++) {
        model->layers = mem_grow(model->layers, &cap, (size_t)l + 1, sizeof *model->layers);
        struct layer *layer = &model->layers[l];
        *layer = (struct layer){0};
        model->config.n_layers = l + 1;
        /* Gemma 2: even layers see a window, odd ones everything */
        layer->config.window = l % 2 == 0 ? n->window : 0;
        layer->config.rope_theta = (float)n->rope_theta;
        const struct binder b = {model->files, l, err};
        rc = bind_layer(layer, &model->config, &b);
    }
    return rc;
}

static int bind(struct model *model, struct err *err)
{
    const struct model_numbers *n = model_files_numbers(model->files);
    int rc = check_family(n, model->path, err);
    if (rc == ERR_OK)
        rc = check_sizes(n, model->path, err);
    if (rc != ERR_OK)
        return rc;
    model->config = config_from(n);
    const struct binder b = {model->files, 0, err};
    rc = bind_layers(model, n, err);
    if (rc == ERR_OK)
        rc = bind_matrix(&model->embed, &b, WEIGHT_EMBED, (size_t)n->n_vocab, (size_t)n->d_model);
    if (rc == ERR_OK)
        rc = bind_norm(&model->norm_final, &b, WEIGHT_NORM_FINAL, (size_t)n->d_model);
    model->n_weight_bytes = model_files_bytes(model->files);
    return rc;
}

/* The last part of a path, without slashes at its end. */
static char *last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return mem_strndup(path + start, end - start);
}

/* What people know a model by: in the hub's cache the folder itself is a number of a revision. */
static char *model_name(const char *path)
{
    char *repo = file_is_dir(path) && strstr(path, "/snapshots/") ? hub_repo_of(path) : NULL;
    char *name = last_part(repo ? repo : path);
    free(repo);
    return name;
}

int model_open(struct model **out, const char *path, struct err *err)
{
    struct model *model = mem_zalloc(1, sizeof *model);
    model->path = mem_strdup(path);
    model->name = model_name(path);
    int rc = model_files_open(&model->files, path, err);
    if (rc == ERR_OK)
        rc = bind(model, err);
    if (rc != ERR_OK) {
        model_close(model);
        model = NULL;
    }
    *out = model;
    return err_hint_missing(err, rc, "Use the configuration and the weights of one download.");
}

void model_close(struct model *model)
{
    if (!model)
        return;
    for (int l = 0; model->layers && l < model->config.n_layers; l++) {
        struct layer *layer = &model->layers[l];
        free(layer->norm_attn_in);
        free(layer->norm_attn_out);
        free(layer->norm_ffw_in);
        free(layer->norm_ffw_out);
    }
    free(model->layers);
    free(model->norm_final);
    free(model->name);
    free(model->path);
    free(model->blocks);
    free(model->notice);
    weights_cache_close(model->cache);
    model_files_close(model->files);
    free(model);
}

struct matrix *model_matrix(struct model *model, enum weight_role role, int layer)
{
    struct layer *y = &model->layers[layer];
    switch (role) {
    case WEIGHT_EMBED:
        return &model->embed;
    case WEIGHT_QUERY:
        return &y->wq;
    case WEIGHT_KEY:
        return &y->wk;
    case WEIGHT_VALUE:
        return &y->wv;
    case WEIGHT_ATTN_OUT:
        return &y->wo;
    case WEIGHT_GATE:
        return &y->w_gate;
    case WEIGHT_UP:
        return &y->w_up;
    case WEIGHT_DOWN:
        return &y->w_down;
    default:
        return NULL;
    }
}

bool model_is_stop(const struct model *model, int id)
{
    for (int i = 0; i < model->config.n_stop_ids; i++)
        if (model->config.stop_ids[i] == id)
            return true;
    return false;
}
