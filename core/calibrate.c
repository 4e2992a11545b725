#include "core/calibrate.h"

#include "core/forward.h"
#include "core/latents.h"
#include "core/parts.h"
#include "data/mem.h"
#include "data/sae_params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_EXPONENT (-8)
#define MAX_EXPONENT 14
#define STEPS 16 /* bins to the next power of two */
#define SIDE_BINS ((MAX_EXPONENT - MIN_EXPONENT) * STEPS)
#define MANTISSA_SHIFT 19 /* leaves the top 4 of 23 bits: the step */
#define FIRST_CODE ((127u + MIN_EXPONENT) * STEPS)
#define BLOCK 32 /* tokens whose projections are in memory at once */

_Static_assert(CALIBRATION_BINS == 2 * SIDE_BINS + 1, "both sides and the bin around zero");

/* --- bins: the top bits of a float are its octave and its step within --- */

size_t calibrate_bin(float value)
{
    float size = fabsf(value);
    uint32_t bits;
    memcpy(&bits, &size, sizeof bits);
    uint32_t code = bits >> MANTISSA_SHIFT;
    if (code < FIRST_CODE)
        return SIDE_BINS;
    size_t step = code - FIRST_CODE < SIDE_BINS ? code - FIRST_CODE : SIDE_BINS - 1;
    return value < 0 ? SIDE_BINS - 1 - step : SIDE_BINS + 1 + step;
}

/* The value at which step number `step` of a side begins. */
static float edge(size_t step)
{
    uint32_t bits = (uint32_t)(FIRST_CODE + step) << MANTISSA_SHIFT;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float calibrate_bin_low(size_t bin)
{
    return bin <= SIDE_BINS ? -edge(SIDE_BINS - bin) : edge(bin - SIDE_BINS - 1);
}

/* --- counting --- */

/* The value of one row at a run of tokens. Row by row, not token by token: a row's histogram then
 * stays in the nearest cache, which makes counting four times as fast. */
static void add_row(struct calibration_sums *s, size_t c, const float *values, const bool *counted,
                    size_t n_tokens, float threshold, int passage)
{
    uint32_t *bins = s->bins + c * CALIBRATION_BINS;
    double sum = s->sum[c], sum2 = s->sum2[c];
    bool first = s->n_tokens == 0;
    for (size_t t = 0; t < n_tokens; t++) {
        float v = values[t * s->n_concepts + c];
        if (counted && !counted[t])
            continue;
        sum += (double)v;
        sum2 += (double)v * (double)v;
        bins[calibrate_bin(v)]++;
        if (first || v > s->max[c]) {
            s->max[c] = v;
            s->max_passage[c] = passage;
        }
        first = false;
        if (s->above)
            s->above[c] += v > threshold;
    }
    s->sum[c] = sum;
    s->sum2[c] = sum2;
}

void calibrate_add(struct calibration_sums *s, const float *values, const bool *counted,
                   size_t n_tokens, const float *threshold, int passage)
{
    size_t n_counted = 0;
    for (size_t t = 0; t < n_tokens; t++)
        n_counted += !counted || counted[t];
    for (size_t c = 0; c < s->n_concepts; c++)
        add_row(s, c, values, counted, n_tokens, s->above ? threshold[c] : 0, passage);
    s->n_tokens += n_counted;
}

/* The value below which a share p of the counted tokens lies. */
static float quantile(const uint32_t *bins, double p, size_t n_tokens)
{
    double target = p * (double)n_tokens, below = 0;
    for (size_t b = 0; b < CALIBRATION_BINS; b++) {
        if (bins[b] > 0 && below + bins[b] >= target) {
            float low = calibrate_bin_low(b), high = calibrate_bin_low(b + 1);
            return low + (high - low) * (float)((target - below) / bins[b]);
        }
        below += bins[b];
    }
    return calibrate_bin_low(CALIBRATION_BINS);
}

static void finish_row(struct calibration *cal, const struct calibration_sums *s, size_t c)
{
    double n = (double)s->n_tokens, mean = s->sum[c] / n;
    double variance = s->sum2[c] / n - mean * mean;
    cal->mean[c] = (float)mean;
    cal->spread[c] = variance > 0 ? (float)sqrt(variance) : 0; /* rounding may leave -1e-17 */
    cal->max[c] = s->max[c];
    cal->max_passage[c] = s->max_passage[c];
    if (cal->density)
        cal->density[c] = (float)((double)s->above[c] / n);
    for (size_t q = 0; q < CALIBRATION_QUANTILES; q++) {
        float value = quantile(s->bins + c * CALIBRATION_BINS, calibration_levels[q], s->n_tokens);
        cal->quantiles[q * s->n_concepts + c] = value < s->max[c] ? value : s->max[c];
    }
}

int calibrate_finish(struct calibration **out, const struct calibration_sums *s,
                     const struct passages *passages, struct err *err)
{
    *out = NULL;
    if (s->n_tokens == 0) {
        err_set(err, ERR_LIMIT, "the text has no token to count");
        err_hint(err, "Give a text of some hundred passages, separated by blank lines.");
        return ERR_LIMIT;
    }
    struct calibration *cal = calibration_new(s->n_concepts, s->above != NULL);
    cal->n_tokens = s->n_tokens;
    cal->texts_hash = s->texts_hash;
    for (size_t c = 0; c < s->n_concepts; c++)
        finish_row(cal, s, c);
    calibration_set_floor(cal);
    calibration_set_passages(cal, passages);
    *out = cal;
    return ERR_OK;
}

/* --- reading --- */

const float *calibrate_thresholds(const struct dictionary *dict)
{
    return dict->threshold ? dict->threshold : dict->sae ? dict->sae->threshold : NULL;
}

/* Passages that are read together, as prompts: FORWARD_MAX_ROWS tokens, or one passage that has
 * more. Which ones go together depends on nothing but where the first begins: products round by how
 * many tokens they take (core/matmul.h), and an interruption, which comes between two groups, must
 * not change the numbers. */
struct group {
    struct grouped {
        struct prompt prompt;
        struct session *session; /* of its own: no prompt depends on what was read before */
        int passage;
    } * items; /* [n] owned */
    size_t n, cap;
    size_t n_tokens;
};

static void cut_group(struct group *g, size_t n)
{
    while (g->n > n) {
        struct grouped *last = &g->items[--g->n];
        g->n_tokens -= last->prompt.ids.n;
        prompt_clear(&last->prompt);
        session_free(last->session);
    }
}

static void clear_group(struct group *g)
{
    cut_group(g, 0);
    free(g->items);
}

/* Adds a passage, in halves if it is too long for the model. */
static int add_passage(struct group *g, const struct scope *scope, int passage, const char *text,
                       size_t len, struct err *err)
{
    struct prompt prompt;
    int rc = prompt_from_text(&prompt, scope, PROMPT_AUTO, text, len, NULL, err);
    if (rc == ERR_LIMIT && len > 1) {
        size_t half = len / 2;
        while (half > 1 && ((unsigned char)text[half] & 0xC0) == 0x80)
            half--;
        rc = add_passage(g, scope, passage, text, half, err);
        return rc == ERR_OK ? add_passage(g, scope, passage, text + half, len - half, err) : rc;
    }
    if (rc != ERR_OK)
        return rc;
    g->items = mem_grow(g->items, &g->cap, g->n + 1, sizeof *g->items);
    g->items[g->n++] = (struct grouped){prompt, NULL, passage};
    g->n_tokens += prompt.ids.n;
    return ERR_OK;
}

/* Passages from `first` on; *n: how many. */
static int collect(struct group *g, size_t *n, const struct scope *scope,
                   const struct passages *passages, size_t first, struct err *err)
{
    int rc = ERR_OK;
    for (*n = 0; first + *n < passages->n && rc == ERR_OK; ++*n) {
        const struct passage *p = &passages->items[first + *n];
        size_t n_before = g->n;
        rc = add_passage(g, scope, (int)(first + *n), p->text, p->len, err);
        if (rc == ERR_OK && *n > 0 && g->n_tokens > FORWARD_MAX_ROWS) {
            cut_group(g, n_before);
            return ERR_OK;
        }
    }
    return rc;
}

struct reader {
    struct calibration_sums *sums;
    const struct scope *scope;
    const struct passages *passages;
    struct calibrate_watcher watcher;
    size_t n_group; /* passages that are being read */
    float *values;  /* [BLOCK, n_concepts] owned */
};

/* From a session's row-layers to parts of passages. */
static bool tell_progress(void *data, long done, long total)
{
    const struct reader *r = data;
    long parts = (long)r->sums->n_passages * CALIBRATE_PARTS +
                 (long)((double)r->n_group * CALIBRATE_PARTS * (double)done / (double)total);
    return r->watcher.progress(r->watcher.data, parts, (long)r->passages->n * CALIBRATE_PARTS);
}

static int read_group(struct reader *r, struct group *g, struct err *err)
{
    struct session **sessions = mem_alloc(g->n, sizeof *sessions);
    int rc = ERR_OK;
    for (size_t i = 0; i < g->n && rc == ERR_OK; i++) {
        struct grouped *item = &g->items[i];
        rc = session_new(&item->session, r->scope->model, r->scope->hook_layer, 0, err);
        if (rc == ERR_OK)
            rc = session_set_prompt(item->session, item->prompt.ids.ids, (int)item->prompt.ids.n,
                                    err);
        sessions[i] = item->session;
    }
    if (rc == ERR_OK && r->watcher.progress)
        session_set_progress(sessions[0], tell_progress, r);
    if (rc == ERR_OK)
        rc = session_read_all(sessions, (int)g->n, err);
    free(sessions);
    return rc;
}

static int count_prompt(struct reader *r, const struct grouped *item, struct err *err)
{
    const struct dictionary *dict = r->scope->dict;
    const struct prompt *prompt = &item->prompt;
    int rc = ERR_OK;
    for (size_t t = 0; t < prompt->ids.n && rc == ERR_OK; t += BLOCK) {
        size_t n = size_min(BLOCK, prompt->ids.n - t);
        rc = latents_encode(r->values, dict, session_resid(item->session) + t * dict->d_model, n,
                            dict->d_model, true, err);
        if (rc == ERR_OK)
            calibrate_add(r->sums, r->values, prompt->counted + t, n, calibrate_thresholds(dict),
                          item->passage);
    }
    return rc;
}

/* The group that begins where the sums end. */
static int count_group(struct reader *r, struct err *err)
{
    struct group group = {0};
    int rc = collect(&group, &r->n_group, r->scope, r->passages, r->sums->n_passages, err);
    if (rc == ERR_OK)
        rc = read_group(r, &group, err);
    for (size_t i = 0; i < group.n && rc == ERR_OK; i++)
        rc = count_prompt(r, &group.items[i], err);
    if (rc == ERR_OK)
        r->sums->n_passages += r->n_group;
    clear_group(&group);
    return rc;
}

static int read_passages(struct reader *r, struct err *err)
{
    const struct calibrate_watcher *w = &r->watcher;
    int rc = ERR_OK;
    while (r->sums->n_passages < r->passages->n && rc == ERR_OK) {
        rc = count_group(r, err);
        if (rc == ERR_OK && w->step)
            rc = w->step(w->data, r->sums, r->sums->n_passages, r->passages->n, err);
    }
    return rc;
}

int calibrate_texts(struct calibration_sums *s, const struct scope *scope,
                    const struct passages *passages, const struct calibrate_watcher *watcher,
                    struct err *err)
{
    struct reader r = {.sums = s, .scope = scope, .passages = passages};
    if (watcher)
        r.watcher = *watcher;
    r.values = mem_try_alloc(s->n_concepts, BLOCK * sizeof *r.values);
    if (!r.values)
        return err_set(err, ERR_NOMEM, "no memory for the projections of %d tokens", BLOCK);
    int rc = read_passages(&r, err);
    free(r.values);
    return rc;
}
