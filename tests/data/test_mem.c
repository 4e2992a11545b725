#include "data/mem.h"
#include "tests/support/runner.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(products_and_sums_that_overflow_are_refused)
{
    size_t out;
    ck_assert(size_mul(&out, 6, 7));
    ck_assert_uint_eq(out, 42);
    ck_assert(!size_mul(&out, SIZE_MAX / 2, 3));
    ck_assert(!size_add(&out, SIZE_MAX, 1));
    ck_assert_ptr_null(mem_try_alloc(SIZE_MAX / 4, 8));
    ck_assert_ptr_null(mem_try_floats(SIZE_MAX / 4, 8));
}
END_TEST

START_TEST(a_buffer_grows_and_stays_terminated)
{
    struct buf b = {0};
    ck_assert_str_eq(buf_cstr(&b), "");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i % 10);
    ck_assert_uint_eq(b.len, 2000);
    ck_assert_uint_eq(strlen(b.data), 2000);
    buf_char(&b, 'x');
    buf_str(&b, "yz");
    ck_assert_str_eq(b.data + 2000, "xyz");
    buf_clear(&b);
    ck_assert_uint_eq(b.cap, 0);
}
END_TEST

START_TEST(what_is_printed_is_whole_at_every_length)
{
    char text[300], expected[310];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int len = 0; len < (int)sizeof text; len++)
        for (int before = 0; before < 70; before += 23) {
            struct buf b = {0};
            for (int i = 0; i < before; i++)
                buf_char(&b, 'b');
            buf_printf(&b, "%.*s%d", len, text, len);
            int n = snprintf(expected, sizeof expected, "%.*s%d", len, text, len);
            ck_assert_uint_eq(b.len, (size_t)(before + n));
            ck_assert_str_eq(b.data + before, expected);
            buf_clear(&b);
        }
}
END_TEST

START_TEST(large_blocks_are_aligned_for_vector_loads)
{
    void *block = mem_try_zalloc(100, 4);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % 64, 0);
    free(block);
}
END_TEST

Suite *suite_mem(void)
{
    Suite *s = suite_create("mem");
    TCase *t = tcase_create("mem");
    tcase_add_test(t, products_and_sums_that_overflow_are_refused);
    tcase_add_test(t, a_buffer_grows_and_stays_terminated);
    tcase_add_test(t, what_is_printed_is_whole_at_every_length);
    tcase_add_test(t, large_blocks_are_aligned_for_vector_loads);
    suite_add_tcase(s, t);
    return s;
}
