/* Values that are published for real models (AXBENCH.md 5.2, 7.1), compared one by one. */
#include "core/selftest.h"

#include "core/latents.h"
#include "core/lens.h"
#include "core/session.h"
#include "data/mem.h"
#include "data/sae_params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFT_ROWS 15581
#define REFT_LAYER 20
#define ROW_TIME_TRAVEL 1795
#define ROW_ADVERTISING 5267
#define LENS_DEPTH 64 /* a published token is looked for among so many */

static const struct tolerance act_exact = {1e-3, 0.01}, act_coarse = {0.03, 0.75};
static const struct tolerance count_exact = {0, 3}, count_coarse = {0.05, 10};
static const struct tolerance variance_exact = {0, 0.0005}, variance_coarse = {0, 0.01};
static const struct tolerance lens_exact = {1e-4, 1e-5}, lens_coarse = {0.01, 0.004};

const struct published_token published_reft[PUBLISHED_TOKENS] = {
    {2, 0, 0, 0},
    {106, 0, 13609, 3779},
    {1645, 0, 13609, 3160},
    {108, 0, 13609, 2779},
    {18925, 0, 6377, 1460},
    {692, 0, 14837, 2232},
    {614, 0, 6377, 1483},
    {3326, 0, 12241, 2171},
    {577, 0, 5491, 2492},
    {5056, 46.7631, 12736, 2501},
    {1593, 75.1307, 1795, 1919},
    {1069, 77.6867, 1795, 1917},
    {2177, 47.7735, 6377, 1876},
    {476, 57.2405, 1795, 1434},
    {47420, 22.0994, 13775, 1900},
    {18216, 42.6337, 982, 2364},
    {235336, 43.5620, 908, 598},
    {107, 46.7269, 908, 273},
    {108, 68.4257, 1795, 568},
    {106, 0, 10024, 1861},
    {2516, 0, 9040, 483},
    {108, 0, 13736, 231},
};

const struct published_token published_scope[PUBLISHED_BARE] = {
    {2, 0, 6631, 7017},    {18925, 0, 5482, 47},  {692, 0, 10376, 65}, {614, 0, 1670, 70},
    {3326, 0, 11023, 55},  {577, 0, 7562, 72},    {5056, 0, 9407, 65}, {1593, 0, 8399, 75},
    {1069, 0, 12935, 80},  {2177, 0, 10004, 72},  {476, 0, 10004, 68}, {47420, 0, 10004, 93},
    {18216, 0, 12935, 86}, {235336, 0, 3442, 89},
};
static const double scope_variance = 0.8887; /* explained, BOS left out */

static const char wormhole[] = "Would you be able to travel through time using a wormhole?";

struct published_lens {
    size_t row;
    const char *text;
    double value;
    bool is_coarse; /* published from bfloat16 */
};

static const struct published_lens lens_reft[] = {
    {ROW_TIME_TRAVEL, " temporal", 1.0744110, false},
    {ROW_TIME_TRAVEL, " timelines", 1.0596493, false},
    {ROW_TIME_TRAVEL, " timeline", 0.9642766, false},
    {ROW_TIME_TRAVEL, " parado", 0.9084163, false},
    {ROW_TIME_TRAVEL, " dimensions", 0.8973863, false},
    {ROW_TIME_TRAVEL, "ratulations", -0.6053770, false},
    {ROW_TIME_TRAVEL, " défauts", -0.6019362, false},
    {ROW_TIME_TRAVEL, " renseignements", -0.5801133, false},
    {ROW_TIME_TRAVEL, " églises", -0.5710043, false},
    {ROW_TIME_TRAVEL, " fournisseurs", -0.5685567, false},
    {ROW_ADVERTISING, " advertising", 1.28125, true},
    {ROW_ADVERTISING, " marketing", 1.21875, true},
    {ROW_ADVERTISING, " brand", 1.1015625, true},
    {ROW_ADVERTISING, " product", 1.09375, true},
    {ROW_ADVERTISING, " quality", 1.0859375, true},
    {ROW_ADVERTISING, " juridiques", -0.671875, true},
    {ROW_ADVERTISING, " affitto", -0.625, true},
    {ROW_ADVERTISING, " honte", -0.62109375, true},
    {ROW_ADVERTISING, " suivants", -0.5859375, true},
    {ROW_ADVERTISING, " montón", -0.58203125, true},
};

/* --- comparing --- */

static void compare_counts(struct selftest *t, const float *acts, size_t n_concepts, int pos,
                           const struct published_token *want)
{
    size_t best = 0;
    int n_above = 0;
    char name[64];
    for (size_t c = 0; c < n_concepts; c++) {
        best = acts[c] > acts[best] ? c : best;
        n_above += acts[c] > 1;
    }
    snprintf(name, sizeof name, "rows above 1 at token %d", pos);
    selftest_number(t, name, n_above, want->n_above, count_exact, count_coarse);
    snprintf(name, sizeof name, "largest row at token %d", pos);
    double behind = (double)acts[best] - (double)acts[want->argmax];
    if (best == want->argmax)
        selftest_add(t, SELFTEST_PASS, name, "%zu, as published", best);
    else /* a NaN in acts must not pass */
        selftest_add(t,
                     behind <= act_coarse.rel * (double)acts[best] ? SELFTEST_PASS : SELFTEST_FAIL,
                     name, "%zu, published %zu, which is %.2g behind", best, want->argmax, behind);
}

static void compare_token(struct selftest *t, const float *acts, size_t n_concepts, int pos)
{
    const struct published_token *want = &published_reft[pos];
    char name[64];
    snprintf(name, sizeof name, "row %d at token %d", ROW_TIME_TRAVEL, pos);
    selftest_number(t, name, acts[ROW_TIME_TRAVEL], want->act, act_exact, act_coarse);
    compare_counts(t, acts, n_concepts, pos, want);
}

void selftest_compare_scope(struct selftest *t, const float *acts, size_t n_concepts)
{
    for (int pos = 0; pos < PUBLISHED_BARE; pos++)
        compare_counts(t, acts + (size_t)pos * n_concepts, n_concepts, pos, &published_scope[pos]);
}

void selftest_compare_reft(struct selftest *t, const float *acts, size_t n_concepts)
{
    for (int pos = 1; pos < PUBLISHED_TOKENS; pos++)
        compare_token(t, acts + (size_t)pos * n_concepts, n_concepts, pos);
}

/* --- the pair of ReFT-r1 and gemma-2-2b-it --- */

/* Does a label say what the row is about? The shape alone fits DiffMean's dictionary too, whose
 * name tells; a dictionary without a telling name is taken for ReFT-r1. */
static bool is_reft_2b(const struct scope *scope)
{
    static const char label[] = "time travel";
    const struct dictionary *dict = scope->dict;
    const struct model_config *c = &scope->model->config;
    return scope->is_chat && scope->tokenizer && dict && !dict->sae &&
           dict->n_concepts == REFT_ROWS && scope->hook_layer == REFT_LAYER && c->n_layers == 26 &&
           c->d_model == 2304 && strstr(dict->labels.rows[ROW_TIME_TRAVEL].text, label) &&
           !strstr(dict->name, "diffmean");
}

/* Reads a prompt whose tokens were compared already. *acts [ids.n, n_concepts], resid a copy of the
 * residual; the caller frees both. */
static int read_prompt(float **acts, float **resid, const struct scope *scope,
                       const struct prompt *prompt, struct err *err)
{
    const struct dictionary *dict = scope->dict;
    struct session *session = NULL;
    size_t n = prompt->ids.n;
    *resid = mem_alloc(n, dict->d_model * sizeof **resid);
    *acts = mem_try_alloc(dict->n_concepts, n * sizeof **acts);
    if (!*acts)
        return err_set(err, ERR_NOMEM, "no memory for the latents of %zu tokens", n);
    int rc = session_new(&session, scope->model, scope->hook_layer, 0, err);
    if (rc == ERR_OK)
        rc = session_set_prompt(session, prompt->ids.ids, (int)n, err);
    if (rc == ERR_OK)
        rc = session_read(session, err);
    if (rc == ERR_OK) {
        memcpy(*resid, session_resid(session), n * dict->d_model * sizeof **resid);
        rc = latents_encode(*acts, dict, *resid, n, dict->d_model, false, err);
    }
    session_free(session);
    return rc;
}

/* 1 - mean squared error of the reconstruction / variance of the residual, over all numbers of
 * positions 1 on. */
static double explained_variance(const struct dictionary *dict, const float *acts,
                                 const float *resid, size_t n_tokens)
{
    size_t d_model = dict->d_model, n = (n_tokens - 1) * d_model;
    float *w = mem_alloc(d_model, sizeof *w);
    double *recon = mem_alloc(d_model, sizeof *recon);
    double error = 0, sum = 0, sum2 = 0;
    for (size_t t = 1; t < n_tokens; t++) {
        for (size_t i = 0; i < d_model; i++)
            recon[i] = (double)dict->sae->b_dec[i];
        for (size_t c = 0; c < dict->n_concepts; c++) {
            double act = (double)acts[t * dict->n_concepts + c];
            if (act <= 0)
                continue;
            dictionary_direction(w, dict, c);
            for (size_t i = 0; i < d_model; i++)
                recon[i] += act * (double)w[i];
        }
        for (size_t i = 0; i < d_model; i++) {
            double h = (double)resid[t * d_model + i];
            error += (recon[i] - h) * (recon[i] - h);
            sum += h;
            sum2 += h * h;
        }
    }
    free(w);
    free(recon);
    double variance = (sum2 - sum * sum / (double)n) / (double)(n - 1);
    return 1 - error / (double)n / variance;
}

/* The two published readings. */
struct published_reading {
    enum prompt_form form;
    const struct published_token *tokens;
    int n;
};

static int compare_reading(struct selftest *t, const struct scope *scope,
                           struct published_reading want, struct err *err)
{
    struct prompt prompt;
    int ids[PUBLISHED_TOKENS];
    float *acts = NULL, *resid = NULL;
    for (int i = 0; i < want.n; i++)
        ids[i] = want.tokens[i].id;
    int rc = prompt_from_text(&prompt, scope, want.form, wormhole, strlen(wormhole), NULL, err);
    if (rc != ERR_OK)
        return rc;
    selftest_ints(t, "token ids of the wormhole prompt", prompt.ids.ids, prompt.ids.n, ids,
                  (size_t)want.n);
    if (t->lines[t->n - 1].status != SELFTEST_PASS) {
        selftest_add(t, SELFTEST_SKIP, "activations", "the tokens differ already");
        prompt_clear(&prompt);
        return ERR_OK;
    }
    rc = read_prompt(&acts, &resid, scope, &prompt, err);
    if (rc == ERR_OK && want.form == PROMPT_CHAT)
        selftest_compare_reft(t, acts, scope->dict->n_concepts);
    if (rc == ERR_OK && want.form == PROMPT_RAW) {
        selftest_compare_scope(t, acts, scope->dict->n_concepts);
        selftest_number(t, "explained variance",
                        explained_variance(scope->dict, acts, resid, prompt.ids.n), scope_variance,
                        variance_exact, variance_coarse);
    }
    prompt_clear(&prompt);
    free(acts);
    free(resid);
    return rc;
}

/* The value of the token that is shown as `text`, NaN if it is not among the entries. */
static double lens_value(const struct scope *scope, const struct lens_entry *entries, int n,
                         const char *text)
{
    double value = NAN;
    for (int i = 0; i < n && isnan(value); i++) {
        struct buf shown = {0};
        scope_token_text(&shown, scope, entries[i].id);
        if (strcmp(buf_cstr(&shown), text) == 0)
            value = (double)entries[i].value;
        buf_clear(&shown);
    }
    return value;
}

static int compare_lens(struct selftest *t, const struct scope *scope, struct err *err)
{
    struct lens_entry top[LENS_DEPTH], bottom[LENS_DEPTH];
    float *w = mem_alloc(scope->dict->d_model, sizeof *w);
    int n = 0;
    for (size_t i = 0; i < sizeof lens_reft / sizeof *lens_reft && n >= 0; i++) {
        const struct published_lens *want = &lens_reft[i];
        char name[80];
        dictionary_direction(w, scope->dict, want->row);
        if (i == 0 || want->row != lens_reft[i - 1].row)
            n = lens_direction(top, bottom, LENS_DEPTH, scope->model, w, err);
        if (n < 0)
            break;
        double got = lens_value(scope, want->value > 0 ? top : bottom, n, want->text);
        snprintf(name, sizeof name, "logit lens of row %zu, '%s'", want->row, want->text);
        selftest_number(t, name, got, want->value, want->is_coarse ? lens_coarse : lens_exact,
                        lens_coarse);
    }
    free(w);
    return n < 0 ? n : ERR_OK;
}

/* Gemma Scope has several autoencoders of this shape; the folder's name tells them apart. */
static bool is_scope_2b(const struct scope *scope)
{
    const struct dictionary *dict = scope->dict;
    const struct model_config *c = &scope->model->config;
    return !scope->is_chat && scope->tokenizer && dict && dict->sae && dict->n_concepts == 16384 &&
           scope->hook_layer == 20 && c->n_layers == 26 && c->d_model == 2304 &&
           strstr(dict->path, "average_l0_71");
}

int selftest_published(struct selftest *t, const struct scope *scope, struct err *err)
{
    static const struct published_reading chat = {PROMPT_CHAT, published_reft, PUBLISHED_TOKENS};
    static const struct published_reading bare = {PROMPT_RAW, published_scope, PUBLISHED_BARE};
    if (is_scope_2b(scope))
        return compare_reading(t, scope, bare, err);
    if (!is_reft_2b(scope)) {
        selftest_add(t, SELFTEST_SKIP, "published values",
                     "there are none for this model and dictionary");
        return ERR_OK;
    }
    int rc = compare_reading(t, scope, chat, err);
    return rc == ERR_OK ? compare_lens(t, scope, err) : rc;
}
