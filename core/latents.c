#include "core/latents.h"

#include "core/kernels.h"
#include "core/matmul.h"
#include "core/sae.h"
#include "data/calibration.h"
#include "data/mem.h"

#include <math.h>
#include <stdlib.h>

static int refuse_not_finite(const struct dictionary *dict, const float *acts, size_t n_tokens,
                             struct err *err)
{
    for (size_t i = 0; i < n_tokens * dict->n_concepts; i++) {
        if (isfinite(acts[i]))
            continue;
        err_set(err, ERR_FORMAT, "%s: the latent of row %zu at position %zu is not a finite number",
                dict->name ? dict->name : "dictionary", i % dict->n_concepts, i / dict->n_concepts);
        err_hint(err, "The weights hold a NaN or infinity; download the dictionary again.");
        break;
    }
    return ERR_FORMAT;
}

int latents_encode(float *acts, const struct dictionary *dict, const float *resid, size_t n_tokens,
                   size_t d_model, bool is_signed, struct err *err)
{
    if (d_model != dict->d_model)
        return err_set(err, ERR_SHAPE, "%s: the dictionary has %zu columns, the residual has %zu",
                       dict->name ? dict->name : "dictionary", dict->d_model, d_model);
    size_t n = n_tokens * dict->n_concepts;
    if (dict->sae)
        sae_project(acts, dict->sae, resid, n_tokens);
    else
        matmul(acts, resid, &dict->directions, n_tokens);
    if (!all_finite(acts, n))
        return refuse_not_finite(dict, acts, n_tokens, err);
    if (dict->sae) {
        sae_activate(acts, dict->sae, n_tokens, is_signed);
        return all_finite(acts, n) ? ERR_OK : refuse_not_finite(dict, acts, n_tokens, err);
    }
    if (!is_signed)
        for (size_t i = 0; i < n; i++)
            acts[i] = acts[i] > 0 ? acts[i] : 0;
    return ERR_OK;
}

static bool has_margins(const struct dictionary *dict)
{
    for (size_t c = 0; dict->act_max && dict->threshold && c < dict->n_concepts; c++)
        if (dict->threshold[c] < dict->act_max[c])
            return true;
    return false;
}

bool score_unit_allowed(const struct dictionary *dict, enum score_unit unit)
{
    switch (unit) {
    case SCORE_MARGIN:
        return has_margins(dict);
    case SCORE_Z:
        return dict->calibration != NULL;
    case SCORE_SHARE:
        return dict->act_max != NULL;
    default:
        return unit == SCORE_RAW;
    }
}

enum score_unit score_unit_of(const struct dictionary *dict)
{
    enum score_unit unit = SCORE_MARGIN;
    while (!score_unit_allowed(dict, unit))
        unit++;
    return unit;
}

const char *score_unit_name(enum score_unit unit)
{
    static const char *const names[N_SCORE_UNITS] = {"margin", "z", "share", "raw"};
    return names[unit];
}

float score_full(enum score_unit unit)
{
    static const float full[N_SCORE_UNITS] = {1, 6, 1, 0};
    return full[unit];
}

float score_in(enum score_unit unit, const struct dictionary *dict, size_t row, float act)
{
    if (unit == SCORE_RAW)
        return act;
    if (dict->act_max && !(dict->act_max[row] > 0))
        return 0;
    if (unit == SCORE_Z)
        return calibration_z(dict->calibration, row, act);
    float act_max = dict->act_max[row];
    if (unit == SCORE_MARGIN && dict->threshold[row] < act_max)
        return (act - dict->threshold[row]) / (act_max - dict->threshold[row]);
    return act / act_max;
}

float score_of(const struct dictionary *dict, size_t row, float act)
{
    return score_in(score_unit_of(dict), dict, row, act);
}

/* --- the k best of a stream: a heap with the worst of them at its root --- */

static bool ranks_before(const struct ranked *a, const struct ranked *b)
{
    return a->score > b->score || (a->score == b->score && a->row < b->row);
}

static int ranked_compare(const void *a, const void *b)
{
    return ranks_before(a, b) ? -1 : 1;
}

static void sift_down(struct ranked *heap, size_t n, size_t i)
{
    for (;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (ranks_before(&heap[worst], &heap[child]))
                worst = child;
        if (worst == i)
            return;
        struct ranked swap = heap[i];
        heap[i] = heap[worst];
        heap[worst] = swap;
        i = worst;
    }
}

static void offer(struct ranked *heap, size_t *n, size_t k, const struct ranked *item)
{
    if (*n < k) {
        size_t i = (*n)++;
        for (; i > 0 && ranks_before(&heap[(i - 1) / 2], item); i = (i - 1) / 2)
            heap[i] = heap[(i - 1) / 2];
        heap[i] = *item;
    } else if (k > 0 && ranks_before(item, &heap[0])) {
        heap[0] = *item;
        sift_down(heap, k, 0);
    }
}

static size_t rank_one_token(struct ranked *out, size_t k, const float *acts, size_t n_concepts,
                             bool firing_only)
{
    size_t n = 0;
    for (size_t c = 0; c < n_concepts; c++)
        if (!firing_only || acts[c] > 0)
            offer(out, &n, k, &(struct ranked){c, acts[c], acts[c], -1});
    qsort(out, n, sizeof *out, ranked_compare);
    return n;
}

size_t rank_token(struct ranked *out, size_t k, const float *acts, size_t n_concepts)
{
    return rank_one_token(out, k, acts, n_concepts, true);
}

size_t rank_token_all(struct ranked *out, size_t k, const float *acts, size_t n_concepts)
{
    return rank_one_token(out, k, acts, n_concepts, false);
}

/* best [n_concepts] with the first maximum over the counted positions; false without any. */
static bool pool_max(struct ranked *best, const float *acts, size_t n_concepts, const bool *counted,
                     size_t n_tokens)
{
    bool any = false;
    for (size_t t = 0; t < n_tokens; t++) {
        if (!counted[t])
            continue;
        const float *row = acts + t * n_concepts;
        for (size_t c = 0; c < n_concepts; c++)
            if (!any || row[c] > best[c].act)
                best[c] = (struct ranked){c, row[c], 0, (int)t};
        any = true;
    }
    return any;
}

static size_t rank_pooled(struct ranked *out, size_t k, const struct dictionary *dict,
                          enum score_unit unit, const float *acts, const bool *counted,
                          size_t n_tokens, bool firing_only)
{
    size_t n = 0;
    struct ranked *best = mem_zalloc(dict->n_concepts, sizeof *best);
    if (pool_max(best, acts, dict->n_concepts, counted, n_tokens)) {
        for (size_t c = 0; c < dict->n_concepts; c++) {
            best[c].score = score_in(unit, dict, c, best[c].act);
            if (!firing_only || best[c].act > 0)
                offer(out, &n, k, &best[c]);
        }
    }
    free(best);
    qsort(out, n, sizeof *out, ranked_compare);
    return n;
}

size_t rank_prompt(struct ranked *out, size_t k, const struct dictionary *dict,
                   enum score_unit unit, const float *acts, const bool *counted, size_t n_tokens)
{
    return rank_pooled(out, k, dict, unit, acts, counted, n_tokens, true);
}

size_t rank_prompt_all(struct ranked *out, size_t k, const struct dictionary *dict,
                       enum score_unit unit, const float *acts, const bool *counted,
                       size_t n_tokens)
{
    return rank_pooled(out, k, dict, unit, acts, counted, n_tokens, false);
}
