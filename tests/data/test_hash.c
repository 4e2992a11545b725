#include "data/hash.h"

#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

START_TEST(every_bit_every_length_and_the_seed_count)
{
    unsigned char bytes[40] = {0};
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint64_t h = hash_bytes(7, bytes, len);
        ck_assert_uint_ne(h, hash_bytes(8, bytes, len));
        ck_assert_uint_ne(h, hash_bytes(7, bytes, len + 1));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            ck_assert_uint_ne(h, hash_bytes(7, bytes, len));
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        ck_assert_uint_eq(h, hash_bytes(7, bytes, len));
    }
}
END_TEST

START_TEST(a_long_block_is_sampled_at_both_ends_and_between)
{
    size_t len = (size_t)8 << 20;
    unsigned char *bytes = calloc(len, 1);
    uint64_t h = hash_sampled(1, bytes, len, 1000);
    const size_t seen[] = {0, 65535, len - 1, len - 65536, (len - 4096) / 256 * 100 + 5};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        bytes[seen[i]] = 1;
        ck_assert_uint_ne(hash_sampled(1, bytes, len, 1000), h);
        bytes[seen[i]] = 0;
    }
    bytes[(len - 4096) / 256 * 100 + 5000] = 1; /* between two samples */
    ck_assert_uint_eq(hash_sampled(1, bytes, len, 1000), h);
    ck_assert_uint_ne(hash_sampled(1, bytes, len, len), hash_bytes(1, bytes + 1, len - 1));
    ck_assert_uint_ne(hash_sampled(1, bytes, len - 1, 1000), h);
    free(bytes);
}
END_TEST

START_TEST(a_file_hashes_like_its_bytes_and_a_missing_one_fails)
{
    char *dir = tmp_dir_new(), *path = tmp_dir_write(dir, "f", "abc", 3);
    struct err err = {0};
    uint64_t h = 5;
    ck_assert_int_eq(hash_file(&h, path, 100, &err), ERR_OK);
    ck_assert_uint_eq(h, hash_bytes(5, "abc", 3));
    size_t len = (size_t)3 << 20;
    unsigned char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    char *large = tmp_dir_write(dir, "large", bytes, len);
    const size_t limits[] = {1000, len};
    for (int i = 0; i < 2; i++) {
        h = 6;
        ck_assert_int_eq(hash_file(&h, large, limits[i], &err), ERR_OK);
        ck_assert_uint_eq(h, hash_sampled(6, bytes, len, limits[i]));
    }
    free(large);
    free(bytes);
    ck_assert_int_eq(hash_file(&h, "/nowhere/at/all", 100, &err), ERR_IO);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

Suite *suite_hash(void)
{
    Suite *s = suite_create("hash");
    TCase *t = tcase_create("hash");
    tcase_add_test(t, every_bit_every_length_and_the_seed_count);
    tcase_add_test(t, a_long_block_is_sampled_at_both_ends_and_between);
    tcase_add_test(t, a_file_hashes_like_its_bytes_and_a_missing_one_fails);
    suite_add_tcase(s, t);
    return s;
}
