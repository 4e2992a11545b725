#include "data/merge_ranks.h"
#include "tests/support/runner.h"

enum { SIDE = 60, N = SIDE * SIDE };

/* Merge number i joins pieces i / SIDE and 1000 * (i % SIDE). */
static void fill(struct vocab_merge merges[N])
{
    for (int i = 0; i < N; i++)
        merges[i] = (struct vocab_merge){i / SIDE, 1000 * (i % SIDE), i};
}

START_TEST(every_merge_is_found_and_other_pairs_are_not)
{
    static struct vocab_merge merges[N];
    struct merge_ranks ranks;
    fill(merges);
    merge_ranks_init(&ranks, N);
    for (size_t i = 0; i < N; i++)
        merge_ranks_put(&ranks, merges, i);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(merge_ranks_get(&ranks, merges, merges[i].left, merges[i].right), i);
    for (int i = 0; i < SIDE; i++) {
        ck_assert_int_eq(merge_ranks_get(&ranks, merges, i, 1), -1);
        ck_assert_int_eq(merge_ranks_get(&ranks, merges, SIDE, 1000 * i), -1);
        ck_assert_int_eq(merge_ranks_get(&ranks, merges, 1000 * (i + 1), i), -1);
    }
    merge_ranks_clear(&ranks);
}
END_TEST

START_TEST(the_last_merge_of_a_pair_counts)
{
    const struct vocab_merge merges[] = {{1, 2, 3}, {2, 1, 4}, {1, 2, 5}};
    struct merge_ranks ranks;
    merge_ranks_init(&ranks, 3);
    for (size_t i = 0; i < 3; i++)
        merge_ranks_put(&ranks, merges, i);
    ck_assert_int_eq(merge_ranks_get(&ranks, merges, 1, 2), 2);
    ck_assert_int_eq(merge_ranks_get(&ranks, merges, 2, 1), 1);
    merge_ranks_clear(&ranks);
}
END_TEST

START_TEST(an_empty_table_holds_nothing)
{
    struct merge_ranks none = {0}, empty;
    merge_ranks_init(&empty, 0);
    ck_assert_int_eq(merge_ranks_get(&none, NULL, 0, 0), -1);
    ck_assert_int_eq(merge_ranks_get(&empty, NULL, 0, 0), -1);
    merge_ranks_clear(&empty);
    merge_ranks_clear(&none);
}
END_TEST

Suite *suite_merge_ranks(void)
{
    Suite *s = suite_create("merge_ranks");
    TCase *t = tcase_create("merge_ranks");
    tcase_add_test(t, every_merge_is_found_and_other_pairs_are_not);
    tcase_add_test(t, the_last_merge_of_a_pair_counts);
    tcase_add_test(t, an_empty_table_holds_nothing);
    suite_add_tcase(s, t);
    return s;
}
