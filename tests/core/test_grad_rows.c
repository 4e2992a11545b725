#include "core/grad_math.h"
#include "core/grad_rows.h"
#include "core/isa.h"
#include "tests/support/runner.h"

#include <math.h>
#include <string.h>

enum { N = 1003 };

static void fill(float *x, float size)
{
    for (int i = 0; i < N; i++)
        x[i] = size * sinf(0.37f * (float)i * (float)i);
}

START_TEST(exp_and_tanh_are_close_to_libm)
{
    for (float x = -86; x < 87; x += 0.0137f)
        ck_assert_msg(fabs(math_exp(x) / exp(x) - 1) < 3e-7, "exp(%g)", x);
    ck_assert_float_le(math_exp(-1e5f), 1e-37f);
    for (float x = -40; x < 40; x += 0.0031f)
        ck_assert_msg(fabs(math_tanh(x) - tanh(x)) < 3e-7, "tanh(%g)", x);
}
END_TEST

START_TEST(softmax_and_softcap_agree_with_libm)
{
    float x[N], y[N];
    double sum = 0;
    fill(x, 12);
    memcpy(y, x, sizeof y);
    for (int i = 0; i < N; i++)
        sum += exp(x[i]);
    softmax_row(y, N);
    for (int i = 0; i < N; i++)
        ck_assert_double_eq_tol(y[i], exp(x[i]) / sum, 1e-6);
    memcpy(y, x, sizeof y);
    softcap_row(y, 5, N);
    for (int i = 0; i < N; i++)
        ck_assert_double_eq_tol(y[i], 5 * tanh(x[i] / 5), 3e-6);
    softcap_row(x, 0, N);
    fill(y, 12);
    ck_assert_mem_eq(x, y, sizeof y);
}
END_TEST

START_TEST(cross_entropy_gives_its_loss_and_slope)
{
    float x[N], y[N];
    double sum = 0;
    fill(x, 9);
    memcpy(y, x, sizeof y);
    for (int i = 0; i < N; i++)
        sum += exp(4 * tanh(x[i] / 4));
    double loss = cross_entropy_row(y, 17, N, 4);
    ck_assert_double_eq_tol(loss, log(sum) - 4 * tanh(x[17] / 4), 1e-5);
    for (int i = 0; i < N; i++) {
        double capped = tanh(x[i] / 4), p = exp(4 * capped) / sum - (i == 17);
        ck_assert_double_eq_tol(y[i], p * (1 - capped * capped), 1e-6);
    }
}
END_TEST

START_TEST(both_instruction_sets_give_the_same_bits)
{
    float x[2][N], gate[N], up[N], hidden[2][N], d_gate[2][N], d_hidden[2][N];
    const enum isa before = isa_current();
    fill(gate, 3);
    fill(up, 2);
    for (int i = 0; i < 2; i++) {
        isa_use(i == 0 ? isa_best() : ISA_GENERIC);
        fill(x[i], 9);
        fill(d_hidden[i], 1);
        cross_entropy_row(x[i], 5, N, 30);
        gated_backward(hidden[i], d_gate[i], d_hidden[i], gate, up, N);
    }
    isa_use(before);
    ck_assert_mem_eq(x[0], x[1], sizeof x[0]);
    ck_assert_mem_eq(hidden[0], hidden[1], sizeof hidden[0]);
    ck_assert_mem_eq(d_gate[0], d_gate[1], sizeof d_gate[0]);
    ck_assert_mem_eq(d_hidden[0], d_hidden[1], sizeof d_hidden[0]);
}
END_TEST

Suite *suite_grad_rows(void)
{
    Suite *s = suite_create("grad_rows");
    TCase *t = tcase_create("grad_rows");
    tcase_add_test(t, exp_and_tanh_are_close_to_libm);
    tcase_add_test(t, softmax_and_softcap_agree_with_libm);
    tcase_add_test(t, cross_entropy_gives_its_loss_and_slope);
    tcase_add_test(t, both_instruction_sets_give_the_same_bits);
    suite_add_tcase(s, t);
    return s;
}
