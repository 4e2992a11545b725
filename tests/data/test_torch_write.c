#include "data/file.h"
#include "data/torch_file.h"
#include "data/zip.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct err err;
static char *dir, *path;

static void set_up(void)
{
    dir = tmp_dir_new();
    path = path_join(dir, "my.weight.pt");
}

static void tear_down(void)
{
    free(path);
    tmp_dir_free(dir);
}

static void check_round_trip(const struct tensor *t)
{
    struct torch_file *f;
    ck_assert_int_eq(torch_write(path, t, &err), ERR_OK);
    ck_assert_msg(torch_open(&f, path, &err) == ERR_OK, "%s", err.message);
    ck_assert_uint_eq(torch_count(f), 1);
    const struct tensor *back = torch_find(f, "");
    ck_assert_int_eq(back->dtype, t->dtype);
    ck_assert_int_eq(back->n_dims, t->n_dims);
    ck_assert_mem_eq(back->shape, t->shape, (size_t)t->n_dims * sizeof *t->shape);
    ck_assert_uint_eq(back->n_bytes, t->n_bytes);
    if (t->n_bytes)
        ck_assert_mem_eq(back->data, t->data, t->n_bytes);
    torch_close(f);
}

START_TEST(tensors_of_every_type_and_shape_read_back)
{
    uint8_t bytes[4 * 3 * 2 * 8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    for (int d = DTYPE_F32; d <= DTYPE_U8; d++) {
        size_t size = dtype_size((enum dtype)d);
        check_round_trip(&(struct tensor){NULL, (enum dtype)d, 2, {4, 3}, bytes, 12 * size});
        check_round_trip(&(struct tensor){NULL, (enum dtype)d, 4, {2, 3, 1, 4}, bytes, 24 * size});
        check_round_trip(&(struct tensor){NULL, (enum dtype)d, 1, {7}, bytes, 7 * size});
        check_round_trip(&(struct tensor){NULL, (enum dtype)d, 0, {0}, bytes, size});
        check_round_trip(&(struct tensor){NULL, (enum dtype)d, 2, {0, 3}, NULL, 0});
    }
}
END_TEST

START_TEST(the_archive_is_laid_out_like_torchs)
{
    float values[1000];
    for (int i = 0; i < 1000; i++)
        values[i] = (float)i;
    const struct tensor t = {NULL, DTYPE_F32, 2, {10, 100}, values, sizeof values};
    ck_assert_int_eq(torch_write(path, &t, &err), ERR_OK);
    struct file_map map;
    struct zip zip;
    ck_assert_int_eq(file_map(&map, path, &err), ERR_OK);
    ck_assert_int_eq(zip_parse(&zip, map.data, map.size, path, &err), ERR_OK);
    static const char *const names[] = {"my.weight/byteorder", "my.weight/data.pkl",
                                        "my.weight/data/0", "my.weight/version"};
    ck_assert_uint_eq(zip.n, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct zip_entry *e = &zip.entries[i];
        ck_assert_str_eq(e->name, names[i]);
        ck_assert_uint_eq((size_t)(e->packed - map.data) % 64, 0);
        ck_assert_uint_eq(e->crc, crc32(0, e->packed, (uInt)e->size));
    }
    ck_assert_mem_eq(zip_find(&zip, "my.weight/data/0")->packed, values, sizeof values);
    zip_clear(&zip);
    file_unmap(&map);
}
END_TEST

START_TEST(the_same_tensor_gives_the_same_bytes)
{
    const float values[3] = {1, 2, 3};
    const struct tensor t = {NULL, DTYPE_F32, 1, {3}, values, sizeof values};
    struct buf a = {0}, b = {0};
    ck_assert_int_eq(torch_write(path, &t, &err), ERR_OK);
    ck_assert_int_eq(file_read(&a, path, 1 << 20, &err), ERR_OK);
    ck_assert_int_eq(torch_write(path, &t, &err), ERR_OK);
    ck_assert_int_eq(file_read(&b, path, 1 << 20, &err), ERR_OK);
    ck_assert_uint_eq(a.len, b.len);
    ck_assert_mem_eq(a.data, b.data, a.len);
    buf_clear(&a);
    buf_clear(&b);
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_named)
{
    const float value = 1;
    const struct tensor t = {NULL, DTYPE_F32, 1, {1}, &value, sizeof value};
    ck_assert_int_eq(torch_write("/no such folder/w.pt", &t, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "/no such folder/w.pt"));
}
END_TEST

Suite *suite_torch_write(void)
{
    Suite *s = suite_create("torch_write");
    TCase *t = tcase_create("torch_write");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, tensors_of_every_type_and_shape_read_back);
    tcase_add_test(t, the_archive_is_laid_out_like_torchs);
    tcase_add_test(t, the_same_tensor_gives_the_same_bytes);
    tcase_add_test(t, a_place_that_cannot_be_written_is_named);
    suite_add_tcase(s, t);
    return s;
}
