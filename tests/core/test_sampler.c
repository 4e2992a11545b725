#include "core/sampler.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>

#define N_VOCAB 12
#define N_DRAWS 40000

static const float logits[N_VOCAB] = {0.3f,  2.0f,  -1.0f, 0.9f, 1.7f, -0.2f,
                                      -3.0f, 0.31f, 1.1f,  0.0f, 2.2f, -0.7f};

/* Upper 0.1 % points of the chi-square distribution, by degrees of freedom. */
static const double chi_square_bound[] = {0,     10.83, 13.82, 16.27, 18.47, 20.52,
                                          22.46, 24.32, 26.12, 27.88, 29.59, 31.26};

static double softmax_at(int id, const int *kept, int n_kept, double temperature)
{
    double sum = 0;
    for (int i = 0; i < n_kept; i++)
        sum += exp(logits[kept[i]] / temperature);
    return exp(logits[id] / temperature) / sum;
}

/* Draws at N_DRAWS positions and compares with the exact distribution over the kept ids. */
static void check_distribution(const struct sampler *s, const int *kept, int n_kept)
{
    int counts[N_VOCAB] = {0}, n_in_kept = 0;
    for (int pos = 0; pos < N_DRAWS; pos++)
        counts[sampler_choose(s, logits, N_VOCAB, pos)]++;
    double chi_square = 0;
    for (int i = 0; i < n_kept; i++) {
        double expected = N_DRAWS * softmax_at(kept[i], kept, n_kept, s->temperature);
        chi_square += pow(counts[kept[i]] - expected, 2) / expected;
        n_in_kept += counts[kept[i]];
    }
    ck_assert_int_eq(n_in_kept, N_DRAWS);
    ck_assert_double_lt(chi_square, chi_square_bound[n_kept - 1]);
}

static const int all_ids[N_VOCAB] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

START_TEST(draws_follow_the_softmax_at_any_temperature)
{
    const float temperatures[] = {0.5f, 1.0f, 1.7f};
    for (int i = 0; i < 3; i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            check_distribution(&(struct sampler){temperatures[i], 0, 1, seed}, all_ids, N_VOCAB);
}
END_TEST

START_TEST(top_k_keeps_the_k_largest_and_their_proportions)
{
    const int kept[] = {10, 1, 4, 8};
    check_distribution(&(struct sampler){1.0f, 4, 1, 5}, kept, 4);
    ck_assert_int_eq(sampler_choose(&(struct sampler){1.0f, 1, 1, 5}, logits, N_VOCAB, 3), 10);
}
END_TEST

START_TEST(top_p_keeps_the_smallest_set_that_reaches_it)
{
    /* probabilities at temperature 1: 10: .282, 1: .231, 4: .171, 8: .094 ... */
    const int kept[] = {10, 1, 4};
    double two = softmax_at(10, all_ids, N_VOCAB, 1) + softmax_at(1, all_ids, N_VOCAB, 1);
    double three = two + softmax_at(4, all_ids, N_VOCAB, 1);
    check_distribution(&(struct sampler){1.0f, 0, (float)(two + three) / 2, 9}, kept, 3);
    check_distribution(&(struct sampler){1.0f, 0, (float)two - 0.001f, 9}, kept, 2);
    ck_assert_int_eq(sampler_choose(&(struct sampler){1.0f, 0, 0, 9}, logits, N_VOCAB, 3), 10);
}
END_TEST

START_TEST(a_set_that_reaches_top_p_exactly_is_large_enough)
{
    const float four[] = {1, 1, 1, 1};
    for (int pos = 0; pos < 200; pos++) {
        ck_assert_int_eq(sampler_choose(&(struct sampler){1, 0, 0.25f, 3}, four, 4, pos), 0);
        ck_assert_int_le(sampler_choose(&(struct sampler){1, 0, 0.5f, 3}, four, 4, pos), 1);
    }
}
END_TEST

START_TEST(top_p_counts_probability_within_the_top_k)
{
    const int kept[] = {10, 1};
    const int four[] = {10, 1, 4, 8};
    double two = softmax_at(10, four, 4, 1) + softmax_at(1, four, 4, 1);
    check_distribution(&(struct sampler){1.0f, 4, (float)two - 0.001f, 2}, kept, 2);
}
END_TEST

START_TEST(zero_temperature_takes_the_first_maximum)
{
    const float tied[] = {1, 3, 3, 2};
    struct sampler s = {0, 0, 1, 7};
    ck_assert_int_eq(sampler_choose(&s, tied, 4, 0), 1);
    ck_assert_int_eq(sampler_choose(&s, tied, 4, 1000), 1);
}
END_TEST

START_TEST(the_same_seed_position_and_logits_give_the_same_token)
{
    struct sampler a = {1.0f, 0, 1, 42}, b = {1.0f, 0, 1, 43};
    int n_same = 0;
    for (int pos = 0; pos < 1000; pos++) {
        int id = sampler_choose(&a, logits, N_VOCAB, pos);
        ck_assert_int_eq(sampler_choose(&a, logits, N_VOCAB, pos), id);
        n_same += sampler_choose(&b, logits, N_VOCAB, pos) == id;
    }
    /* independent draws agree with probability sum p^2 = 0.18 */
    ck_assert_int_gt(n_same, 100);
    ck_assert_int_lt(n_same, 260);
}
END_TEST

/* Noise shared by branches: raising one logit can only move choices to that token. */
START_TEST(branches_with_the_same_seed_differ_only_where_their_logits_do)
{
    float steered[N_VOCAB];
    for (int i = 0; i < N_VOCAB; i++)
        steered[i] = logits[i] + (i == 5 ? 1.5f : 0);
    struct sampler s = {1.0f, 0, 1, 11};
    int n_moved = 0;
    for (int pos = 0; pos < 2000; pos++) {
        int before = sampler_choose(&s, logits, N_VOCAB, pos);
        int after = sampler_choose(&s, steered, N_VOCAB, pos);
        ck_assert(after == before || after == 5);
        n_moved += after != before;
    }
    ck_assert_int_gt(n_moved, 50);
}
END_TEST

START_TEST(a_candidate_list_does_not_change_the_noise)
{
    struct sampler all = {1.0f, 0, 1, 3}, ten = {1.0f, 10, 1, 3};
    for (int pos = 0; pos < 500; pos++) {
        int id = sampler_choose(&all, logits, N_VOCAB, pos);
        if (id != 6 && id != 2) /* the two that top-k 10 leaves out */
            ck_assert_int_eq(sampler_choose(&ten, logits, N_VOCAB, pos), id);
    }
}
END_TEST

START_TEST(kl_is_zero_for_shifted_logits_and_known_for_two_coins)
{
    float shifted[N_VOCAB];
    for (int i = 0; i < N_VOCAB; i++)
        shifted[i] = logits[i] + 3;
    ck_assert_double_lt(logits_kl(logits, shifted, N_VOCAB), 1e-6);
    const float p[] = {logf(0.25f), logf(0.75f)}, q[] = {0, 0};
    double expected = 0.25 * log(0.5) + 0.75 * log(1.5);
    ck_assert_double_eq_tol(logits_kl(p, q, 2), expected, 1e-6);
    const float certain[] = {0, -INFINITY};
    ck_assert_double_eq_tol(logits_kl(certain, q, 2), log(2), 1e-9);
}
END_TEST

Suite *suite_sampler(void)
{
    Suite *s = suite_create("sampler");
    TCase *t = tcase_create("sampler");
    tcase_add_test(t, draws_follow_the_softmax_at_any_temperature);
    tcase_add_test(t, top_k_keeps_the_k_largest_and_their_proportions);
    tcase_add_test(t, top_p_keeps_the_smallest_set_that_reaches_it);
    tcase_add_test(t, a_set_that_reaches_top_p_exactly_is_large_enough);
    tcase_add_test(t, top_p_counts_probability_within_the_top_k);
    tcase_add_test(t, zero_temperature_takes_the_first_maximum);
    tcase_add_test(t, the_same_seed_position_and_logits_give_the_same_token);
    tcase_add_test(t, branches_with_the_same_seed_differ_only_where_their_logits_do);
    tcase_add_test(t, a_candidate_list_does_not_change_the_noise);
    tcase_add_test(t, kl_is_zero_for_shifted_logits_and_known_for_two_coins);
    suite_add_tcase(s, t);
    return s;
}
