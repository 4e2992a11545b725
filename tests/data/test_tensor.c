#include "data/tensor.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Value of a 16-bit float from its definition: sign, exponent and mantissa by ldexp. */
static double small_float(unsigned bits, int n_exponent, int n_mantissa)
{
    int bias = (1 << (n_exponent - 1)) - 1;
    int exponent = (int)(bits >> n_mantissa) & ((1 << n_exponent) - 1);
    double mantissa = bits & ((1u << n_mantissa) - 1);
    double v = exponent == 0 ? ldexp(mantissa, 1 - bias - n_mantissa)
                             : ldexp(mantissa + (1 << n_mantissa), exponent - bias - n_mantissa);
    if (exponent == (1 << n_exponent) - 1)
        v = mantissa == 0 ? INFINITY : NAN;
    return bits >> 15 ? -v : v;
}

/* Does a pattern of that format widen to its value, and its value narrow to the pattern? */
static bool converts(unsigned bits, int n_exponent, int n_mantissa, float (*widen)(uint16_t),
                     uint16_t (*narrow)(float))
{
    double value = small_float(bits, n_exponent, n_mantissa);
    float wide = widen((uint16_t)bits);
    if (isnan(value))
        return isnan(wide) && isnan(widen(narrow(wide)));
    return wide == (float)value && narrow((float)value) == bits;
}

/* Single assertions would be slow: Check records each of them. */
START_TEST(every_f16_and_bf16_converts_both_ways)
{
    for (unsigned bits = 0; bits <= 0xffff; bits++) {
        if (!converts(bits, 5, 10, f16_to_f32, f32_to_f16))
            ck_abort_msg("f16 0x%04x", bits);
        if (!converts(bits, 8, 7, bf16_to_f32, f32_to_bf16))
            ck_abort_msg("bf16 0x%04x", bits);
    }
}
END_TEST

/* Between two neighbours of the small format: nearest wins, a tie goes to the even one. */
static bool rounds(unsigned low, int n_exponent, int n_mantissa, uint16_t (*narrow)(float))
{
    double a = small_float(low, n_exponent, n_mantissa);
    double b = small_float(low + 1, n_exponent, n_mantissa), step = b - a;
    unsigned even = low + (low & 1);
    if (!isfinite(a) || !isfinite(b))
        return true;
    return narrow((float)(a + step / 2)) == even &&
           narrow((float)-(a + step / 2)) == (even | 0x8000) &&
           narrow((float)(a + step * 0.375)) == low && narrow((float)(a + step * 0.625)) == low + 1;
}

START_TEST(narrowing_rounds_to_nearest_even)
{
    for (unsigned low = 0; low < 0x7fff; low++) {
        if (!rounds(low, 5, 10, f32_to_f16))
            ck_abort_msg("f16 0x%04x", low);
        if (low > 8 && !rounds(low, 8, 7, f32_to_bf16)) /* below, parts of a step are no f32 */
            ck_abort_msg("bf16 0x%04x", low);
    }
    ck_assert_uint_eq(f32_to_f16(65519.0f), 0x7bff);
    ck_assert_uint_eq(f32_to_f16(65520.0f), 0x7c00);
    ck_assert_uint_eq(f32_to_f16(1e30f), 0x7c00);
    ck_assert_uint_eq(f32_to_bf16(3.4e38f), 0x7f80);
}
END_TEST

START_TEST(runs_convert_from_any_address)
{
    unsigned char bytes[1 + 4 * 8];
    const double values[4] = {1.5, -2.0, 0.15625, 1024.0};
    float out[4];
    memcpy(bytes + 1, values, sizeof values);
    tensor_to_f32(out, bytes + 1, DTYPE_F64, 4);
    for (int i = 0; i < 4; i++)
        ck_assert(out[i] == (float)values[i]);
    for (int i = 0; i < 4; i++) {
        uint16_t half = f32_to_f16((float)values[i]), brain = f32_to_bf16((float)values[i]);
        memcpy(bytes + 1 + 2 * i, &half, 2);
        memcpy(bytes + 9 + 2 * i, &brain, 2);
    }
    tensor_to_f32(out, bytes + 1, DTYPE_F16, 4);
    for (int i = 0; i < 4; i++)
        ck_assert(out[i] == (float)values[i]);
    tensor_to_f32(out, bytes + 9, DTYPE_BF16, 4);
    for (int i = 0; i < 4; i++)
        ck_assert(out[i] == (float)values[i]);
}
END_TEST

START_TEST(a_matrix_views_a_2d_tensor)
{
    struct err err = {0};
    const float data[6] = {1, 2, 3, 4, 5, 6};
    struct tensor t = {"w", DTYPE_F32, 2, {2, 3}, data, sizeof data};
    struct matrix m;
    float row[3];
    ck_assert_int_eq(matrix_from_tensor(&m, &t, &err), ERR_OK);
    matrix_row(row, &m, 1);
    ck_assert(row[0] == 4 && row[1] == 5 && row[2] == 6);
    t.n_dims = 1;
    ck_assert_int_eq(matrix_from_tensor(&m, &t, &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "'w'"));
    t.n_dims = 2;
    t.dtype = DTYPE_I64;
    ck_assert_int_eq(matrix_from_tensor(&m, &t, &err), ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "I64"));
}
END_TEST

START_TEST(a_shape_that_overflows_is_no_number_of_elements)
{
    struct err err = {0};
    struct tensor t = {"w", DTYPE_F32, 3, {SIZE_MAX / 2, 3, 0}, NULL, 0};
    size_t n;
    ck_assert_int_eq(tensor_n_elements(&n, &t, &err), ERR_SHAPE);
    t = (struct tensor){"w", DTYPE_F32, 0, {0}, NULL, 0};
    ck_assert_int_eq(tensor_n_elements(&n, &t, &err), ERR_OK);
    ck_assert_uint_eq(n, 1);
}
END_TEST

Suite *suite_tensor(void)
{
    Suite *s = suite_create("tensor");
    TCase *t = tcase_create("tensor");
    tcase_add_test(t, every_f16_and_bf16_converts_both_ways);
    tcase_add_test(t, narrowing_rounds_to_nearest_even);
    tcase_add_test(t, runs_convert_from_any_address);
    tcase_add_test(t, a_matrix_views_a_2d_tensor);
    tcase_add_test(t, a_shape_that_overflows_is_no_number_of_elements);
    suite_add_tcase(s, t);
    return s;
}
