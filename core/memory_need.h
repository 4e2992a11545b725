/* What memory a model and a dictionary will take, known before any of it is taken; and whether that
 * much is there. */
#ifndef CORE_MEMORY_NEED_H
#define CORE_MEMORY_NEED_H

#include "core/model.h"
#include "data/dictionary.h"

#include <stdbool.h>
#include <stddef.h>

#define MEMORY_NEED_TOKENS 2048 /* of prompt and answers that are reckoned with */

/* What is going to be done. */
struct memory_plan {
    const struct model *model;     /* as stored, or NULL */
    const struct dictionary *dict; /* or NULL */
    bool is_q8, is_cached;         /* core/model_quantise.h; the latter: its blocks are mapped */
    enum dtype kv;                 /* what keys and values are kept as */
    int n_layers;                  /* that will run */
    int n_upper;                   /* of them, those that run for a second answer too */
    bool has_logits;               /* the embedding is used as the output matrix too */
    size_t n_pieces;               /* of the tokenizer */
};

struct memory_need {
    size_t weights;   /* bytes of the model's weights that are used */
    size_t mapped;    /* pages of files, these weights among them, that must stay in memory to be
                         fast: without room each pass reads them again */
    size_t heap;      /* what must be there in any case */
    size_t per_token; /* of heap: what a token more costs */
};

void memory_need(struct memory_need *out, const struct memory_plan *plan);

/* ERR_NOMEM with the numbers if `need` is more than is available, which 0 says is unknown. */
int memory_need_check(const struct memory_plan *plan, size_t available, struct err *err) ERR_CHECK;

#endif
