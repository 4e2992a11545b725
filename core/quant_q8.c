#include "core/quant_q8.h"

#include "core/isa.h"
#include "core/parts.h"
#include "data/quant.h"

#include <assert.h>
#include <stdint.h>

#define STRETCH 256 /* elements that are converted at a time: whole blocks */

void quant_q8_generic(void *dst, const void *src, enum dtype dtype, size_t n)
{
    float x[STRETCH];
    const uint8_t *from = src;
    uint8_t *to = dst;
    assert(n % QUANT_BLOCK == 0);
    for (size_t i = 0; i < n; i += STRETCH) {
        size_t len = size_min(STRETCH, n - i);
        tensor_to_f32(x, from + dtype_bytes(dtype, i), dtype, len);
        quant_q8_0(to + dtype_bytes(DTYPE_Q8_0, i), x, len);
    }
}

void quant_q8(void *dst, const void *src, enum dtype dtype, size_t n)
{
    if (isa_uses_avx2())
        quant_q8_avx2(dst, src, dtype, n);
    else
        quant_q8_generic(dst, src, dtype, n);
}
