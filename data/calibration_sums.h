/* A calibration in the making: sums over the tokens read so far, and how to go on after an
 * interruption. The file (safetensors) lies beside the calibration it will become; core/calibrate.h
 * says how values are counted. */
#ifndef DATA_CALIBRATION_SUMS_H
#define DATA_CALIBRATION_SUMS_H

#include "data/calibration.h"

#define CALIBRATION_BINS 705 /* per row: core/calibrate.h */

struct calibration_sums {
    size_t n_concepts;
    size_t n_tokens;      /* counted so far */
    size_t n_passages;    /* read so far */
    uint64_t texts_hash;  /* of the whole text */
    double *sum, *sum2;   /* [n_concepts] of values and squares */
    int64_t *above;       /* [n_concepts] tokens above the threshold; or NULL */
    float *max;           /* [n_concepts] */
    int32_t *max_passage; /* [n_concepts] */
    uint32_t *bins;       /* [n_concepts, CALIBRATION_BINS] histogram */
};

/* Zeroed. ERR_NOMEM: 3 kB for each row do not fit. */
int calibration_sums_new(struct calibration_sums **out, size_t n_concepts, bool has_threshold,
                         struct err *err) ERR_CHECK;
void calibration_sums_free(struct calibration_sums *s);

/* Where those of a key lie; NULL when there is no cache. The caller frees. */
char *calibration_sums_path(const struct calibration_key *key);

int calibration_sums_save(const struct calibration_sums *s, const char *path,
                          struct err *err) ERR_CHECK;
/* ERR_FORMAT: damaged. */
int calibration_sums_open(struct calibration_sums **out, const char *path,
                          struct err *err) ERR_CHECK;
int calibration_sums_parse(struct calibration_sums **out, const void *bytes, size_t size,
                           const char *name, struct err *err) ERR_CHECK;

#endif
