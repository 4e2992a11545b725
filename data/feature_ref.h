/* Rows of different dictionaries that are about the same feature. A concept's ref,
 * https://www.neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k/10004, names the feature it was made
 * from; an autoencoder's row without a ref is the feature of its own number. */
#ifndef DATA_FEATURE_REF_H
#define DATA_FEATURE_REF_H

#include "data/dictionary.h"

#include <stddef.h>

/* The rows of `other` that are about the feature of row `row` of `dict`, ascending: at most `max`
 * go to rows; returns how many. An autoencoder that does not know its source is meant by a ref
 * whose layer and width ("16k": thousands of features) are its own. */
size_t feature_links(size_t *rows, size_t max, const struct dictionary *dict, size_t row,
                     const struct dictionary *other);

#endif
