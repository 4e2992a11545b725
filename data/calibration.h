/* The baseline of a dictionary: how every row behaves on neutral text, as a file.
 *
 * Kept in the cache, one file for each pair of model and dictionary, in the safetensors format:
 * f32 [n_concepts] "mean", "spread", "max" and, where the dictionary has thresholds, "density";
 * f32 [4, n_concepts] "quantiles"; i32 [n_concepts] "max_passage"; the passages as u8 "texts" with
 * i64 "text_ends". core/calibrate.h fills it. Read-only once opened: any thread may read it.
 *
 * The maximum on neutral text is not the concept's own maximum and never takes its place. */
#ifndef DATA_CALIBRATION_H
#define DATA_CALIBRATION_H

#include "data/err.h"
#include "data/passages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dictionary;

#define CALIBRATION_QUANTILES 4
extern const double calibration_levels[CALIBRATION_QUANTILES];           /* .5 .9 .99 .999 */
extern const char *const calibration_level_names[CALIBRATION_QUANTILES]; /* "p50" ... "p99.9" */

/* What numbers belong to; all of it has to agree before they are used. */
struct calibration_key {
    uint64_t model; /* calibration_model_hash */
    uint64_t dict;  /* calibration_dict_hash */
    int layer;      /* hook layer */
};

struct calibration {
    size_t n_concepts;
    size_t n_tokens;      /* counted ones */
    float *mean, *spread; /* [n_concepts] of the signed projection; spread: standard deviation */
    float *quantiles;     /* [CALIBRATION_QUANTILES, n_concepts] of the signed projection */
    float *density;       /* [n_concepts] share of tokens above the row's threshold; or NULL */
    float *max;           /* [n_concepts] on this text */
    int32_t *max_passage; /* [n_concepts] where it was found */
    struct passages passages;
    float spread_floor;  /* the least spread a z score divides by */
    uint64_t texts_hash; /* of the text it was made from */
    char *arena;         /* bytes of the passages; private */
};

/* --- the key --- */

/* Of a model's files: a folder's config.json, tokenizer and chat template files and *.safetensors
 * by name, or one file. Small ones whole, of large ones samples (data/hash.h). */
int calibration_model_hash(uint64_t *out, const char *path, struct err *err) ERR_CHECK;

/* Of what a dictionary computes with: shape, directions and encoder (each whole up to 256 MB, then
 * samples), biases and thresholds. Labels and act_max do not count. */
uint64_t calibration_dict_hash(const struct dictionary *dict);

/* Was anything ever calibrated here? If not, keys, which take reading, need not be made. */
bool calibration_any(void);

/* Where the file of a key lies; NULL when there is no cache. The caller frees. */
char *calibration_path(const struct calibration_key *key);

/* --- the file --- */

int calibration_open(struct calibration **out, const char *path, struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing); copies what it keeps. */
int calibration_parse(struct calibration **out, const void *bytes, size_t size, const char *name,
                      struct err *err) ERR_CHECK;
/* The calibration of this key, or *out NULL where none was made. ERR_FORMAT and so on: there is
 * one, and it is damaged or of another dictionary. */
int calibration_find(struct calibration **out, const struct calibration_key *key, size_t n_concepts,
                     struct err *err) ERR_CHECK;
int calibration_save(const struct calibration *cal, const char *path, struct err *err) ERR_CHECK;
void calibration_close(struct calibration *cal);

/* An empty one with room for n_concepts rows. */
struct calibration *calibration_new(size_t n_concepts, bool has_density);
/* Sets spread_floor: a hundredth of the median spread, and never 0. */
void calibration_set_floor(struct calibration *cal);

/* Takes copies of the passages. */
void calibration_set_passages(struct calibration *cal, const struct passages *passages);

/* (value - mean) / max(spread, floor) for a signed projection. */
float calibration_z(const struct calibration *cal, size_t row, float value);

#endif
