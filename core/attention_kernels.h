/* Inside of attention: the products of one instruction set. For core/attention*.c, core/kv_cache.c
 * and their tests.
 *
 * A tile is some query rows against some keys; its width is a multiple of ATTENTION_LANES, filled
 * up with zeros. Every row is summed in the same order whatever the number of rows and keys. */
#ifndef CORE_ATTENTION_KERNELS_H
#define CORE_ATTENTION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define ATTENTION_CHUNK 128 /* keys of a tile, at most; a multiple of 4 */
#define ATTENTION_LANES 16

struct attention_kernels {
    /* scores[i * ATTENTION_CHUNK + j] = q_i . k_j for i < n_rows, j < n_keys; what is beyond
     * n_keys in a row is overwritten up to the next multiple of 4.
     * q [n_rows, d]; keys [n_keys, d], `stride` floats apart. */
    void (*scores)(float *scores, const float *q, size_t n_rows, const float *keys, size_t stride,
                   size_t n_keys, size_t d);

    /* out [n_rows, d] = sum over j < n_keys of weights[i * ATTENTION_CHUNK + j] * v_j.
     * values [d / ATTENTION_LANES, n_keys, ATTENTION_LANES]: a column of every key side by side. */
    void (*mix)(float *out, const float *weights, size_t n_rows, const float *values, size_t n_keys,
                size_t d);

    /* The same added to out, for few rows: values [n_keys, d] as they lie, `stride` floats apart.
     */
    void (*add)(float *out, const float *weights, size_t n_rows, const float *values, size_t stride,
                size_t n_keys, size_t d);

    void (*to_f32)(float *dst, const uint16_t *src, size_t n); /* n of f16 */
    void (*to_f16)(uint16_t *dst, const float *src, size_t n); /* rounded to nearest even */
};

extern const struct attention_kernels attention_generic;
/* where isa_has() */
extern const struct attention_kernels attention_avx2, attention_avx512, attention_neon;

const struct attention_kernels *attention_kernels_in_use(void);

#endif
