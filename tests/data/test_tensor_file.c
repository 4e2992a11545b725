#include "data/tensor_file.h"

#include "data/mem.h"
#include "data/safetensors.h"
#include "data/torch_file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

static struct err err;
static struct tensor_file *open_ok(const char *path, size_t n)
{
    struct tensor_file *f;
    ck_assert_msg(tensor_file_open(&f, path, &err) == ERR_OK, "%s", err.message);
    ck_assert_uint_eq(tensor_file_count(f), n);
    ck_assert_ptr_nonnull(tensor_file_at(f, n - 1));
    ck_assert_ptr_null(tensor_file_at(f, n));
    ck_assert_ptr_null(tensor_file_find(f, "absent"));
    return f;
}

/* The file's name says nothing: all are called "x". */
static char *path_of_x(void)
{
    return tmp_dir_write(test_dir, "x", "", 0);
}

START_TEST(every_kind_of_file_is_known_by_its_content)
{
    static const float numbers[6] = {1, 2, 3, 4, 5, 6};
    struct tensor t = {.name = "w", .n_dims = 2, .shape = {2, 3}, .data = numbers, .n_bytes = 24};
    char *path = path_of_x();
    ck_assert_int_eq(torch_write(path, &t, &err), ERR_OK);
    struct tensor_file *f = open_ok(path, 1);
    ck_assert_mem_eq(tensor_file_find(f, "")->data, numbers, 24);
    tensor_file_close(f);
    ck_assert_int_eq(safetensors_write(path, &t, 1, NULL, 0, &err), ERR_OK);
    f = open_ok(path, 1);
    ck_assert_mem_eq(tensor_file_find(f, "w")->data, numbers, 24);
    ck_assert_uint_eq(tensor_file_heap_bytes(f), 0);
    tensor_file_close(f);
    free(path);
    f = open_ok("tests/fixtures/npy/fortran_f4.npy", 1);
    ck_assert_uint_eq(tensor_file_find(f, "")->shape[1], 5);
    ck_assert_uint_eq(tensor_file_heap_bytes(f), 60);
    tensor_file_close(f);
    f = open_ok("tests/fixtures/npy/stored.npz", 7);
    ck_assert_uint_eq(tensor_file_find(f, "f4")->shape[1], 5);
    tensor_file_close(f);
    tensor_file_close(NULL);
}
END_TEST

/* A safetensors file begins with the length of its header, which may look like another's mark. */
START_TEST(a_header_length_is_not_taken_for_a_mark)
{
    static const size_t lengths[] = {0x80, 0x280, 0x4b50};
    for (size_t i = 0; i < 3; i++) {
        char *bytes = mem_zalloc(8 + lengths[i], 1);
        bytes[0] = (char)(lengths[i] & 0xff);
        bytes[1] = (char)(lengths[i] >> 8);
        memset(bytes + 8, ' ', lengths[i]);
        memcpy(bytes + 8, "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 54);
        char *path = tmp_dir_write(test_dir, "x", bytes, 8 + lengths[i]);
        tensor_file_close(open_ok(path, 1));
        free(path);
        free(bytes);
    }
}
END_TEST

START_TEST(other_files_are_refused)
{
    static const char *const contents[] = {"PK\3\4 and no more", "\x93NUMPY", "plain text here",
                                           "\x80\2\x8a\x0al\xfc\x9c", ""};
    for (size_t i = 0; i < 5; i++) {
        struct tensor_file *f;
        char *path = tmp_dir_write(test_dir, "x", contents[i], strlen(contents[i]));
        ck_assert_int_ne(tensor_file_open(&f, path, &err), ERR_OK);
        ck_assert_ptr_null(f);
        ck_assert_ptr_nonnull(strstr(err.message, path));
        ck_assert_str_ne(err.hint, "");
        free(path);
    }
}
END_TEST

Suite *suite_tensor_file(void)
{
    Suite *s = suite_create("tensor_file");
    TCase *c = tcase_create("tensor_file");
    tcase_add_checked_fixture(c, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(c, every_kind_of_file_is_known_by_its_content);
    tcase_add_test(c, a_header_length_is_not_taken_for_a_mark);
    tcase_add_test(c, other_files_are_refused);
    suite_add_tcase(s, c);
    return s;
}
