#include "core/auroc.h"
#include "tests/support/runner.h"

#include <math.h>

/* The definition: all pairs. */
static double by_pairs(const float *scores, const int *labels, size_t n)
{
    double won = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (labels[i] && !labels[j]) {
                pairs++;
                won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
            }
    return won / pairs;
}

START_TEST(agrees_with_counting_pairs_with_many_ties)
{
    float scores[200];
    int labels[200];
    unsigned seed = 5;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 200; i++) {
            seed = seed * 1664525u + 1013904223u;
            labels[i] = seed >> 30 == 0;
            scores[i] = (float)(seed >> 20 & 31) + 3 * (float)labels[i];
        }
        ck_assert_double_eq_tol(auroc(scores, labels, 200), by_pairs(scores, labels, 200), 1e-12);
    }
}
END_TEST

START_TEST(one_class_alone_has_no_auroc)
{
    float scores[2] = {1, 2};
    int ones[2] = {1, 1}, zeros[2] = {0, 0};
    ck_assert(isnan(auroc(scores, ones, 2)));
    ck_assert(isnan(auroc(scores, zeros, 2)));
}
END_TEST

Suite *suite_auroc(void)
{
    Suite *s = suite_create("auroc");
    TCase *t = tcase_create("auroc");
    tcase_add_test(t, agrees_with_counting_pairs_with_many_ties);
    tcase_add_test(t, one_class_alone_has_no_auroc);
    suite_add_tcase(s, t);
    return s;
}
