#include "core/isa.h"
#include "core/matmul.h"
#include "core/matmul_kernels.h"
#include "core/panel.h"
#include "core/pool.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/every_isa.h"
#include "tests/support/random_blocks.h"
#include "tests/support/runner.h"
#include "tests/support/store_floats.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- oracles: double loops over the values that the stored weights stand for --- */

struct world {
    size_t n, n_out, n_in;
    struct matrix w;
    char *stored;  /* behind w.data, `skew` bytes before it */
    float *values; /* [n_out, n_in]: w as f32 */
    float *x;      /* [n, n_in] */
    float *dy;     /* [n, n_out] */
};

/* skew: bytes by which the weights miss their alignment. */
static struct world world_new(enum dtype dtype, size_t n, size_t n_out, size_t n_in, size_t skew)
{
    struct world v = {.n = n, .n_out = n_out, .n_in = n_in};
    v.stored = mem_alloc(dtype_bytes(dtype, n_out * n_in) + skew, 1);
    v.values = mem_alloc(n_out * n_in, sizeof(float));
    v.x = mem_alloc(n * n_in, sizeof(float));
    v.dy = mem_alloc(n * n_out, sizeof(float));
    random_floats(v.values, n_out * n_in, 1);
    random_floats(v.x, n * n_in, 2);
    random_floats(v.dy, n * n_out, 3);
    if (dtype_block(dtype) > 1)
        random_blocks(v.stored + skew, dtype, n_out * n_in, 1);
    else
        store_floats(v.stored + skew, v.values, dtype, n_out * n_in);
    tensor_to_f32(v.values, v.stored + skew, dtype, n_out * n_in);
    v.w = (struct matrix){dtype, n_out, n_in, v.stored + skew};
    return v;
}

static void world_clear(struct world *v)
{
    free(v->stored);
    free(v->values);
    free(v->x);
    free(v->dy);
}

ORACLE static float *forward_by_loops(const struct world *v)
{
    float *y = mem_alloc(v->n * v->n_out, sizeof *y);
    for (size_t t = 0; t < v->n; t++)
        for (size_t j = 0; j < v->n_out; j++) {
            double sum = 0;
            for (size_t i = 0; i < v->n_in; i++)
                sum += (double)v->x[t * v->n_in + i] * (double)v->values[j * v->n_in + i];
            y[t * v->n_out + j] = (float)sum;
        }
    return y;
}

/* The first n rows of x. want: those of all. */
static void check_forward(const struct world *v, size_t n, const float *want)
{
    char what[96];
    snprintf(what, sizeof what, "%s %s n=%zu out=%zu in=%zu", isa_name(isa_current()),
             dtype_name(v->w.dtype), n, v->n_out, v->n_in);
    float *x = mem_alloc(n * v->n_in, sizeof *x); /* no more rows, so that reading on is noticed */
    float *got = mem_alloc(n * v->n_out, sizeof *got);
    memcpy(x, v->x, n * v->n_in * sizeof *x);
    memset(got, 0xff, n * v->n_out * sizeof *got); /* NaN: y must be overwritten, not added to */
    matmul(got, x, &v->w, n);
    approx_tensor(what, got, want, n * v->n_out, 2e-6);
    free(x);
    free(got);
}

static const enum dtype stored_types[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
#define MAX_ROWS 200
static const size_t row_counts[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  13,      16,
                                    17, 21, 25, 33, 40, 41, 63, 64, 70, MAX_ROWS};
/* columns and outputs around the sizes of registers, chunks and tiles */
static const size_t shapes[][2] = {{1, 1},      {3, 7},     {4, 8},    {37, 96},  {64, 160},
                                   {130, 1031}, {33, 2049}, {5, 2600}, {290, 33}, {700, 40}};

/* the same for blocks: their rows are whole ones */
static const enum dtype block_types[] = {DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q5_K,
                                         DTYPE_Q6_K};
static const size_t block_shapes[][2] = {{1, 1}, {37, 4}, {5, 5}, {33, 11}, {270, 2}};

static void check_products(enum dtype dtype, size_t n_out, size_t n_in)
{
    struct world aligned = world_new(dtype, MAX_ROWS, n_out, n_in, 0);
    struct world skewed = world_new(dtype, 1, n_out, n_in, 1);
    struct world both = aligned;
    float *want = forward_by_loops(&aligned);
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
        both.w = r % 2 ? skewed.w : aligned.w;
        check_forward(&both, row_counts[r], want);
    }
    free(want);
    world_clear(&skewed);
    world_clear(&aligned);
}

static void check_all_products(void)
{
    for (size_t d = 0; d < 3; d++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            check_products(stored_types[d], shapes[s][0], shapes[s][1]);
    matmul_set_exact(true); /* tests/core/test_matmul_int.c tests what happens otherwise */
    for (size_t d = 0; d < 5; d++)
        for (size_t s = 0; s < sizeof block_shapes / sizeof *block_shapes; s++)
            check_products(block_types[d], block_shapes[s][0],
                           block_shapes[s][1] * dtype_block(block_types[d]));
    matmul_set_exact(false);
}

START_TEST(product_equals_a_double_loop)
{
    with_every_isa(check_all_products);
}
END_TEST

/* The rows of batches of up to `most` equal those of the same road's reference: for the fused
 * kernel each row by itself, for panels all of them. All numbers up to twice the largest group of
 * rows that registers hold (12), then every seventh. */
static void check_rows_stand_alone(enum dtype dtype, size_t n_in, size_t most)
{
    enum { N_OUT = 37 };
    struct world v = world_new(dtype, most, N_OUT, n_in, 0);
    float *alone = mem_alloc(most * N_OUT, sizeof *alone);
    float *together = mem_alloc(most * N_OUT, sizeof *together);
    float *batch = mem_alloc(most * N_OUT, sizeof *batch);
    for (size_t t = 0; t < most; t++)
        matmul(alone + t * N_OUT, v.x + t * n_in, &v.w, 1);
    matmul(together, v.x, &v.w, most);
    for (size_t n = 1; n <= most; n++) {
        const bool is_panel = panel_kernels_in_use() && panel_pays(n);
        if (n > 25 && n < most && n % 7 != 0)
            continue;
        for (size_t t = 0; t + n <= most; t += most - n > 0 ? most - n : 1) { /* first and last n */
            matmul(batch, v.x + t * n_in, &v.w, n);
            ck_assert_msg(memcmp(batch, (is_panel ? together : alone) + t * N_OUT,
                                 n * N_OUT * sizeof *batch) == 0,
                          "%s n=%zu from row %zu", dtype_name(dtype), n, t);
        }
    }
    free(alone);
    free(together);
    free(batch);
    world_clear(&v);
}

static void check_all_rows_stand_alone(void)
{
    const size_t most = isa_current() == ISA_GENERIC ? 40 : 63;
    matmul_set_exact(true);
    for (size_t d = 0; d < 3; d++)
        check_rows_stand_alone(stored_types[d], 1286, most);
    for (size_t d = 0; d < 5; d++)
        check_rows_stand_alone(block_types[d], 1280, most);
    matmul_set_exact(false);
}

START_TEST(a_row_does_not_depend_on_how_many_go_with_it)
{
    with_every_isa(check_all_rows_stand_alone);
}
END_TEST

START_TEST(panels_are_for_all_batches_from_some_size_on)
{
    ck_assert(!panel_pays(1) && panel_pays(21));
    for (size_t n = 1; n < 1000; n++)
        ck_assert_msg(!panel_pays(n) || panel_pays(n + 1), "%zu", n);
}
END_TEST

/* Panels by themselves, for all batches of few rows and all that is left over in every direction.
 */
static void check_panels(void)
{
    const struct panel_kernels *panels = panel_kernels_in_use();
    const struct matmul_kernels *kernels = matmul_kernels_in_use();
    if (!panels) /* plain C has none */
        return;
    static const size_t sizes[][2] = {{1, 1}, {7, 9}, {33, 519}, {29, 768}, {70, 260}};
    for (size_t d = 0; d < 3; d++)
        for (size_t s = 0; s < 5; s++)
            for (size_t n = 1; n <= 400; n += n < 30 ? 1 : 67) {
                struct world v = world_new(stored_types[d], n, sizes[s][0], sizes[s][1], n % 2);
                float *want = forward_by_loops(&v), *got = mem_alloc(n * v.n_out, sizeof *got);
                memset(got, 0xff, n * v.n_out * sizeof *got);
                panel_product(got, v.x, &v.w, n, panels, kernels);
                approx_tensor("panel", got, want, n * v.n_out, 2e-6);
                free(got);
                free(want);
                world_clear(&v);
            }
}

START_TEST(panels_equal_a_double_loop_for_every_number_of_rows)
{
    with_every_isa(check_panels);
}
END_TEST

static void check_conversion(void)
{
    for (size_t d = 0; d < 5; d++) {
        enum { N = 20 * 256 };
        char stored[N * 2];
        float got[N], want[N];
        random_blocks(stored + 1, block_types[d], N, (uint32_t)d);
        tensor_to_f32(want, stored + 1, block_types[d], N);
        matmul_kernels_in_use()->to_f32(got, stored + 1, block_types[d], N);
        ck_assert_msg(memcmp(got, want, sizeof got) == 0, "%s", dtype_name(block_types[d]));
    }
}

START_TEST(blocks_convert_to_the_same_bits)
{
    with_every_isa(check_conversion);
}
END_TEST

START_TEST(result_does_not_depend_on_the_number_of_threads)
{
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
        struct world v = world_new(DTYPE_BF16, row_counts[r], 700, 1200, 0);
        size_t n_bytes = v.n * v.n_out * sizeof(float);
        float *one = mem_alloc(n_bytes, 1), *several = mem_alloc(n_bytes, 1);
        pool_set_threads(1);
        matmul(one, v.x, &v.w, v.n);
        pool_set_threads(3);
        ck_assert_int_eq(pool_threads(), 3);
        for (int repeat = 0; repeat < 3; repeat++) {
            matmul(several, v.x, &v.w, v.n);
            ck_assert_mem_eq(one, several, n_bytes);
        }
        pool_set_threads(1);
        free(one);
        free(several);
        world_clear(&v);
    }
}
END_TEST

typedef void backward_fn(float *, const float *, const struct matrix *, size_t);

static void check_backward(const struct world *v, backward_fn *product)
{
    size_t n_dx = v->n * v->n_in;
    float *got = mem_alloc(n_dx, sizeof *got), *want = mem_alloc(n_dx, sizeof *want);
    random_floats(got, n_dx, 4);
    for (size_t t = 0; t < v->n; t++)
        for (size_t i = 0; i < v->n_in; i++) {
            double sum = (double)got[t * v->n_in + i];
            for (size_t j = 0; j < v->n_out; j++)
                sum += (double)v->dy[t * v->n_out + j] * (double)v->values[j * v->n_in + i];
            want[t * v->n_in + i] = (float)sum;
        }
    product(got, v->dy, &v->w, v->n);
    approx_tensor("dx", got, want, n_dx, 2e-6);
    free(got);
    free(want);
}

START_TEST(backward_product_adds_to_what_is_there)
{
    for (size_t d = 0; d < 3; d++) {
        struct world v = world_new(stored_types[d], 9, 600, 300, 1);
        check_backward(&v, matmul_backward);
        world_clear(&v);
        v = world_new(stored_types[d], 1, 5, 3, 0);
        check_backward(&v, matmul_backward);
        world_clear(&v);
    }
    for (size_t d = 0; d < 5; d++) {
        struct world v = world_new(block_types[d], 9, 600, 768, 1);
        check_backward(&v, matmul_backward);
        world_clear(&v);
    }
}
END_TEST

START_TEST(weights_stored_the_other_way_round_are_used_for_few_and_many_rows)
{
    static const size_t n_rows[] = {1, 3, 4, 5, 9};
    for (size_t d = 0; d < 3; d++) {
        for (size_t i = 0; i < 5; i++) {
            struct world v = world_new(stored_types[d], n_rows[i], 70, 2100, i % 2);
            check_backward(&v, matmul_untransposed);
            world_clear(&v);
        }
    }
}
END_TEST

struct worker {
    pthread_t thread;
    const struct world *world;
    const float *want;
    int n_wrong;
};

static void *multiply_repeatedly(void *arg)
{
    struct worker *w = arg;
    size_t n_bytes = w->world->n * w->world->n_out * sizeof(float);
    float *y = mem_alloc(n_bytes, 1);
    for (int i = 0; i < 20; i++) {
        matmul(y, w->world->x, &w->world->w, w->world->n);
        w->n_wrong += memcmp(y, w->want, n_bytes) != 0;
    }
    free(y);
    return NULL;
}

START_TEST(several_threads_can_multiply_at_once)
{
    struct world v = world_new(DTYPE_BF16, 20, 300, 700, 0);
    float *want = mem_alloc(v.n * v.n_out, sizeof *want);
    matmul(want, v.x, &v.w, v.n);
    pool_set_threads(2);
    struct worker workers[3];
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){.world = &v, .want = want};
        pthread_create(&workers[i].thread, NULL, multiply_repeatedly, &workers[i]);
    }
    float *y = mem_alloc(v.n * v.n_out, sizeof *y);
    for (int i = 0; i < 20; i++) {
        matmul(y, v.x, &v.w, v.n);
        ck_assert_mem_eq(y, want, v.n * v.n_out * sizeof *y);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_int_eq(workers[i].n_wrong, 0);
    }
    pool_set_threads(1);
    free(y);
    free(want);
    world_clear(&v);
}
END_TEST

Suite *suite_matmul(void)
{
    Suite *s = suite_create("matmul");
    TCase *t = tcase_create("matmul");
    tcase_add_test(t, product_equals_a_double_loop);
    tcase_add_test(t, a_row_does_not_depend_on_how_many_go_with_it);
    tcase_add_test(t, panels_are_for_all_batches_from_some_size_on);
    tcase_add_test(t, panels_equal_a_double_loop_for_every_number_of_rows);
    tcase_add_test(t, blocks_convert_to_the_same_bits);
    tcase_add_test(t, result_does_not_depend_on_the_number_of_threads);
    tcase_add_test(t, backward_product_adds_to_what_is_there);
    tcase_add_test(t, weights_stored_the_other_way_round_are_used_for_few_and_many_rows);
    tcase_add_test(t, several_threads_can_multiply_at_once);
    suite_add_tcase(s, t);
    return s;
}
