/* A concept dictionary as its files say: directions, labels, maxima, thresholds.
 * The mathematics is in core/latents.h. Opened once, then read-only: any thread may read. */
#ifndef DATA_DICTIONARY_H
#define DATA_DICTIONARY_H

#include "data/err.h"
#include "data/labels.h"
#include "data/tensor.h"

#include <stdbool.h>
#include <stddef.h>

struct calibration;
struct torch_file;

struct dictionary {
    char *path;     /* owned; folder with weight.pt and metadata.jsonl */
    char *name;     /* owned; e.g. "gemma-reft-2b-it-res/l20" */
    int hook_layer; /* 0-based; residual after this layer; -1 when the files do not say */
    size_t n_concepts;
    size_t d_model;
    struct matrix directions;        /* [n_concepts, d_model], as stored, not re-normalised */
    struct labels labels;            /* [n_concepts] */
    float *act_max;                  /* [n_concepts] or NULL */
    float *threshold;                /* [n_concepts] or NULL */
    struct calibration *calibration; /* owned: how rows behave on neutral text; or NULL. Not
                                        opened here: it belongs to a model too (core/scope.h) */
    struct torch_file *weights;      /* owns the bytes behind directions */
};

/* Opens `path`: a folder with weight.pt and metadata.jsonl, or one that holds exactly one lN
 * folder of that kind (several: ERR_ARG that names them, unless `layer` >= 0 picks lN). acts_path
 * overrides acts.json beside weight.pt; NULL: use it if it is there.
 * hook_layer: `layer` if >= 0, else "layer" of a config.json beside weight.pt, else the lN in the
 * path as given (its last part) or of the folder found. */
int dictionary_open(struct dictionary **out, const char *path, int layer, const char *acts_path,
                    struct err *err) ERR_CHECK;
void dictionary_close(struct dictionary *dict);

/* The row's direction as f32: dst [d_model]. */
void dictionary_direction(float *dst, const struct dictionary *dict, size_t row);

/* Reads {"max_act": {"0": 142.0, ...}, "thresholds": {"0": 69.5, ...}}, whose keys are rows; rows
 * it does not name are 0. Either output is NULL when its key is absent; the caller frees both. */
int acts_open(float **act_max, float **threshold, const char *path, size_t n_concepts,
              struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing). */
int acts_parse(float **act_max, float **threshold, const char *text, size_t len, const char *name,
               size_t n_concepts, struct err *err) ERR_CHECK;

#endif
