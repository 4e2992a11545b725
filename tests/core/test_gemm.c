#include "core/gemm.h"
#include "core/isa.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/store_floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sizes with remainders in every block size of gemm.c. */
enum { M = 103, N = 1035, K = 259 };

static float *new_floats(size_t n, uint32_t seed)
{
    float *x = mem_alloc(n, sizeof *x);
    random_floats(x, n, seed);
    return x;
}

static void check_product(struct gemm_operand a, struct gemm_operand b, const float *fa,
                          const float *fb, bool accumulate)
{
    struct gemm_space space;
    float *c = new_floats((size_t)M * N, 3), *before = new_floats((size_t)M * N, 3);
    ck_assert_int_eq(gemm_space_init(&space, NULL), 0);
    gemm(c, N, a, b, M, N, K, accumulate, &space);
    size_t n_off = 0;
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double want = accumulate ? before[i * N + j] : 0;
            for (size_t p = 0; p < K; p++)
                want += (double)fa[i * K + p] * fb[p * N + j];
            n_off += !(fabs(c[i * N + j] - want) < 1e-4); /* NaN is off too */
        }
    ck_assert_uint_eq(n_off, 0);
    gemm_space_clear(&space);
    free(c);
    free(before);
}

static float *transposed(const float *x, size_t rows, size_t cols)
{
    float *t = mem_alloc(rows * cols, sizeof *t);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            t[j * rows + i] = x[i * cols + j];
    return t;
}

START_TEST(products_agree_with_plain_loops_for_rows_and_columns)
{
    float *a = new_floats((size_t)M * K, 1), *b = new_floats((size_t)K * N, 2);
    float *at = transposed(a, M, K), *bt = transposed(b, K, N);
    check_product(gemm_rows(a, K), gemm_rows(b, N), a, b, false);
    check_product(gemm_rows(a, K), gemm_columns(bt, K), a, b, true);
    check_product(gemm_columns(at, M), gemm_rows(b, N), a, b, true);
    free(a);
    free(b);
    free(at);
    free(bt);
}
END_TEST

START_TEST(stored_bf16_matrices_multiply_as_their_values)
{
    float *a = new_floats((size_t)M * K, 1), *b = new_floats((size_t)K * N, 2);
    uint16_t *stored = mem_alloc((size_t)K * N, sizeof *stored);
    store_floats(stored, b, DTYPE_BF16, (size_t)K * N);
    tensor_to_f32(b, stored, DTYPE_BF16, (size_t)K * N);
    struct matrix w = {DTYPE_BF16, K, N, stored};
    check_product(gemm_rows(a, K), gemm_matrix(&w), a, b, false);
    free(a);
    free(b);
    free(stored);
}
END_TEST

START_TEST(generic_and_vector_kernels_give_the_same_bits)
{
    float *a = new_floats((size_t)M * K, 1), *b = new_floats((size_t)K * N, 2);
    float *c[2];
    const enum isa before = isa_current();
    struct gemm_space space;
    ck_assert_int_eq(gemm_space_init(&space, NULL), 0);
    for (int i = 0; i < 2; i++) {
        isa_use(i == 0 ? isa_best() : ISA_GENERIC);
        c[i] = mem_alloc((size_t)M * N, sizeof **c);
        gemm(c[i], N, gemm_rows(a, K), gemm_rows(b, N), M, N, K, false, &space);
    }
    isa_use(before);
    ck_assert_int_eq(memcmp(c[0], c[1], (size_t)M * N * sizeof **c), 0);
    gemm_space_clear(&space);
    free(a);
    free(b);
    free(c[0]);
    free(c[1]);
}
END_TEST

Suite *suite_gemm(void)
{
    Suite *s = suite_create("gemm");
    TCase *t = tcase_create("gemm");
    tcase_add_test(t, products_agree_with_plain_loops_for_rows_and_columns);
    tcase_add_test(t, stored_bf16_matrices_multiply_as_their_values);
    tcase_add_test(t, generic_and_vector_kernels_give_the_same_bits);
    suite_add_tcase(s, t);
    return s;
}
