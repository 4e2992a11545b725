/* Weights in block formats (data/quant.h) made of random bits with scales of about 2^-9, so that
 * they are as large as a model's. */
#ifndef TESTS_SUPPORT_RANDOM_BLOCKS_H
#define TESTS_SUPPORT_RANDOM_BLOCKS_H

#include "data/tensor.h"

/* out: dtype_bytes(dtype, n) bytes for n elements in whole blocks. */
void random_blocks(void *out, enum dtype dtype, size_t n, uint32_t seed);

#endif
