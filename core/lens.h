/* Logit lens of a direction, and its nearest rows by cosine.
 * Lens (AXBENCH.md 3.4): centre w over d_model, multiply by the final norm weight (1 + g), one
 * product with the tied embedding; no norm of w, no soft-cap. */
#ifndef CORE_LENS_H
#define CORE_LENS_H

#include "core/model.h"
#include "data/dictionary.h"

struct lens_entry {
    int id;
    float value;
};

/* The k largest (descending) and k smallest (ascending) entries; ties by lower id. Returns the
 * number written to each, min(k, n_vocab). direction f32 [d_model]. */
int lens_direction(struct lens_entry *top, struct lens_entry *bottom, int k,
                   const struct model *model, const float *direction, struct err *err) ERR_CHECK;

struct neighbour {
    size_t row;
    float cosine;
};

/* The k rows with the largest cosine to `row`, itself left out; by cosine, then row. */
size_t lens_nearest(struct neighbour *out, size_t k, const struct dictionary *dict, size_t row);

#endif
