#include "tests/support/quantise.h"

#include "data/bytes.h"
#include "data/quant.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Stores a scale and returns what a reader will make of it. */
static float store_scale(uint8_t *p, float scale)
{
    uint16_t bits = f32_to_f16(scale);
    store_u16(p, bits);
    return f16_to_f32(bits);
}

static float inverse_of(float v)
{
    return v != 0 ? 1 / v : 0;
}

/* v to the nearest whole number in [0, most]. */
static uint8_t to_level(float v, int most)
{
    int q = (int)(v + 0.5f);
    return (uint8_t)(q < 0 ? 0 : q > most ? most : q);
}

/* The value of largest magnitude, with its sign. */
static float extreme_of(const float *x, int n)
{
    float extreme = 0;
    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(extreme))
            extreme = x[i];
    return extreme;
}

/* Levels -8 .. 7: the extreme takes -8, the end that reaches farther. */
static void q4_0_block(uint8_t *p, const float *x)
{
    float inverse = inverse_of(store_scale(p, extreme_of(x, QUANT_BLOCK) / -8));
    for (int i = 0; i < QUANT_BLOCK / 2; i++)
        p[2 + i] = (uint8_t)(to_level(x[i] * inverse + 8, 15) |
                             to_level(x[i + QUANT_BLOCK / 2] * inverse + 8, 15) << 4);
}

static void pack_scales(uint8_t packed[12], const struct quant_scales *s)
{
    for (int g = 0; g < 4; g++) {
        packed[g] = (uint8_t)(s->scale[g] | s->scale[g + 4] >> 4 << 6);
        packed[g + 4] = (uint8_t)(s->min[g] | s->min[g + 4] >> 4 << 6);
        packed[g + 8] = (uint8_t)((s->scale[g + 4] & 15) | (s->min[g + 4] & 15) << 4);
    }
}

/* Per group of 32: x = scale q - min, with the minimum not above 0, as the format has it. */
static void find_ranges(float scale[8], float min[8], const float *x)
{
    for (int g = 0; g < 8; g++) {
        float low = 0, high = 0;
        for (int i = 32 * g; i < 32 * (g + 1); i++) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
        }
        scale[g] = (high - low) / 15;
        min[g] = -low;
    }
}

static void q4_k_block(uint8_t *p, const float *x)
{
    float scale[8], min[8];
    struct quant_scales s;
    find_ranges(scale, min, x);
    float d = store_scale(p, extreme_of(scale, 8) / 63);
    float m = store_scale(p + 2, extreme_of(min, 8) / 63);
    for (int g = 0; g < 8; g++) {
        s.scale[g] = to_level(scale[g] * inverse_of(d), 63);
        s.min[g] = to_level(min[g] * inverse_of(m), 63);
    }
    pack_scales(p + 4, &s);
    memset(p + 16, 0, QUANT_K_BLOCK / 2);
    for (int g = 0; g < 8; g++) {
        float inverse = inverse_of(d * (float)s.scale[g]), low = m * (float)s.min[g];
        for (int i = 0; i < 32; i++) {
            uint8_t q = to_level((x[32 * g + i] + low) * inverse, 15);
            p[16 + g / 2 * 32 + i] |= (uint8_t)(q << g % 2 * 4);
        }
    }
}

static void q6_k_put(uint8_t *p, int at, uint8_t q)
{
    int half = at / 128, k = at % 128 / 32, i = at % 32;
    p[64 * half + 32 * (k % 2) + i] |= (uint8_t)((q & 15) << k / 2 * 4);
    p[128 + 32 * half + i] |= (uint8_t)(q >> 4 << 2 * k);
}

/* Sixteen groups of 16, levels -32 .. 31 of signed scales. */
static void q6_k_block(uint8_t *p, const float *x)
{
    float scale[16];
    memset(p, 0, Q6_K_BYTES);
    for (int g = 0; g < 16; g++)
        scale[g] = extreme_of(x + 16 * g, 16) / -32;
    float d = store_scale(p + 208, extreme_of(scale, 16) / -128);
    for (int g = 0; g < 16; g++) {
        int level = to_level(scale[g] * inverse_of(d) + 128, 255) - 128;
        float inverse = inverse_of(d * (float)level);
        p[192 + g] = (uint8_t)(int8_t)level;
        for (int i = 16 * g; i < 16 * (g + 1); i++)
            q6_k_put(p, i, to_level(x[i] * inverse + 32, 63));
    }
}

void quantise(void *dst, const float *src, enum dtype dtype, size_t n)
{
    const size_t block = dtype_block(dtype), size = dtype_size(dtype);
    assert(n % block == 0);
    if (dtype == DTYPE_Q8_0) {
        quant_q8_0(dst, src, n);
        return;
    }
    assert(dtype == DTYPE_Q4_0 || dtype == DTYPE_Q4_K || dtype == DTYPE_Q6_K);
    uint8_t *p = dst;
    for (size_t i = 0; i < n; i += block, p += size)
        (dtype == DTYPE_Q4_0   ? q4_0_block
         : dtype == DTYPE_Q4_K ? q4_k_block
                               : q6_k_block)(p, src + i);
}
