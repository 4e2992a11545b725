/* The backward pass against finite differences of a plain forward pass in double precision, and
 * against the gradient of the fixtures' ReFT-r1 step. */
#include "core/grad_internal.h"
#include "core/model_memory.h"
#include "core/session.h"
#include "data/json.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 24, HEADS = 4, KV = 2, DH = 6, FF = 20, VOCAB = 37, LAYERS = 3, T = 9, SEQS = 2 };

static const int STARTS[SEQS * T] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4};

/* --- the reference: one sequence, loops, double --- */

static double *read_matrix(const struct matrix *m)
{
    float row[256];
    double *out = malloc(m->n_rows * m->n_cols * sizeof *out);
    for (size_t r = 0; r < m->n_rows; r++) {
        matrix_row(row, m, r);
        for (size_t i = 0; i < m->n_cols; i++)
            out[r * m->n_cols + i] = row[i];
    }
    return out;
}

static void product(double *y, const double *x, const struct matrix *m, int n)
{
    double *w = read_matrix(m);
    for (int t = 0; t < n; t++)
        for (size_t o = 0; o < m->n_rows; o++) {
            y[(size_t)t * m->n_rows + o] = 0;
            for (size_t i = 0; i < m->n_cols; i++)
                y[(size_t)t * m->n_rows + o] += x[(size_t)t * m->n_cols + i] * w[o * m->n_cols + i];
        }
    free(w);
}

static void norm(double *y, const double *x, const float *w, int n)
{
    for (int t = 0; t < n; t++) {
        double sum = 0;
        for (int i = 0; i < D; i++)
            sum += x[t * D + i] * x[t * D + i];
        for (int i = 0; i < D; i++)
            y[t * D + i] = x[t * D + i] / sqrt(sum / D + 1e-6) * w[i];
    }
}

static double cap_to(double x, double cap)
{
    return cap > 0 ? cap * tanh(x / cap) : x;
}

static void rotate(double *x, int position, double theta)
{
    for (int i = 0; i < DH / 2; i++) {
        double angle = position * pow(theta, -2.0 * i / DH), a = x[i], b = x[i + DH / 2];
        x[i] = a * cos(angle) - b * sin(angle);
        x[i + DH / 2] = b * cos(angle) + a * sin(angle);
    }
}

static void attend(double *out, double *q, double *k, const double *v, const struct model *m,
                   const struct layer_config *lc, const int *starts)
{
    for (int t = 0; t < T; t++) {
        for (int h = 0; h < HEADS; h++)
            rotate(q + (t * HEADS + h) * DH, t - starts[t], lc->rope_theta);
        for (int h = 0; h < KV; h++)
            rotate(k + (t * KV + h) * DH, t - starts[t], lc->rope_theta);
    }
    for (int t = 0; t < T; t++)
        for (int h = 0; h < HEADS; h++) {
            double p[T] = {0}, sum = 0;
            int g = h / (HEADS / KV);
            for (int j = starts[t]; j <= t; j++) {
                if (lc->window > 0 && t - j >= lc->window)
                    continue;
                for (int i = 0; i < DH; i++)
                    p[j] += q[(t * HEADS + h) * DH + i] * k[(j * KV + g) * DH + i];
                p[j] = exp(cap_to(p[j] * m->config.query_scale, m->config.attn_softcap));
                sum += p[j];
            }
            for (int i = 0; i < DH; i++) {
                double *o = out + (t * HEADS + h) * DH + i;
                *o = 0;
                for (int j = 0; j <= t; j++)
                    *o += p[j] / sum * v[(j * KV + g) * DH + i];
            }
        }
}

static void reference_layer(double *x, const struct model *m, int l, const int *starts)
{
    const struct layer *layer = &m->layers[l];
    double y[T * D], q[T * HEADS * DH], k[T * KV * DH], v[T * KV * DH], heads[T * HEADS * DH];
    double g[T * FF], u[T * FF], out[T * D];
    norm(y, x, layer->norm_attn_in, T);
    product(q, y, &layer->wq, T);
    product(k, y, &layer->wk, T);
    product(v, y, &layer->wv, T);
    attend(heads, q, k, v, m, &layer->config, starts);
    product(out, heads, &layer->wo, T);
    norm(y, out, layer->norm_attn_out, T);
    for (int i = 0; i < T * D; i++)
        x[i] += y[i];
    norm(y, x, layer->norm_ffw_in, T);
    product(g, y, &layer->w_gate, T);
    product(u, y, &layer->w_up, T);
    for (int i = 0; i < T * FF; i++)
        g[i] =
            0.5 * g[i] * (1 + tanh(sqrt(2 / acos(-1)) * (g[i] + 0.044715 * pow(g[i], 3)))) * u[i];
    product(out, g, &layer->w_down, T);
    norm(y, out, layer->norm_ffw_out, T);
    for (int i = 0; i < T * D; i++)
        x[i] += y[i];
}

static double reference_loss(const struct model *m, const int *ids, const int *targets,
                             const int *starts)
{
    double x[T * D], y[T * D], logits[T * VOCAB], loss = 0;
    double *embed = read_matrix(&m->embed);
    for (int i = 0; i < T * D; i++)
        x[i] = embed[ids[i / D] * D + i % D] * sqrt(D);
    free(embed);
    for (int l = 0; l < LAYERS; l++)
        reference_layer(x, m, l, starts);
    norm(y, x, m->norm_final, T);
    product(logits, y, &m->embed, T);
    for (int t = 0; t < T; t++) {
        double sum = 0;
        if (targets[t] < 0)
            continue;
        for (int i = 0; i < VOCAB; i++)
            sum += exp(cap_to(logits[t * VOCAB + i], m->config.final_softcap));
        loss += log(sum) - cap_to(logits[t * VOCAB + targets[t]], m->config.final_softcap);
    }
    return loss;
}

/* --- a small random model and batch --- */

static struct model_memory *small_model(float attn_softcap, float final_softcap)
{
    struct model_memory *m;
    struct model_config config = {.n_layers = LAYERS,
                                  .d_model = D,
                                  .n_heads = HEADS,
                                  .n_kv_heads = KV,
                                  .d_head = DH,
                                  .d_ff = FF,
                                  .n_vocab = VOCAB,
                                  .n_ctx = 64,
                                  .rms_eps = 1e-6f,
                                  .query_scale = 0.5f,
                                  .attn_softcap = attn_softcap,
                                  .final_softcap = final_softcap};
    struct layer_config layers[LAYERS] = {{3, 100}, {0, 100}, {3, 100}};
    ck_assert_int_eq(model_memory_new(&m, &config, layers, NULL), 0);
    model_memory_randomise(m, 7, 1.5f);
    /* norms of 1 would hide a factor that is missing */
    for (int l = 0; l < LAYERS; l++)
        for (int i = 0; i < D; i++) {
            m->params.layers[l].norm_attn_in[i] += 0.3f * sinf((float)i);
            m->params.layers[l].norm_attn_out[i] += 0.3f * cosf((float)i);
            m->params.layers[l].norm_ffw_in[i] -= 0.3f * sinf((float)i);
            m->params.layers[l].norm_ffw_out[i] += 0.2f * sinf((float)(3 * i));
            m->params.norm_final[i] = 1 + 0.2f * cosf((float)(2 * i));
        }
    return m;
}

static int batch_ids[SEQS * T], batch_targets[SEQS * T];

static void make_batch(void)
{
    for (int i = 0; i < SEQS * T; i++) {
        batch_ids[i] = (i * 17 + 5) % VOCAB;
        batch_targets[i] = i % 7 == 3 ? -1 : (i * 11 + 2) % VOCAB;
    }
}

static double batch_loss(const struct model *m)
{
    return reference_loss(m, batch_ids, batch_targets, STARTS) +
           reference_loss(m, batch_ids + T, batch_targets + T, STARTS + T);
}

/* n_chunk: rows of logits that there is room for; 0: as the tape has it. */
static void run_batch(struct model_grads *grads, const struct model *m, double *loss,
                      size_t n_chunk)
{
    struct tape *tape;
    long n_counted;
    ck_assert_int_eq(tape_new(&tape, m, 0, SEQS, T, NULL), 0);
    ck_assert_int_eq(model_grads_new(grads, m, NULL), 0);
    tape->n_chunk = n_chunk ? n_chunk : tape->n_chunk;
    tape_set_starts(tape, STARTS);
    *loss = tape_forward(tape, batch_ids, batch_targets, NULL, SEQS, T, &n_counted);
    ck_assert_int_eq(n_counted, SEQS * T - 3);
    tape_backward(tape, 1, grads, NULL);
    tape_free(tape);
}

/* Every 13th weight of the array: central difference in double against the gradient. */
static void check_weights(const char *name, const struct model *m, float *w, const float *grad,
                          size_t n)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(grad[i]));
    ck_assert_msg(largest > 1e-4, "%s has no gradient at all", name);
    for (size_t i = 1; i<n; i += n> 100 ? 13 : 5) {
        float kept = w[i];
        w[i] = kept + 0.002f;
        double up = batch_loss(m), x_up = w[i];
        w[i] = kept - 0.002f;
        double slope = (up - batch_loss(m)) / (x_up - w[i]);
        w[i] = kept;
        worst = fmax(worst, fabs(slope - grad[i]) / largest);
    }
    ck_assert_msg(worst < 1e-3, "%s: gradient off by %g of the largest", name, worst);
}

static void check_all(float attn_softcap, float final_softcap)
{
    struct model_memory *m = small_model(attn_softcap, final_softcap);
    struct model_grads g;
    double loss;
    make_batch();
    run_batch(&g, &m->model, &loss, 0);
    ck_assert_double_eq_tol(loss, batch_loss(&m->model), 1e-3);
    for (int l = 0; l < LAYERS; l++) {
        struct layer_grads *w = &m->params.layers[l], *d = &g.layers[l];
        check_weights("wq", &m->model, w->wq, d->wq, HEADS * DH * D);
        check_weights("wk", &m->model, w->wk, d->wk, KV * DH * D);
        check_weights("wv", &m->model, w->wv, d->wv, KV * DH * D);
        check_weights("wo", &m->model, w->wo, d->wo, D * HEADS * DH);
        check_weights("w_gate", &m->model, w->w_gate, d->w_gate, FF * D);
        check_weights("w_up", &m->model, w->w_up, d->w_up, FF * D);
        check_weights("w_down", &m->model, w->w_down, d->w_down, FF * D);
        check_weights("norm_attn_in", &m->model, w->norm_attn_in, d->norm_attn_in, D);
        check_weights("norm_attn_out", &m->model, w->norm_attn_out, d->norm_attn_out, D);
        check_weights("norm_ffw_in", &m->model, w->norm_ffw_in, d->norm_ffw_in, D);
        check_weights("norm_ffw_out", &m->model, w->norm_ffw_out, d->norm_ffw_out, D);
    }
    check_weights("embed", &m->model, m->params.embed, g.embed, VOCAB * D);
    check_weights("norm_final", &m->model, m->params.norm_final, g.norm_final, D);
    model_grads_free(&g);
    model_memory_free(m);
}

START_TEST(gradients_agree_with_finite_differences)
{
    check_all(2.0f, 4.0f);
}
END_TEST

START_TEST(gradients_agree_without_soft_caps)
{
    check_all(0, 0);
}
END_TEST

START_TEST(gradients_add_up_over_calls_and_scale)
{
    struct model_memory *m = small_model(2, 4);
    struct model_grads once, twice;
    struct tape *tape;
    double loss;
    long n;
    make_batch();
    run_batch(&once, &m->model, &loss, 0);
    ck_assert_int_eq(tape_new(&tape, &m->model, 0, 1, T, NULL), 0);
    ck_assert_int_eq(model_grads_new(&twice, &m->model, NULL), 0);
    for (int s = 0; s < SEQS; s++) {
        tape_set_starts(tape, STARTS + s * T);
        tape_forward(tape, batch_ids + s * T, batch_targets + s * T, NULL, 1, T, &n);
        tape_backward(tape, 0.5f, &twice, NULL);
    }
    for (size_t i = 0; i < once.n_params; i++)
        ck_assert_double_eq_tol(once.block[i], 2 * twice.block[i], 2e-4);
    tape_free(tape);
    model_grads_free(&once);
    model_grads_free(&twice);
    model_memory_free(m);
}
END_TEST

START_TEST(logits_that_come_in_chunks_give_the_same_gradient)
{
    struct model_memory *m = small_model(2, 4);
    struct model_grads whole, parts;
    double loss, loss_of_parts;
    make_batch();
    run_batch(&whole, &m->model, &loss, 0);
    run_batch(&parts, &m->model, &loss_of_parts, 5);
    ck_assert_double_eq_tol(loss_of_parts, loss, 1e-6 * loss);
    approx_tensor("gradient", parts.block, whole.block, whole.n_params, 1e-6);
    model_grads_free(&whole);
    model_grads_free(&parts);
    model_memory_free(m);
}
END_TEST

/* --- ReFT-r1: the fixtures' step --- */

struct reft_case {
    int *ids;
    size_t n_ids, d_model;
    float *v, *want;
    long labels_from, prefix, topk;
    double l1_coeff, cross_entropy, l1;
};

static float *floats(const struct json *array, size_t *n)
{
    float *x = mem_alloc(json_size(array), sizeof *x);
    *n = 0;
    for (const struct json *v = json_first(array); v; v = json_next(v))
        x[(*n)++] = (float)json_number(v);
    return x;
}

static void read_case(struct reft_case *c, const struct json *step)
{
    float *ids = floats(json_get(step, "ids"), &c->n_ids);
    c->ids = mem_alloc(c->n_ids, sizeof *c->ids);
    for (size_t i = 0; i < c->n_ids; i++)
        c->ids[i] = (int)ids[i];
    free(ids);
    c->v = floats(json_get(step, "v"), &c->d_model);
    c->want = floats(json_get(step, "grad"), &c->d_model);
    c->labels_from = (long)json_number(json_get(step, "labels_from"));
    c->prefix = (long)json_number(json_get(step, "prefix_length"));
    c->topk = (long)json_number(json_get(step, "topk"));
    c->l1_coeff = json_number(json_get(step, "l1_coeff"));
    c->cross_entropy = json_number(json_get(step, "cross_entropy"));
    c->l1 = json_number(json_get(step, "l1"));
}

static float *hook_resid(const struct model *model, int hook, const struct reft_case *c)
{
    size_t n = c->n_ids * c->d_model;
    float *resid = mem_alloc(n, sizeof *resid);
    struct session *session;
    ck_assert_int_eq(session_new(&session, model, hook, 0, NULL), 0);
    ck_assert_int_eq(session_set_prompt(session, c->ids, (int)c->n_ids, NULL), 0);
    ck_assert_int_eq(session_read(session, NULL), 0);
    memcpy(resid, session_resid(session), n * sizeof *resid);
    session_free(session);
    return resid;
}

/* in_top [n]: the k largest of a. Ties at zero do not matter: they have no gradient. */
static void mark_top(bool *in_top, const float *a, size_t n, long k)
{
    memset(in_top, 0, n * sizeof *in_top);
    for (long round = 0; round < k && round < (long)n; round++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!in_top[i] && (best == n || a[i] > a[best]))
                best = i;
        in_top[best] = true;
    }
}

/* The step by hand: latents, the edit by their mean, the loss through the tape. */
struct reft_step {
    size_t n, d, first; /* tokens, width, the first token that has a latent */
    float *h;           /* [n, d] owned, as all below: residual at the hook */
    float *edited;      /* [n, d] */
    float *d_edited;    /* [n, d] gradient of the mean cross-entropy */
    float *a;           /* [n] latents */
    bool *in_top;       /* [n] of the largest ones, whose mean is the edit's strength */
    double mean, l1, cross_entropy;
};

static void edit_by_latents(struct reft_step *s, const struct reft_case *c)
{
    const size_t n_lat = s->n - s->first;
    for (size_t t = s->first; t < s->n; t++) {
        for (size_t i = 0; i < s->d; i++)
            s->a[t] += s->h[t * s->d + i] * c->v[i];
        s->a[t] = s->a[t] > 0 ? s->a[t] : 0;
    }
    mark_top(s->in_top + s->first, s->a + s->first, n_lat, c->topk);
    for (size_t t = s->first; t < s->n; t++) {
        s->mean += s->in_top[t] ? s->a[t] / (double)c->topk : 0;
        s->l1 += s->in_top[t] ? 0 : s->a[t] / (double)n_lat;
    }
    memcpy(s->edited, s->h, s->n * s->d * sizeof *s->edited);
    for (size_t t = s->first; t < s->n; t++)
        for (size_t i = 0; i < s->d; i++)
            s->edited[t * s->d + i] += (float)s->mean * c->v[i];
}

static void run_tape(struct reft_step *s, const struct reft_case *c, const struct model *model,
                     int hook)
{
    struct tape *tape;
    long counted;
    int *targets = mem_alloc(s->n, sizeof *targets);
    for (size_t t = 0; t < s->n; t++)
        targets[t] = t + 1 < s->n && (long)t + 1 >= c->labels_from ? c->ids[t + 1] : -1;
    ck_assert_int_eq(tape_new(&tape, model, hook + 1, 1, (int)s->n, NULL), 0);
    double loss = tape_forward(tape, c->ids, targets, s->edited, 1, (int)s->n, &counted);
    s->cross_entropy = loss / (double)counted;
    tape_backward(tape, (float)(1.0 / (double)counted), NULL, s->d_edited);
    tape_free(tape);
    free(targets);
}

static struct reft_step reft_step_of(const struct reft_case *c, const struct model *model, int hook)
{
    struct reft_step s = {.n = c->n_ids, .d = c->d_model, .first = (size_t)c->prefix};
    s.h = hook_resid(model, hook, c);
    s.edited = mem_alloc(s.n * s.d, sizeof *s.edited);
    s.d_edited = mem_alloc(s.n * s.d, sizeof *s.d_edited);
    s.a = mem_zalloc(s.n, sizeof *s.a);
    s.in_top = mem_zalloc(s.n, sizeof *s.in_top);
    edit_by_latents(&s, c);
    run_tape(&s, c, model, hook);
    return s;
}

static void reft_step_clear(struct reft_step *s)
{
    void *owned[] = {s->h, s->edited, s->d_edited, s->a, s->in_top};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
}

/* d/dv of h + mean(a) v + coefficient * l1: v itself, and the latents through mean and l1. */
static void check_gradient(const struct reft_step *s, const struct reft_case *c)
{
    double *grad = mem_zalloc(s->d, sizeof *grad), along = 0, largest = 0, worst = 0;
    for (size_t t = s->first; t < s->n; t++)
        for (size_t i = 0; i < s->d; i++) {
            grad[i] += s->mean * s->d_edited[t * s->d + i];
            along += (double)s->d_edited[t * s->d + i] * c->v[i];
        }
    for (size_t t = s->first; t < s->n; t++) {
        double weight =
            s->in_top[t] ? along / (double)c->topk : c->l1_coeff / (double)(s->n - s->first);
        for (size_t i = 0; i < s->d && s->a[t] > 0; i++)
            grad[i] += weight * s->h[t * s->d + i];
    }
    for (size_t i = 0; i < s->d; i++) {
        largest = fmax(largest, fabs(c->want[i]));
        worst = fmax(worst, fabs(c->want[i] - grad[i]));
    }
    ck_assert_msg(worst < 1e-4 * largest, "off by %g of %g", worst, largest);
    free(grad);
}

static void check_reft(const char *folder)
{
    char path[256];
    struct json_doc *doc;
    struct model *model;
    struct reft_case c;
    struct err err;
    snprintf(path, sizeof path, "tests/fixtures/%s/expected.json", folder);
    ck_assert_int_eq(json_open(&doc, path, &err), 0);
    int hook = (int)json_number(json_get(json_root(doc), "hook_layer"));
    read_case(&c, json_get(json_root(doc), "reft_r1_step"));
    json_close(doc);
    snprintf(path, sizeof path, "tests/fixtures/%s", folder);
    ck_assert_int_eq(model_open(&model, path, &err), 0);

    struct reft_step s = reft_step_of(&c, model, hook);
    ck_assert_double_eq_tol(s.cross_entropy, c.cross_entropy, 1e-4 * c.cross_entropy);
    ck_assert_double_eq_tol(s.l1, c.l1, 1e-4 * fmax(c.l1, 1));
    check_gradient(&s, &c);
    reft_step_clear(&s);
    free(c.ids);
    free(c.v);
    free(c.want);
    model_close(model);
}

START_TEST(reft_step_of_the_bf16_fixture_is_reproduced)
{
    check_reft("gemma2-mini");
}
END_TEST

START_TEST(reft_step_of_the_f32_fixture_is_reproduced)
{
    check_reft("gemma2-mini-f32");
}
END_TEST

Suite *suite_grad(void)
{
    Suite *s = suite_create("grad");
    TCase *t = tcase_create("grad");
    tcase_add_test(t, gradients_agree_with_finite_differences);
    tcase_add_test(t, gradients_agree_without_soft_caps);
    tcase_add_test(t, gradients_add_up_over_calls_and_scale);
    tcase_add_test(t, logits_that_come_in_chunks_give_the_same_gradient);
    tcase_add_test(t, reft_step_of_the_bf16_fixture_is_reproduced);
    tcase_add_test(t, reft_step_of_the_f32_fixture_is_reproduced);
    suite_add_tcase(s, t);
    return s;
}
