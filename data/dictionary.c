#include "data/dictionary.h"

#include "data/acts.h"
#include "data/calibration.h"
#include "data/dictionary_internal.h"
#include "data/file.h"
#include "data/json.h"
#include "data/label_file.h"
#include "data/sae_params.h"
#include "data/tensor_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTS_FILE "acts.json"
#define RECORD_FILE "config.json"

/* --- its layer --- */

/* "layer" of the record that training leaves beside the weights, or -1. */
static int read_record(int *out, const char *dir, struct err *err)
{
    *out = -1;
    if (!file_exists_in(dir, RECORD_FILE))
        return ERR_OK;
    char *path = path_join(dir, RECORD_FILE);
    struct json_doc *doc;
    long layer = -1;
    int rc = json_open(&doc, path, err);
    free(path);
    if (rc != ERR_OK)
        return rc;
    if (json_get(json_root(doc), "layer"))
        rc = json_get_int(&layer, doc, json_root(doc), "layer", 0, DICTIONARY_MAX_LAYER, err);
    json_close(doc);
    *out = (int)layer;
    return rc;
}

/* Two records that differ: one of them is wrong, and which one is not known here. */
static int refuse_layers(const char *path, int recorded, int named, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: its record says layer %d, its path says layer %d", path, recorded,
            named);
    err_hint(err, "Say which one is right: --layer %d or --layer %d.", recorded, named);
    return ERR_FORMAT;
}

static int find_layer(struct dictionary *d, const struct dictionary_place *place, int layer,
                      struct err *err)
{
    int recorded = d->sae ? d->sae->config.hook_layer : -1, named = place->path_layer;
    d->hook_layer = layer;
    if (layer >= 0)
        return ERR_OK;
    int rc = recorded < 0 ? read_record(&recorded, place->dir, err) : ERR_OK;
    if (rc == ERR_OK && recorded >= 0 && named >= 0 && recorded != named)
        rc = refuse_layers(place->path, recorded, named, err);
    d->hook_layer = recorded >= 0 ? recorded : named;
    return rc;
}

/* --- its weights --- */

/* The matrix of directions: by its name, else the only tensor there is. */
static const struct tensor *pick_tensor(const struct tensor_file *f)
{
    const struct tensor *t = tensor_file_find(f, "directions");
    if (!t)
        t = tensor_file_find(f, "weight");
    return t || tensor_file_count(f) != 1 ? t : tensor_file_at(f, 0);
}

static int read_matrix(struct dictionary *d, const char *path, struct err *err)
{
    const struct tensor *t = pick_tensor(d->weights);
    if (!t) {
        err_set(err, ERR_FORMAT,
                "%s: holds %zu tensors and none is called 'directions' or 'weight'", path,
                tensor_file_count(d->weights));
        err_hint(err, "Save the matrix of directions alone.");
        return ERR_FORMAT;
    }
    if (t->n_dims != 2 || t->n_bytes == 0) {
        err_set(err, ERR_SHAPE, "%s: is no matrix: it has %d dimensions and %zu bytes", path,
                t->n_dims, t->n_bytes);
        err_hint(err, "A dictionary's weight is [n_concepts, d_model].");
        return ERR_SHAPE;
    }
    if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_F16 && t->dtype != DTYPE_BF16 &&
        t->dtype != DTYPE_F64) {
        err_set(err, ERR_UNSUPPORTED, "%s: is stored as %s", path, dtype_name(t->dtype));
        err_hint(err, "Save it as float32, float16 or bfloat16.");
        return ERR_UNSUPPORTED;
    }
    return matrix_take(&d->directions, &d->owned_directions, t, err);
}

static int read_sae(struct dictionary *d, const struct dictionary_place *place, struct err *err)
{
    char *config = file_exists_in(place->dir, DICTIONARY_SAE_CONFIG)
                       ? path_join(place->dir, DICTIONARY_SAE_CONFIG)
                       : NULL;
    int rc = sae_params_open(&d->sae, d->weights, place->weights, config, err);
    free(config);
    if (rc == ERR_OK)
        d->directions = d->sae->w_dec;
    return rc;
}

static int read_weights(struct dictionary *d, const struct dictionary_place *place, struct err *err)
{
    int rc = tensor_file_open(&d->weights, place->weights, err);
    if (rc != ERR_OK)
        return rc;
    rc = sae_is_in(d->weights) ? read_sae(d, place, err) : read_matrix(d, place->weights, err);
    d->n_concepts = d->directions.n_rows;
    d->d_model = d->directions.n_cols;
    return rc;
}

/* --- what is said of its rows --- */

static int refuse_labels(const char *what, const char *labels, const char *own, struct err *err)
{
    err_set(err, ERR_FORMAT,
            "records contradict: the labels are of %s %.100s, the weights of %.100s", what, labels,
            own);
    err_hint(err, "Give the labels of this autoencoder with --labels.");
    return ERR_FORMAT;
}

/* Takes the source that labels name, "gemma-2-2b/20-gemmascope-res-16k"; NULL: they name none. */
static int take_source(struct dictionary *d, char *source, bool layer_is_known, struct err *err)
{
    const char *own = d->sae ? d->sae->config.source : NULL;
    const char *slash = source ? strchr(source, '/') : NULL;
    long layer = slash ? strtol(slash + 1, NULL, 10) : -1;
    d->source = source ? source : own ? mem_strdup(own) : NULL;
    if (source && own && strcmp(source, own) != 0)
        return refuse_labels("source", source, own, err);
    if (!layer_is_known || !slash || slash[1] < '0' || slash[1] > '9' || layer == d->hook_layer)
        return ERR_OK;
    char said[16], is[16];
    snprintf(said, sizeof said, "%ld", layer);
    snprintf(is, sizeof is, "%d", d->hook_layer);
    return refuse_labels("layer", said, is, err);
}

/* A folder with weight.pt has its labels in metadata.jsonl and nowhere else. */
static char *find_labels(const struct dictionary *d, const struct dictionary_place *place,
                         const char *labels_path)
{
    if (labels_path)
        return mem_strdup(labels_path);
    if (!place->is_file && !d->sae)
        return path_join(place->dir, DICTIONARY_LABELS);
    return label_file_beside(place->weights, place->dir);
}

static int read_labels(struct dictionary *d, const struct dictionary_place *place,
                       const char *labels_path, bool layer_is_known, struct err *err)
{
    char *path = find_labels(d, place, labels_path), *source = NULL;
    int rc = ERR_OK;
    if (path)
        rc = label_file_read(&d->labels, &source, path, d->n_concepts, err);
    else
        labels_unnamed(&d->labels, d->n_concepts);
    free(path);
    return rc == ERR_OK ? take_source(d, source, layer_is_known, err) : rc;
}

static int read_acts(struct dictionary *d, const struct dictionary_place *place,
                     const char *acts_path, struct err *err)
{
    int rc = ERR_OK;
    if (acts_path || (!place->is_file && file_exists_in(place->dir, ACTS_FILE))) {
        char *path = acts_path ? mem_strdup(acts_path) : path_join(place->dir, ACTS_FILE);
        rc = acts_open(&d->act_max, &d->threshold, path, d->n_concepts, err);
        free(path);
    }
    if (rc == ERR_OK && !d->threshold && d->sae && d->sae->threshold) {
        d->threshold = mem_alloc(d->n_concepts, sizeof *d->threshold);
        memcpy(d->threshold, d->sae->threshold, d->n_concepts * sizeof *d->threshold);
    }
    return rc;
}

/* --- interface --- */

static int read_all(struct dictionary *d, const struct dictionary_place *place, int layer,
                    const char *acts_path, const char *labels_path, struct err *err)
{
    int rc = read_weights(d, place, err);
    if (rc == ERR_OK)
        rc = find_layer(d, place, layer, err);
    bool layer_is_known = layer < 0 && d->hook_layer >= 0;
    if (rc == ERR_OK)
        rc = read_labels(d, place, labels_path, layer_is_known, err);
    return rc == ERR_OK ? read_acts(d, place, acts_path, err) : rc;
}

int dictionary_open(struct dictionary **out, const char *path, int layer, const char *acts_path,
                    const char *labels_path, struct err *err)
{
    struct dictionary_place place;
    struct dictionary *d = NULL;
    int rc = dictionary_place_find(&place, path, layer, err);
    if (rc == ERR_OK) {
        d = mem_zalloc(1, sizeof *d);
        d->path = mem_strdup(place.path);
        d->name = mem_strdup(place.name);
        rc = read_all(d, &place, layer, acts_path, labels_path, err);
    }
    dictionary_place_clear(&place);
    if (rc != ERR_OK) {
        dictionary_close(d);
        d = NULL;
    }
    *out = d;
    return rc;
}

void dictionary_close(struct dictionary *dict)
{
    if (!dict)
        return;
    labels_close(&dict->labels);
    calibration_close(dict->calibration);
    sae_params_close(dict->sae);
    tensor_file_close(dict->weights);
    free(dict->owned_directions);
    free(dict->act_max);
    free(dict->threshold);
    free(dict->source);
    free(dict->name);
    free(dict->path);
    free(dict);
}

const char *dictionary_kind(const struct dictionary *dict)
{
    return dict->sae ? sae_kind_name(dict->sae->config.kind) : "directions";
}

static size_t matrix_bytes(const struct matrix *m)
{
    return m->n_rows * m->n_cols * dtype_size(m->dtype);
}

size_t dictionary_encoder_bytes(const struct dictionary *dict)
{
    return dict->sae ? matrix_bytes(&dict->sae->w_enc) : 0;
}

size_t dictionary_bytes(const struct dictionary *dict)
{
    return matrix_bytes(&dict->directions) + dictionary_encoder_bytes(dict);
}

size_t dictionary_heap_bytes(const struct dictionary *dict)
{
    size_t bytes = dict->weights ? tensor_file_heap_bytes(dict->weights) : 0;
    bytes += dict->sae ? sae_heap_bytes(dict->sae) : 0;
    return bytes + (dict->owned_directions ? matrix_bytes(&dict->directions) : 0);
}

void dictionary_direction(float *dst, const struct dictionary *dict, size_t row)
{
    matrix_row(dst, &dict->directions, row);
}
