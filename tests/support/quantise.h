/* Quantises weights into the block formats of data/quant.h by plain rounding: every group's scale
 * covers its extremes, without the search for a better one that llama.cpp makes. */
#ifndef TESTS_SUPPORT_QUANTISE_H
#define TESTS_SUPPORT_QUANTISE_H

#include "data/tensor.h"

/* dst: dtype_bytes(dtype, n); src [n] finite, n whole blocks. dtype: Q8_0, Q4_0, Q4_K or Q6_K. */
void quantise(void *dst, const float *src, enum dtype dtype, size_t n);

#endif
