/* The tensors of a file, found by name. Two tensors of one name, or in the same bytes, would be a
 * mistake of the writer and make one name lie: such a file is refused. */
#ifndef DATA_TENSOR_INDEX_H
#define DATA_TENSOR_INDEX_H

#include "data/err.h"
#include "data/tensor.h"

#include <stddef.h>

struct tensor_index {
    const struct tensor **by_name; /* [n] owned; sorted */
    size_t n;
};

/* tensors [n] are borrowed until tensor_index_clear; file: what errors call it. ERR_FORMAT names
 * the tensors at fault. */
int tensor_index_init(struct tensor_index *out, const struct tensor *tensors, size_t n,
                      const char *file, struct err *err) ERR_CHECK;
void tensor_index_clear(struct tensor_index *index);

const struct tensor *tensor_index_find(const struct tensor_index *index, const char *name);

#endif
