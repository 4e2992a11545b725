#include "core/kv_cache.h"
#include "tests/support/runner.h"

#include <limits.h>

static const struct model_config config = {.n_layers = 6, .n_kv_heads = 2, .d_head = 3};

START_TEST(growing_keeps_what_is_there)
{
    struct kv_cache c;
    kv_cache_init(&c, &config, 2, 5);
    c.first_pos = 10;
    for (int end = 11; end <= 500; end++) {
        ck_assert_int_eq(kv_cache_reserve(&c, end, NULL), ERR_OK);
        for (int l = 2; l < 5; l++) {
            kv_cache_key(&c, l, end - 1)[5] = (float)(end * 10 + l);
            kv_cache_value(&c, l, end - 1)[0] = (float)(-end * 10 - l);
        }
    }
    for (int pos = 10; pos < 500; pos++)
        for (int l = 2; l < 5; l++) {
            ck_assert_float_eq(kv_cache_key(&c, l, pos)[5], (float)((pos + 1) * 10 + l));
            ck_assert_float_eq(kv_cache_value(&c, l, pos)[0], (float)(-(pos + 1) * 10 - l));
        }
    kv_cache_clear(&c);
}
END_TEST

START_TEST(slots_of_consecutive_positions_follow_each_other)
{
    struct kv_cache c;
    kv_cache_init(&c, &config, 0, 6);
    ck_assert_int_eq(kv_cache_reserve(&c, 8, NULL), ERR_OK);
    ck_assert_ptr_eq(kv_cache_key(&c, 3, 0) + 7 * 6, kv_cache_key(&c, 3, 7));
    kv_cache_clear(&c);
}
END_TEST

START_TEST(a_cache_of_no_layers_holds_any_number_of_positions)
{
    struct kv_cache c;
    kv_cache_init(&c, &config, 6, 6);
    ck_assert_int_eq(kv_cache_reserve(&c, 100000, NULL), ERR_OK);
    kv_cache_clear(&c);
}
END_TEST

START_TEST(too_much_memory_is_an_error_that_names_the_size)
{
    struct model_config wide = {.n_kv_heads = 1 << 20, .d_head = 1 << 20};
    struct kv_cache c;
    struct err err = {0};
    kv_cache_init(&c, &wide, 0, 1);
    ck_assert_int_eq(kv_cache_reserve(&c, INT_MAX, &err), ERR_NOMEM);
    ck_assert_str_ne(err.message, "");
    ck_assert_int_eq(c.cap, 0);
    kv_cache_clear(&c);
}
END_TEST

Suite *suite_kv_cache(void)
{
    Suite *s = suite_create("kv_cache");
    TCase *t = tcase_create("kv_cache");
    tcase_add_test(t, growing_keeps_what_is_there);
    tcase_add_test(t, slots_of_consecutive_positions_follow_each_other);
    tcase_add_test(t, a_cache_of_no_layers_holds_any_number_of_positions);
    tcase_add_test(t, too_much_memory_is_an_error_that_names_the_size);
    suite_add_tcase(s, t);
    return s;
}
