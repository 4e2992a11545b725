#ifndef TESTS_SUPPORT_STORE_FLOATS_H
#define TESTS_SUPPORT_STORE_FLOATS_H

#include "data/tensor.h"

/* n numbers as a file would hold them: dst, at any address, dtype_bytes(dtype, n) of f32, f16 or
 * bf16, rounded to nearest. */
void store_floats(void *dst, const float *src, enum dtype dtype, size_t n);

#endif
