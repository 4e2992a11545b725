/* What must agree with itself, whatever the model. */
#include "core/selftest.h"

#include "core/generate.h"
#include "core/isa.h"
#include "core/latents.h"
#include "core/matmul_int.h"
#include "core/model_quantise.h"
#include "core/sae.h"
#include "core/session.h"
#include "data/mem.h"
#include "data/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_IDS 24       /* tokens of the prompt where there is no tokenizer */
#define N_ANSWER 6     /* tokens that are generated */
#define N_SINGLE 3     /* branches of the batch */
#define SUM_ORDER 1e-4 /* what another order of float32 sums may change over a whole model */
/* the same where products in integers round their operand: a last bit can become a step of it */
#define SUM_ORDER_INT 1e-3
/* What weights rounded to 8 bits may change: each by 0.5 % (rms) of its size, which 26 random
 * layers turn into 0.015 of the largest number, the trained demo into 0.01, and the small random
 * models of the tests, whose soft caps are low, into 0.06. */
#define EIGHT_BITS 0.1

static const char prompt_text[] =
    "She sat on the bank of the river, and the bank raised its rates.";

static const char *const round_trips[] = {
    "The river was quiet.",
    "  two blanks,\ta tab\nand a line",
    "Äpfel, çédille, ñandú, œuvre",
    "Привет, мир; γειά σου; שלום; مرحبا",
    "漢字とかな, 한국어, ไทย",
    "🙂 👩‍🔬 🇪🇺 e\xcc\x81",
    "for (int i = 0; i < n; i++) { a[i] *= 2; } /* \\n */",
    "1234567890 <0x41> 3.14e-10 \"quoted\"",
};

struct tester {
    struct selftest *t;
    const struct scope *scope;
    int *ids; /* [n] owned: the prompt */
    int n;
    size_t d_model, n_vocab;
    float *resid;     /* [n, d_model] owned: read in one piece */
    double sum_order; /* what is allowed between two ways through the model */
};

/* --- helpers --- */

static int new_session(struct session **out, const struct tester *s, int n_branches, int n,
                       struct err *err)
{
    int rc = session_new(out, s->scope->model, s->scope->hook_layer, n_branches, err);
    return rc == ERR_OK ? session_set_prompt(*out, s->ids, n, err) : rc;
}

static int make_ids(struct tester *s, struct err *err)
{
    const struct model_config *c = &s->scope->model->config;
    if (s->scope->tokenizer) {
        struct prompt prompt;
        int rc = prompt_from_text(&prompt, s->scope, PROMPT_AUTO, prompt_text, strlen(prompt_text),
                                  NULL, err);
        if (rc != ERR_OK)
            return rc;
        s->n = (int)prompt.ids.n;
        s->ids = mem_alloc(prompt.ids.n, sizeof *s->ids);
        memcpy(s->ids, prompt.ids.ids, prompt.ids.n * sizeof *s->ids);
        prompt_clear(&prompt);
        return ERR_OK;
    }
    s->n = c->n_ctx - N_ANSWER < N_IDS ? c->n_ctx - N_ANSWER : N_IDS;
    if (s->n < 4)
        return err_set(err, ERR_LIMIT, "%s reads %d tokens at most, too few for a test",
                       s->scope->model->name, c->n_ctx);
    s->ids = mem_alloc(N_IDS, sizeof *s->ids);
    for (int i = 0; i < s->n; i++)
        s->ids[i] = i == 0 && c->bos_id >= 0
                        ? c->bos_id
                        : (int)((unsigned)(i + 1) * 7919u % (unsigned)c->n_vocab);
    return ERR_OK;
}

/* --- the checks --- */

static int check_round_trips(struct tester *s, struct err *err)
{
    const struct tokenizer *tok = s->scope->tokenizer;
    size_t n = sizeof round_trips / sizeof *round_trips, n_same = 0;
    if (!tok) {
        selftest_add(s->t, SELFTEST_SKIP, "tokenizer round trip", "there is no tokenizer");
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        struct token_ids ids = {0};
        struct buf text = {0};
        int rc = tokenizer_encode(&ids, tok, round_trips[i], strlen(round_trips[i]), err);
        if (rc != ERR_OK)
            return rc;
        tokenizer_decode(&text, tok, ids.ids, ids.n, false);
        n_same += strcmp(buf_cstr(&text), round_trips[i]) == 0;
        buf_clear(&text);
        token_ids_clear(&ids);
    }
    selftest_add(s->t, n_same == n ? SELFTEST_PASS : SELFTEST_FAIL, "tokenizer round trip",
                 "%zu of %zu texts come back as they were", n_same, n);
    return ERR_OK;
}

/* The residual in one piece, which the other checks refer to, and again over a kept prefix. */
static int check_cache(struct tester *s, struct err *err)
{
    struct session *session = NULL;
    size_t bytes = (size_t)s->n * s->d_model * sizeof *s->resid;
    s->resid = mem_alloc((size_t)s->n * s->d_model, sizeof *s->resid);
    int rc = new_session(&session, s, 0, s->n, err);
    if (rc == ERR_OK)
        rc = session_read(session, err);
    if (rc == ERR_OK)
        memcpy(s->resid, session_resid(session), bytes);
    session_free(session);
    session = NULL;
    if (rc == ERR_OK)
        rc = new_session(&session, s, 0, s->n / 2, err);
    if (rc == ERR_OK)
        rc = session_read(session, err);
    if (rc == ERR_OK)
        rc = session_set_prompt(session, s->ids, s->n, err);
    if (rc == ERR_OK)
        rc = session_read(session, err);
    if (rc == ERR_OK)
        selftest_floats(s->t, "cached against uncached", session_resid(session), s->resid,
                        (size_t)s->n * s->d_model, s->sum_order);
    session_free(session);
    return rc;
}

static int check_isa(struct tester *s, struct err *err)
{
    static const char name[] = "generic against best instructions";
    enum isa best = isa_current();
    struct session *session = NULL;
    if (best == ISA_GENERIC) {
        selftest_add(s->t, SELFTEST_SKIP, name, "only the generic ones are in use");
        return ERR_OK;
    }
    isa_use(ISA_GENERIC);
    int rc = new_session(&session, s, 0, s->n, err);
    if (rc == ERR_OK)
        rc = session_read(session, err);
    isa_use(best);
    if (rc == ERR_OK)
        selftest_floats(s->t, name, session_resid(session), s->resid, (size_t)s->n * s->d_model,
                        s->sum_order);
    session_free(session);
    return rc;
}

/* The second half of the prompt, appended token by token to an answer. */
static int check_decode(struct tester *s, struct err *err)
{
    struct session *one = NULL, *whole = NULL;
    float *a = mem_alloc(s->n_vocab, sizeof *a), *b = mem_alloc(s->n_vocab, sizeof *b);
    int rc = new_session(&whole, s, 1, s->n, err);
    if (rc == ERR_OK)
        rc = session_logits(whole, 1, b, err);
    if (rc == ERR_OK)
        rc = new_session(&one, s, 1, s->n / 2, err);
    for (int i = s->n / 2; i < s->n && rc == ERR_OK; i++) {
        rc = session_logits(one, 1, a, err);
        if (rc == ERR_OK)
            rc = session_append(one, 0, s->ids[i], err);
    }
    if (rc == ERR_OK)
        rc = session_logits(one, 1, a, err);
    if (rc == ERR_OK)
        selftest_floats(s->t, "token by token against prefill", a, b, s->n_vocab, s->sum_order);
    session_free(one);
    session_free(whole);
    free(a);
    free(b);
    return rc;
}

/* Branches with different tokens, in one batch and each alone. */
static int check_batch(struct tester *s, struct err *err)
{
    struct session *batch = NULL;
    float *together = mem_alloc(s->n_vocab, N_SINGLE * sizeof *together);
    float *alone = mem_alloc(s->n_vocab, N_SINGLE * sizeof *alone);
    int rc = new_session(&batch, s, N_SINGLE, s->n, err);
    for (int b = 0; b < N_SINGLE && rc == ERR_OK; b++)
        for (int i = 0; i <= b && rc == ERR_OK; i++)
            rc = session_append(batch, b, s->ids[1 + (b + i) % (s->n - 1)], err);
    if (rc == ERR_OK)
        rc = session_logits(batch, (1u << N_SINGLE) - 1, together, err);
    session_free(batch);
    for (int b = 0; b < N_SINGLE && rc == ERR_OK; b++) {
        struct session *single = NULL;
        rc = new_session(&single, s, 1, s->n, err);
        for (int i = 0; i <= b && rc == ERR_OK; i++)
            rc = session_append(single, 0, s->ids[1 + (b + i) % (s->n - 1)], err);
        if (rc == ERR_OK)
            rc = session_logits(single, 1, alone + (size_t)b * s->n_vocab, err);
        session_free(single);
    }
    if (rc == ERR_OK)
        selftest_floats(s->t, "batched against single", together, alone, N_SINGLE * s->n_vocab,
                        s->sum_order);
    free(together);
    free(alone);
    return rc;
}

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

/* The model with its weights in the other form: in 8 bits if they are as stored, and the other way
 * round. *other is NULL, with a line that says why, if there is none. */
static int open_other_form(struct model **other, struct tester *s, const char *name,
                           struct err *err)
{
    const struct model *model = s->scope->model;
    const struct quantise_options options = {0};
    bool is_q8 = model->blocks || model->cache;
    size_t bytes = model_quantised_bytes(model), available = memory_available();
    *other = NULL;
    if (!is_q8 && bytes == model->n_weight_bytes) {
        selftest_add(s->t, SELFTEST_SKIP, name, "%s: not to be quantised",
                     dtype_name(model->embed.dtype));
        return ERR_OK;
    }
    if (!is_q8 && available > 0 && bytes > available) {
        selftest_add(s->t, SELFTEST_SKIP, name, "%.1f GB more are needed, %.1f are available",
                     (double)bytes / 1e9, (double)available / 1e9);
        return ERR_OK;
    }
    int rc = model_open(other, model->path, err);
    return rc == ERR_OK && !is_q8 ? model_quantise(*other, &options, err) : rc;
}

/* Residuals at the hook, all but the BOS token's, which are tens of times as large as any other,
 * and the logits after the prompt. */
static int read_through(float *resid, float *logits, const struct model *model,
                        const struct tester *s, struct err *err)
{
    struct session *session;
    int rc = session_new(&session, model, s->scope->hook_layer, 1, err);
    if (rc != ERR_OK)
        return rc;
    rc = session_set_prompt(session, s->ids, s->n, err);
    if (rc == ERR_OK)
        rc = session_logits(session, 1, logits, err);
    if (rc == ERR_OK)
        memcpy(resid, session_resid(session) + s->d_model,
               (size_t)(s->n - 1) * s->d_model * sizeof *resid);
    session_free(session);
    return rc;
}

/* A whole reading with weights in 8 bits, against one with the weights as stored. */
static int check_quantised(struct tester *s, struct err *err)
{
    static const char name[] = "residual, weights in 8 bits against stored";
    struct model *other;
    int rc = open_other_form(&other, s, name, err);
    if (rc != ERR_OK || !other) {
        model_close(other);
        return rc;
    }
    bool is_q8 = other->blocks || other->cache;
    const struct model *stored = is_q8 ? s->scope->model : other;
    const struct model *q8 = is_q8 ? other : s->scope->model;
    size_t n = (size_t)(s->n - 1) * s->d_model, all = n + s->n_vocab;
    float *got = mem_alloc(all, sizeof *got), *want = mem_alloc(all, sizeof *want);
    rc = read_through(want, want + n, stored, s, err);
    if (rc == ERR_OK)
        rc = read_through(got, got + n, q8, s, err);
    if (rc == ERR_OK) {
        selftest_floats(s->t, name, got, want, n, EIGHT_BITS);
        selftest_floats(s->t, "logits, weights in 8 bits against stored", got + n, want + n,
                        s->n_vocab, EIGHT_BITS);
    }
    free(got);
    free(want);
    model_close(other);
    return rc;
}

/* The logits after the prompt, alone in their batch: where a row stands in a batch may change the
 * last bits of its sums. */
static int logits_alone(float *logits, struct tester *s, const struct steering *steering,
                        struct err *err)
{
    struct session *session = NULL;
    int rc = new_session(&session, s, 1, s->n, err);
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
        rc = new_session(&session, s, 1, s->n, err);
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

/* --- all of them --- */

static int run_model_checks(struct tester *s, struct err *err)
{
    int (*const checks[])(struct tester *, struct err *) = {
        check_round_trips, check_cache, check_isa, check_decode, check_batch, check_quantised};
    int rc = ERR_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && rc == ERR_OK; i++)
        rc = checks[i](s, err);
    return rc;
}

static int run_dict_checks(struct tester *s, struct err *err)
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

int selftest_run(struct selftest *t, const struct scope *scope, struct err *err)
{
    struct tester s = {.t = t,
                       .scope = scope,
                       .d_model = (size_t)scope->model->config.d_model,
                       .n_vocab = (size_t)scope->model->config.n_vocab,
                       .sum_order = matmul_int_takes(&scope->model->layers[0].wq) ? SUM_ORDER_INT
                                                                                  : SUM_ORDER};
    int rc = selftest_published(t, scope, err);
    if (rc == ERR_OK)
        rc = make_ids(&s, err);
    if (rc == ERR_OK)
        rc = run_model_checks(&s, err);
    if (rc == ERR_OK)
        rc = run_dict_checks(&s, err);
    free(s.ids);
    free(s.resid);
    return rc;
}
