#include "data/bytes.h"
#include "data/file.h"
#include "data/torch_file.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"
#include "tests/support/tmp_dir.h"
#include "tests/support/zip_maker.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE "tests/fixtures/gemma2-mini/l3/weight.pt"
#define F32_FIXTURE "tests/fixtures/gemma2-mini-f32/l2/weight.pt"

static struct err err;

/* --- pickles as torch.save writes them, piece by piece --- */

static void op_text(struct buf *b, const char *text)
{
    uint8_t len[4];
    store_u32(len, (uint32_t)strlen(text));
    buf_char(b, 'X');
    buf_add(b, len, 4);
    buf_str(b, text);
}

static void op_int(struct buf *b, int64_t v)
{
    uint8_t bytes[8];
    store_u64(bytes, (uint64_t)v);
    buf_str(b, "\x8a\x08");
    buf_add(b, bytes, 8);
}

static void op_tuple(struct buf *b, const int64_t *v, size_t n)
{
    buf_char(b, '(');
    for (size_t i = 0; i < n; i++)
        op_int(b, v[i]);
    buf_char(b, 't');
}

struct recipe {
    const char *storage, *key;
    int64_t numel, offset;
    int64_t shape[5], strides[5];
    size_t n_dims;
};

static void op_tensor(struct buf *b, const struct recipe *r)
{
    buf_str(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    op_text(b, "storage");
    buf_printf(b, "ctorch\n%s\n", r->storage);
    op_text(b, r->key);
    op_text(b, "cuda:0");
    op_int(b, r->numel);
    buf_str(b, "tQ");
    op_int(b, r->offset);
    op_tuple(b, r->shape, r->n_dims);
    op_tuple(b, r->strides, r->n_dims);
    buf_str(b, "\x89"
               "ccollections\nOrderedDict\n)RtR");
}

struct entry {
    const char *name;
    const void *data;
    size_t size;
    bool deflate;
};

static struct buf make(const struct buf *pickle, const struct entry *entries, size_t n)
{
    struct zip_maker m = {0};
    zip_maker_add(&m, "archive/data.pkl", pickle->data, pickle->len, false);
    for (size_t i = 0; i < n; i++)
        zip_maker_add(&m, entries[i].name, entries[i].data, entries[i].size, entries[i].deflate);
    zip_maker_end(&m);
    struct buf bytes = m.bytes;
    m.bytes = (struct buf){0};
    zip_maker_clear(&m);
    return bytes;
}

/* An archive of one tensor over the six floats 0..5. */
static struct buf make_one(const struct recipe *r, bool deflate)
{
    static const float values[6] = {0, 1, 2, 3, 4, 5};
    struct buf pickle = {0};
    op_tensor(&pickle, r);
    buf_char(&pickle, '.');
    const struct entry e = {"archive/data/0", values, sizeof values, deflate};
    struct buf bytes = make(&pickle, &e, 1);
    buf_clear(&pickle);
    return bytes;
}

static void refuse_bytes(const void *bytes, size_t len, int code, const char *reason)
{
    struct torch_file *f;
    void *block = mem_alloc(len, 1);
    memcpy(block, bytes, len);
    ck_assert_msg(torch_parse(&f, block, len, "t.pt", &err) == code, "%s", err.message);
    ck_assert_ptr_null(f);
    ck_assert_ptr_nonnull(strstr(err.message, "t.pt"));
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(block);
}

static void refuse(struct recipe r, int code, const char *reason)
{
    struct buf bytes = make_one(&r, false);
    refuse_bytes(bytes.data, bytes.len, code, reason);
    buf_clear(&bytes);
}

static void refuse_pickle(const char *text, size_t len, int code, const char *reason)
{
    struct buf pickle = {0};
    buf_add(&pickle, text, len);
    struct buf bytes = make(&pickle, NULL, 0);
    refuse_bytes(bytes.data, bytes.len, code, reason);
    buf_clear(&bytes);
    buf_clear(&pickle);
}

/* --- real files --- */

static double sum(const struct tensor *t)
{
    size_t n;
    ck_assert_int_eq(tensor_n_elements(&n, t, &err), ERR_OK);
    float *values = mem_alloc(n, sizeof *values);
    tensor_to_f32(values, t->data, t->dtype, n);
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (double)values[i];
    free(values);
    return total;
}

static void check_tensor(const struct tensor *t, enum dtype dtype, size_t rows, size_t cols,
                         double total)
{
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(t->dtype, dtype);
    ck_assert_int_eq(t->n_dims, cols ? 2 : 1);
    ck_assert_uint_eq(t->shape[0], rows);
    if (cols)
        ck_assert_uint_eq(t->shape[1], cols);
    ck_assert_uint_eq((uintptr_t)t->data % dtype_size(dtype), 0);
    ck_assert_double_eq_tol(sum(t), total, 1e-3);
}

/* The sums are torch's own, over the loaded tensors in double precision. */
START_TEST(files_of_an_older_torch_are_read)
{
    struct torch_file *f;
    ck_assert_int_eq(torch_open(&f, FIXTURE, &err), ERR_OK);
    ck_assert_uint_eq(torch_count(f), 1);
    ck_assert_ptr_eq(torch_at(f, 0), torch_find(f, ""));
    ck_assert_ptr_null(torch_at(f, 1));
    ck_assert_ptr_null(torch_find(f, "weight"));
    check_tensor(torch_at(f, 0), DTYPE_BF16, 64, 96, -1.5972001552581787);
    torch_close(f);
    ck_assert_int_eq(torch_open(&f, F32_FIXTURE, &err), ERR_OK);
    ck_assert_uint_eq(torch_at(f, 0)->n_bytes, 4096);
    torch_close(f);
    torch_close(NULL);
}
END_TEST

START_TEST(files_of_a_newer_torch_are_read)
{
    char *weight = shared_file("axbench/dump-2b-l10-fd/DiffMean_weight.pt");
    char *bias = shared_file("axbench/dump-2b-l10-fd/DiffMean_bias.pt");
    struct torch_file *f;
    if (weight && bias) {
        ck_assert_int_eq(torch_open(&f, weight, &err), ERR_OK);
        check_tensor(torch_find(f, ""), DTYPE_BF16, 10, 2304, -12.103792130947113);
        torch_close(f);
        ck_assert_int_eq(torch_open(&f, bias, &err), ERR_OK);
        check_tensor(torch_find(f, ""), DTYPE_BF16, 10, 0, 0);
        torch_close(f);
    }
    free(weight);
    free(bias);
}
END_TEST

START_TEST(a_real_dict_has_all_its_tensors)
{
    char *path = shared_file("axbench/dump-2b-l10-fd/GemmaScopeSAE.pt");
    if (!path)
        return;
    struct torch_file *f;
    ck_assert_int_eq(torch_open(&f, path, &err), ERR_OK);
    ck_assert_uint_eq(torch_count(f), 5);
    ck_assert_str_eq(torch_at(f, 0)->name, "b_dec");
    check_tensor(torch_find(f, "b_dec"), DTYPE_F32, 2304, 0, 139.4189313558527);
    check_tensor(torch_find(f, "W_dec"), DTYPE_F32, 10, 2304, -0.6676135622985271);
    check_tensor(torch_find(f, "W_enc"), DTYPE_F32, 2304, 10, -2.4887124104398026);
    check_tensor(torch_find(f, "b_enc"), DTYPE_F32, 10, 0, -83.31132411956787);
    check_tensor(torch_find(f, "threshold"), DTYPE_F32, 10, 0, 48.50236368179321);
    torch_close(f);
    free(path);
}
END_TEST

START_TEST(a_file_cut_at_any_byte_is_refused)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, F32_FIXTURE, &err), ERR_OK);
    for (size_t len = 0; len < map.size; len++)
        refuse_bytes(map.data, len, ERR_FORMAT, "end record");
    file_unmap(&map);
}
END_TEST

START_TEST(any_changed_byte_is_survived)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, F32_FIXTURE, &err), ERR_OK);
    uint8_t *bytes = mem_alloc(map.size, 1);
    memcpy(bytes, map.data, map.size);
    for (size_t at = 0; at < map.size; at++) {
        if (at == 400)
            at = 4300; /* the tensor's own bytes cannot do harm */
        for (int flip = 1; flip < 256; flip = flip * 2 + 1) {
            bytes[at] ^= (uint8_t)flip;
            struct torch_file *f;
            if (torch_parse(&f, bytes, map.size, "t.pt", NULL) == ERR_OK) {
                for (size_t i = 0; i < torch_count(f); i++)
                    sum(torch_at(f, i)); /* reads every byte */
                torch_close(f);
            }
            bytes[at] ^= (uint8_t)flip;
        }
    }
    free(bytes);
    file_unmap(&map);
}
END_TEST

/* --- made files --- */

START_TEST(deflated_and_misaligned_entries_are_unpacked)
{
    const struct recipe r = {"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}, 2};
    for (int deflate = 0; deflate < 2; deflate++) {
        struct buf bytes = make_one(&r, deflate);
        char *moved = mem_alloc(bytes.len + 1, 1);
        memcpy(moved + 1, bytes.data, bytes.len);
        struct torch_file *f;
        ck_assert_int_eq(torch_parse(&f, moved + 1, bytes.len, "t.pt", &err), ERR_OK);
        check_tensor(torch_find(f, ""), DTYPE_F32, 2, 3, 15);
        torch_close(f);
        free(moved);
        buf_clear(&bytes);
    }
}
END_TEST

START_TEST(offsets_into_a_shared_storage_are_honoured)
{
    const struct recipe a = {"FloatStorage", "0", 6, 2, {3}, {1}, 1};
    const struct recipe b = {"FloatStorage", "0", 6, 4, {1, 2, 1}, {77, 1, 5}, 3};
    const float values[6] = {0, 1, 2, 3, 4, 5};
    struct buf pickle = {0};
    buf_str(&pickle, "ccollections\nOrderedDict\n)R(");
    op_text(&pickle, "a");
    op_tensor(&pickle, &a);
    op_text(&pickle, "b");
    buf_str(&pickle, "ctorch._utils\n_rebuild_parameter\n(");
    op_tensor(&pickle, &b);
    buf_str(&pickle, "\x88"
                     "ccollections\nOrderedDict\n)RtRu.");
    const struct entry e = {"archive/data/0", values, sizeof values, false};
    struct buf bytes = make(&pickle, &e, 1);
    struct torch_file *f;
    ck_assert_msg(torch_parse(&f, bytes.data, bytes.len, "t.pt", &err) == ERR_OK, "%s",
                  err.message);
    ck_assert_uint_eq(torch_count(f), 2);
    check_tensor(torch_find(f, "a"), DTYPE_F32, 3, 0, 2 + 3 + 4);
    ck_assert_int_eq(torch_find(f, "b")->n_dims, 3);
    ck_assert(sum(torch_find(f, "b")) == 4 + 5);
    torch_close(f);
    buf_clear(&bytes);
    buf_clear(&pickle);
}
END_TEST

START_TEST(every_storage_type_has_its_dtype)
{
    static const struct {
        const char *storage;
        enum dtype dtype;
    } all[] = {{"FloatStorage", DTYPE_F32},     {"HalfStorage", DTYPE_F16},
               {"BFloat16Storage", DTYPE_BF16}, {"DoubleStorage", DTYPE_F64},
               {"LongStorage", DTYPE_I64},      {"IntStorage", DTYPE_I32},
               {"ByteStorage", DTYPE_U8}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct recipe r = {all[i].storage, "0", 3, 1, {2}, {1}, 1};
        struct buf bytes = make_one(&r, false);
        struct torch_file *f;
        ck_assert_int_eq(torch_parse(&f, bytes.data, bytes.len, "t.pt", &err), ERR_OK);
        ck_assert_int_eq(torch_at(f, 0)->dtype, all[i].dtype);
        ck_assert_uint_eq(torch_at(f, 0)->n_bytes, 2 * dtype_size(all[i].dtype));
        torch_close(f);
        buf_clear(&bytes);
    }
    refuse((struct recipe){"BoolStorage", "0", 3, 0, {3}, {1}, 1}, ERR_UNSUPPORTED,
           "'torch BoolStorage'");
}
END_TEST

START_TEST(other_strides_are_refused)
{
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {2, 3}, {1, 2}, 2}, ERR_UNSUPPORTED,
           "stored transposed or as a slice");
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {3}, {2}, 1}, ERR_UNSUPPORTED, "slice");
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {2, 3}, {0, 1}, 2}, ERR_UNSUPPORTED, "slice");
}
END_TEST

START_TEST(shapes_beyond_the_storage_are_refused)
{
    const int64_t huge = (int64_t)1 << 32;
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {7}, {1}, 1}, ERR_SHAPE, "7 elements");
    refuse((struct recipe){"FloatStorage", "0", 6, 4, {3}, {1}, 1}, ERR_SHAPE, "from number 4");
    refuse((struct recipe){"FloatStorage", "0", 6, INT64_MAX, {3}, {1}, 1}, ERR_SHAPE, "elements");
    refuse((struct recipe){"FloatStorage", "0", 6, -1, {3}, {1}, 1}, ERR_FORMAT, "as torch does");
    refuse((struct recipe){"FloatStorage", "0", 7, 0, {7}, {1}, 1}, ERR_FORMAT, "needs 7 elements");
    refuse((struct recipe){"DoubleStorage", "0", 6, 0, {6}, {1}, 1}, ERR_FORMAT, "of 8 bytes");
    refuse((struct recipe){"FloatStorage", "0", huge << 29, 0, {6}, {1}, 1}, ERR_FORMAT, "needs");
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {huge, huge}, {huge, 1}, 2}, ERR_FORMAT,
           "larger than any memory");
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {-3}, {1}, 1}, ERR_FORMAT, "tuple of sizes");
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {3}, {-1}, 1}, ERR_FORMAT, "strides");
    refuse((struct recipe){"FloatStorage", "0", 6, 0, {1, 1, 1, 1, 6}, {6, 6, 6, 6, 1}, 5},
           ERR_UNSUPPORTED, "5 dimensions");
    refuse((struct recipe){"FloatStorage", "1", 6, 0, {6}, {1}, 1}, ERR_FORMAT, "entry is missing");
}
END_TEST

START_TEST(what_is_no_tensor_is_refused)
{
    refuse_pickle("K\1.", 3, ERR_UNSUPPORTED, "is not a tensor");
    refuse_pickle("}K\1K\2s.", 7, ERR_UNSUPPORTED, "keys are not all strings");
    refuse_pickle("}X\1\0\0\0kK\2s.", 11, ERR_UNSUPPORTED, "'k' is not a tensor");
    refuse_pickle("}q\0X\1\0\0\0kh\0s.", 13, ERR_UNSUPPORTED, "'k' is not a tensor");
    static const char attack[] = "cos\nsystem\n(X\4\0\0\0truetR.";
    refuse_pickle(attack, sizeof attack - 1, ERR_UNSUPPORTED, "data.pkl: pickle byte 0: names 'os");
    static const char call[] = "ctorch._utils\n_rebuild_tensor_v2\n)R.";
    refuse_pickle(call, sizeof call - 1, ERR_FORMAT, "not described");
    static const char call4[] = "ctorch._utils\n_rebuild_tensor_v2\n(K\1K\2K\3K\4tR.";
    refuse_pickle(call4, sizeof call4 - 1, ERR_FORMAT, "refer to a storage");
    static const char param[] = "ctorch._utils\n_rebuild_parameter\n)R.";
    refuse_pickle(param, sizeof param - 1, ERR_UNSUPPORTED, "not a tensor");
}
END_TEST

START_TEST(other_archives_and_old_files_are_refused)
{
    struct zip_maker m = {0};
    zip_maker_add(&m, "x/readme", "x", 1, false);
    zip_maker_end(&m);
    refuse_bytes(m.bytes.data, m.bytes.len, ERR_FORMAT, "without data.pkl");
    zip_maker_clear(&m);
    zip_maker_add(&m, "x/data.pkl", "K\1.", 3, false);
    zip_maker_add(&m, "y/data.pkl", "K\1.", 3, false);
    zip_maker_end(&m);
    refuse_bytes(m.bytes.data, m.bytes.len, ERR_FORMAT, "more than one data.pkl");
    zip_maker_clear(&m);
    zip_maker_add(&m, "x/data.pkl", "K\1.", 3, false);
    zip_maker_add(&m, "x/byteorder", "big", 3, false);
    zip_maker_end(&m);
    refuse_bytes(m.bytes.data, m.bytes.len, ERR_UNSUPPORTED, "byteorder is not 'little'");
    zip_maker_clear(&m);
    refuse_bytes("\x80\x02\x8a\x0al\xfc", 6, ERR_UNSUPPORTED, "before 1.6");
}
END_TEST

Suite *suite_torch_file(void)
{
    Suite *s = suite_create("torch_file");
    TCase *t = tcase_create("torch_file");
    tcase_add_test(t, files_of_an_older_torch_are_read);
    tcase_add_test(t, files_of_a_newer_torch_are_read);
    tcase_add_test(t, a_real_dict_has_all_its_tensors);
    tcase_add_test(t, a_file_cut_at_any_byte_is_refused);
    tcase_add_test(t, any_changed_byte_is_survived);
    tcase_add_test(t, deflated_and_misaligned_entries_are_unpacked);
    tcase_add_test(t, offsets_into_a_shared_storage_are_honoured);
    tcase_add_test(t, every_storage_type_has_its_dtype);
    tcase_add_test(t, other_strides_are_refused);
    tcase_add_test(t, shapes_beyond_the_storage_are_refused);
    tcase_add_test(t, what_is_no_tensor_is_refused);
    tcase_add_test(t, other_archives_and_old_files_are_refused);
    suite_add_tcase(s, t);
    return s;
}
