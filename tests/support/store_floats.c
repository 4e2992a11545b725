#include "tests/support/store_floats.h"

#include <string.h>

void store_floats(void *dst, const float *src, enum dtype dtype, size_t n)
{
    char *bytes = dst;
    if (dtype == DTYPE_F32)
        memcpy(bytes, src, n * sizeof *src);
    for (size_t i = 0; i < n && dtype != DTYPE_F32; i++) {
        uint16_t half = dtype == DTYPE_BF16 ? f32_to_bf16(src[i]) : f32_to_f16(src[i]);
        memcpy(bytes + i * sizeof half, &half, sizeof half);
    }
}
