#include "tui/lazy_acts.h"

#include "core/latents.h"
#include "core/matmul.h"
#include "tui/dict_read.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS 24 /* more than a screen shows */

struct kept_row {
    float *acts; /* [n_tokens] owned; NULL: not in use */
    size_t row;
    unsigned long last_use;
};

struct lazy_acts_cache {
    const struct dict_set *set;
    float **resid; /* [n_dicts] owned, each [n_tokens, d_model] owned */
    size_t n_dicts;
    bool is_signed;
    float *acts; /* [n_acts, n_concepts] owned: tokens first_act and on */
    size_t first_act, n_acts, stretch;
    struct kept_row rows[N_ROWS];
    unsigned long n_uses;
};

static void forget(struct lazy_acts_cache *c)
{
    free(c->acts);
    c->acts = NULL;
    c->n_acts = 0;
    for (int i = 0; i < N_ROWS; i++) {
        free(c->rows[i].acts);
        c->rows[i] = (struct kept_row){0};
    }
}

void lazy_acts_free(struct lazy_acts *a)
{
    if (!a)
        return;
    forget(a->cache);
    for (size_t d = 0; d < a->cache->n_dicts; d++) /* the set may be closed already */
        free(a->cache->resid[d]);
    free(a->cache->resid);
    free(a->cache);
    free(a->max);
    free(a->max_pos);
    free(a);
}

static bool has_autoencoder(const struct dict_set *set)
{
    for (size_t d = 0; d < set->n; d++)
        if (set->dicts[d]->sae)
            return true;
    return false;
}

/* Tokens t and on, at most n of them. */
static int encode(struct lazy_acts *a, size_t t, size_t n, struct err *err)
{
    struct lazy_acts_cache *c = a->cache;
    const float **at = mem_alloc(c->set->n, sizeof *at);
    for (size_t d = 0; d < c->set->n; d++)
        at[d] = c->resid[d] + t * c->set->dicts[d]->d_model;
    free(c->acts);
    c->n_acts = 0;
    n = a->n_tokens - t < n ? a->n_tokens - t : n;
    int rc = dict_encode_all(&c->acts, c->set, at, n, c->is_signed, err);
    if (rc == ERR_OK) {
        c->first_act = t;
        c->n_acts = n;
    }
    free(at);
    return rc;
}

static void take_max(struct lazy_acts *a, const float *acts, size_t t)
{
    for (size_t row = 0; row < a->n_concepts; row++)
        if (a->max_pos[row] < 0 || acts[row] > a->max[row]) {
            a->max[row] = acts[row];
            a->max_pos[row] = (int)t;
        }
}

static int compute_max(struct lazy_acts *a, const bool *counted, session_progress_fn *progress,
                       void *data, struct err *err)
{
    struct lazy_acts_cache *c = a->cache;
    for (size_t t = 0; t < a->n_tokens; t += c->n_acts) {
        if (progress && t > 0 && progress(data, (long)t, (long)a->n_tokens))
            return err_set(err, ERR_CANCELLED, "cancelled");
        int rc = encode(a, t, c->stretch, err);
        if (rc != ERR_OK)
            return rc;
        for (size_t i = 0; i < c->n_acts; i++)
            if (counted[t + i])
                take_max(a, c->acts + i * a->n_concepts, t + i);
    }
    return ERR_OK;
}

int lazy_acts_new(struct lazy_acts **out, const struct dict_set *set, float **resid,
                  size_t n_tokens, const bool *counted, bool is_signed,
                  session_progress_fn *progress, void *data, struct err *err)
{
    struct lazy_acts *a = mem_zalloc(1, sizeof *a);
    *out = NULL;
    a->n_tokens = n_tokens;
    a->n_concepts = set->all.n_concepts;
    a->max = mem_zalloc(a->n_concepts, sizeof *a->max);
    a->max_pos = mem_alloc(a->n_concepts, sizeof *a->max_pos);
    for (size_t row = 0; row < a->n_concepts; row++)
        a->max_pos[row] = -1;
    a->cache = mem_zalloc(1, sizeof *a->cache);
    *a->cache = (struct lazy_acts_cache){
        .set = set,
        .resid = resid,
        .n_dicts = set->n,
        .is_signed = is_signed,
        .stretch = has_autoencoder(set) ? n_tokens : LAZY_STRETCH,
    };
    int rc = compute_max(a, counted, progress, data, err);
    if (rc == ERR_OK)
        *out = a;
    else
        lazy_acts_free(a);
    return rc;
}

int lazy_acts_set_signed(struct lazy_acts *a, bool is_signed, struct err *err)
{
    if (a->cache->is_signed == is_signed || a->n_tokens == 0)
        return ERR_OK;
    forget(a->cache);
    a->cache->is_signed = is_signed;
    return encode(a, 0, a->cache->stretch, err);
}

void lazy_acts_one_by_one(struct lazy_acts *a)
{
    if (!has_autoencoder(a->cache->set))
        a->cache->stretch = 1;
}

/* --- asking --- */

static const float *known_token(const struct lazy_acts *a, size_t t)
{
    const struct lazy_acts_cache *c = a->cache;
    bool is_known = t >= c->first_act && t - c->first_act < c->n_acts;
    return is_known ? c->acts + (t - c->first_act) * a->n_concepts : NULL;
}

/* What was computed once was finite: only memory can run out. */
static void must(int rc)
{
    assert(rc == ERR_OK);
}

const float *lazy_acts_token(struct lazy_acts *a, size_t t)
{
    struct err err;
    assert(t < a->n_tokens);
    if (!known_token(a, t))
        must(encode(a, t, a->cache->stretch, &err));
    return known_token(a, t);
}

/* acts [n_tokens] of one row of the set. */
static void encode_row(float *acts, const struct lazy_acts *a, size_t row)
{
    const struct lazy_acts_cache *c = a->cache;
    struct concept_ref ref = dict_set_ref(c->set, row);
    const struct dictionary *dict = c->set->dicts[ref.dict];
    struct matrix one = dict->directions;
    one.n_rows = 1;
    one.data = (const char *)one.data + dtype_bytes(one.dtype, ref.row * one.n_cols);
    matmul(acts, c->resid[ref.dict], &one, a->n_tokens);
    for (size_t t = 0; t < a->n_tokens && !c->is_signed; t++)
        acts[t] = acts[t] > 0 ? acts[t] : 0;
}

static struct kept_row *find_row(struct lazy_acts *a, size_t row)
{
    struct lazy_acts_cache *c = a->cache;
    struct kept_row *oldest = &c->rows[0];
    for (int i = 0; i < N_ROWS; i++) {
        if (c->rows[i].acts && c->rows[i].row == row)
            return &c->rows[i];
        if (c->rows[i].last_use < oldest->last_use)
            oldest = &c->rows[i];
    }
    if (!oldest->acts)
        oldest->acts = mem_alloc(a->n_tokens, sizeof *oldest->acts);
    oldest->row = row;
    encode_row(oldest->acts, a, row);
    return oldest;
}

float lazy_acts_at(struct lazy_acts *a, size_t t, size_t row)
{
    assert(t < a->n_tokens && row < a->n_concepts);
    const float *token = known_token(a, t);
    if (token)
        return token[row];
    struct kept_row *kept = find_row(a, row);
    kept->last_use = ++a->cache->n_uses;
    return kept->acts[t];
}
