#include "data/hash_map.h"
#include "tests/support/runner.h"

#include <stdio.h>
#include <string.h>

START_TEST(strings_are_found_again_and_others_are_not)
{
    static char keys[5000][16];
    struct string_map map = {0};
    ck_assert_int_eq(string_map_get(&map, "x", 1), -1);
    for (int i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof keys[i], "key %d", i * 7);
        int *value = string_map_at(&map, keys[i], strlen(keys[i]));
        ck_assert_int_eq(*value, -1);
        *value = i;
    }
    ck_assert_uint_eq(map.n, 5000);
    for (int i = 0; i < 5000 * 7; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %d", i);
        int want = i % 7 == 0 ? i / 7 : -1;
        ck_assert_int_eq(string_map_get(&map, key, strlen(key)), want);
    }
    string_map_clear(&map);
}
END_TEST

START_TEST(keys_may_be_empty_or_hold_nul)
{
    struct string_map map = {0};
    *string_map_at(&map, "", 0) = 1;
    *string_map_at(&map, "a\0b", 3) = 2;
    *string_map_at(&map, "a\0c", 3) = 3;
    ck_assert_int_eq(string_map_get(&map, "", 0), 1);
    ck_assert_int_eq(string_map_get(&map, "a\0b", 3), 2);
    ck_assert_int_eq(string_map_get(&map, "a", 1), -1);
    string_map_clear(&map);
}
END_TEST

START_TEST(pairs_are_ordered)
{
    struct pair_map map = {0};
    for (int a = 0; a < 100; a++)
        for (int b = 0; b < 100; b++)
            *pair_map_at(&map, a, 1000 * b) = 100 * a + b;
    ck_assert_uint_eq(map.n, 10000);
    for (int a = 0; a < 100; a++)
        for (int b = 0; b < 100; b++)
            ck_assert_int_eq(pair_map_get(&map, a, 1000 * b), 100 * a + b);
    ck_assert_int_eq(pair_map_get(&map, 1000, 1), -1);
    pair_map_clear(&map);
}
END_TEST

Suite *suite_hash_map(void)
{
    Suite *s = suite_create("hash_map");
    TCase *t = tcase_create("hash_map");
    tcase_add_test(t, strings_are_found_again_and_others_are_not);
    tcase_add_test(t, keys_may_be_empty_or_hold_nul);
    tcase_add_test(t, pairs_are_ordered);
    suite_add_tcase(s, t);
    return s;
}
