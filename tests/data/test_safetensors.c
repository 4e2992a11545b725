#include "data/bytes.h"
#include "data/file.h"
#include "data/safetensors.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE "tests/fixtures/gemma2-mini-f32/model.safetensors"
#define BF16_FIXTURE "tests/fixtures/gemma2-mini/model-00001-of-00003.safetensors"

static struct err err;

/* A file made of a header text and n_data zero bytes. */
static struct buf make(const char *header, size_t n_data)
{
    struct buf b = {0};
    uint8_t len[8];
    store_u64(len, strlen(header));
    buf_add(&b, len, 8);
    buf_str(&b, header);
    for (size_t i = 0; i < n_data; i++)
        buf_char(&b, (char)i);
    return b;
}

/* Parses from a block of exactly that size, so that a sanitizer sees a read past the end. */
static int parse_exact(struct safetensors **out, const char *bytes, size_t len, void **block)
{
    *block = mem_alloc(len, 1);
    memcpy(*block, bytes, len);
    return safetensors_parse(out, *block, len, "t.safetensors", &err);
}

static void refuse(const char *header, size_t n_data, int code, const char *reason)
{
    struct buf b = make(header, n_data);
    struct safetensors *st;
    void *block;
    ck_assert_int_eq(parse_exact(&st, b.data, b.len, &block), code);
    ck_assert_ptr_null(st);
    ck_assert_ptr_nonnull(strstr(err.message, "t.safetensors"));
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(block);
    buf_clear(&b);
}

START_TEST(a_hugging_face_file_is_read)
{
    struct safetensors *st;
    ck_assert_int_eq(safetensors_open(&st, FIXTURE, &err), ERR_OK);
    ck_assert_uint_eq(safetensors_count(st), 4 * 11 + 2);
    const struct tensor *t = safetensors_find(st, "model.embed_tokens.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert_ptr_eq(t, safetensors_at(st, 0));
    ck_assert_ptr_null(safetensors_at(st, safetensors_count(st)));
    ck_assert_int_eq(t->dtype, DTYPE_F32);
    ck_assert_int_eq(t->n_dims, 2);
    ck_assert_uint_eq(t->shape[0], 259);
    ck_assert_uint_eq(t->shape[1], 64);
    struct file_map map;
    ck_assert_int_eq(file_map(&map, FIXTURE, &err), ERR_OK);
    ck_assert_mem_eq(t->data, map.data + 8 + 5192, t->n_bytes);
    file_unmap(&map);
    for (size_t i = 0; i < safetensors_count(st); i++) {
        const struct tensor *at = safetensors_at(st, i);
        ck_assert_ptr_eq(safetensors_find(st, at->name), at);
    }
    ck_assert_ptr_null(safetensors_find(st, "lm_head.weight"));
    ck_assert_str_eq(safetensors_metadata(st, "format"), "pt");
    ck_assert_ptr_null(safetensors_metadata(st, "author"));
    safetensors_close(st);
    safetensors_close(NULL);
}
END_TEST

START_TEST(a_file_cut_at_any_byte_is_refused)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, BF16_FIXTURE, &err), ERR_OK);
    for (size_t len = 0; len < map.size; len += len < 3000 ? 1 : 1009) {
        struct safetensors *st;
        void *block;
        ck_assert_int_ne(parse_exact(&st, (const char *)map.data, len, &block), ERR_OK);
        ck_assert_ptr_null(st);
        ck_assert_str_ne(err.hint, "");
        free(block);
    }
    ck_assert_ptr_nonnull(strstr(err.message, "ends at byte"));
    file_unmap(&map);
}
END_TEST

START_TEST(wrong_headers_are_refused_with_the_reason)
{
    refuse("[1]", 0, ERR_FORMAT, "is not a safetensors file");
    refuse("{\"a\": 1", 0, ERR_FORMAT, "header");
    refuse("{\"a\": 1}", 0, ERR_FORMAT, "'a': its dtype is missing");
    refuse("{\"a\": {\"dtype\": \"F8_E4M3\"}}", 0, ERR_UNSUPPORTED, "F8_E4M3");
    refuse("{\"a\": {\"dtype\": \"F32\"}}", 0, ERR_FORMAT, "shape is missing");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [-1]}}", 0, ERR_FORMAT, "whole numbers");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [0.5]}}", 0, ERR_FORMAT, "whole numbers");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [1e30]}}", 0, ERR_FORMAT, "whole numbers");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1]}}", 0, ERR_UNSUPPORTED,
           "dimensions");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}", 4, ERR_FORMAT, "not a range");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4,0]}}", 4, ERR_FORMAT,
           "not a range");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0,4]}}", 3, ERR_FORMAT,
           "ends at byte 4 of the data, which has 3");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0,4]}}", 8, ERR_SHAPE,
           "needs 8 bytes");
}
END_TEST

START_TEST(shapes_that_overflow_are_refused)
{
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], "
           "\"data_offsets\": [0,0]}}",
           0, ERR_FORMAT, "larger than any memory");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [4503599627370496, 1024], "
           "\"data_offsets\": [0,0]}}",
           0, ERR_FORMAT, "larger than any memory");
    refuse("{\"a\": {\"dtype\": \"F32\", \"shape\": [9007199254740992, 1, 1, 2048], "
           "\"data_offsets\": [0,0]}}",
           0, ERR_FORMAT, "larger than any memory");
}
END_TEST

START_TEST(tensors_may_not_share_bytes_or_names)
{
    refuse("{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0,4]}, "
           "\"b\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [3,7]}}",
           8, ERR_FORMAT, "'a' and 'b' overlap");
    refuse("{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0,4]}, "
           "\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [4,8]}}",
           8, ERR_FORMAT, "'a' occurs twice");
}
END_TEST

START_TEST(a_header_longer_than_the_file_is_refused)
{
    struct buf b = make("{}", 0);
    memset(b.data, 0xff, 8);
    struct safetensors *st;
    ck_assert_int_eq(safetensors_parse(&st, b.data, b.len, "t", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "18446744073709551615"));
    buf_clear(&b);
    const char *pointer = "version https://git-lfs.github.com/spec/v1";
    ck_assert_int_eq(safetensors_parse(&st, pointer, strlen(pointer), "t", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.hint, "git-lfs"));
}
END_TEST

START_TEST(misaligned_tensors_are_copied_to_aligned_places)
{
    struct buf b = make("{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0,1]}, "
                        "\"b\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [1,5]}, "
                        "\"c\": {\"dtype\": \"F64\", \"shape\": [], \"data_offsets\": [5,13]}, "
                        "\"d\": {\"dtype\": \"F64\", \"shape\": [0], \"data_offsets\": [13,13]}}",
                        13);
    struct safetensors *st;
    ck_assert_int_eq(safetensors_parse(&st, b.data, b.len, "t", &err), ERR_OK);
    const struct tensor *t = safetensors_find(st, "b"), *c = safetensors_find(st, "c");
    ck_assert_uint_eq((uintptr_t)t->data % 4, 0);
    ck_assert_mem_eq(t->data, "\1\2\3\4", 4);
    ck_assert_uint_eq((uintptr_t)c->data % 8, 0);
    ck_assert_mem_eq(c->data, "\5\6\7\10\11\12\13\14", 8);
    ck_assert_uint_eq(safetensors_find(st, "d")->n_bytes, 0);
    safetensors_close(st);
    buf_clear(&b);
}
END_TEST

START_TEST(what_is_written_reads_back_aligned_and_without_gaps)
{
    char *dir = tmp_dir_new(), *path = path_join(dir, "out.safetensors");
    const float f[3] = {1.5f, -2, 3};
    const int64_t ids[2] = {2, -1};
    const uint8_t bytes[3] = {7, 8, 9};
    const struct tensor tensors[] = {{"bytes", DTYPE_U8, 1, {3}, bytes, 3},
                                     {"resid.\"20\"", DTYPE_F32, 2, {1, 3}, f, sizeof f},
                                     {"ids", DTYPE_I64, 1, {2}, ids, sizeof ids},
                                     {"none", DTYPE_F32, 2, {0, 9}, NULL, 0}};
    const char *const metadata[][2] = {{"model", "m\xC3\xA9"}, {"version", "1"}};
    ck_assert_int_eq(safetensors_write(path, tensors, 4, metadata, 2, &err), ERR_OK);
    struct safetensors *st;
    ck_assert_int_eq(safetensors_open(&st, path, &err), ERR_OK);
    ck_assert_uint_eq(safetensors_count(st), 4);
    size_t total = 0;
    for (size_t i = 0; i < 4; i++) {
        const struct tensor *t = safetensors_at(st, i);
        ck_assert_str_eq(t->name, tensors[i].name);
        ck_assert_int_eq(t->dtype, tensors[i].dtype);
        ck_assert_int_eq(t->n_dims, tensors[i].n_dims);
        ck_assert_mem_eq(t->shape, tensors[i].shape, sizeof t->shape);
        ck_assert_uint_eq(t->n_bytes, tensors[i].n_bytes);
        if (t->n_bytes)
            ck_assert_mem_eq(t->data, tensors[i].data, t->n_bytes);
        total += t->n_bytes;
    }
    ck_assert_str_eq(safetensors_metadata(st, "model"), "m\xC3\xA9");
    safetensors_close(st);
    struct file_map map;
    ck_assert_int_eq(file_map(&map, path, &err), ERR_OK);
    uint64_t header = load_u64(map.data);
    ck_assert_uint_eq((8 + header) % 64, 0);
    ck_assert_uint_eq(map.size, 8 + header + total);
    ck_assert_mem_eq(map.data + 8 + header, ids, sizeof ids);
    file_unmap(&map);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

Suite *suite_safetensors(void)
{
    Suite *s = suite_create("safetensors");
    TCase *t = tcase_create("safetensors");
    tcase_add_test(t, a_hugging_face_file_is_read);
    tcase_add_test(t, a_file_cut_at_any_byte_is_refused);
    tcase_add_test(t, wrong_headers_are_refused_with_the_reason);
    tcase_add_test(t, shapes_that_overflow_are_refused);
    tcase_add_test(t, tensors_may_not_share_bytes_or_names);
    tcase_add_test(t, a_header_longer_than_the_file_is_refused);
    tcase_add_test(t, misaligned_tensors_are_copied_to_aligned_places);
    tcase_add_test(t, what_is_written_reads_back_aligned_and_without_gaps);
    suite_add_tcase(s, t);
    return s;
}
