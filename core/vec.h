/* Vectors of f32, for kernels that are written once (core/ *_body.h) and compiled for several
 * instruction sets. A file for one of them includes core/vec_avx2.h, core/vec_avx512.h or
 * core/vec_neon.h and then bodies. Those headers define
 *
 *   vec          VEC_LANES values: 4, 8 or 16
 *   VEC_SUMS     12 or 24: so many sums and their operands fit the registers
 *   VEC_TARGET   the attribute of functions that use them; VEC_INLINE: of inline ones
 *   vec_zero()   vec_all(x)   vec_load(p)   vec_store(p, v)   vec_add(a, b)   vec_mul(a, b)
 *   vec_fma(a, b, c)          a * b + c, rounded once
 *   vec_from_bf16(p)   vec_from_f16(p)   vec_from_i8(p)      VEC_LANES of them at any address
 *   vec_all_from_f16(p)       the same one in all lanes
 *   vec_to_f16(p, v)          rounded to nearest even
 *   vec_sum(v)                of the lanes; always in the same order
 *   vec_sum_four(p, a, b, c, d)       p[4]: the sums of four vec
 *   VEC_KEEP(v)               a variable: it is loaded once, not for each use
 */
#ifndef CORE_VEC_H
#define CORE_VEC_H

#include "data/tensor.h"

#include <string.h>

VEC_INLINE size_t vec_element(enum dtype dtype)
{
    return dtype == DTYPE_F32 ? 4 : 2;
}

/* VEC_LANES stored elements (f32, f16, bf16) at any address. */
VEC_INLINE vec vec_from(const void *p, enum dtype dtype)
{
    return dtype == DTYPE_BF16  ? vec_from_bf16(p)
           : dtype == DTYPE_F16 ? vec_from_f16(p)
                                : vec_load(p);
}

/* The first n < VEC_LANES of them, filled up with 0. */
VEC_INLINE vec vec_from_tail(const void *p, enum dtype dtype, size_t n)
{
    char bytes[VEC_LANES * 4] = {0};
    memcpy(bytes, p, n * vec_element(dtype));
    return vec_from(bytes, dtype);
}

#endif
