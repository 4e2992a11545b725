/* Concept activations: residual times dictionary, and the rankings made from them. */
#ifndef CORE_LATENTS_H
#define CORE_LATENTS_H

#include "data/dictionary.h"
#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>

/* acts[t, c] = relu(resid[t] . directions[c]), or the raw product with `is_signed`; of an
 * autoencoder its activations, or its pre-activations (core/sae.h).
 *
 * Out: acts   [n_tokens, n_concepts] f32, caller's, overwritten
 * In:  resid  [n_tokens, d_model] f32, the residual at the dictionary's hook layer before edits
 * Fails: ERR_SHAPE when d_model differs; ERR_FORMAT when a product is not finite (row and position
 * are named). */
int latents_encode(float *acts, const struct dictionary *dict, const float *resid, size_t n_tokens,
                   size_t d_model, bool is_signed, struct err *err) ERR_CHECK;

/* The score that ranks concepts (DESIGN.md 2, Units): margin = (act - threshold) / (act_max -
 * threshold), z = (projection - mean) / spread of the calibration, share = act / act_max, raw =
 * act. z is of the signed projection: where that is negative, a rectified act will not do. In
 * margins the rows whose threshold is not below act_max are scored by share. A row whose act_max is
 * known and not above 0 is dead and scores 0 in every unit but raw. */
enum score_unit { SCORE_MARGIN, SCORE_Z, SCORE_SHARE, SCORE_RAW, N_SCORE_UNITS };
enum score_unit score_unit_of(const struct dictionary *dict); /* the first that it allows */
bool score_unit_allowed(const struct dictionary *dict, enum score_unit unit);
const char *score_unit_name(enum score_unit unit); /* "margin", "z", "share", "raw" */
float score_full(enum score_unit unit); /* drawn as a full bar: 1, z 6; raw 0: the largest seen */
float score_in(enum score_unit unit, const struct dictionary *dict, size_t row, float act);
float score_of(const struct dictionary *dict, size_t row, float act); /* in score_unit_of */

struct ranked {
    size_t row;
    float act; /* value that was ranked, or whose score was */
    float score;
    int pos; /* token position of the act (first maximum); -1 in rankings of one token */
};

/* The k rows with the largest act at one token, by act then row; returns how many. rank_token
 * leaves out rows whose act is not above 0, rank_token_all keeps them. acts [n_concepts]. */
size_t rank_token(struct ranked *out, size_t k, const float *acts, size_t n_concepts);
size_t rank_token_all(struct ranked *out, size_t k, const float *acts, size_t n_concepts);

/* The k rows with the largest score over the counted positions: act = max over positions with
 * counted[t], by score then row. rank_prompt leaves out rows with act <= 0, rank_prompt_all keeps
 * them; without a counted position both return 0. For z ranked by rank_prompt_all give signed acts.
 * acts [n_tokens, n_concepts], counted [n_tokens]. */
size_t rank_prompt(struct ranked *out, size_t k, const struct dictionary *dict,
                   enum score_unit unit, const float *acts, const bool *counted, size_t n_tokens);
size_t rank_prompt_all(struct ranked *out, size_t k, const struct dictionary *dict,
                       enum score_unit unit, const float *acts, const bool *counted,
                       size_t n_tokens);

#endif
