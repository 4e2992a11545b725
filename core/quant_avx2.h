/* Inside of matmul: blocks of weights (data/quant.h) to f32 with AVX2, bit for bit as
 * quant_to_f32 does it. Only where isa_has(ISA_AVX2). */
#ifndef CORE_QUANT_AVX2_H
#define CORE_QUANT_AVX2_H

#include "data/tensor.h"

#include <stddef.h>

/* dst [n] f32 from whole blocks at src, which need not be aligned. */
void quant_avx2_to_f32(float *dst, const void *src, enum dtype dtype, size_t n);

#endif
