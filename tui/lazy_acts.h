/* Activations of a text, computed from its residuals when they are asked for: a text of 2048 tokens
 * has 32 million of them with 16 thousand concepts, and few are ever shown. Kept are one stretch of
 * tokens, the rows that were asked for last, and every row's maximum. Not shared between threads.
 *
 * An autoencoder's activations depend on each other: where one is among the dictionaries, all are
 * computed at once and kept. */
#ifndef TUI_LAZY_ACTS_H
#define TUI_LAZY_ACTS_H

#include "core/session.h"
#include "tui/dict_set.h"

#define LAZY_STRETCH 128 /* tokens computed together */

struct lazy_acts {
    float
        *max; /* [n_concepts] largest activation over counted positions; 0 where none is counted */
    int *max_pos; /* [n_concepts] its first position; -1 */
    size_t n_tokens, n_concepts;
    struct lazy_acts_cache *cache;
};

/* Takes resid [set->n] and its blocks, each [n_tokens, d_model], in any case; borrows the set,
 * which may be closed before lazy_acts_free. counted [n_tokens]. is_signed: see latents_encode.
 * progress: may be NULL; asked between stretches, counted in tokens. */
int lazy_acts_new(struct lazy_acts **out, const struct dict_set *set, float **resid,
                  size_t n_tokens, const bool *counted, bool is_signed,
                  session_progress_fn *progress, void *data, struct err *err) ERR_CHECK;
void lazy_acts_free(struct lazy_acts *a);

/* From now on signed or not; max stays as it was. */
int lazy_acts_set_signed(struct lazy_acts *a, bool is_signed, struct err *err) ERR_CHECK;

/* From now on a token is asked for alone, not in order: no further ones are computed with it. */
void lazy_acts_one_by_one(struct lazy_acts *a);

/* All rows at token t: [n_concepts], valid until the next call. */
const float *lazy_acts_token(struct lazy_acts *a, size_t t);
float lazy_acts_at(struct lazy_acts *a, size_t t, size_t row);

#endif
