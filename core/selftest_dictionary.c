/* What must agree with itself in reading and steering with a dictionary. */
#include "core/generate.h"
#include "core/latents.h"
#include "core/sae.h"
#include "core/selftest_internal.h"
#include "data/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One latent the long way: a sum in double, or the road that clamping a feature takes. */
static float latent_alone(const struct dictionary *dict, size_t row, float *w, const float *h)
{
    double sum = 0;
    if (dict->sae) {
        sae_encoder_column(w, dict->sae, row);
        return sae_feature_act(dict->sae, row, w, h);
    }
    dictionary_direction(w, dict, row);
    for (size_t i = 0; i < dict->d_model; i++)
        sum += (double)h[i] * (double)w[i];
    return sum > 0 ? (float)sum : 0;
}

/* Latents by the product that everything uses, against those of chosen rows alone. */
static int check_latents(struct tester *s, struct err *err)
{
    const struct dictionary *dict = s->scope->dict;
    size_t n = (size_t)s->n, n_rows = dict->n_concepts < 64 ? dict->n_concepts : 64;
    float *acts = mem_try_alloc(dict->n_concepts, n * sizeof *acts);
    if (!acts)
        return err_set(err, ERR_NOMEM, "no memory for the latents of %zu tokens", n);
    float *got = mem_alloc(n_rows * n, sizeof *got), *want = mem_alloc(n_rows * n, sizeof *want);
    float *w = mem_alloc(dict->d_model, sizeof *w);
    int rc = latents_encode(acts, dict, s->resid, n, dict->d_model, false, err);
    for (size_t k = 0; k < n_rows && rc == ERR_OK; k++) {
        size_t row = k * dict->n_concepts / n_rows;
        for (size_t t = 0; t < n; t++) {
            want[k * n + t] = latent_alone(dict, row, w, s->resid + t * dict->d_model);
            got[k * n + t] = acts[t * dict->n_concepts + row];
        }
    }
    if (rc == ERR_OK)
        selftest_floats(s->t, "latents of all rows against one by one", got, want, n_rows * n,
                        SUM_ORDER);
    free(w);
    free(got);
    free(want);
    free(acts);
    return rc;
}

/* The logits after the prompt, alone in their batch: where a row stands in a batch may change the
 * last bits of its sums. */
static int logits_alone(float *logits, struct tester *s, const struct steering *steering,
                        struct err *err)
{
    struct session *session = NULL;
    int rc = tester_session(&session, s, 1, s->n, err);
    if (rc == ERR_OK)
        rc = session_set_steering(session, 0, steering, err);
    if (rc == ERR_OK)
        rc = session_logits(session, 1, logits, err);
    session_free(session);
    return rc;
}

static int check_factor_zero(struct tester *s, struct err *err)
{
    static const char name[] = "factor 0 against no steering";
    struct steering steering = {0};
    float *logits = mem_alloc(s->n_vocab, 2 * sizeof *logits);
    struct intervention zero = {INTERVENTION_ADD, s->scope->dict->n_concepts / 2, 0};
    int rc = steering_add(&steering, s->scope->dict, zero, err);
    if (rc == ERR_OK)
        rc = logits_alone(logits, s, NULL, err);
    if (rc == ERR_OK)
        rc = logits_alone(logits + s->n_vocab, s, &steering, err);
    if (rc == ERR_OK) {
        bool same = memcmp(logits, logits + s->n_vocab, s->n_vocab * sizeof *logits) == 0;
        selftest_add(s->t, same ? SELFTEST_PASS : SELFTEST_FAIL, name,
                     same ? "the same, bit for bit" : "the logits differ");
    }
    steering_clear(&steering);
    free(logits);
    return rc;
}

/* Half the norm of the residual at the last position: a strength that is felt. */
static float felt_strength(const struct tester *s)
{
    const float *h = s->resid + (size_t)(s->n - 1) * s->d_model;
    double sum = 0;
    for (size_t i = 0; i < s->d_model; i++)
        sum += (double)h[i] * (double)h[i];
    return (float)(0.5 * sqrt(sum));
}

static int reread(struct tester *s, struct session *steered, struct err *err)
{
    const float *live;
    struct session *again = NULL;
    int n = session_answer_resid(&live, steered, 0, s->scope->hook_layer),
        n_all = s->n + session_n_answer(steered, 0);
    int *ids = mem_alloc((size_t)n_all, sizeof *ids);
    memcpy(ids, s->ids, (size_t)s->n * sizeof *ids);
    memcpy(ids + s->n, session_answer(steered, 0),
           (size_t)session_n_answer(steered, 0) * sizeof *ids);
    int rc = session_new(&again, s->scope->model, s->scope->hook_layer, 0, err);
    if (rc == ERR_OK)
        rc = session_set_prompt(again, ids, n_all, err);
    if (rc == ERR_OK)
        rc = session_read(again, err);
    if (rc == ERR_OK)
        selftest_floats(s->t, "read-out while steered against re-reading", live,
                        session_resid(again) + (size_t)s->n * s->d_model, (size_t)n * s->d_model,
                        s->sum_order);
    session_free(again);
    free(ids);
    return rc;
}

/* A stop token would end the answer at once: tokens are forced until there is one to read. */
static int check_reread(struct tester *s, struct err *err)
{
    struct session *session = NULL;
    struct steering steering = {0};
    struct sampler sampler = {.top_p = 1};
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    struct intervention add = {INTERVENTION_ADD, s->scope->dict->n_concepts / 3, felt_strength(s)};
    float *logits = mem_alloc(s->n_vocab, sizeof *logits);
    int rc = steering_add(&steering, s->scope->dict, add, err);
    if (rc == ERR_OK)
        rc = tester_session(&session, s, 1, s->n, err);
    if (rc == ERR_OK)
        rc = session_set_steering(session, 0, &steering, err);
    if (rc == ERR_OK)
        rc = generate(stop, session, s->scope->model, 1, &sampler, N_ANSWER, NULL, NULL, err);
    while (rc == ERR_OK && session_n_answer(session, 0) < 2)
        rc = session_append(session, 0, s->ids[s->n / 2], err);
    if (rc == ERR_OK)
        rc = session_logits(session, 1, logits, err);
    if (rc == ERR_OK)
        rc = reread(s, session, err);
    steering_clear(&steering);
    session_free(session);
    free(logits);
    return rc;
}

int tester_check_dictionary(struct tester *s, struct err *err)
{
    if (!s->scope->dict) {
        selftest_add(s->t, SELFTEST_SKIP, "dictionary", "there is none: name one with --dict");
        return ERR_OK;
    }
    int rc = check_latents(s, err);
    if (rc == ERR_OK)
        rc = check_factor_zero(s, err);
    return rc == ERR_OK ? check_reread(s, err) : rc;
}
