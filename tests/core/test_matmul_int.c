#include "core/isa.h"
#include "core/matmul.h"
#include "core/matmul_int.h"
#include "core/matmul_int_kernels.h"
#include "core/pool.h"
#include "data/bytes.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/every_isa.h"
#include "tests/support/random_blocks.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const enum dtype types[] = {DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
#define N_BLOCK_TYPES 5

struct world {
    size_t n, n_out, n_in;
    struct matrix w;
    char *stored;
    float *values; /* [n_out, n_in]: w as f32 */
    float *x, *y;  /* [n, n_in], [n, n_out] */
};

static struct world world_new(enum dtype dtype, size_t n, size_t n_out, size_t n_in)
{
    struct world v = {.n = n, .n_out = n_out, .n_in = n_in};
    v.stored = mem_alloc(dtype_bytes(dtype, n_out * n_in), 1);
    v.values = mem_alloc(n_out * n_in, sizeof(float));
    v.x = mem_alloc(n * n_in, sizeof(float));
    v.y = mem_alloc(n * n_out, sizeof(float));
    random_blocks(v.stored, dtype, n_out * n_in, 1);
    random_floats(v.x, n * n_in, 2);
    tensor_to_f32(v.values, v.stored, dtype, n_out * n_in);
    v.w = (struct matrix){dtype, n_out, n_in, v.stored};
    return v;
}

static void world_clear(struct world *v)
{
    free(v->stored);
    free(v->values);
    free(v->x);
    free(v->y);
}

/* --- the parts --- */

/* Column i of a chunk. */
static float column(const struct int_chunk *c, int i)
{
    int b = i / 32, k = i % 32;
    return c->scale[b] * (float)c->q[b][k / 2 + k % 2 * 16] - c->offset[b];
}

START_TEST(unpacked_weights_are_those_that_are_stored)
{
    for (size_t d = 0; d < N_BLOCK_TYPES; d++)
        for (uint32_t seed = 0; seed < 50; seed++) {
            uint8_t stored[INT_CHUNK_BYTES];
            float want[INT_CHUNK];
            struct int_chunk got;
            random_blocks(stored, types[d], INT_CHUNK, seed);
            tensor_to_f32(want, stored, types[d], INT_CHUNK);
            int_generic_unpack(&got, stored, types[d]);
            for (int i = 0; i < INT_CHUNK; i++)
                ck_assert_float_eq(column(&got, i), want[i]);
        }
}
END_TEST

static void check_quantised(const struct int_chunk *c, const float *x)
{
    for (int b = 0; b < INT_BLOCKS; b++) {
        float largest = 0, sum = 0;
        for (int i = 0; i < INT_BLOCK; i++) {
            largest = fmaxf(largest, fabsf(x[b * 32 + i]));
            sum += c->scale[b] * (float)c->q[b][i];
        }
        ck_assert_float_eq(c->scale[b], largest < INT_X_TINY ? 0 : largest / INT_X_MAX);
        ck_assert_float_le(fabsf(c->offset[b] - sum), 1e-5F * largest);
        for (int i = 0; i < INT_BLOCK; i++) {
            float back = c->scale[b] * (float)c->q[b][i / 2 + i % 2 * 16];
            /* half a step, and the rounding of x / scale */
            ck_assert_float_le(fabsf(back - x[b * 32 + i]),
                               c->scale[b] * 0.502F + (largest < INT_X_TINY ? largest : 0));
        }
    }
}

START_TEST(x_is_off_by_half_a_step_at_most)
{
    static const float sizes[] = {1, 1e-29F, 1e-33F, 1e-41F, 1e37F, 0};
    for (size_t s = 0; s < 6; s++)
        for (uint32_t seed = 0; seed < 20; seed++) {
            float x[INT_CHUNK];
            struct int_chunk got, best;
            random_floats(x, INT_CHUNK, seed);
            for (int i = 0; i < INT_CHUNK; i++)
                x[i] *= sizes[s];
            int_generic.quantise(&got, x, INT_CHUNK);
            check_quantised(&got, x);
            if (!isa_has(ISA_AVX2))
                continue;
            int_avx2.quantise(&best, x, INT_CHUNK);
            ck_assert_mem_eq(&best, &got, sizeof got);
        }
}
END_TEST

/* --- products --- */

/* y[t, j] by a double loop over the values that the weights stand for, and how far an exact sum
 * over rounded x may be from it, plus the rounding of a sum in f32 of n_in / 32 blocks. */
ORACLE static double product(double *bound, const struct world *v, size_t t, size_t j)
{
    const float *x = v->x + t * v->n_in, *w = v->values + j * v->n_in;
    double sum = 0, off = 0, size = 0;
    for (size_t b = 0; b < v->n_in; b += 32) {
        double largest = 0, w_size = 0, w_spread = 0;
        for (size_t i = b; i < b + 32; i++) {
            sum += (double)x[i] * (double)w[i];
            double x_here = fabs((double)x[i]), w_here = fabs((double)w[i]);
            largest = x_here > largest ? x_here : largest;
            w_size += w_here;
            w_spread = w_here > w_spread ? w_here : w_spread;
        }
        off += largest / INT_X_MAX * 0.502 * w_size;
        /* the two parts of a block with minima, each up to twice as large as their difference */
        size += largest * w_spread * 32 * 2;
    }
    *bound = off + ldexp(size, -24) * (4 + (double)v->n_in / 64);
    return sum;
}

static void check_product(const struct world *v)
{
    double error = 0, size = 0;
    memset(v->y, 0xff, v->n * v->n_out * sizeof *v->y); /* NaN: y is overwritten, not added to */
    matmul(v->y, v->x, &v->w, v->n);
    for (size_t t = 0; t < v->n; t++)
        for (size_t j = 0; j < v->n_out; j++) {
            double bound, want = product(&bound, v, t, j);
            double off = fabs((double)v->y[t * v->n_out + j] - want);
            ck_assert_msg(off <= bound, "%s %s n=%zu out=%zu in=%zu: [%zu, %zu] is off by %g > %g",
                          isa_name(isa_current()), dtype_name(v->w.dtype), v->n, v->n_out, v->n_in,
                          t, j, off, bound);
            error += off * off;
            size += want * want;
        }
    /* x is uniform: its rounding is 2^-14 / sqrt(12) of 1 / sqrt(3), that is 3.05e-5 */
    if (v->n * v->n_out > 500)
        ck_assert_double_le(sqrt(error / size), 3.5e-5);
}

/* Weight rows around the heights of tiles, columns around those of chunks. */
static const size_t shapes[][2] = {{1, 1}, {25, 2}, {37, 9}};

static void check_products(void)
{
    for (size_t d = 0; d < N_BLOCK_TYPES; d++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (size_t n = 1; n <= 41; n++) {
                size_t n_in = shapes[s][1] * dtype_block(types[d]);
                struct world v = world_new(types[d], n, shapes[s][0], n_in > 512 ? 512 : n_in);
                check_product(&v);
                world_clear(&v);
            }
}

START_TEST(products_are_off_by_the_rounding_of_x_alone)
{
    with_every_isa(check_products);
}
END_TEST

static void check_many_rows(void)
{
    static const size_t counts[] = {127, 136, 511, 521, 1030};
    for (size_t i = 0; i < 5; i++) {
        struct world v = world_new(types[i], counts[i], 29, 512);
        check_product(&v);
        world_clear(&v);
    }
}

START_TEST(products_with_many_rows_go_in_several_parts)
{
    with_every_isa(check_many_rows);
}
END_TEST

/* Blocks with the largest integers that 16 columns' scales allow: -128 times -32, or -128. */
static void largest_blocks(char *stored, enum dtype dtype, size_t n)
{
    memset(stored, 0, dtype_bytes(dtype, n));
    for (size_t b = 0; b < n / dtype_block(dtype); b++) {
        uint8_t *p = (uint8_t *)stored + b * dtype_size(dtype);
        if (dtype == DTYPE_Q6_K)
            memset(p + 192, 0x80, 16);
        else
            memset(p + 2, 0x80, 32);
        store_u16(p + (dtype == DTYPE_Q6_K ? 208 : 0), 0x3c00); /* 1 */
    }
}

static void check_largest(void)
{
    for (int k = 0; k < 2; k++)
        for (size_t n = 1; n < 26; n += 6) {
            struct world v = world_new(k ? DTYPE_Q6_K : DTYPE_Q8_0, n, 5, 1024);
            const double w = k ? 4096 : -128;
            largest_blocks(v.stored, v.w.dtype, v.n_out * v.n_in);
            for (size_t i = 0; i < n * v.n_in; i++)
                v.x[i] = i / v.n_in % 2 ? -3e30F : 3e30F;
            matmul(v.y, v.x, &v.w, n);
            for (size_t i = 0; i < n * v.n_out; i++)
                ck_assert_double_eq_tol((double)v.y[i] / ((i / v.n_out % 2 ? -3e30 : 3e30) * w),
                                        1024, 1e-3);
            world_clear(&v);
        }
}

START_TEST(the_largest_integers_do_not_overflow)
{
    with_every_isa(check_largest);
}
END_TEST

static void check_odd_rows(void)
{
    for (size_t n = 3; n < 20; n += 5) {
        struct world v = world_new(DTYPE_Q4_K, n, 30, 512);
        float *plain = mem_alloc(n * v.n_out, sizeof *plain);
        matmul(plain, v.x, &v.w, n);
        v.x[100] = NAN;
        v.x[v.n_in + 300] = -INFINITY;
        memset(v.x + 2 * v.n_in, 0, v.n_in * sizeof *v.x);
        matmul(v.y, v.x, &v.w, n);
        for (size_t j = 0; j < v.n_out; j++) {
            ck_assert(isnan(v.y[j]) && isnan(v.y[v.n_out + j]));
            ck_assert_float_eq(v.y[2 * v.n_out + j], 0);
        }
        ck_assert_mem_eq(v.y + 3 * v.n_out, plain + 3 * v.n_out, (n - 3) * v.n_out * sizeof *plain);
        free(plain);
        world_clear(&v);
    }
}

START_TEST(rows_that_are_no_numbers_or_zero_stay_so_and_alone)
{
    with_every_isa(check_odd_rows);
}
END_TEST

/* Up to this many rows go the road of few. */
static size_t few_rows(void)
{
    return isa_uses_avx2() ? int_avx2.rows_max : int_generic.rows_max;
}

static void check_independence(void)
{
    for (size_t d = 0; d < N_BLOCK_TYPES; d++) {
        enum { N = 150 };
        struct world v = world_new(types[d], N, 50, d < 2 ? 1056 : 1024);
        float *alone = mem_alloc(N * v.n_out, sizeof *alone);
        float *fewer = mem_alloc(N * v.n_out, sizeof *fewer);
        pool_set_threads(1);
        matmul(v.y, v.x, &v.w, N);
        for (size_t t = 0; t < N; t++)
            matmul(alone + t * v.n_out, v.x + t * v.n_in, &v.w, 1);
        pool_set_threads(3);
        for (size_t n = 1; n <= N; n += n < 40 ? 1 : 11) {
            size_t t = N - n; /* the last rows, which then stand elsewhere in their groups */
            const float *want = n <= few_rows() ? alone : v.y;
            matmul(fewer, v.x + t * v.n_in, &v.w, n);
            ck_assert_mem_eq(fewer, want + t * v.n_out, n * v.n_out * sizeof *fewer);
        }
        pool_set_threads(1);
        free(alone);
        free(fewer);
        world_clear(&v);
    }
}

START_TEST(on_each_road_a_row_depends_neither_on_its_batch_nor_on_threads)
{
    with_every_isa(check_independence);
}
END_TEST

START_TEST(instruction_sets_differ_by_rounding_alone)
{
    const enum isa before = isa_current();
    for (size_t d = 0; d < N_BLOCK_TYPES; d++)
        for (size_t n = 1; n < 30; n += 9) {
            struct world v = world_new(types[d], n, 40, 2048);
            float *plain = mem_alloc(n * v.n_out, sizeof *plain);
            isa_use(ISA_GENERIC);
            matmul(plain, v.x, &v.w, n);
            isa_use(isa_best());
            matmul(v.y, v.x, &v.w, n);
            approx_tensor(dtype_name(types[d]), v.y, plain, n * v.n_out, 1e-6);
            free(plain);
            world_clear(&v);
        }
    isa_use(before);
}
END_TEST

START_TEST(products_are_in_f32_where_that_is_asked_for)
{
    struct world v = world_new(DTYPE_Q8_0, 3, 20, 256);
    matmul_set_exact(true);
    ck_assert(!matmul_int_takes(&v.w));
    matmul(v.y, v.x, &v.w, 3);
    matmul_set_exact(false);
    ck_assert(matmul_int_takes(&v.w));
    for (size_t i = 0; i < 60; i++) {
        double bound;
        ck_assert_double_eq_tol((double)v.y[i], product(&bound, &v, i / 20, i % 20), 1e-6);
    }
    world_clear(&v);
}
END_TEST

Suite *suite_matmul_int(void)
{
    Suite *s = suite_create("matmul_int");
    TCase *t = tcase_create("matmul_int");
    tcase_add_test(t, unpacked_weights_are_those_that_are_stored);
    tcase_add_test(t, x_is_off_by_half_a_step_at_most);
    tcase_add_test(t, products_are_off_by_the_rounding_of_x_alone);
    tcase_add_test(t, products_with_many_rows_go_in_several_parts);
    tcase_add_test(t, the_largest_integers_do_not_overflow);
    tcase_add_test(t, rows_that_are_no_numbers_or_zero_stay_so_and_alone);
    tcase_add_test(t, on_each_road_a_row_depends_neither_on_its_batch_nor_on_threads);
    tcase_add_test(t, instruction_sets_differ_by_rounding_alone);
    tcase_add_test(t, products_are_in_f32_where_that_is_asked_for);
    suite_add_tcase(s, t);
    return s;
}
