/* Weights to blocks of Q8_0 (data/quant.h), with the instructions that the processor has; the same
 * bits with all of them. */
#ifndef CORE_QUANT_Q8_H
#define CORE_QUANT_Q8_H

#include "data/tensor.h"

#include <stddef.h>

/* dst: whole blocks, 34 bytes for every 32 elements of src [n], which is f32, f16 or bf16 and need
 * not be aligned. */
void quant_q8(void *dst, const void *src, enum dtype dtype, size_t n);

/* Its parts, for tests; the second only where isa_has(ISA_AVX2). */
void quant_q8_generic(void *dst, const void *src, enum dtype dtype, size_t n);
void quant_q8_avx2(void *dst, const void *src, enum dtype dtype, size_t n);

#endif
