/* The vectors of core/vec.h with NEON: one register of the 32. */
#ifndef CORE_VEC_NEON_H
#define CORE_VEC_NEON_H

#include "data/bytes.h"

#include <arm_neon.h>
#include <string.h>

#define VEC_TARGET
#define VEC_INLINE static inline __attribute__((always_inline))
#define VEC_LANES 4
#define VEC_SUMS 24
#define VEC_KEEP(v) (void)(v) /* no operand is in memory */

typedef float32x4_t vec;

VEC_INLINE vec vec_zero(void)
{
    return vdupq_n_f32(0);
}

VEC_INLINE vec vec_all(float x)
{
    return vdupq_n_f32(x);
}

VEC_INLINE vec vec_load(const float *p)
{
    return vld1q_f32(p);
}

VEC_INLINE void vec_store(float *p, vec v)
{
    vst1q_f32(p, v);
}

VEC_INLINE vec vec_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}

VEC_INLINE vec vec_mul(vec a, vec b)
{
    return vmulq_f32(a, b);
}

VEC_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return vfmaq_f32(c, a, b);
}

/* Four halfwords from any address. */
VEC_INLINE uint16x4_t vec_halfwords(const void *p)
{
    return vreinterpret_u16_u8(vld1_u8(p));
}

VEC_INLINE vec vec_from_bf16(const void *p)
{
    return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(vec_halfwords(p)), 16));
}

VEC_INLINE vec vec_from_f16(const void *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vec_halfwords(p)));
}

VEC_INLINE vec vec_from_i8(const void *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    int16x8_t wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

VEC_INLINE vec vec_all_from_f16(const void *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(load_u16(p))));
}

VEC_INLINE void vec_to_f16(void *p, vec v)
{
    vst1_u8(p, vreinterpret_u8_f16(vcvt_f16_f32(v)));
}

VEC_INLINE float vec_sum(vec v)
{
    return vaddvq_f32(v);
}

VEC_INLINE void vec_sum_four(float *p, vec a, vec b, vec c, vec d)
{
    vst1q_f32(p, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}

#endif
