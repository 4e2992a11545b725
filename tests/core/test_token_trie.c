#include "core/token_trie.h"
#include "tests/support/runner.h"

#include <string.h>

START_TEST(the_longest_token_at_a_position_wins)
{
    struct token_trie trie = {0};
    token_trie_add(&trie, "\n", 1, 10);
    token_trie_add(&trie, "\n\n\n", 3, 30);
    token_trie_add(&trie, "<a>", 3, 40);
    token_trie_add(&trie, "", 0, 50);
    const char *s = "x\n\n\n\n\n<a<a>\0\n";
    static const struct {
        size_t at, n;
        int id;
    } want[] = {{1, 3, 30}, {4, 1, 10}, {5, 1, 10}, {8, 3, 40}, {12, 1, 10}};
    size_t from = 0, at, n;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        ck_assert_int_eq(token_trie_find(&at, &n, &trie, s, 13, from), want[i].id);
        ck_assert_uint_eq(at, want[i].at);
        ck_assert_uint_eq(n, want[i].n);
        from = at + n;
    }
    ck_assert_int_eq(token_trie_find(&at, &n, &trie, s, 13, from), -1);
    ck_assert_uint_eq(at, 13);
    token_trie_clear(&trie);
}
END_TEST

START_TEST(an_empty_trie_finds_nothing)
{
    struct token_trie trie = {0};
    size_t at, n;
    ck_assert_int_eq(token_trie_find(&at, &n, &trie, "abc", 3, 0), -1);
    ck_assert_uint_eq(at, 3);
    token_trie_clear(&trie);
}
END_TEST

Suite *suite_token_trie(void)
{
    Suite *s = suite_create("token_trie");
    TCase *t = tcase_create("token_trie");
    tcase_add_test(t, the_longest_token_at_a_position_wins);
    tcase_add_test(t, an_empty_trie_finds_nothing);
    suite_add_tcase(s, t);
    return s;
}
