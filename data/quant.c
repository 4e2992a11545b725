#include "data/quant.h"

#include "data/bytes.h"

#include <assert.h>
#include <math.h>

static float load_f16(const uint8_t *p)
{
    return f16_to_f32(load_u16(p));
}

static void q8_0_block(float *dst, const uint8_t *p)
{
    float d = load_f16(p);
    for (int i = 0; i < 32; i++)
        dst[i] = d * (float)(int8_t)p[2 + i];
}

static void q4_0_block(float *dst, const uint8_t *p)
{
    float d = load_f16(p);
    for (int i = 0; i < 16; i++) {
        dst[i] = d * (float)((p[2 + i] & 15) - 8);
        dst[16 + i] = d * (float)((p[2 + i] >> 4) - 8);
    }
}

void quant_k_scales(struct quant_scales *out, const uint8_t packed[12])
{
    for (int g = 0; g < 4; g++) {
        out->scale[g] = packed[g] & 63;
        out->min[g] = packed[g + 4] & 63;
        out->scale[g + 4] = (uint8_t)((packed[g + 8] & 15) | packed[g] >> 6 << 4);
        out->min[g + 4] = (uint8_t)(packed[g + 8] >> 4 | packed[g + 4] >> 6 << 4);
    }
}

static void q4_k_block(float *dst, const uint8_t *p)
{
    struct quant_scales s;
    quant_k_scales(&s, p + 4);
    float d = load_f16(p), m = load_f16(p + 2);
    for (int g = 0; g < 8; g++) {
        const uint8_t *q = p + 16 + g / 2 * 32;
        float scale = d * (float)s.scale[g], min = m * (float)s.min[g];
        for (int i = 0; i < 32; i++)
            dst[32 * g + i] = scale * (float)(q[i] >> g % 2 * 4 & 15) - min;
    }
}

static void q5_k_block(float *dst, const uint8_t *p)
{
    struct quant_scales s;
    quant_k_scales(&s, p + 4);
    float d = load_f16(p), m = load_f16(p + 2);
    const uint8_t *fifth = p + 16;
    for (int g = 0; g < 8; g++) {
        const uint8_t *q = p + 48 + g / 2 * 32;
        float scale = d * (float)s.scale[g], min = m * (float)s.min[g];
        for (int i = 0; i < 32; i++)
            dst[32 * g + i] =
                scale * (float)((q[i] >> g % 2 * 4 & 15) | (fifth[i] >> g & 1) << 4) - min;
    }
}

static void q6_k_block(float *dst, const uint8_t *p)
{
    float d = load_f16(p + 208);
    for (int half = 0; half < 2; half++)
        for (int k = 0; k < 4; k++) {
            const uint8_t *low = p + 64 * half + 32 * (k % 2), *high = p + 128 + 32 * half;
            const uint8_t *scales = p + 192 + 8 * half + 2 * k;
            for (int i = 0; i < 32; i++) {
                int q = (low[i] >> k / 2 * 4 & 15) | (high[i] >> 2 * k & 3) << 4;
                dst[128 * half + 32 * k + i] = d * (float)(int8_t)scales[i / 16] * (float)(q - 32);
            }
        }
}

typedef void block_fn(float *dst, const uint8_t *block);

static block_fn *block_of(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_Q8_0:
        return q8_0_block;
    case DTYPE_Q4_0:
        return q4_0_block;
    case DTYPE_Q4_K:
        return q4_k_block;
    case DTYPE_Q5_K:
        return q5_k_block;
    default:
        assert(dtype == DTYPE_Q6_K);
        return q6_k_block;
    }
}

void quant_to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    const size_t block = dtype_block(dtype), size = dtype_size(dtype);
    block_fn *convert = block_of(dtype);
    assert(n % block == 0);
    const uint8_t *p = src;
    for (size_t i = 0; i < n; i += block, p += size)
        convert(dst + i, p);
}

/* The largest |x|; NaN if one of them is no number. */
static float largest_of(const float *x, int n)
{
    float largest = 0;
    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > largest || x[i] != x[i])
            largest = fabsf(x[i]);
    return largest;
}

static void q8_0_store(uint8_t *p, const float *x)
{
    float d = largest_of(x, QUANT_BLOCK) / 127, inverse = 1 / d;
    bool is_usable = isfinite(d) && isfinite(inverse); /* else 0, or d tells */
    store_u16(p, f32_to_f16(d));
    for (int i = 0; i < QUANT_BLOCK; i++)
        p[2 + i] = is_usable ? (uint8_t)(int8_t)roundf(x[i] * inverse) : 0;
}

void quant_q8_0(void *dst, const float *src, size_t n)
{
    assert(n % QUANT_BLOCK == 0);
    uint8_t *p = dst;
    for (size_t b = 0; b < n; b += QUANT_BLOCK, p += Q8_0_BYTES)
        q8_0_store(p, src + b);
}
