/* What data/torch_file.c and data/torch_write.c share. */
#ifndef DATA_TORCH_INTERNAL_H
#define DATA_TORCH_INTERNAL_H

#include "data/tensor.h"

#define TORCH_REBUILD_TENSOR "torch._utils _rebuild_tensor_v2"

/* The pickled class of a storage, e.g. "torch FloatStorage". */
const char *torch_storage_class(enum dtype dtype);

#endif
