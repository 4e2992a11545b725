/* The forward pass: a batch of rows through a range of layers. A row is one position of one
 * timeline; rows of several timelines may share a batch, and every weight is read once for all.
 * The caller owns rows, timelines and caches; struct forward owns the scratch memory. One thread
 * at a time uses a struct forward. */
#ifndef CORE_FORWARD_H
#define CORE_FORWARD_H

#include "core/kv_cache.h"
#include "core/model.h"
#include "core/steps.h"
#include "data/err.h"

#include <stdbool.h>

/* A batch has at most so many rows: that bounds the scratch memory. The largest product of
 * gemma-2-2b is then one step (FORWARD_STEP_COST). */
#define FORWARD_MAX_ROWS 208

/* Multiplications between two asks whether to go on: 60 ms at 150 GFLOP/s. */
#define FORWARD_STEP_COST 4.5e9

/* Where the keys and values of one line of text are. `own` has room for the positions of the
 * batch, which are written; positions before own->first_pos are read from `prefix`. */
struct timeline {
    struct kv_cache *own;
    const struct kv_cache *prefix; /* may be NULL when own starts at position 0 */
};

struct row {
    const struct timeline *timeline;
    int pos;
};

struct batch {
    float *x;         /* [n, d_model] enters the first layer, leaves the last */
    struct row *rows; /* [n] within a timeline in order of position */
    int n;            /* at most FORWARD_MAX_ROWS */
    /* NULL, or one flag per row: rows whose output of the last layer nobody needs leave only
     * their keys and values. x and rows are then compacted to the kept ones, n is reduced. */
    const bool *keep;
};

/* Called after each layer with its output, which it may change. Returning an error stops with that
 * error. */
typedef int forward_layer_fn(void *data, int layer, const struct batch *batch, struct err *err);

struct forward;

struct forward *forward_new(const struct model *model);
void forward_free(struct forward *f);

/* Asked before and between the steps of a layer; may be NULL. */
void forward_set_ask(struct forward *f, steps_ask_fn *ask, void *data);
void forward_set_step(struct forward *f, double cost); /* FORWARD_STEP_COST; less in tests */

/* Bytes of scratch for each row of a batch. */
size_t forward_row_bytes(const struct model *model);

/* x [n, d_model] = embed[ids] * sqrt(d_model) */
void forward_embed(float *x, const struct model *model, const int *ids, int n);

/* Runs layers l0 <= l < l1. Keys and values of all rows are in their caches afterwards. A residual
 * that is not finite is ERR_FORMAT, with layer and position; ERR_NOMEM: there is no room for the
 * scratch of so many rows. after: may be NULL. After an error, x and the keys and values of the
 * rows are worth nothing. */
int forward_layers(struct forward *f, struct batch *batch, int l0, int l1, forward_layer_fn *after,
                   void *data, struct err *err) ERR_CHECK;

/* ERR_FORMAT, with layer and position, if a row of x [n, d_model] is not finite or so large that
 * its norm is not. layer: whose output x is. */
int forward_check(const struct model *model, const float *x, const struct row *rows, int n,
                  int layer, struct err *err) ERR_CHECK;

/* logits [n, n_vocab] = softcap(rms_norm(x) embedᵀ); x [n, d_model] is left alone. rows [n]:
 * positions, for the error message. n <= FORWARD_MAX_ROWS. */
int forward_logits(struct forward *f, float *logits, const float *x, const struct row *rows, int n,
                   struct err *err) ERR_CHECK;

#endif
