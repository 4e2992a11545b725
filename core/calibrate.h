/* Calibration: how every row of a dictionary behaves on neutral text.
 *
 * Each passage is read as a prompt of its own, in the form in which the model is usually read (the
 * chat template for chat models). What is counted is the signed projection at the counted
 * positions of DESIGN.md 2: mean and standard deviation from two sums in double; density, the
 * share of tokens above the row's own threshold, by counting; the maximum and its passage; and
 * quantiles from a histogram for each row, so that memory does not grow with the text.
 *
 * The histogram is logarithmic with linear steps inside: 16 bins of equal width from each power of
 * two to the next, 2^-8 to 2^14 on both sides, one bin around zero. A quantile is interpolated
 * within its bin, so it is off by at most one bin: 1/16 of its size, or 1/128 around zero. What is
 * larger than 2^14 is counted in the last bin. */
#ifndef CORE_CALIBRATE_H
#define CORE_CALIBRATE_H

#include "core/scope.h"
#include "core/session.h"
#include "data/calibration_sums.h"

/* --- the mathematics --- */

size_t calibrate_bin(float value);   /* 0 .. CALIBRATION_BINS - 1, in order of value */
float calibrate_bin_low(size_t bin); /* lower edge; of bin CALIBRATION_BINS: the last upper edge */

/* Counts the positions with counted[t] (NULL: all) of a passage.
 * values [n_tokens, n_concepts]: signed projections. threshold [n_concepts] where s->above is. */
void calibrate_add(struct calibration_sums *s, const float *values, const bool *counted,
                   size_t n_tokens, const float *threshold, int passage);

/* The statistics. ERR_LIMIT: not one token was counted. passages: what was read, copied. */
int calibrate_finish(struct calibration **out, const struct calibration_sums *s,
                     const struct passages *passages, struct err *err) ERR_CHECK;

/* --- the reading --- */

/* The thresholds above which rows of a dictionary count as present: its own, or those of a jumprelu
 * autoencoder; NULL where there are none. [n_concepts], borrowed. */
const float *calibrate_thresholds(const struct dictionary *dict);

/* Called after each group of passages that were read together, `done` passages of `total`.
 * Returning other than ERR_OK ends calibrate_texts with that error. */
typedef int calibrate_step_fn(void *data, const struct calibration_sums *s, size_t done,
                              size_t total, struct err *err);

enum { CALIBRATE_PARTS = 1000 };

struct calibrate_watcher {
    calibrate_step_fn *step; /* or NULL */
    /* or NULL: while a group is read, in 1 / CALIBRATE_PARTS of passages. Cancelling leaves the
     * sums as they were before the group. */
    session_progress_fn *progress;
    void *data; /* of both */
};

/* Reads the passages from s->n_passages on, short ones together, and counts them in s. The scope
 * has a model, a tokenizer and a dictionary. A passage that exceeds the model's context is read in
 * halves. watcher: or NULL. */
int calibrate_texts(struct calibration_sums *s, const struct scope *scope,
                    const struct passages *passages, const struct calibrate_watcher *watcher,
                    struct err *err) ERR_CHECK;

#endif
