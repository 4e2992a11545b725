#include "data/tensor.h"

#include "data/mem.h"
#include "data/quant.h"

#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "stored tensors are little-endian and used where they lie");

static const struct {
    const char *name;
    size_t block, size;
} dtypes[] = {
    [DTYPE_F32] = {"F32", 1, 4},
    [DTYPE_F16] = {"F16", 1, 2},
    [DTYPE_BF16] = {"BF16", 1, 2},
    [DTYPE_F64] = {"F64", 1, 8},
    [DTYPE_I64] = {"I64", 1, 8},
    [DTYPE_I32] = {"I32", 1, 4},
    [DTYPE_U8] = {"U8", 1, 1},
    [DTYPE_Q8_0] = {"Q8_0", QUANT_BLOCK, Q8_0_BYTES},
    [DTYPE_Q4_0] = {"Q4_0", QUANT_BLOCK, Q4_0_BYTES},
    [DTYPE_Q4_K] = {"Q4_K", QUANT_K_BLOCK, Q4_K_BYTES},
    [DTYPE_Q5_K] = {"Q5_K", QUANT_K_BLOCK, Q5_K_BYTES},
    [DTYPE_Q6_K] = {"Q6_K", QUANT_K_BLOCK, Q6_K_BYTES},
};

size_t dtype_block(enum dtype dtype)
{
    return dtypes[dtype].block;
}

size_t dtype_size(enum dtype dtype)
{
    return dtypes[dtype].size;
}

const char *dtype_name(enum dtype dtype)
{
    return dtypes[dtype].name;
}

size_t dtype_bytes(enum dtype dtype, size_t n)
{
    return n / dtypes[dtype].block * dtypes[dtype].size;
}

bool dtype_is_weight(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 ||
           dtypes[dtype].block > 1;
}

int tensor_n_elements(size_t *out, const struct tensor *t, struct err *err)
{
    size_t n = 1;
    for (int i = 0; i < t->n_dims; i++)
        if (!size_mul(&n, n, t->shape[i]))
            return err_set(err, ERR_SHAPE, "tensor '%.100s': its shape is too large", t->name);
    *out = n;
    return ERR_OK;
}

static float bits_to_f32(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint32_t f32_to_bits(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

float f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 0x1f;
    uint32_t mantissa = bits & 0x3ff;
    if (exponent == 0x1f) /* infinity, NaN */
        return bits_to_f32(sign | 0x7f800000 | mantissa << 13);
    if (exponent == 0) { /* zero, subnormal: mantissa * 2^-24, exact in f32 */
        float v = (float)mantissa * 0x1p-24f;
        return sign ? -v : v;
    }
    return bits_to_f32(sign | (exponent + 112) << 23 | mantissa << 13);
}

float bf16_to_f32(uint16_t bits)
{
    return bits_to_f32((uint32_t)bits << 16);
}

uint16_t f32_to_bf16(float v)
{
    uint32_t bits = f32_to_bits(v);
    if (v != v) /* rounding could carry a NaN's mantissa into infinity: force a quiet NaN */
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* x / 2^shift rounded to nearest, ties to even; 1 <= shift <= 31. */
static uint32_t shift_round(uint32_t x, unsigned shift)
{
    uint32_t half = (uint32_t)1 << (shift - 1);
    return (x + half - 1 + (x >> shift & 1)) >> shift;
}

uint16_t f32_to_f16(float v)
{
    uint32_t bits = f32_to_bits(v);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t exponent = bits >> 23 & 0xff;
    uint32_t mantissa = bits & 0x7fffff;
    if (exponent == 0xff)
        return (uint16_t)(sign | 0x7c00 | (mantissa ? 0x200 | mantissa >> 13 : 0));
    if (exponent >= 143) /* 2^16 and above */
        return (uint16_t)(sign | 0x7c00);
    if (exponent >= 113) /* a carry out of the mantissa moves on into the exponent, as it should */
        return (uint16_t)(sign | shift_round((exponent - 112) << 23 | mantissa, 13));
    if (exponent < 102) /* below half of the smallest subnormal */
        return (uint16_t)sign;
    return (uint16_t)(sign | shift_round(mantissa | 0x800000, 126 - exponent));
}

static void f16_run(float *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, src + 2 * i, sizeof bits);
        dst[i] = f16_to_f32(bits);
    }
}

static void bf16_run(float *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, src + 2 * i, sizeof bits);
        dst[i] = bf16_to_f32(bits);
    }
}

static void f64_run(float *dst, const unsigned char *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v;
        memcpy(&v, src + 8 * i, sizeof v);
        dst[i] = (float)v;
    }
}

void tensor_to_f32(float *dst, const void *src, enum dtype dtype, size_t n)
{
    assert(dtype_is_weight(dtype) || dtype == DTYPE_F64);
    if (n == 0)
        return;
    if (dtype == DTYPE_F32)
        memcpy(dst, src, n * sizeof *dst);
    else if (dtype == DTYPE_F16)
        f16_run(dst, src, n);
    else if (dtype == DTYPE_BF16)
        bf16_run(dst, src, n);
    else if (dtype == DTYPE_F64)
        f64_run(dst, src, n);
    else
        quant_to_f32(dst, src, dtype, n);
}

const char *matrix_at(const struct matrix *m, size_t row, size_t col)
{
    return (const char *)m->data + dtype_bytes(m->dtype, row * m->n_cols + col);
}

void matrix_row(float *dst, const struct matrix *m, size_t row)
{
    assert(row < m->n_rows);
    tensor_to_f32(dst, matrix_at(m, row, 0), m->dtype, m->n_cols);
}

int matrix_from_tensor(struct matrix *out, const struct tensor *t, struct err *err)
{
    if (t->n_dims != 2)
        return err_set(err, ERR_SHAPE, "tensor '%.100s': has %d dimensions, a matrix has 2",
                       t->name, t->n_dims);
    if (!dtype_is_weight(t->dtype))
        return err_set(err, ERR_UNSUPPORTED,
                       "tensor '%.100s': is stored as %s, not as F32, F16 or BF16", t->name,
                       dtype_name(t->dtype));
    if (t->shape[1] % dtype_block(t->dtype) != 0)
        return err_set(err, ERR_SHAPE,
                       "tensor '%.100s': its rows of %zu are not whole blocks of %s", t->name,
                       t->shape[1], dtype_name(t->dtype));
    *out = (struct matrix){t->dtype, t->shape[0], t->shape[1], t->data};
    return ERR_OK;
}

int matrix_take(struct matrix *out, float **owned, const struct tensor *t, struct err *err)
{
    *owned = NULL;
    if (t->dtype != DTYPE_F64 || t->n_dims != 2)
        return matrix_from_tensor(out, t, err);
    size_t n = t->shape[0] * t->shape[1]; /* a product the file's reader has checked */
    *owned = mem_try_alloc(n, sizeof **owned);
    if (!*owned) {
        err_set(err, ERR_NOMEM, "tensor '%.100s': no memory to round %zu numbers to f32", t->name,
                n);
        err_hint(err, "Save it as float32, which is used where it lies.");
        return ERR_NOMEM;
    }
    tensor_to_f32(*owned, t->data, t->dtype, n);
    *out = (struct matrix){DTYPE_F32, t->shape[0], t->shape[1], *owned};
    return ERR_OK;
}
