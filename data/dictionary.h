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
struct sae_params;
struct tensor_file;

struct dictionary {
    char *path;     /* owned; the folder that holds it, or the file that was given */
    char *name;     /* owned; e.g. "gemma-reft-2b-it-res/l20" */
    int hook_layer; /* 0-based; residual after this layer; -1 when the files do not say */
    size_t n_concepts;
    size_t d_model;
    struct matrix directions; /* [n_concepts, d_model], as stored, not re-normalised; of an
                                 autoencoder the rows of its decoder */
    struct sae_params *sae;   /* owned; how its latents are encoded; NULL: latent = h . direction */
    struct labels labels;     /* [n_concepts] */
    char *source;             /* owned; where Neuronpedia shows these features, MODEL/LAYER-SET, as
                                 labels or cfg.json say; or NULL */
    float *act_max;           /* [n_concepts] or NULL */
    float *threshold;         /* [n_concepts] or NULL; a jumprelu autoencoder has its own */
    struct calibration *calibration; /* owned: how rows behave on neutral text; or NULL. Not
                                        opened here: it belongs to a model too (core/scope.h) */
    struct tensor_file *weights;     /* owned; the bytes behind directions */
    float *owned_directions;         /* their f32 copy where they are stored as f64, or NULL */
};

/* Opens a dictionary:
 *   a folder with weight.pt and metadata.jsonl, or one that holds exactly one lN folder that is a
 *     dictionary (several: ERR_ARG that names them, unless `layer` >= 0 picks lN);
 *   an autoencoder: a folder with params.npz, a folder with SAELens' cfg.json and
 *     sae_weights.safetensors, or a file with tensors W_enc and W_dec;
 *   a file with a matrix [n_concepts, d_model]: .npy, .safetensors or .pt; of several tensors the
 *     one called directions or weight, else the only matrix.
 * Labels: labels_path (data/label_file.h) if given; else metadata.jsonl beside weight.pt, or what
 * label_file_beside finds; files and autoencoders without any have "feature N". Labels of another
 * layer than the files say, or of another source than cfg.json says, are refused.
 * acts_path: maxima and thresholds; NULL: acts.json in the folder, if a folder was given.
 * hook_layer: `layer` if >= 0, else "layer" of a config.json beside the weights or the hook of a
 * cfg.json, else the lN or layer_N in the path as given or of the folder found. */
int dictionary_open(struct dictionary **out, const char *path, int layer, const char *acts_path,
                    const char *labels_path, struct err *err) ERR_CHECK;
void dictionary_close(struct dictionary *dict);

/* "directions", "standard", "jumprelu", "topk" or "gated": how its latents come about. */
const char *dictionary_kind(const struct dictionary *dict);

/* Bytes of the encoder's matrix as stored (0 without one), of it and the directions together, and
 * of all matrices that are on the heap because they cannot be used where they lie. */
size_t dictionary_encoder_bytes(const struct dictionary *dict);
size_t dictionary_bytes(const struct dictionary *dict);
size_t dictionary_heap_bytes(const struct dictionary *dict);

/* The row's direction as f32: dst [d_model]. */
void dictionary_direction(float *dst, const struct dictionary *dict, size_t row);

#endif
