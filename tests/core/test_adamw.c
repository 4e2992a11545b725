#include "core/adamw.h"
#include "tests/support/runner.h"

#include <math.h>

/* The update as the paper writes it, in double. */
START_TEST(three_steps_agree_with_the_formula_in_double)
{
    const struct adamw o = {0.9f, 0.98f, 1e-8f, 0.1f};
    float w[2] = {1, -2}, m[2] = {0}, v[2] = {0};
    double rw[2] = {1, -2}, rm[2] = {0}, rv[2] = {0};
    for (int step = 1; step <= 3; step++) {
        float g[2] = {0.5f * (float)step, -0.1f};
        adamw_step(w, m, v, g, 2, &o, 0.01f, step);
        for (int i = 0; i < 2; i++) {
            rm[i] = 0.9 * rm[i] + 0.1 * g[i];
            rv[i] = 0.98 * rv[i] + 0.02 * g[i] * g[i];
            double step_m = rm[i] / (1 - pow(0.9, step)), step_v = rv[i] / (1 - pow(0.98, step));
            rw[i] -= 0.01 * 0.1 * rw[i] + 0.01 * step_m / (sqrt(step_v) + 1e-8);
            ck_assert_double_eq_tol(w[i], rw[i], 1e-5);
        }
    }
}
END_TEST

START_TEST(schedule_warms_up_and_ends_at_its_floor)
{
    ck_assert_float_eq_tol(cosine_lr(1, 0.1f, 0, 10, 110), 0.1f, 1e-6f);
    ck_assert_float_eq_tol(cosine_lr(1, 0.1f, 9, 10, 110), 1, 1e-6f);
    ck_assert_float_eq_tol(cosine_lr(1, 0.1f, 60, 10, 110), 0.55f, 1e-6f);
    ck_assert_float_eq_tol(cosine_lr(1, 0.1f, 110, 10, 110), 0.1f, 1e-6f);
}
END_TEST

Suite *suite_adamw(void)
{
    Suite *s = suite_create("adamw");
    TCase *t = tcase_create("adamw");
    tcase_add_test(t, three_steps_agree_with_the_formula_in_double);
    tcase_add_test(t, schedule_warms_up_and_ends_at_its_floor);
    suite_add_tcase(s, t);
    return s;
}
