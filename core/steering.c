#include "core/steering.h"

#include "core/kernels.h"
#include "core/sae.h"
#include "data/mem.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* AxBench's stand-in for a concept that never fired on the reference text. */
#define ACT_MAX_DEFAULT 50.0f

const char *intervention_name(enum intervention_kind kind)
{
    static const char *const names[] = {"add", "clamp", "threshold", "project out", "SAE clamp"};
    return names[kind];
}

static struct steering_edit *take_edit(struct steering *s, float *direction, size_t d_model,
                                       int layer, struct intervention what)
{
    assert(s->n == 0 || s->d_model == d_model);
    s->d_model = d_model;
    s->edits = mem_grow(s->edits, &s->cap, s->n + 1, sizeof *s->edits);
    s->edits[s->n] = (struct steering_edit){
        .what = what,
        .layer = layer,
        .direction = direction,
        .norm2 = dot(direction, direction, d_model),
    };
    return &s->edits[s->n++];
}

static int refuse_edit(const struct steering *s, const struct dictionary *dict,
                       struct intervention what, struct err *err)
{
    if (what.concept >= dict->n_concepts)
        return err_set(err, ERR_LIMIT, "%s: there is no row %zu, the last one is %zu", dict->name,
                       what.concept, dict->n_concepts - 1);
    if (s->n > 0 && s->d_model != dict->d_model)
        return err_set(err, ERR_SHAPE, "%s: directions of width %zu, other edits have width %zu",
                       dict->name, dict->d_model, s->d_model);
    if (what.kind == INTERVENTION_SAE_CLAMP && !dict->sae)
        return err_set(err, ERR_ARG, "%s: is no autoencoder whose feature could be set",
                       dict->name);
    return ERR_OK;
}

static int refuse_row(const struct dictionary *dict, size_t row, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: row %zu holds a NaN or infinity", dict->name, row);
    err_hint(err, "The file is damaged; download or copy the dictionary again.");
    return ERR_FORMAT;
}

int steering_add(struct steering *s, const struct dictionary *dict, struct intervention what,
                 struct err *err)
{
    int rc = refuse_edit(s, dict, what, err);
    if (rc != ERR_OK)
        return rc;
    float *direction = mem_alloc(dict->d_model, sizeof *direction);
    matrix_row(direction, &dict->directions, what.concept);
    struct steering_edit *edit = take_edit(s, direction, dict->d_model, dict->hook_layer, what);
    if (dict->sae) {
        edit->sae = dict->sae;
        edit->encoder = mem_alloc(dict->d_model, sizeof *edit->encoder);
        sae_encoder_column(edit->encoder, dict->sae, what.concept);
    }
    const float *encoder = edit->encoder;
    if (isfinite(edit->norm2) && (!encoder || isfinite(dot(encoder, encoder, dict->d_model))))
        return ERR_OK;
    s->n--;
    free(edit->direction);
    free(edit->encoder);
    return refuse_row(dict, what.concept, err);
}

enum intervention_kind steering_kind_for(const struct dictionary *dict, enum intervention_kind kind)
{
    return dict->sae && kind == INTERVENTION_CLAMP ? INTERVENTION_SAE_CLAMP : kind;
}

static float *copy_floats(const float *v, size_t n)
{
    float *copy = mem_alloc(n, sizeof *copy);
    memcpy(copy, v, n * sizeof *copy);
    return copy;
}

void steering_add_direction(struct steering *s, const float *direction, size_t d_model, int layer,
                            struct intervention what)
{
    take_edit(s, copy_floats(direction, d_model), d_model, layer, what);
}

void steering_copy(struct steering *out, const struct steering *s)
{
    *out = *s;
    out->edits = NULL;
    out->n = out->cap = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct steering_edit *edit = &s->edits[i];
        steering_add_direction(out, edit->direction, s->d_model, edit->layer, edit->what);
        if (!edit->sae)
            continue;
        out->edits[i].sae = edit->sae;
        out->edits[i].encoder = copy_floats(edit->encoder, s->d_model);
    }
}

void steering_clear(struct steering *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->edits[i].direction), free(s->edits[i].encoder);
    free(s->edits);
    *s = (struct steering){0};
}

int steering_strength(float *out, const struct dictionary *dict, size_t row, float factor,
                      struct err *err)
{
    if (row >= dict->n_concepts)
        return err_set(err, ERR_LIMIT, "%s: there is no row %zu, the last one is %zu", dict->name,
                       row, dict->n_concepts - 1);
    if (!dict->act_max) {
        err_set(err, ERR_FORMAT,
                "%s: a factor needs the concept's maximum, and no acts.json has it", dict->name);
        err_hint(err, "Give the strength itself with --strength ROW=VALUE, or the maxima with "
                      "--acts FILE.");
        return ERR_FORMAT;
    }
    float act_max = dict->act_max[row];
    *out = factor * (act_max > 0 ? act_max : ACT_MAX_DEFAULT);
    return ERR_OK;
}

static bool is_scheduled(const struct steering *s, int pos, int n_prompt)
{
    switch (s->at) {
    case STEER_PROMPT:
        return pos < n_prompt;
    case STEER_GENERATED:
        return pos >= n_prompt;
    case STEER_FROM:
        return pos >= s->from;
    default:
        return true;
    }
}

static bool is_spared(const struct steering *s, const struct steering_edit *edit, int pos,
                      int n_prompt)
{
    return edit->what.kind == INTERVENTION_CLAMP && pos < s->n_spared && pos < n_prompt;
}

int steering_next_layer(const struct steering *s, int from)
{
    int next = -1;
    for (size_t i = 0; i < s->n; i++)
        if (s->edits[i].layer >= from && (next < 0 || s->edits[i].layer < next))
            next = s->edits[i].layer;
    return next;
}

static bool is_applied(const struct steering *s, const struct steering_edit *edit, int layer,
                       int pos, int n_prompt)
{
    return edit->layer == layer && is_scheduled(s, pos, n_prompt) &&
           !is_spared(s, edit, pos, n_prompt);
}

bool steering_reaches(const struct steering *s, int layer, int pos, int n_prompt)
{
    for (size_t i = 0; i < s->n; i++)
        if (is_applied(s, &s->edits[i], layer, pos, n_prompt))
            return true;
    return false;
}

int steering_first_pos(const struct steering *s, int n_prompt)
{
    if (s->n == 0)
        return INT_MAX;
    if (s->at == STEER_GENERATED)
        return n_prompt;
    return s->at == STEER_FROM ? s->from : 0;
}

static float latent_of(const struct steering_edit *edit, const float *h, size_t n)
{
    return edit->sae ? sae_feature_act(edit->sae, edit->what.concept, edit->encoder, h)
                     : dot(h, edit->direction, n);
}

/* The difference of two reconstructions, one with the feature set: its error cancels. */
static void set_feature(float *h, const struct steering_edit *edit, size_t n)
{
    float act = latent_of(edit, h, n);
    float gain = sae_feature_gain(edit->sae, edit->what.concept, h);
    axpy(h, (edit->what.strength - act) * gain, edit->direction, n);
}

static void apply_edit(float *h, const struct steering_edit *edit, size_t n)
{
    const float *w = edit->direction;
    const float strength = edit->what.strength;
    switch (edit->what.kind) {
    case INTERVENTION_ADD:
        axpy(h, strength, w, n);
        break;
    case INTERVENTION_CLAMP:
        axpy(h, strength - fmaxf(dot(h, w, n), 0), w, n);
        break;
    case INTERVENTION_THRESHOLD:
        if (latent_of(edit, h, n) < strength)
            axpy(h, strength, w, n);
        break;
    case INTERVENTION_PROJECT_OUT:
        /* a direction of zeros has nothing to remove */
        if (edit->norm2 > 0)
            axpy(h, -dot(h, w, n) / edit->norm2, w, n);
        break;
    case INTERVENTION_SAE_CLAMP:
        set_feature(h, edit, n);
        break;
    }
}

void steering_apply(float *h, const struct steering *s, int layer, int pos, int n_prompt)
{
    for (size_t i = 0; i < s->n; i++)
        if (is_applied(s, &s->edits[i], layer, pos, n_prompt))
            apply_edit(h, &s->edits[i], s->d_model);
}
