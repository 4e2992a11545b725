/* What must agree with itself, whatever the model. */
#include "core/isa.h"
#include "core/matmul_int.h"
#include "core/model_quantise.h"
#include "core/selftest_internal.h"
#include "data/mem.h"
#include "data/memory.h"

#include <stdlib.h>
#include <string.h>

#define N_IDS 24   /* tokens of the prompt where there is no tokenizer */
#define N_SINGLE 3 /* branches of the batch */
/* SUM_ORDER where products in integers round their operand: a last bit can become a step of it */
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

/* --- helpers --- */

int tester_session(struct session **out, const struct tester *s, int n_branches, int n,
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
    int rc = tester_session(&session, s, 0, s->n, err);
    if (rc == ERR_OK)
        rc = session_read(session, err);
    if (rc == ERR_OK)
        memcpy(s->resid, session_resid(session), bytes);
    session_free(session);
    session = NULL;
    if (rc == ERR_OK)
        rc = tester_session(&session, s, 0, s->n / 2, err);
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
    int rc = tester_session(&session, s, 0, s->n, err);
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
    int rc = tester_session(&whole, s, 1, s->n, err);
    if (rc == ERR_OK)
        rc = session_logits(whole, 1, b, err);
    if (rc == ERR_OK)
        rc = tester_session(&one, s, 1, s->n / 2, err);
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
    int rc = tester_session(&batch, s, N_SINGLE, s->n, err);
    for (int b = 0; b < N_SINGLE && rc == ERR_OK; b++)
        for (int i = 0; i <= b && rc == ERR_OK; i++)
            rc = session_append(batch, b, s->ids[1 + (b + i) % (s->n - 1)], err);
    if (rc == ERR_OK)
        rc = session_logits(batch, (1u << N_SINGLE) - 1, together, err);
    session_free(batch);
    for (int b = 0; b < N_SINGLE && rc == ERR_OK; b++) {
        struct session *single = NULL;
        rc = tester_session(&single, s, 1, s->n, err);
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
        rc = tester_check_dictionary(&s, err);
    free(s.ids);
    free(s.resid);
    return rc;
}
