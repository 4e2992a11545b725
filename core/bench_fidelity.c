#include "core/bench_fidelity.h"

#include "core/bench_trial.h"
#include "core/latents.h"
#include "data/mem.h"

#include <math.h>
#include <stdlib.h>

enum { N_TOP = 10 };

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static double shared_top(const float *a, const float *b, size_t n)
{
    struct ranked of_a[N_TOP], of_b[N_TOP];
    size_t n_a = rank_token_all(of_a, N_TOP, a, n), n_b = rank_token_all(of_b, N_TOP, b, n);
    size_t n_shared = 0;
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_b; j++)
            n_shared += of_a[i].row == of_b[j].row;
    return n_a > 0 ? (double)n_shared / (double)n_a : 0;
}

static void add_both(struct bench *b, const struct trial *t, const struct trial *reference,
                     const struct err *err)
{
    const size_t n = t->scope->dict->n_concepts;
    const int n_rows = t->n_ids - 1;
    double *cosines = mem_alloc((size_t)t->n_ids, sizeof *cosines);
    double *shared = mem_alloc((size_t)t->n_ids, sizeof *shared);
    for (int r = 0; r < n_rows && err->code == ERR_OK; r++) {
        const size_t at = (size_t)(r + 1) * n;
        cosines[r] = cosine(t->acts + at, reference->acts + at, n);
        shared[r] = shared_top(t->acts + at, reference->acts + at, n);
    }
    const struct {
        const char *name, *text, *unit;
        double *values;
    } figures[] = {{"fidelity_cosine", "latents against the reference", "cosine", cosines},
                   {"fidelity_top10", "ten largest latents shared", "share", shared}};
    for (int i = 0; i < 2; i++) {
        const char *name = figures[i].name, *text = figures[i].text, *unit = figures[i].unit;
        if (err->code == ERR_OK)
            bench_set(bench_add(b, "fidelity", name, text, unit), figures[i].values, n_rows);
        else
            bench_add_missing(b, "fidelity", name, text, unit, err->message);
    }
    free(cosines);
    free(shared);
}

void bench_fidelity(struct bench *b, const struct bench_subject *s, struct model *reference,
                    int n_tokens)
{
    struct err err = {0};
    struct trial t = {0}, other = {0};
    struct scope other_scope = *s->scope;
    struct bench_subject other_subject = *s;
    other_scope.model = reference;
    other_subject.scope = &other_scope;
    if (b->progress)
        b->progress(b->data, "fidelity");
    int rc = reference->config.n_vocab == s->scope->model->config.n_vocab &&
                     reference->config.n_layers == s->scope->model->config.n_layers
                 ? ERR_OK
                 : err_set(&err, ERR_SHAPE, "the reference is another model");
    if (rc == ERR_OK)
        rc = trial_open(&t, s, n_tokens, 0, &err);
    if (rc == ERR_OK)
        rc = trial_read(&t, true, &err);
    if (rc == ERR_OK)
        rc = trial_open(&other, &other_subject, n_tokens, 0, &err);
    for (int i = 0; i < n_tokens && rc == ERR_OK; i++)
        other.ids[i] = t.ids[i]; /* the files may differ in what ends an answer */
    if (rc == ERR_OK)
        rc = trial_read(&other, true, &err);
    t.scope = s->scope;
    add_both(b, &t, &other, &err);
    trial_close(&t);
    trial_close(&other);
}
