/* Weights in blocks of 8 bits (Q8_0, data/quant.h) in place of the f32, f16 or bf16 that a model's
 * files hold: a good half of bf16's memory. Norms, and matrices whose rows are not whole blocks,
 * stay as they are; so do weights that are in blocks already. */
#ifndef CORE_MODEL_QUANTISE_H
#define CORE_MODEL_QUANTISE_H

#include "core/model.h"

#include <stdbool.h>

struct quantise_options {
    bool writes_cache; /* store the blocks in the cache and map them (data/weights_cache.h) */
    /* Called between pieces of the work, done and total in kB. Returning true cancels: the call
     * returns ERR_CANCELLED, the model is as it was and nothing is left on the disk. May be NULL.
     */
    bool (*progress)(void *data, long done, long total);
    void *data;
};

/* What n_weight_bytes would become. */
size_t model_quantised_bytes(const struct model *model);

/* Bytes of a matrix as it is, or as it will be once the model is quantised; 0 for a norm. */
size_t model_matrix_bytes(const struct model *model, enum weight_role role, int layer, bool is_q8);

/* Quantises an opened model; no session of it may exist. Blocks in the cache that fit the model's
 * files are used, whoever stored them; ones that do not are said in model->notice, and replaced if
 * writes_cache is set. Without a cache the blocks are on the heap: ERR_NOMEM. */
int model_quantise(struct model *model, const struct quantise_options *options,
                   struct err *err) ERR_CHECK;

#endif
