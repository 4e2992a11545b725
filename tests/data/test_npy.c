#include "data/npy.h"

#include "data/file.h"
#include "data/mem.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

/* Written by numpy: the first row of a [3, 5] array of normal random numbers. */
static const float first_row[] = {0.0012301534F, 0.2987455428F, -0.2741378546F, -0.8905918598F,
                                  -0.4546707869F};

static struct err err;

static void open_fixture(struct npy *out, struct file_map *map, const char *path)
{
    ck_assert_int_eq(file_map(map, path, &err), ERR_OK);
    ck_assert_msg(npy_parse(out, map->data, map->size, path, &err) == ERR_OK, "%s", err.message);
    ck_assert_int_eq(out->tensor.n_dims, 2);
    ck_assert(out->tensor.shape[0] == 3 && out->tensor.shape[1] == 5);
}

/* An array in memory: version 1, the given header text, the given numbers. */
static int parse(const char *header, const void *numbers, size_t size, struct npy *out)
{
    struct buf b = {0};
    buf_add(&b, "\x93NUMPY\1", 8);
    buf_char(&b, (char)(strlen(header) & 0xff));
    buf_char(&b, (char)(strlen(header) >> 8));
    buf_str(&b, header);
    if (size)
        buf_add(&b, numbers, size);
    /* a block of exactly the right size, so that a sanitizer sees a read past the end */
    void *block = mem_alloc(b.len, 1);
    memcpy(block, b.data, b.len);
    buf_clear(&b);
    int rc = npy_parse(out, block, 10 + strlen(header) + size, "t.npy", &err);
    npy_clear(out);
    free(block);
    return rc;
}

static void refuse(const char *header, int code, const char *reason)
{
    static const float numbers[6];
    struct npy npy;
    ck_assert_int_eq(parse(header, numbers, sizeof numbers, &npy), code);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_ptr_nonnull(strstr(err.message, "t.npy"));
    ck_assert_str_ne(err.hint, "");
}

START_TEST(an_array_stays_where_it_lies)
{
    struct npy npy;
    struct file_map map;
    open_fixture(&npy, &map, "tests/fixtures/npy/c_f4.npy");
    ck_assert(npy.tensor.dtype == DTYPE_F32 && !npy.owned);
    ck_assert_ptr_eq(npy.tensor.data, map.data + 128);
    ck_assert_mem_eq(npy.tensor.data, first_row, sizeof first_row);
    npy_clear(&npy);
    file_unmap(&map);
}
END_TEST

START_TEST(fortran_order_becomes_rows)
{
    struct npy rows, columns;
    struct file_map row_map, column_map;
    open_fixture(&rows, &row_map, "tests/fixtures/npy/c_f4.npy");
    open_fixture(&columns, &column_map, "tests/fixtures/npy/fortran_f4.npy");
    ck_assert_ptr_nonnull(columns.owned);
    ck_assert_mem_ne(column_map.data + 128, rows.tensor.data, rows.tensor.n_bytes);
    ck_assert_mem_eq(columns.tensor.data, rows.tensor.data, rows.tensor.n_bytes);
    npy_clear(&rows);
    npy_clear(&columns);
    file_unmap(&row_map);
    file_unmap(&column_map);
}
END_TEST

START_TEST(version_2_and_doubles_are_read)
{
    struct npy npy;
    struct file_map map;
    float row[5];
    open_fixture(&npy, &map, "tests/fixtures/npy/v2_f8.npy");
    ck_assert_int_eq(npy.tensor.dtype, DTYPE_F64);
    tensor_to_f32(row, npy.tensor.data, npy.tensor.dtype, 5);
    ck_assert_mem_eq(row, first_row, sizeof row);
    npy_clear(&npy);
    file_unmap(&map);
}
END_TEST

START_TEST(headers_in_other_words_are_read)
{
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     \n",
        "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}",
        " { 'shape' : ( 6 , ) , 'descr' : '<f4' , 'fortran_order' : True } ",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 3, 1)}",
    };
    static const float numbers[6] = {1, 2, 3, 4, 5, 6};
    struct npy npy;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        ck_assert_msg(parse(headers[i], numbers, sizeof numbers, &npy) == ERR_OK, "%zu: %s", i,
                      err.message);
    ck_assert_int_eq(
        parse("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", numbers, 4, &npy), ERR_OK);
    ck_assert_int_eq(
        parse("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 7)}", NULL, 0, &npy), ERR_OK);
}
END_TEST

START_TEST(bad_headers_are_refused)
{
    refuse("{'descr': '>f4', 'fortran_order': False, 'shape': (6,)}", ERR_UNSUPPORTED, "'>f4'");
    refuse("{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", ERR_UNSUPPORTED, "'<c8'");
    refuse("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,)}", ERR_UNSUPPORTED,
           "records");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,6)}", ERR_UNSUPPORTED,
           "dimensions");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}", ERR_SHAPE, "contradict");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", ERR_SHAPE, "contradict");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", ERR_SHAPE,
           "contradict");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", ERR_FORMAT,
           "sizes");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", ERR_FORMAT, "sizes");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (6}", ERR_FORMAT, "does not end");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': 6}", ERR_FORMAT, "tuple");
    refuse("{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", ERR_FORMAT, "dictionary");
    refuse("{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}", ERR_FORMAT, "dictionary");
    refuse("{'descr': '<f4', 'shape': (6,)}", ERR_FORMAT, "dictionary");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)", ERR_FORMAT, "does not end");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", ERR_FORMAT, "dictionary");
    refuse("", ERR_FORMAT, "dictionary");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, "tests/fixtures/npy/v2_f8.npy", &err), ERR_OK);
    for (size_t len = 0; len < map.size; len++) {
        struct npy npy;
        void *block = mem_alloc(len, 1);
        memcpy(block, map.data, len);
        ck_assert_int_ne(npy_parse(&npy, block, len, "t.npy", &err), ERR_OK);
        ck_assert_str_ne(err.hint, "");
        npy_clear(&npy);
        free(block);
    }
    file_unmap(&map);
}
END_TEST

Suite *suite_npy(void)
{
    Suite *s = suite_create("npy");
    TCase *c = tcase_create("npy");
    tcase_add_test(c, an_array_stays_where_it_lies);
    tcase_add_test(c, fortran_order_becomes_rows);
    tcase_add_test(c, version_2_and_doubles_are_read);
    tcase_add_test(c, headers_in_other_words_are_read);
    tcase_add_test(c, bad_headers_are_refused);
    tcase_add_test(c, every_truncation_is_refused);
    suite_add_tcase(s, c);
    return s;
}
