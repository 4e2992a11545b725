/* What a dictionary reads in a dump: the residual of its own layer, checked against it. */
#ifndef CORE_DUMP_READ_H
#define CORE_DUMP_READ_H

#include "data/dictionary.h"
#include "data/dump_file.h"
#include "data/err.h"

/* *resid [n_tokens, d_model] f32, the caller frees. *hook_layer: the layer at which dict is read;
 * -1, unknown, becomes the only layer of the dump. ERR_SHAPE names both sides where the dump has
 * another layer or another width. */
int dump_read(float **resid, int *hook_layer, const struct dump_file *dump,
              const struct dictionary *dict, struct err *err) ERR_CHECK;

#endif
