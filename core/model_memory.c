#include "core/model_memory.h"

#include "data/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct matrix shape(int n_rows, int n_cols)
{
    return (struct matrix){DTYPE_F32, (size_t)n_rows, (size_t)n_cols, NULL};
}

static void set_shapes(struct model *m)
{
    const struct model_config *c = &m->config;
    int d_q = c->n_heads * c->d_head, d_kv = c->n_kv_heads * c->d_head;
    m->embed = shape(c->n_vocab, c->d_model);
    for (int l = 0; l < c->n_layers; l++) {
        struct layer *layer = &m->layers[l];
        layer->wq = shape(d_q, c->d_model);
        layer->wk = layer->wv = shape(d_kv, c->d_model);
        layer->wo = shape(c->d_model, d_q);
        layer->w_gate = layer->w_up = shape(c->d_ff, c->d_model);
        layer->w_down = shape(c->d_model, c->d_ff);
    }
}

static void bind_weights(struct model *m, const struct model_grads *p)
{
    m->embed.data = p->embed;
    m->norm_final = p->norm_final;
    for (int l = 0; l < m->config.n_layers; l++) {
        struct layer *layer = &m->layers[l];
        const struct layer_grads *from = &p->layers[l];
        layer->wq.data = from->wq;
        layer->wk.data = from->wk;
        layer->wv.data = from->wv;
        layer->wo.data = from->wo;
        layer->w_gate.data = from->w_gate;
        layer->w_up.data = from->w_up;
        layer->w_down.data = from->w_down;
        layer->norm_attn_in = from->norm_attn_in;
        layer->norm_attn_out = from->norm_attn_out;
        layer->norm_ffw_in = from->norm_ffw_in;
        layer->norm_ffw_out = from->norm_ffw_out;
    }
}

int model_memory_new(struct model_memory **out, const struct model_config *config,
                     const struct layer_config *layers, struct err *err)
{
    struct model_memory *m = mem_zalloc(1, sizeof *m);
    *out = NULL;
    m->model.config = *config;
    m->model.layers = mem_zalloc((size_t)config->n_layers, sizeof *m->model.layers);
    for (int l = 0; l < config->n_layers; l++)
        m->model.layers[l].config = layers[l];
    m->model.name = mem_strdup("memory");
    m->model.path = mem_strdup("");
    set_shapes(&m->model);
    int rc = model_grads_new(&m->params, &m->model, err);
    if (rc) {
        model_memory_free(m);
        return rc;
    }
    m->model.n_weight_bytes = m->params.n_params * sizeof(float);
    bind_weights(&m->model, &m->params);
    *out = m;
    return ERR_OK;
}

static void copy_matrix(float *dst, const struct matrix *src)
{
    for (size_t row = 0; row < src->n_rows; row++)
        matrix_row(dst + row * src->n_cols, src, row);
}

static void copy_layer(struct layer_grads *to, const struct layer *from, size_t d_model)
{
    size_t n = d_model * sizeof(float);
    copy_matrix(to->wq, &from->wq);
    copy_matrix(to->wk, &from->wk);
    copy_matrix(to->wv, &from->wv);
    copy_matrix(to->wo, &from->wo);
    copy_matrix(to->w_gate, &from->w_gate);
    copy_matrix(to->w_up, &from->w_up);
    copy_matrix(to->w_down, &from->w_down);
    memcpy(to->norm_attn_in, from->norm_attn_in, n);
    memcpy(to->norm_attn_out, from->norm_attn_out, n);
    memcpy(to->norm_ffw_in, from->norm_ffw_in, n);
    memcpy(to->norm_ffw_out, from->norm_ffw_out, n);
}

int model_memory_from(struct model_memory **out, const struct model *model, struct err *err)
{
    size_t n_layers = (size_t)model->config.n_layers, d_model = (size_t)model->config.d_model;
    struct layer_config *configs = mem_alloc(n_layers, sizeof *configs);
    for (size_t l = 0; l < n_layers; l++)
        configs[l] = model->layers[l].config;
    int rc = model_memory_new(out, &model->config, configs, err);
    free(configs);
    if (rc)
        return rc;
    copy_matrix((*out)->params.embed, &model->embed);
    memcpy((*out)->params.norm_final, model->norm_final, d_model * sizeof(float));
    for (size_t l = 0; l < n_layers; l++)
        copy_layer(&(*out)->params.layers[l], &model->layers[l], d_model);
    return ERR_OK;
}

void model_memory_free(struct model_memory *m)
{
    if (!m)
        return;
    model_grads_free(&m->params);
    free(m->model.layers);
    free(m->model.name);
    free(m->model.path);
    free(m);
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Near enough to normal: the sum of four uniforms (no libm, so no last-bit differences). */
static float random_normal(uint64_t *state)
{
    uint64_t z = splitmix64(state);
    int sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (int)(z >> (16 * i) & 0xffff);
    return ((float)sum - 131070.0f) * (1.7320508f / 65536.0f);
}

static void randomise(float *w, const struct matrix *shape_of, size_t n_in, float scale,
                      uint64_t *state)
{
    float sd = scale / sqrtf((float)n_in);
    for (size_t i = 0; i < shape_of->n_rows * shape_of->n_cols; i++)
        w[i] = sd * random_normal(state);
}

static void fill_ones(float *w, int n)
{
    for (int i = 0; i < n; i++)
        w[i] = 1;
}

void model_memory_randomise(struct model_memory *m, unsigned long long seed, float scale)
{
    uint64_t state = seed;
    const struct model *model = &m->model;
    int d = model->config.d_model;
    randomise(m->params.embed, &model->embed, (size_t)d, scale, &state);
    fill_ones(m->params.norm_final, d);
    for (int l = 0; l < model->config.n_layers; l++) {
        const struct layer *layer = &model->layers[l];
        struct layer_grads *w = &m->params.layers[l];
        randomise(w->wq, &layer->wq, layer->wq.n_cols, scale, &state);
        randomise(w->wk, &layer->wk, layer->wk.n_cols, scale, &state);
        randomise(w->wv, &layer->wv, layer->wv.n_cols, scale, &state);
        randomise(w->wo, &layer->wo, layer->wo.n_cols, scale, &state);
        randomise(w->w_gate, &layer->w_gate, layer->w_gate.n_cols, scale, &state);
        randomise(w->w_up, &layer->w_up, layer->w_up.n_cols, scale, &state);
        randomise(w->w_down, &layer->w_down, layer->w_down.n_cols, scale, &state);
        fill_ones(w->norm_attn_in, d);
        fill_ones(w->norm_attn_out, d);
        fill_ones(w->norm_ffw_in, d);
        fill_ones(w->norm_ffw_out, d);
    }
}
