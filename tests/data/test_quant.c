#include "data/bytes.h"
#include "data/mem.h"
#include "data/quant.h"
#include "data/safetensors.h"
#include "tests/support/quantise.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks with random scales and the f32 values that ggml's own reader (gguf 0.19) gives them. */
#define FIXTURE "tests/fixtures/gguf/blocks.safetensors"

static const enum dtype formats[] = {DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
#define N_FORMATS (sizeof formats / sizeof *formats)

static struct err err;

static const struct tensor *tensor_of(const struct safetensors *st, enum dtype dtype,
                                      const char *what)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", dtype_name(dtype), what);
    const struct tensor *t = safetensors_find(st, name);
    ck_assert_msg(t != NULL, "the fixture has no %s", name);
    return t;
}

static struct safetensors *open_fixture(void)
{
    struct safetensors *st;
    ck_assert_msg(safetensors_open(&st, FIXTURE, &err) == ERR_OK, "%s", err.message);
    return st;
}

/* --- the published layout, bit by bit and element by element --- */

/* Bits start .. start + n of a little-endian string of bits. */
static int bits_of(const uint8_t *p, int start, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++)
        v |= (p[(start + i) / 8] >> (start + i) % 8 & 1) << i;
    return v;
}

/* Scale or minimum of group g of a Q4_K or Q5_K block: 12 bytes hold two rows of four 6-bit
 * numbers, their spare top bits and a third row of nibbles, which make the other four of each. */
static int k_scale(const uint8_t *packed, int g, bool is_min)
{
    int first = is_min ? 4 : 0;
    if (g < 4)
        return bits_of(packed + first + g, 0, 6);
    return bits_of(packed + 4 + g, is_min ? 4 : 0, 4) | bits_of(packed + first + g - 4, 6, 2) << 4;
}

static double half_at(const uint8_t *p)
{
    return (double)f16_to_f32(load_u16(p));
}

/* Element i of a block. */
static float element(const uint8_t *p, enum dtype dtype, int i)
{
    const int g = i / 32, j = i % 32;
    switch (dtype) {
    case DTYPE_Q8_0:
        return (float)(half_at(p) * (int8_t)p[2 + i]);
    case DTYPE_Q4_0:
        return (float)(half_at(p) * (bits_of(p + 2 + i % 16, i / 16 * 4, 4) - 8));
    case DTYPE_Q4_K:
    case DTYPE_Q5_K: {
        int q = bits_of(p + (dtype == DTYPE_Q4_K ? 16 : 48) + g / 2 * 32 + j, g % 2 * 4, 4);
        if (dtype == DTYPE_Q5_K)
            q += 16 * bits_of(p + 16 + j, g, 1);
        return (float)(half_at(p) * k_scale(p + 4, g, false) * q -
                       half_at(p + 2) * k_scale(p + 4, g, true));
    }
    default: {
        int quarter = i % 128 / 32, half = i / 128;
        int q = bits_of(p + 64 * half + 32 * (quarter % 2) + j, quarter / 2 * 4, 4) |
                bits_of(p + 128 + 32 * half + j, 2 * quarter, 2) << 4;
        return (float)(half_at(p + 208) * (int8_t)p[192 + i / 16] * (q - 32));
    }
    }
}

START_TEST(blocks_have_the_sizes_of_the_format)
{
    static const size_t sizes[][2] = {{32, 34}, {32, 18}, {256, 144}, {256, 176}, {256, 210}};
    for (size_t f = 0; f < N_FORMATS; f++) {
        ck_assert_uint_eq(dtype_block(formats[f]), sizes[f][0]);
        ck_assert_uint_eq(dtype_size(formats[f]), sizes[f][1]);
        ck_assert_uint_eq(dtype_bytes(formats[f], 1024), 1024 / sizes[f][0] * sizes[f][1]);
        ck_assert(dtype_is_weight(formats[f]));
    }
    ck_assert(!dtype_is_weight(DTYPE_F64) && !dtype_is_weight(DTYPE_U8));
}
END_TEST

START_TEST(blocks_are_what_ggml_makes_of_them)
{
    struct safetensors *st = open_fixture();
    for (size_t f = 0; f < N_FORMATS; f++) {
        const struct tensor *blocks = tensor_of(st, formats[f], "blocks");
        const struct tensor *values = tensor_of(st, formats[f], "values");
        float got[1024];
        ck_assert_uint_eq(values->n_bytes, sizeof got);
        ck_assert_uint_eq(blocks->n_bytes, dtype_bytes(formats[f], 1024));
        tensor_to_f32(got, blocks->data, formats[f], 1024);
        ck_assert_msg(memcmp(got, values->data, sizeof got) == 0, "%s", dtype_name(formats[f]));
    }
    safetensors_close(st);
}
END_TEST

/* Random bytes, whose scales are halved in exponent so that none is infinite or NaN. */
static void random_blocks(uint8_t *out, enum dtype dtype, size_t n, uint32_t seed)
{
    const size_t size = dtype_size(dtype);
    for (size_t i = 0; i < n * size; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = (uint8_t)(seed >> 24);
    }
    for (size_t b = 0; b < n; b++, out += size) {
        size_t at = dtype == DTYPE_Q6_K ? 208 : 0;
        out[at + 1] &= 0xbf;
        if (dtype == DTYPE_Q4_K || dtype == DTYPE_Q5_K)
            out[3] &= 0xbf;
    }
}

START_TEST(blocks_follow_the_published_layout_at_any_address)
{
    for (size_t f = 0; f < N_FORMATS; f++) {
        const size_t block = dtype_block(formats[f]), size = dtype_size(formats[f]);
        uint8_t *bytes = mem_alloc(50 * size + 1, 1);
        float *got = mem_alloc(50 * block, sizeof *got);
        random_blocks(bytes + 1, formats[f], 50, (uint32_t)f);
        quant_to_f32(got, bytes + 1, formats[f], 50 * block);
        for (size_t i = 0; i < 50 * block; i++) {
            float want = element(bytes + 1 + i / block * size, formats[f], (int)(i % block));
            if (memcmp(&got[i], &want, sizeof want) != 0)
                ck_abort_msg("%s element %zu: %.9g, not %.9g", dtype_name(formats[f]), i,
                             (double)got[i], (double)want);
        }
        free(bytes);
        free(got);
    }
}
END_TEST

START_TEST(a_row_of_blocks_is_read_alone)
{
    enum { ROWS = 3, COLS = 512 };
    uint8_t bytes[ROWS * 2 * Q4_K_BYTES];
    float all[ROWS * COLS], row[COLS];
    random_blocks(bytes, DTYPE_Q4_K, ROWS * 2, 9);
    quant_to_f32(all, bytes, DTYPE_Q4_K, ROWS * COLS);
    const struct tensor t = {"w", DTYPE_Q4_K, 2, {ROWS, COLS}, bytes, sizeof bytes};
    struct matrix m;
    ck_assert_int_eq(matrix_from_tensor(&m, &t, &err), ERR_OK);
    for (size_t r = 0; r < ROWS; r++) {
        matrix_row(row, &m, r);
        ck_assert_mem_eq(row, all + r * COLS, sizeof row);
    }
}
END_TEST

START_TEST(rows_that_are_no_whole_blocks_are_no_matrix)
{
    struct tensor t = {"blk.0.attn_q.weight", DTYPE_Q8_0, 2, {4, 40}, NULL, 0};
    struct matrix m;
    ck_assert_int_eq(matrix_from_tensor(&m, &t, &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "Q8_0"));
}
END_TEST

START_TEST(eight_bits_are_rounded_as_ggml_rounds)
{
    struct safetensors *st = open_fixture();
    const struct tensor *source = tensor_of(st, DTYPE_Q8_0, "source");
    const struct tensor *stored = tensor_of(st, DTYPE_Q8_0, "stored");
    uint8_t got[1024 / 32 * Q8_0_BYTES];
    ck_assert_uint_eq(source->n_bytes, 1024 * sizeof(float));
    ck_assert_uint_eq(stored->n_bytes, sizeof got);
    quant_q8_0(got, source->data, 1024);
    ck_assert_mem_eq(got, stored->data, sizeof got);
    safetensors_close(st);
}
END_TEST

START_TEST(what_is_no_number_stays_none_in_eight_bits)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t k = 0; k < 3; k++) {
        float x[32] = {1, 2, 3}, back[32];
        uint8_t block[Q8_0_BYTES];
        x[7] = odd[k];
        quant_q8_0(block, x, 32);
        quant_to_f32(back, block, DTYPE_Q8_0, 32);
        ck_assert(!isfinite(back[7]));
    }
}
END_TEST

START_TEST(nothing_but_zeros_stays_zero)
{
    float x[32] = {0}, back[32];
    uint8_t block[Q8_0_BYTES];
    quant_q8_0(block, x, 32);
    quant_to_f32(back, block, DTYPE_Q8_0, 32);
    ck_assert_mem_eq(back, x, sizeof x);
    x[3] = 1e-42f; /* too small for a scale */
    quant_q8_0(block, x, 32);
    quant_to_f32(back, block, DTYPE_Q8_0, 32);
    ck_assert(back[3] == 0);
}
END_TEST

/* What the tests' own writer makes, read back. A step is the range of a group over its levels. The
 * positive end has a level less than the negative one: a value there is off by a whole step, and
 * the rounding of the scales (6 or 8 bits, then f16) adds to it. */
START_TEST(what_the_writer_of_blocks_rounds_is_within_a_step)
{
    static const struct {
        enum dtype dtype;
        int group;
        float levels;
    } writers[] = {
        {DTYPE_Q8_0, 32, 255}, {DTYPE_Q4_0, 32, 15}, {DTYPE_Q4_K, 32, 15}, {DTYPE_Q6_K, 16, 63}};
    float x[1024], back[1024];
    uint8_t blocks[1024 / 32 * Q8_0_BYTES];
    uint32_t seed = 5;
    for (int i = 0; i < 1024; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ((float)(seed >> 8) / 8388608.0f - 1) * (i < 512 ? 0.03f : 3);
    }
    for (size_t w = 0; w < sizeof writers / sizeof *writers; w++) {
        quantise(blocks, x, writers[w].dtype, 1024);
        quant_to_f32(back, blocks, writers[w].dtype, 1024);
        for (int i = 0; i < 1024; i++) {
            float largest = 0;
            for (int j = i / writers[w].group * writers[w].group, k = 0; k < writers[w].group; k++)
                largest = fmaxf(largest, fabsf(x[j + k]));
            float step = 2 * largest / writers[w].levels;
            ck_assert_msg(fabsf(back[i] - x[i]) <= 1.25f * step, "%s element %d: %g for %g",
                          dtype_name(writers[w].dtype), i, (double)back[i], (double)x[i]);
        }
    }
}
END_TEST

Suite *suite_quant(void)
{
    Suite *s = suite_create("quant");
    TCase *t = tcase_create("blocks");
    tcase_add_test(t, blocks_have_the_sizes_of_the_format);
    tcase_add_test(t, blocks_are_what_ggml_makes_of_them);
    tcase_add_test(t, blocks_follow_the_published_layout_at_any_address);
    tcase_add_test(t, a_row_of_blocks_is_read_alone);
    tcase_add_test(t, rows_that_are_no_whole_blocks_are_no_matrix);
    tcase_add_test(t, eight_bits_are_rounded_as_ggml_rounds);
    tcase_add_test(t, what_is_no_number_stays_none_in_eight_bits);
    tcase_add_test(t, nothing_but_zeros_stays_zero);
    tcase_add_test(t, what_the_writer_of_blocks_rounds_is_within_a_step);
    suite_add_tcase(s, t);
    return s;
}
