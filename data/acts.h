/* acts.json: the largest known activation and the threshold of each row of a dictionary,
 * {"max_act": {"0": 142.0, ...}, "thresholds": {"0": 69.5, ...}}; the keys are rows. */
#ifndef DATA_ACTS_H
#define DATA_ACTS_H

#include "data/err.h"

#include <stddef.h>

/* [n_concepts] each; rows that the file does not name are 0. Either output is NULL when its key is
 * absent; the caller frees both. ERR_SHAPE: a row beyond n_concepts. */
int acts_open(float **act_max, float **threshold, const char *path, size_t n_concepts,
              struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing). */
int acts_parse(float **act_max, float **threshold, const char *text, size_t len, const char *name,
               size_t n_concepts, struct err *err) ERR_CHECK;

#endif
