#include "core/grad_internal.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/random_blocks.h"
#include "tests/support/runner.h"
#include "tests/support/store_floats.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, OUT = 7, IN = 256 };

/* A product, its operands and what it should be, by double loops. */
struct world {
    struct matrix w;
    char *stored;  /* owned */
    float *values; /* [OUT, IN] */
    float x[ROWS * IN], dy[ROWS * OUT];
    struct gemm_space space;
};

static void world_new(struct world *v, enum dtype dtype)
{
    const size_t n = (size_t)OUT * IN;
    v->stored = mem_alloc(dtype_bytes(dtype, n), 1);
    v->values = mem_alloc(n, sizeof *v->values);
    random_floats(v->values, n, 1);
    random_floats(v->x, ROWS * IN, 2);
    random_floats(v->dy, ROWS * OUT, 3);
    if (dtype_block(dtype) > 1)
        random_blocks(v->stored, dtype, n, 4);
    else
        store_floats(v->stored, v->values, dtype, n);
    tensor_to_f32(v->values, v->stored, dtype, n);
    v->w = (struct matrix){dtype, OUT, IN, v->stored};
    ck_assert_int_eq(gemm_space_init(&v->space, NULL), ERR_OK);
}

static void world_clear(struct world *v)
{
    gemm_space_clear(&v->space);
    free(v->stored);
    free(v->values);
}

/* dx = or += dy W */
static void check_dx(struct world *v, bool accumulate)
{
    float got[ROWS * IN], want[ROWS * IN];
    random_floats(got, ROWS * IN, 5);
    for (size_t t = 0; t < ROWS; t++)
        for (size_t i = 0; i < IN; i++) {
            double sum = accumulate ? (double)got[t * IN + i] : 0;
            for (size_t j = 0; j < OUT; j++)
                sum += (double)v->dy[t * OUT + j] * (double)v->values[j * IN + i];
            want[t * IN + i] = (float)sum;
        }
    linear_backward(got, accumulate, NULL, v->dy, v->x, &v->w, ROWS, &v->space);
    approx_tensor("dx", got, want, ROWS * IN, 2e-6);
}

START_TEST(gradients_pass_through_weights_as_they_are_stored)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q6_K};
    static struct world v;
    world_new(&v, dtypes[_i]);
    check_dx(&v, false);
    check_dx(&v, true);
    world_clear(&v);
}
END_TEST

START_TEST(the_gradient_of_a_weight_is_added)
{
    static struct world v;
    float got[OUT * IN], want[OUT * IN], dx[ROWS * IN];
    world_new(&v, DTYPE_F32);
    random_floats(got, OUT * IN, 6);
    for (size_t j = 0; j < OUT; j++)
        for (size_t i = 0; i < IN; i++) {
            double sum = (double)got[j * IN + i];
            for (size_t t = 0; t < ROWS; t++)
                sum += (double)v.dy[t * OUT + j] * (double)v.x[t * IN + i];
            want[j * IN + i] = (float)sum;
        }
    linear_backward(dx, false, got, v.dy, v.x, &v.w, ROWS, &v.space);
    approx_tensor("dw", got, want, OUT * IN, 2e-6);
    world_clear(&v);
}
END_TEST

Suite *suite_grad_layer(void)
{
    Suite *s = suite_create("grad_layer");
    TCase *t = tcase_create("grad_layer");
    tcase_add_loop_test(t, gradients_pass_through_weights_as_they_are_stored, 0, 4);
    tcase_add_test(t, the_gradient_of_a_weight_is_added);
    suite_add_tcase(s, t);
    return s;
}
