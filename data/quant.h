/* Weights in ggml's block formats: runs of 32 or 256 elements of a row that share scales.
 * Multi-byte numbers are little-endian; f16 is IEEE half precision. x is an element, q its stored
 * integer, i its number in the block:
 *
 *   Q8_0   32   34 bytes   d f16, q[32] i8                         x = d q
 *   Q4_0   32   18         d f16, nibbles[16]                      x = d (q - 8)
 *                          q: low nibbles are elements 0..15, high ones 16..31
 *   Q4_K  256  144         d f16, m f16, scales[12], nibbles[128]  x = d s_g q - m m_g
 *                          group g = i / 32; s_g and m_g are 6 bits each in scales: for g < 4 the
 *                          low 6 of byte g and of byte g + 4; for g >= 4 the low and the high
 *                          nibble of byte g + 4, with the top 2 of byte g - 4 and of byte g above
 *                          q: byte 32 (g / 2) + i % 32, low nibble where g is even
 *   Q5_K  256  176         d, m, scales as Q4_K, fifth[32], nibbles[128]
 *                          bit g of fifth[i % 32] is the fifth bit of q
 *   Q6_K  256  210         low[128], high[64], scales[16] i8, d f16   x = d s_{i / 16} (q - 32)
 *                          per half h = i / 128, quarter k = i % 128 / 32, j = i % 32: the low four
 *                          bits are a nibble of low[64 h + 32 (k % 2) + j], the low one for k < 2;
 *                          the high two are bits 2k, 2k + 1 of high[32 h + j]
 *
 * In all but Q4_K and Q5_K x is exact in f32; there the subtraction is rounded once. */
#ifndef DATA_QUANT_H
#define DATA_QUANT_H

#include "data/tensor.h"

#include <stddef.h>

#define QUANT_BLOCK 32
#define QUANT_K_BLOCK 256
#define Q8_0_BYTES 34
#define Q4_0_BYTES 18
#define Q4_K_BYTES 144
#define Q5_K_BYTES 176
#define Q6_K_BYTES 210

/* dst [n] f32 from whole blocks at src, which need not be aligned. */
void quant_to_f32(float *dst, const void *src, enum dtype dtype, size_t n);

/* Whole blocks of Q8_0 from src [n], as ggml rounds: d = max |x| / 127, q = x / d with halves away
 * from zero, then d to f16. */
void quant_q8_0(void *dst, const float *src, size_t n);

/* The eight 6-bit scales and minima of a Q4_K or Q5_K block. */
struct quant_scales {
    uint8_t scale[8], min[8];
};
void quant_k_scales(struct quant_scales *out, const uint8_t packed[12]);

#endif
