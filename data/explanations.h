/* Neuronpedia's label exports (AXBENCH.md 7.3): objects with index, description, modelId and layer,
 * as one JSON array per source, or one object per line; either may be gzipped. Files of hundreds of
 * MB are read with bounded memory: one object at a time, without its embedding. */
#ifndef DATA_EXPLANATIONS_H
#define DATA_EXPLANATIONS_H

#include "data/err.h"

#include <stddef.h>

struct explanation {
    size_t index;     /* of the feature; stored as a string or a number */
    const char *text; /* without blanks at its ends, never empty */
    size_t text_len;
    const char *model; /* "gemma-2-2b", or NULL */
    const char *layer; /* "20-gemmascope-res-16k", or NULL */
};

/* Called for each object that has a description, in order; strings are valid during the call. A
 * negative return ends the reading, which returns it. */
typedef int explanation_fn(void *data, const struct explanation *e, struct err *err);

int explanations_parse(const void *bytes, size_t size, const char *name, explanation_fn *fn,
                       void *data, struct err *err) ERR_CHECK;
int explanations_read(const char *path, explanation_fn *fn, void *data, struct err *err) ERR_CHECK;

#endif
