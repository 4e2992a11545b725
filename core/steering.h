/* Steering: edits of the residual stream, each after the layer of its dictionary, several at one
 * layer in the order given, each applied to the result of the one before (DESIGN.md 2). A positive
 * factor adds the concept. */
#ifndef CORE_STEERING_H
#define CORE_STEERING_H

#include "data/dictionary.h"
#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>

enum intervention_kind {
    INTERVENTION_ADD,         /* h + strength * w */
    INTERVENTION_CLAMP,       /* h - relu(h.w) w + strength * w */
    INTERVENTION_THRESHOLD,   /* h + strength * w where h.w (an autoencoder's act) < strength */
    INTERVENTION_PROJECT_OUT, /* h - (h.w) w / (w.w) */
    INTERVENTION_SAE_CLAMP,   /* an autoencoder's feature set to strength, decoded, its error added
                                 back: h + (strength - act) * gain * w (core/sae.h) */
};

enum steer_at { STEER_PROMPT = 1, STEER_GENERATED = 2, STEER_BOTH = 3, STEER_FROM = 4 };

const char *intervention_name(enum intervention_kind kind); /* "add", "clamp", ... */

struct intervention {
    enum intervention_kind kind;
    size_t concept; /* row of the dictionary */
    float strength; /* multiplies the direction as stored; unused by project out */
};

struct steering_edit {
    struct intervention what;
    int layer;                    /* whose output is edited */
    float *direction;             /* f32 [d_model], owned */
    float norm2;                  /* direction . direction */
    const struct sae_params *sae; /* of an autoencoder's row, else NULL: the latent is h . w */
    float *encoder;               /* f32 [d_model], owned: the feature's column, or NULL */
};

/* A list of edits ready to apply. Zero-initialised: no edits. Copied by steering_copy only. */
struct steering {
    struct steering_edit *edits; /* [n], owned */
    size_t n, cap;
    size_t d_model;
    int n_spared;     /* the clamp leaves the first n_spared prompt positions alone */
    enum steer_at at; /* 0 counts as STEER_BOTH */
    int from;         /* first position edited under STEER_FROM */
};

/* Appends an edit at the dictionary's hook layer. ERR_LIMIT: row out of range; ERR_ARG: a SAE clamp
 * of a row that is no autoencoder's; ERR_FORMAT: the row is not finite. An autoencoder's row
 * borrows its dictionary, which must outlive the edit and its copies. */
int steering_add(struct steering *s, const struct dictionary *dict, struct intervention what,
                 struct err *err) ERR_CHECK;
/* The kind that does to this dictionary's rows what `kind` means: clamping an autoencoder's feature
 * is INTERVENTION_SAE_CLAMP, everything else stays. */
enum intervention_kind steering_kind_for(const struct dictionary *dict,
                                         enum intervention_kind kind);
/* The same as steering_add for a direction that is in no dictionary: copied, [d_model]. */
void steering_add_direction(struct steering *s, const float *direction, size_t d_model, int layer,
                            struct intervention what);
void steering_copy(struct steering *out, const struct steering *s);
void steering_clear(struct steering *s);

/* strength = factor * act_max[row]; act_max <= 0 counts as 50 (AxBench). ERR_FORMAT when the
 * dictionary has no act_max, with the flag --strength named in the hint. */
int steering_strength(float *out, const struct dictionary *dict, size_t row, float factor,
                      struct err *err) ERR_CHECK;

/* The lowest layer >= `from` that is edited; -1: none. */
int steering_next_layer(const struct steering *s, int from);

/* Is a position edited at a layer: by the schedule, and not spared by every edit? A threshold that
 * is not crossed counts. pos: absolute; n_prompt: number of prompt tokens. */
bool steering_reaches(const struct steering *s, int layer, int pos, int n_prompt);

/* No position before this one is edited; INT_MAX: none at all. */
int steering_first_pos(const struct steering *s, int n_prompt);

/* Edits one residual row in place, the output of `layer`. */
void steering_apply(float *h, const struct steering *s, int layer, int pos, int n_prompt);

#endif
