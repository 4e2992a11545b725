/* Models of many shapes and storage types against the formulas written as loops in double. */
#include "core/session.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/store_floats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_TOKENS 21

struct shape {
    const char *name;
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff, n_vocab, window;
    float query_scale, attn_softcap, final_softcap;
    enum dtype dtype;
};

static const struct shape shapes[] = {
    {"as many kv heads as heads", 3, 24, 3, 3, 8, 40, 50, 4, 0.35f, 5, 10, DTYPE_BF16},
    {"one kv head", 2, 40, 5, 1, 6, 33, 61, 5, 0.4f, 3, 0, DTYPE_F16},
    {"heads wider than the model", 2, 10, 4, 2, 14, 20, 31, 7, 0.3f, 0, 7, DTYPE_F32},
    {"the narrowest head", 4, 16, 2, 1, 2, 8, 20, 3, 0.7f, 0, 0, DTYPE_F32},
    {"a window of one", 3, 32, 2, 2, 16, 64, 40, 1, 0.25f, 50, 30, DTYPE_BF16},
    {"no window", 3, 37, 4, 2, 10, 51, 73, 0, 0.3f, 5, 10, DTYPE_F16},
    {"one layer", 1, 48, 2, 1, 32, 96, 100, 6, 0.2f, 5, 10, DTYPE_BF16},
};
#define N_SHAPES ((int)(sizeof shapes / sizeof *shapes))

/* --- a random model in memory --- */

static uint32_t seed;

static struct matrix random_matrix(enum dtype dtype, int n_rows, int n_cols, float size)
{
    size_t n = (size_t)n_rows * (size_t)n_cols;
    float *values = mem_alloc(n, sizeof *values);
    void *data = mem_alloc(n, dtype_size(dtype));
    random_floats(values, n, ++seed);
    for (size_t i = 0; i < n; i++)
        values[i] *= size;
    store_floats(data, values, dtype, n);
    free(values);
    return (struct matrix){dtype, (size_t)n_rows, (size_t)n_cols, data};
}

static float *random_norm(int n)
{
    float *w = mem_alloc((size_t)n, sizeof *w);
    random_floats(w, (size_t)n, ++seed);
    for (int i = 0; i < n; i++)
        w[i] = 1 + 0.4f * w[i];
    return w;
}

static struct layer random_layer(const struct shape *s, int l)
{
    int d_q = s->n_heads * s->d_head, d_kv = s->n_kv_heads * s->d_head;
    return (struct layer){
        .config = {l % 2 == 0 ? s->window : 0, l % 2 == 0 ? 10000 : 500},
        .wq = random_matrix(s->dtype, d_q, s->d_model, 0.7f),
        .wk = random_matrix(s->dtype, d_kv, s->d_model, 0.7f),
        .wv = random_matrix(s->dtype, d_kv, s->d_model, 0.7f),
        .wo = random_matrix(s->dtype, s->d_model, d_q, 0.7f),
        .w_gate = random_matrix(s->dtype, s->d_ff, s->d_model, 0.5f),
        .w_up = random_matrix(s->dtype, s->d_ff, s->d_model, 0.5f),
        .w_down = random_matrix(s->dtype, s->d_model, s->d_ff, 0.5f),
        .norm_attn_in = random_norm(s->d_model),
        .norm_attn_out = random_norm(s->d_model),
        .norm_ffw_in = random_norm(s->d_model),
        .norm_ffw_out = random_norm(s->d_model),
    };
}

static struct model *random_model(const struct shape *s)
{
    struct model *m = mem_zalloc(1, sizeof *m);
    seed = 100;
    m->config = (struct model_config){
        .n_layers = s->n_layers,
        .d_model = s->d_model,
        .n_heads = s->n_heads,
        .n_kv_heads = s->n_kv_heads,
        .d_head = s->d_head,
        .d_ff = s->d_ff,
        .n_vocab = s->n_vocab,
        .n_ctx = 100,
        .rms_eps = 1e-6f,
        .query_scale = s->query_scale,
        .attn_softcap = s->attn_softcap,
        .final_softcap = s->final_softcap,
    };
    m->name = mem_strdup(s->name);
    m->path = mem_strdup("random");
    m->embed = random_matrix(s->dtype, s->n_vocab, s->d_model, 0.5f);
    m->norm_final = random_norm(s->d_model);
    m->layers = mem_alloc((size_t)s->n_layers, sizeof *m->layers);
    for (int l = 0; l < s->n_layers; l++)
        m->layers[l] = random_layer(s, l);
    return m;
}

static void free_weights(const struct matrix *w)
{
    free((void *)(uintptr_t)w->data);
}

static void random_model_free(struct model *m)
{
    for (int l = 0; l < m->config.n_layers; l++) {
        const struct layer *y = &m->layers[l];
        const struct matrix *all[] = {&y->wq,     &y->wk,   &y->wv,    &y->wo,
                                      &y->w_gate, &y->w_up, &y->w_down};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free_weights(all[i]);
    }
    free_weights(&m->embed);
    model_close(m);
}

/* --- the formulas, in double, one token's row at a time --- */

struct paper {
    const struct model *m;
    double *x;     /* [N_TOKENS, d_model] */
    double *k, *v; /* [N_TOKENS, n_kv_heads * d_head] of the layer at hand */
};

static double weight(const struct matrix *w, int row, int col)
{
    float value;
    size_t i = (size_t)row * w->n_cols + (size_t)col;
    tensor_to_f32(&value, (const char *)w->data + i * dtype_size(w->dtype), w->dtype, 1);
    return (double)value;
}

static void product(double *y, const struct matrix *w, const double *x)
{
    for (int j = 0; j < (int)w->n_rows; j++) {
        y[j] = 0;
        for (int i = 0; i < (int)w->n_cols; i++)
            y[j] += weight(w, j, i) * x[i];
    }
}

static void norm(double *y, const double *x, const float *w, int n)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += x[i] * x[i];
    for (int i = 0; i < n; i++)
        y[i] = x[i] / sqrt(squares / n + 1e-6) * (double)w[i];
}

static double capped(double x, float cap)
{
    return cap > 0 ? (double)cap * tanh(x / (double)cap) : x;
}

static void rotate(double *x, int n_heads, int d_head, int pos, float theta)
{
    for (int h = 0; h < n_heads; h++)
        for (int i = 0; i < d_head / 2; i++) {
            double angle = pos * pow((double)theta, -2.0 * i / d_head);
            double *a = &x[h * d_head + i], *b = a + d_head / 2, a0 = *a;
            *a = a0 * cos(angle) - *b * sin(angle);
            *b = *b * cos(angle) + a0 * sin(angle);
        }
}

static double score(const struct paper *p, const double *q, int head, int j)
{
    const struct model_config *c = &p->m->config;
    int kv = head / (c->n_heads / c->n_kv_heads);
    double sum = 0;
    for (int i = 0; i < c->d_head; i++)
        sum += q[head * c->d_head + i] * p->k[(j * c->n_kv_heads + kv) * c->d_head + i];
    return capped(sum * (double)c->query_scale, c->attn_softcap);
}

static void mix(double *out, const struct paper *p, const double *q, int t, int window)
{
    const struct model_config *c = &p->m->config;
    for (int head = 0; head < c->n_heads; head++) {
        int kv = head / (c->n_heads / c->n_kv_heads);
        double total = 0;
        memset(out + head * c->d_head, 0, (size_t)c->d_head * sizeof *out);
        for (int j = 0; j <= t; j++) {
            if (window > 0 && t - j >= window)
                continue;
            double e = exp(score(p, q, head, j));
            total += e;
            for (int i = 0; i < c->d_head; i++)
                out[head * c->d_head + i] += e * p->v[(j * c->n_kv_heads + kv) * c->d_head + i];
        }
        for (int i = 0; i < c->d_head; i++)
            out[head * c->d_head + i] /= total;
    }
}

static void add(double *x, double *delta, const float *w, int n)
{
    norm(delta, delta, w, n);
    for (int i = 0; i < n; i++)
        x[i] += delta[i];
}

static double gelu(double x)
{
    return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static void paper_layer(struct paper *p, int l)
{
    const struct model_config *c = &p->m->config;
    const struct layer *y = &p->m->layers[l];
    int d_q = c->n_heads * c->d_head, d_kv = c->n_kv_heads * c->d_head;
    double h[256], q[256], mixed[256], gate[256], up[256], delta[256];
    for (int t = 0; t < N_TOKENS; t++) {
        norm(h, p->x + t * c->d_model, y->norm_attn_in, c->d_model);
        product(p->k + t * d_kv, &y->wk, h);
        product(p->v + t * d_kv, &y->wv, h);
        rotate(p->k + t * d_kv, c->n_kv_heads, c->d_head, t, y->config.rope_theta);
    }
    ck_assert(d_q <= 256 && c->d_ff <= 256 && c->d_model <= 256);
    for (int t = 0; t < N_TOKENS; t++) {
        double *x = p->x + t * c->d_model;
        norm(h, x, y->norm_attn_in, c->d_model);
        product(q, &y->wq, h);
        rotate(q, c->n_heads, c->d_head, t, y->config.rope_theta);
        mix(mixed, p, q, t, y->config.window);
        product(delta, &y->wo, mixed);
        add(x, delta, y->norm_attn_out, c->d_model);
        norm(h, x, y->norm_ffw_in, c->d_model);
        product(gate, &y->w_gate, h);
        product(up, &y->w_up, h);
        for (int i = 0; i < c->d_ff; i++)
            gate[i] = gelu(gate[i]) * up[i];
        product(delta, &y->w_down, gate);
        add(x, delta, y->norm_ffw_out, c->d_model);
    }
}

static void to_floats(float *out, const double *in, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (float)in[i];
}

/* resid [n_layers][N_TOKENS, d_model], logits [N_TOKENS, n_vocab] */
static void run_paper(float **resid, float *logits, const struct model *m, const int *ids)
{
    const struct model_config *c = &m->config;
    size_t n_kv = (size_t)(N_TOKENS * c->n_kv_heads * c->d_head);
    struct paper p = {m, mem_alloc((size_t)(N_TOKENS * c->d_model), sizeof(double)),
                      mem_alloc(n_kv, sizeof(double)), mem_alloc(n_kv, sizeof(double))};
    for (int t = 0; t < N_TOKENS; t++)
        for (int i = 0; i < c->d_model; i++)
            p.x[t * c->d_model + i] = weight(&m->embed, ids[t], i) * sqrt(c->d_model);
    for (int l = 0; l < c->n_layers; l++) {
        paper_layer(&p, l);
        to_floats(resid[l], p.x, N_TOKENS * c->d_model);
    }
    double h[256], row[256];
    for (int t = 0; t < N_TOKENS; t++) {
        norm(h, p.x + t * c->d_model, m->norm_final, c->d_model);
        product(row, &m->embed, h);
        for (int i = 0; i < c->n_vocab; i++)
            row[i] = capped(row[i], c->final_softcap);
        to_floats(logits + t * c->n_vocab, row, c->n_vocab);
    }
    free(p.x);
    free(p.k);
    free(p.v);
}

/* --- the comparison --- */

static void check_dump(struct session *s, const struct model *m, float **want, const float *logits)
{
    struct err err = {0};
    const struct model_config *c = &m->config;
    size_t n_resid = (size_t)(N_TOKENS * c->d_model), n_logits = (size_t)(N_TOKENS * c->n_vocab);
    float *got = mem_alloc(n_resid, sizeof *got), *all = mem_alloc(n_logits, sizeof *all);
    for (int l = 0; l < c->n_layers; l++) {
        char what[64];
        snprintf(what, sizeof what, "%s: resid.%d", m->name, l);
        ck_assert_int_eq(session_dump(s, -1, &l, 1, &got, all, true, &err), ERR_OK);
        approx_tensor(what, got, want[l], n_resid, 1e-5);
    }
    approx_tensor(m->name, all, logits, n_logits, 2e-5);
    free(got);
    free(all);
}

/* Half of the tokens as a prompt, half as an answer. */
static void check_decoding(struct session *s, const struct model *m, const int *ids,
                           const float *logits)
{
    struct err err = {0};
    size_t n_vocab = (size_t)m->config.n_vocab;
    float *got = mem_alloc(n_vocab, sizeof *got);
    ck_assert_int_eq(session_set_prompt(s, ids, N_TOKENS / 2, &err), ERR_OK);
    for (int t = N_TOKENS / 2; t <= N_TOKENS; t++) {
        ck_assert_msg(session_logits(s, 1, got, &err) == ERR_OK, "%s", err.message);
        approx_tensor(m->name, got, logits + (size_t)(t - 1) * n_vocab, n_vocab, 2e-5);
        if (t < N_TOKENS)
            ck_assert_int_eq(session_append(s, 0, ids[t], &err), ERR_OK);
    }
    free(got);
}

START_TEST(the_model_computes_what_the_formulas_say)
{
    struct err err = {0};
    struct model *m = random_model(&shapes[_i]);
    const struct model_config *c = &m->config;
    int ids[N_TOKENS];
    float *resid[4], *logits = mem_alloc((size_t)(N_TOKENS * c->n_vocab), sizeof *logits);
    for (int t = 0; t < N_TOKENS; t++)
        ids[t] = (t * 7 + 3) % c->n_vocab;
    for (int l = 0; l < c->n_layers; l++)
        resid[l] = mem_alloc((size_t)(N_TOKENS * c->d_model), sizeof(float));
    run_paper(resid, logits, m, ids);
    for (int hook = 0; hook < c->n_layers; hook++) {
        struct session *s;
        ck_assert_int_eq(session_new(&s, m, hook, 1, &err), ERR_OK);
        ck_assert_int_eq(session_set_prompt(s, ids, N_TOKENS, &err), ERR_OK);
        check_dump(s, m, resid, logits);
        check_decoding(s, m, ids, logits);
        session_free(s);
    }
    for (int l = 0; l < c->n_layers; l++)
        free(resid[l]);
    free(logits);
    random_model_free(m);
}
END_TEST

Suite *suite_shapes(void)
{
    Suite *s = suite_create("shapes");
    TCase *t = tcase_create("shapes");
    tcase_add_loop_test(t, the_model_computes_what_the_formulas_say, 0, N_SHAPES);
    suite_add_tcase(s, t);
    return s;
}
