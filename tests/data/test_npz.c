#include "data/npz.h"

#include "data/file.h"
#include "data/mem.h"
#include "tests/support/runner.h"
#include "tests/support/zip_maker.h"

#include <stdlib.h>
#include <string.h>

/* numpy wrote both from the same arrays. */
#define STORED "tests/fixtures/npy/stored.npz"
#define DEFLATED "tests/fixtures/npy/deflated.npz"

static struct err err;

static struct npz *open_ok(const char *path)
{
    struct npz *npz;
    ck_assert_msg(npz_open(&npz, path, &err) == ERR_OK, "%s", err.message);
    return npz;
}

static void check_arrays(const struct npz *npz)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, "tests/fixtures/npy/c_f4.npy", &err), ERR_OK);
    float want[15], got[15];
    memcpy(want, map.data + 128, sizeof want);
    file_unmap(&map);
    ck_assert_uint_eq(npz_count(npz), 7);
    ck_assert_mem_eq(npz_find(npz, "f4")->data, want, sizeof want);
    ck_assert_int_eq(npz_find(npz, "f8")->dtype, DTYPE_F64);
    tensor_to_f32(got, npz_find(npz, "f8")->data, DTYPE_F64, 15);
    ck_assert_mem_eq(got, want, sizeof want);
    ck_assert_int_eq(npz_find(npz, "f2")->dtype, DTYPE_F16);
    tensor_to_f32(got, npz_find(npz, "f2")->data, DTYPE_F16, 15);
    for (int i = 0; i < 15; i++)
        ck_assert_float_eq_tol(got[i], want[i], 1e-3F);
    int64_t number;
    memcpy(&number, npz_find(npz, "i8")->data, sizeof number);
    ck_assert(number == -5 && npz_find(npz, "i8")->n_dims == 0);
    ck_assert_uint_eq(npz_find(npz, "empty")->n_bytes, 0);
    ck_assert_mem_eq(npz_find(npz, "mask")->data, "\1\0\1", 3);
    ck_assert_ptr_null(npz_find(npz, "f4.npy"));
    ck_assert_ptr_null(npz_at(npz, 7));
}

static void check_cube(const struct npz *npz)
{
    const struct tensor *t = npz_find(npz, "cube");
    ck_assert(t->dtype == DTYPE_I32 && t->n_dims == 3);
    ck_assert(t->shape[0] == 2 && t->shape[1] == 3 && t->shape[2] == 4);
    for (int32_t i = 0; i < 24; i++) {
        int32_t got;
        memcpy(&got, (const char *)t->data + 4 * i, 4);
        ck_assert_int_eq(got, i);
    }
}

START_TEST(stored_arrays_are_used_where_they_lie)
{
    struct npz *npz = open_ok(STORED);
    check_arrays(npz);
    check_cube(npz);
    ck_assert_uint_eq(npz_heap_bytes(npz), 24 * 4); /* the cube, which is in Fortran order */
    npz_close(npz);
    npz_close(NULL);
}
END_TEST

START_TEST(deflated_arrays_are_unpacked)
{
    struct npz *npz = open_ok(DEFLATED);
    check_arrays(npz);
    check_cube(npz);
    ck_assert_uint_gt(npz_heap_bytes(npz), 7 * 128);
    npz_close(npz);
}
END_TEST

/* No change of one byte may pass unseen: numbers and names have checksums or are compared. Bytes
 * that no reader looks at (times, attributes) may change. */
START_TEST(a_changed_number_is_noticed)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, STORED, &err), ERR_OK);
    char *copy = mem_alloc(map.size, 1);
    for (size_t at = 0; at < map.size; at++) {
        struct npz *npz;
        memcpy(copy, map.data, map.size);
        copy[at] = (char)(copy[at] ^ 0x41);
        if (npz_parse(&npz, copy, map.size, "t.npz", &err) != ERR_OK) {
            ck_assert_ptr_null(npz);
            ck_assert_str_ne(err.hint, "");
            continue;
        }
        if (npz_count(npz) == 7 && npz_find(npz, "f4"))
            check_arrays(npz);
        npz_close(npz);
    }
    free(copy);
    file_unmap(&map);
}
END_TEST

START_TEST(an_archive_without_arrays_is_refused)
{
    struct zip_maker maker = {0};
    struct npz *npz;
    zip_maker_add(&maker, "readme.txt", "hello", 5, false);
    zip_maker_add(&maker, ".npy", "hello", 5, false);
    zip_maker_end(&maker);
    ck_assert_int_eq(npz_parse(&npz, maker.bytes.data, maker.bytes.len, "t.npz", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "without arrays"));
    zip_maker_clear(&maker);
}
END_TEST

START_TEST(errors_name_archive_and_array)
{
    struct zip_maker maker = {0};
    struct npz *npz;
    zip_maker_add(&maker, "W_enc.npy", "hello", 5, true);
    zip_maker_end(&maker);
    ck_assert_int_eq(npz_parse(&npz, maker.bytes.data, maker.bytes.len, "t.npz", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "t.npz: array 'W_enc.npy'"));
    zip_maker_clear(&maker);
}
END_TEST

Suite *suite_npz(void)
{
    Suite *s = suite_create("npz");
    TCase *c = tcase_create("npz");
    tcase_add_test(c, stored_arrays_are_used_where_they_lie);
    tcase_add_test(c, deflated_arrays_are_unpacked);
    tcase_add_test(c, a_changed_number_is_noticed);
    tcase_add_test(c, an_archive_without_arrays_is_refused);
    tcase_add_test(c, errors_name_archive_and_array);
    suite_add_tcase(s, c);
    return s;
}
