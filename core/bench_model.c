#include "core/bench_model.h"

#include "core/bench_trial.h"
#include "core/sampler.h"
#include "data/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* --- arithmetic and traffic --- */

struct cost {
    double flops; /* per token, attention aside */
    double bytes; /* of weights, read once */
};

static void add_matrix(struct cost *c, const struct matrix *w)
{
    c->flops += 2.0 * (double)w->n_rows * (double)w->n_cols;
    c->bytes += (double)dtype_bytes(w->dtype, w->n_rows * w->n_cols);
}

static void add_layer(struct cost *c, const struct layer *l)
{
    const struct matrix *const all[] = {&l->wq,     &l->wk,   &l->wv,    &l->wo,
                                        &l->w_gate, &l->w_up, &l->w_down};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        add_matrix(c, all[i]);
}

/* Layers first <= l < end. */
static struct cost layers_cost(const struct model *model, int first, int end)
{
    struct cost c = {0};
    for (int l = first; l < end; l++)
        add_layer(&c, &model->layers[l]);
    return c;
}

/* Scores and sums of the queries from `from` to `to` in layers first <= l < end. */
static double attention_flops(const struct model *model, int first, int end, int from, int to)
{
    const struct model_config *c = &model->config;
    double pairs = 0;
    for (int l = first; l < end; l++) {
        int window = model->layers[l].config.window;
        for (int t = from; t < to; t++)
            pairs += window > 0 && t + 1 > window ? window : t + 1;
    }
    return 4.0 * pairs * c->n_heads * c->d_head;
}

/* The last layer gives only one token's output: of the others it needs keys and values. */
static double last_layer_flops(const struct model *model, int n_tokens)
{
    const int last = model->config.n_layers - 1;
    struct cost all = layers_cost(model, last, last + 1), kv = {0};
    add_matrix(&kv, &model->layers[last].wk);
    add_matrix(&kv, &model->layers[last].wv);
    return all.flops + (n_tokens - 1) * kv.flops +
           attention_flops(model, last, last + 1, n_tokens - 1, n_tokens);
}

/* An autoencoder's encoder is as large as its directions. */
static struct cost latents_cost(const struct dictionary *dict)
{
    struct cost c = {0};
    if (dict)
        add_matrix(&c, &dict->directions);
    return c;
}

/* A trial, or a figure that says why there is none. */
static bool open_or_say(struct trial *t, struct bench *b, const struct bench_subject *s, int n_ids,
                        int n_branches, const char *group, const char *name, const char *text)
{
    struct err err = {0};
    if (trial_open(t, s, n_ids, n_branches, &err) == ERR_OK)
        return true;
    bench_add_missing(b, group, name, text, "s", err.message);
    trial_close(t);
    return false;
}

/* --- reading --- */

/* Least work of a prompt of n tokens whose positions from `from` on are computed, with the latents
 * of all. */
static struct bench_work reading(const struct bench_subject *s, int from, int n)
{
    const struct model *model = s->scope->model;
    const int end = s->scope->hook_layer + 1;
    const struct cost layers = layers_cost(model, 0, end), latents = latents_cost(s->scope->dict);
    return (struct bench_work){.flops = (n - from) * layers.flops + n * latents.flops +
                                        attention_flops(model, 0, end, from, n),
                               .bytes = layers.bytes + latents.bytes};
}

/* A prompt of one other token: nothing of the last run is a prefix of the next. */
static int forget_prompt(void *data, int run, struct err *err)
{
    struct trial *t = data;
    const int other = (t->ids[0] + 1) % t->scope->model->config.n_vocab;
    (void)run;
    return session_set_prompt(t->session, &other, 1, err);
}

static int read_prompt(void *data, int run, struct err *err)
{
    (void)run;
    return trial_read(data, false, err);
}

static void read_one(struct bench *b, const struct bench_subject *s, int n)
{
    char name[32], text[48];
    struct trial t;
    snprintf(name, sizeof name, "read_%d", n);
    snprintf(text, sizeof text, "cold read, %d tokens", n);
    if (!open_or_say(&t, b, s, n, 0, "read", name, text))
        return;
    struct bench_work work = reading(s, 0, n);
    work.prepare = forget_prompt;
    work.run = read_prompt;
    work.data = &t;
    work.n_tokens = n;
    bench_measure(b, "read", name, text, &work);
    trial_close(&t);
}

void bench_read(struct bench *b, const struct bench_subject *s, const int *lengths, int n)
{
    for (int i = 0; i < n; i++)
        read_one(b, s, lengths[i]);
}

/* Prompts that are read in one session each, but together. */
struct together {
    struct trial *trials;      /* [n] owned */
    struct session **sessions; /* [n] owned: those of the trials */
    int n;
};

static int forget_prompts(void *data, int run, struct err *err)
{
    struct together *all = data;
    int rc = ERR_OK;
    for (int i = 0; i < all->n && rc == ERR_OK; i++) {
        struct trial *t = &all->trials[i];
        rc = forget_prompt(t, run, err);
        if (rc == ERR_OK)
            rc = session_set_prompt(t->session, t->ids, t->n_ids, err);
    }
    return rc;
}

static int read_prompts(void *data, int run, struct err *err)
{
    struct together *all = data;
    int rc = session_read_all(all->sessions, all->n, err);
    (void)run;
    for (int i = 0; i < all->n && rc == ERR_OK; i++)
        rc = trial_read(&all->trials[i], false, err); /* is left the latents */
    return rc;
}

static int open_together(struct together *all, const struct bench_subject *s, int n_prompts,
                         int n_tokens, struct err *err)
{
    int rc = ERR_OK;
    *all = (struct together){mem_zalloc((size_t)n_prompts, sizeof *all->trials),
                             mem_zalloc((size_t)n_prompts, sizeof *all->sessions), 0};
    while (all->n < n_prompts && rc == ERR_OK) {
        rc = trial_open(&all->trials[all->n], s, n_tokens, 0, err);
        all->sessions[all->n] = all->trials[all->n].session;
        all->n++;
    }
    return rc;
}

void bench_batch(struct bench *b, const struct bench_subject *s, int n_prompts, int n_tokens,
                 const char *alone)
{
    char name[32], text[48];
    struct together all;
    struct err err = {0};
    snprintf(name, sizeof name, "batch_%dx%d", n_prompts, n_tokens);
    snprintf(text, sizeof text, "%d prompts of %d tokens together", n_prompts, n_tokens);
    struct bench_work work = reading(s, 0, n_tokens);
    work.prepare = forget_prompts;
    work.run = read_prompts;
    work.data = &all;
    work.flops *= n_prompts; /* weights are read once for all */
    work.n_tokens = n_prompts * n_tokens;
    if (open_together(&all, s, n_prompts, n_tokens, &err) == ERR_OK)
        bench_compare(b, bench_measure(b, "batch", name, text, &work), alone);
    else
        bench_add_missing(b, "batch", name, text, "s", err.message);
    for (int i = 0; i < all.n; i++)
        trial_close(&all.trials[i]);
    free(all.trials);
    free(all.sessions);
}

static int change_last(void *data, int run, struct err *err)
{
    struct trial *t = data;
    int *last = &t->ids[t->n_ids - 1];
    *last = (*last + 1) % t->scope->model->config.n_vocab;
    (void)run, (void)err;
    return ERR_OK;
}

void bench_edit(struct bench *b, const struct bench_subject *s, int n)
{
    char name[32], text[48];
    struct trial t;
    snprintf(name, sizeof name, "edit_%d", n);
    snprintf(text, sizeof text, "read again, last of %d edited", n);
    if (!open_or_say(&t, b, s, n, 0, "edit", name, text))
        return;
    struct bench_work work = reading(s, n - 1, n);
    work.prepare = change_last;
    work.run = read_prompt;
    work.data = &t;
    struct bench_figure *f = bench_measure(b, "edit", name, text, &work);
    bench_compare(b, f, "read_128");
    trial_close(&t);
}

/* --- steering and decoding --- */

static int choose(const struct trial *t, int i)
{
    const struct sampler greedy = {.top_p = 1};
    const int n_vocab = t->scope->model->config.n_vocab;
    return sampler_choose(&greedy, t->logits + (size_t)i * (size_t)n_vocab, n_vocab, t->n_ids);
}

static int set_prompt(void *data, int run, struct err *err)
{
    struct trial *t = data;
    return run == 0 ? session_set_prompt(t->session, t->ids, t->n_ids, err) : ERR_OK;
}

static int move_slider(void *data, int run, struct err *err)
{
    struct trial *t = data;
    int rc = trial_steer(t, 0, run % 2 ? 1.0f : 1.5f, err);
    if (rc == ERR_OK)
        rc = session_logits(t->session, t->mask, t->logits, err);
    if (rc == ERR_OK)
        choose(t, 0);
    return rc;
}

void bench_slider(struct bench *b, const struct bench_subject *s, int n)
{
    const struct model *model = s->scope->model;
    const int first = s->scope->hook_layer + 1, end = model->config.n_layers;
    char name[32], text[48];
    struct trial t;
    snprintf(name, sizeof name, "slider_%d", n);
    snprintf(text, sizeof text, "slider to first token, %d tokens", n);
    if (!open_or_say(&t, b, s, n, 1, "slider", name, text))
        return;
    struct cost layers = layers_cost(model, first, end - 1), head = {0};
    add_matrix(&head, &model->embed);
    const double last = first < end ? last_layer_flops(model, n) : 0;
    struct bench_work work = {.prepare = set_prompt,
                              .run = move_slider,
                              .data = &t,
                              .flops = n * layers.flops + last + head.flops +
                                       attention_flops(model, first, end - 1, 0, n),
                              .bytes = layers_cost(model, first, end).bytes + head.bytes};
    struct bench_figure *f = bench_measure(b, "slider", name, text, &work);
    bench_compare(b, f, "read_128");
    trial_close(&t);
}

/* Branch 0 is the baseline, the others differ by strength. */
static int start_branches(struct trial *t, struct err *err)
{
    int rc = session_set_prompt(t->session, t->ids, t->n_ids, err);
    for (int branch = 1; branch < t->n_branches && rc == ERR_OK; branch++)
        rc = trial_steer(t, branch, (float)branch, err);
    return rc;
}

/* Every branch goes on with a token of its own that ends nothing. */
static int append_tokens(void *data, int run, struct err *err)
{
    struct trial *t = data;
    int rc = run == 0 ? start_branches(t, err) : ERR_OK;
    for (int branch = 0; branch < t->n_branches && run > 0 && rc == ERR_OK; branch++)
        rc = session_append(t->session, branch, trial_random_id(t->subject, 100 * run + branch),
                            err);
    return rc;
}

static int decode_step(void *data, int run, struct err *err)
{
    struct trial *t = data;
    (void)run;
    int rc = session_logits(t->session, t->mask, t->logits, err);
    for (int branch = 0; branch < t->n_branches && rc == ERR_OK; branch++)
        choose(t, branch);
    return rc;
}

static void decode_some(struct bench *b, const struct bench_subject *s, int n_branches)
{
    enum { N_PROMPT = 4, STEPS_PER_RUN = 6 };
    const struct model *model = s->scope->model;
    char name[32], text[48];
    struct trial t;
    snprintf(name, sizeof name, "decode_%d", n_branches);
    snprintf(text, sizeof text, "decode, step of %d branch%s", n_branches,
             n_branches > 1 ? "es" : "");
    if (!open_or_say(&t, b, s, N_PROMPT, n_branches, "decode", name, text))
        return;
    struct cost c = layers_cost(model, 0, model->config.n_layers);
    add_matrix(&c, &model->embed);
    struct bench_work work = {.prepare = append_tokens,
                              .run = decode_step,
                              .data = &t,
                              .flops = n_branches * c.flops,
                              .bytes = c.bytes,
                              .n_tokens = n_branches,
                              .n_runs = b->n_runs * STEPS_PER_RUN};
    struct bench_figure *f = bench_measure(b, "decode", name, text, &work);
    bench_compare(b, f, "decode_1");
    trial_close(&t);
}

void bench_decode(struct bench *b, const struct bench_subject *s, const int *branches, int n)
{
    for (int i = 0; i < n; i++)
        decode_some(b, s, branches[i]);
}
