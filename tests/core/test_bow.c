#include "core/bow.h"
#include "tests/support/runner.h"

#include <math.h>

static const char *const texts[] = {
    "The loaf is warm, the loaf is fresh.",
    "Knead the dough and bake a loaf.",
    "The dog runs to the gate.",
    "A dog barks and runs, and the dog sleeps.",
};
static const int labels[] = {1, 1, 0, 0};

START_TEST(words_of_either_side_decide)
{
    struct bow *bow;
    bow_train(&bow, texts, labels, 4, 100);
    for (int i = 0; i < 4; i++)
        ck_assert(labels[i] == (bow_score(bow, texts[i]) > 0));
    ck_assert(bow_score(bow, "a LOAF!") > 0);
    ck_assert(bow_score(bow, "my dog_house, dog?") < 0);
    ck_assert_double_eq(bow_score(bow, "zebra quagga"), bow_score(bow, ""));
    bow_free(bow);
}
END_TEST

START_TEST(single_letters_are_no_words)
{
    const char *const sides_of[] = {"x loaf", "y loaf"};
    const int sides[] = {1, 0};
    struct bow *bow;
    bow_train(&bow, sides_of, sides, 2, 10);
    ck_assert_double_eq(bow_score(bow, "x"), bow_score(bow, "y"));
    bow_free(bow);
}
END_TEST

/* At the minimum of c * sum(log losses) + |w|²/2 every weight is c * sum(count * (label - p)):
 * with one word per text that can be solved apart. */
START_TEST(weights_minimise_the_regularised_loss)
{
    const char *const one[] = {"yes", "no"};
    const int sides[] = {1, 0};
    struct bow *bow;
    double c = 2, w = 0;
    bow_train(&bow, one, sides, 2, c);
    for (int i = 0; i < 200; i++)
        w -= 0.1 * (w - c / (1 + exp(w))); /* by symmetry the bias is 0 */
    ck_assert_double_eq_tol(bow_score(bow, "yes"), w, 1e-3);
    ck_assert_double_eq_tol(bow_score(bow, "no"), -w, 1e-3);
    bow_free(bow);
}
END_TEST

Suite *suite_bow(void)
{
    Suite *s = suite_create("bow");
    TCase *t = tcase_create("bow");
    tcase_add_test(t, words_of_either_side_decide);
    tcase_add_test(t, single_letters_are_no_words);
    tcase_add_test(t, weights_minimise_the_regularised_loss);
    suite_add_tcase(s, t);
    return s;
}
