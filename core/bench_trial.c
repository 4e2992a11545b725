#include "core/bench_trial.h"

#include "core/latents.h"
#include "data/hash.h"
#include "data/mem.h"

#include <stdlib.h>

int trial_random_id(const struct bench_subject *s, int t)
{
    const struct model *model = s->scope->model;
    uint64_t key = s->seed;
    int id;
    do {
        key = hash_bytes(key, &t, sizeof t);
        id = (int)(key % (uint64_t)model->config.n_vocab);
    } while (model_is_stop(model, id) || id == model->config.bos_id || id == model->config.pad_id);
    return id;
}

static int id_at(const struct bench_subject *s, int t)
{
    if (s->n_ids > 0)
        return s->ids[(size_t)t % s->n_ids];
    return t == 0 && s->scope->model->config.bos_id >= 0 ? s->scope->model->config.bos_id
                                                         : trial_random_id(s, t);
}

void trial_close(struct trial *t)
{
    session_free(t->session);
    steering_clear(&t->steering);
    free(t->ids);
    free(t->acts);
    free(t->logits);
}

int trial_open(struct trial *t, const struct bench_subject *s, int n_ids, int n_branches,
               struct err *err)
{
    const struct scope *scope = s->scope;
    *t = (struct trial){.subject = s, .scope = scope, .n_ids = n_ids, .n_branches = n_branches};
    const size_t n = (size_t)n_ids, n_concepts = scope->dict ? scope->dict->n_concepts : 0;
    if (n_ids > scope->model->config.n_ctx)
        return err_set(err, ERR_LIMIT, "the model takes at most %d tokens",
                       scope->model->config.n_ctx);
    t->ids = mem_alloc(n, sizeof *t->ids);
    for (int i = 0; i < n_ids; i++)
        t->ids[i] = id_at(s, i);
    t->logits = mem_alloc((size_t)(n_branches + 1) * (size_t)scope->model->config.n_vocab,
                          sizeof *t->logits);
    t->mask = (1u << n_branches) - 1;
    if (n_concepts > 0 && !(t->acts = mem_try_alloc(n * n_concepts, sizeof *t->acts)))
        return err_set(err, ERR_NOMEM, "no memory for the latents of %d tokens", n_ids);
    int rc = session_new(&t->session, scope->model, scope->hook_layer, n_branches, err);
    if (rc == ERR_OK)
        session_set_kv(t->session, scope->kv);
    return rc;
}

int trial_read(struct trial *t, bool is_signed, struct err *err)
{
    const struct dictionary *dict = t->scope->dict;
    int rc = session_set_prompt(t->session, t->ids, t->n_ids, err);
    if (rc == ERR_OK)
        rc = session_read(t->session, err);
    if (rc == ERR_OK && dict)
        rc = latents_encode(t->acts, dict, session_resid(t->session), (size_t)t->n_ids,
                            dict->d_model, is_signed, err);
    return rc;
}

int trial_steer(struct trial *t, int branch, float strength, struct err *err)
{
    const struct dictionary *dict = t->scope->dict;
    const size_t d_model = (size_t)t->scope->model->config.d_model;
    struct intervention what = {INTERVENTION_ADD, 0, strength};
    int rc = ERR_OK;
    steering_clear(&t->steering);
    if (dict) {
        rc = steering_add(&t->steering, dict, what, err);
    } else {
        float *ones = mem_alloc(d_model, sizeof *ones);
        for (size_t i = 0; i < d_model; i++)
            ones[i] = 1;
        steering_add_direction(&t->steering, ones, d_model, t->scope->hook_layer, what);
        free(ones);
    }
    return rc == ERR_OK ? session_set_steering(t->session, branch, &t->steering, err) : rc;
}
