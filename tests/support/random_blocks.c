#include "tests/support/random_blocks.h"

#include "data/bytes.h"
#include "data/quant.h"

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* An f16 from 2^-exponent to twice that, of either sign or positive. */
static uint16_t scale(uint32_t *state, unsigned exponent, bool is_signed)
{
    uint32_t r = next(state);
    return (uint16_t)((15 - exponent) << 10 | (r & 0x3ff) | (is_signed ? r & 0x8000 : 0));
}

/* Four and five bits: a minimum of about the middle of the range, so that the mean is near 0. */
static void centre(uint8_t *block, uint32_t *state, unsigned exponent)
{
    store_u16(block, scale(state, exponent, false));
    store_u16(block + 2, scale(state, exponent - 3, false));
    for (int g = 0; g < 4; g++) {
        uint32_t six = next(state) & 63, nibble = six & 15, top = (six >> 4) << 6;
        block[4 + g] = (uint8_t)(top | six);
        block[8 + g] = (uint8_t)(top | six);
        block[12 + g] = (uint8_t)(nibble << 4 | nibble);
    }
}

void random_blocks(void *out, enum dtype dtype, size_t n, uint32_t seed)
{
    uint8_t *p = out;
    uint32_t state = seed;
    for (size_t b = 0; b < n / dtype_block(dtype); b++, p += dtype_size(dtype)) {
        for (size_t i = 0; i < dtype_size(dtype); i++)
            p[i] = (uint8_t)next(&state);
        if (dtype == DTYPE_Q8_0)
            store_u16(p, scale(&state, 12, true));
        else if (dtype == DTYPE_Q4_0)
            store_u16(p, scale(&state, 8, true));
        else if (dtype == DTYPE_Q6_K)
            store_u16(p + 208, scale(&state, 14, true));
        else
            centre(p, &state, dtype == DTYPE_Q4_K ? 13 : 14);
    }
}
