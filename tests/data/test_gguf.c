#include "data/bytes.h"
#include "data/gguf_internal.h"
#include "tests/support/gguf_maker.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

static struct err err;

/* Parses from a block of exactly that size, so that a sanitizer sees a read past the end. */
static int parse_exact(struct gguf **out, const struct buf *file, void **block)
{
    *block = mem_alloc(file->len, 1);
    memcpy(*block, file->data, file->len);
    return gguf_parse(out, *block, file->len, "t.gguf", &err);
}

static void refuse_bytes(const struct buf *file, int code, const char *reason)
{
    struct gguf *g;
    void *block;
    int rc = parse_exact(&g, file, &block);
    ck_assert_msg(rc == code, "%d instead of %d for '%s': %s", rc, code, reason, err.message);
    ck_assert_ptr_null(g);
    ck_assert_ptr_nonnull(strstr(err.message, "t.gguf"));
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(block);
}

/* Ends and clears the maker. */
static void refuse(struct gguf_maker *m, int code, const char *reason)
{
    struct buf file = {0};
    gguf_make_end(&file, m);
    refuse_bytes(&file, code, reason);
    buf_clear(&file);
    gguf_make_clear(m);
}

static const float weights[6] = {1, 2, 3, 4, 5, 6};
static const size_t two_by_three[] = {2, 3};

/* One value of every type, an array of each kind, and three tensors. */
static void make_sample(struct gguf_maker *m)
{
    static const int32_t types[] = {1, -2, 3};
    static const uint8_t eight[8] = {1, 0, 0, 0, 0, 0, 0, 128};
    static const uint8_t blocks[2 * 34] = {0};
    const double real = 2.5;
    gguf_make_string(m, "general.architecture", "gemma2");
    gguf_make_raw(m, "u8", GGUF_U8, "\xff", 1);
    gguf_make_raw(m, "i8", GGUF_I8, "\xff", 1);
    gguf_make_raw(m, "u16", GGUF_U16, "\xff\xff", 2);
    gguf_make_raw(m, "i16", GGUF_I16, "\xfe\xff", 2);
    gguf_make_u32(m, "u32", 4000000000u);
    gguf_make_raw(m, "i32", GGUF_I32, "\xfd\xff\xff\xff", 4);
    gguf_make_f32(m, "f32", -0.5f);
    gguf_make_bool(m, "bool", true);
    gguf_make_raw(m, "u64", GGUF_U64, eight, 8);
    gguf_make_raw(m, "i64", GGUF_I64, eight, 8);
    gguf_make_raw(m, "f64", GGUF_F64, &real, 8);
    gguf_make_array(m, "tokens", GGUF_STRING, 3);
    gguf_add_string(&m->values, "<pad>", 5);
    gguf_add_string(&m->values, "", 0);
    gguf_add_string(&m->values, "a\0b", 3);
    gguf_make_array(m, "token_type", GGUF_I32, 3);
    buf_add(&m->values, types, sizeof types);
    gguf_make_array(m, "scores", GGUF_F32, 6);
    buf_add(&m->values, weights, sizeof weights);
    gguf_make_array(m, "nested", GGUF_ARRAY, 1);
    buf_add(&m->values, "\0\0\0\0\2\0\0\0\0\0\0\0xy", 14); /* two u8 */
    gguf_make_u32(m, "last", 7);
    gguf_make_tensor_of(m, "a", 0, 2, two_by_three, weights, sizeof weights);
    gguf_make_tensor_of(m, "odd", 10, 1, (size_t[]){256}, blocks, 8);
    gguf_make_tensor_of(m, "b", 8, 2, (size_t[]){2, 32}, blocks, sizeof blocks);
}

static void check_values(const struct gguf *g)
{
    static const struct {
        const char *key;
        int64_t value;
    } whole[] = {{"u8", 255},          {"i8", -1},  {"u16", 65535}, {"i16", -2},
                 {"u32", 4000000000u}, {"i32", -3}, {"bool", 1},    {"i64", INT64_MIN + 1},
                 {"last", 7}};
    int64_t i;
    double d;
    size_t len;
    for (size_t k = 0; k < sizeof whole / sizeof *whole; k++) {
        ck_assert_msg(gguf_int(&i, gguf_find_value(g, whole[k].key)), "%s", whole[k].key);
        ck_assert_int_eq(i, whole[k].value);
    }
    ck_assert(!gguf_int(&i, gguf_find_value(g, "u64"))); /* 2^63 + 1 is out of range */
    ck_assert(!gguf_int(&i, gguf_find_value(g, "f32")) && !gguf_int(&i, NULL));
    ck_assert(gguf_real(&d, gguf_find_value(g, "f32")) && d == -0.5);
    ck_assert(gguf_real(&d, gguf_find_value(g, "f64")) && d == 2.5);
    ck_assert(!gguf_real(&d, gguf_find_value(g, "u8")));
    const char *text = gguf_string(&len, gguf_find_value(g, "general.architecture"));
    ck_assert(text && len == 6 && memcmp(text, "gemma2", 6) == 0);
    ck_assert_ptr_null(gguf_string(&len, gguf_find_value(g, "u8")));
    ck_assert_ptr_null(gguf_find_value(g, "none"));
}

static void check_arrays(const struct gguf *g)
{
    const struct gguf_value *tokens = gguf_find_value(g, "tokens");
    ck_assert(tokens->type == GGUF_ARRAY && tokens->item_type == GGUF_STRING && tokens->n == 3);
    const uint8_t *at = tokens->bytes;
    size_t len;
    const char *text = gguf_next_string(&len, &at);
    ck_assert(len == 5 && memcmp(text, "<pad>", 5) == 0);
    gguf_next_string(&len, &at);
    ck_assert_uint_eq(len, 0);
    text = gguf_next_string(&len, &at);
    ck_assert(len == 3 && memcmp(text, "a\0b", 3) == 0);
    const struct gguf_value *types = gguf_find_value(g, "token_type");
    ck_assert(types->n == 3 && gguf_item_real(types, 1) == -2);
    ck_assert(gguf_item_real(gguf_find_value(g, "scores"), 5) == 6);
    ck_assert(gguf_find_value(g, "nested")->n == 1);
}

static void check_tensors(const struct gguf *g)
{
    ck_assert_uint_eq(gguf_n_tensors(g), 2);
    const struct tensor *a = gguf_find_tensor(g, "a");
    ck_assert(a && a == gguf_tensor_at(g, 0) && a->dtype == DTYPE_F32 && a->n_dims == 2);
    ck_assert(a->shape[0] == 2 && a->shape[1] == 3 && a->n_bytes == sizeof weights);
    ck_assert_mem_eq(a->data, weights, sizeof weights);
    const struct tensor *b = gguf_find_tensor(g, "b");
    ck_assert(b && b->dtype == DTYPE_Q8_0 && b->n_bytes == 68);
    ck_assert_ptr_null(gguf_find_tensor(g, "c"));
    ck_assert_ptr_null(gguf_tensor_at(g, 2));
    ck_assert_int_eq(gguf_check_types(g, &err), ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "'odd': is stored as Q2_K"));
}

START_TEST(values_arrays_and_tensors_are_read)
{
    for (uint32_t k = 0; k < 4; k++) {
        struct gguf_maker m = {.version = 2 + k % 2, .alignment = k < 2 ? 0 : 8 << 2 * k};
        struct buf file = {0};
        struct gguf *g;
        make_sample(&m);
        gguf_make_end(&file, &m);
        char *dir = tmp_dir_new(), *path = tmp_dir_write(dir, "m.gguf", file.data, file.len);
        ck_assert_msg(gguf_open(&g, path, &err) == ERR_OK, "%s", err.message);
        ck_assert_str_eq(gguf_name(g), path);
        ck_assert_uint_eq(g->n_values, 17 + (k >= 2));
        ck_assert_str_eq(g->values[16 + (k >= 2)].key, "last");
        check_values(g);
        check_arrays(g);
        check_tensors(g);
        gguf_close(g);
        free(path);
        tmp_dir_free(dir);
        buf_clear(&file);
        gguf_make_clear(&m);
    }
}
END_TEST

START_TEST(a_file_without_tensors_is_read)
{
    struct gguf_maker m = {0};
    struct buf file = {0};
    struct gguf *g;
    void *block;
    gguf_make_u32(&m, "n", 1);
    gguf_make_end(&file, &m);
    ck_assert_int_eq(parse_exact(&g, &file, &block), ERR_OK);
    ck_assert_uint_eq(gguf_n_tensors(g), 0);
    ck_assert_ptr_null(gguf_find_tensor(g, "a"));
    ck_assert_int_eq(gguf_check_types(g, &err), ERR_OK);
    gguf_close(g);
    free(block);
    buf_clear(&file);
    gguf_make_clear(&m);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
    struct gguf_maker m = {0};
    struct buf file = {0};
    make_sample(&m);
    gguf_make_end(&file, &m);
    for (size_t len = 0; len < file.len; len++) {
        const struct buf part = {file.data, len, len};
        refuse_bytes(&part, ERR_FORMAT, "t.gguf");
    }
    buf_clear(&file);
    gguf_make_clear(&m);
}
END_TEST

/* Whatever a byte becomes, the file is refused with a message or read within its bounds. */
START_TEST(no_damaged_byte_leads_outside_the_file)
{
    struct gguf_maker m = {0};
    struct buf file = {0};
    make_sample(&m);
    gguf_make_end(&file, &m);
    unsigned total = 0, n_read = 0;
    for (size_t at = 0; at < file.len; at++)
        for (int k = 0; k < 4; k++) {
            const char was = file.data[at];
            struct gguf *g;
            void *block;
            file.data[at] = (char)(was ^ (const char[]){1, 64, (char)128, (char)255}[k]);
            if (parse_exact(&g, &file, &block) == ERR_OK) {
                n_read++;
                for (size_t i = 0; i < gguf_n_tensors(g); i++) {
                    const struct tensor *t = gguf_tensor_at(g, i);
                    for (size_t b = 0; b < t->n_bytes; b++)
                        total += ((const uint8_t *)t->data)[b];
                }
                gguf_close(g);
            } else {
                ck_assert_ptr_null(g);
                ck_assert_str_ne(err.hint, "");
            }
            free(block);
            file.data[at] = was;
        }
    ck_assert(n_read > 100 && total > 0);
    buf_clear(&file);
    gguf_make_clear(&m);
}
END_TEST

START_TEST(other_files_and_versions_are_refused)
{
    struct gguf_maker m = {.version = 1};
    refuse(&m, ERR_UNSUPPORTED, "version 1");
    m.version = 4;
    refuse(&m, ERR_UNSUPPORTED, "version 4");
    m.version = 3u << 24;
    refuse(&m, ERR_UNSUPPORTED, "big-endian");
    const struct buf other = {(char[]){"PK\3\4, something else"}, 20, 20};
    refuse_bytes(&other, ERR_FORMAT, "not a GGUF file");
}
END_TEST

START_TEST(damaged_metadata_is_refused)
{
    struct gguf_maker m = {0};
    gguf_make_u32(&m, "a", 1);
    gguf_make_u32(&m, "a", 2);
    refuse(&m, ERR_FORMAT, "'a' occurs twice");
    gguf_make_u32(&m, "", 1);
    refuse(&m, ERR_FORMAT, "empty");
    gguf_make_raw(&m, "a", 13, "\0", 1);
    refuse(&m, ERR_FORMAT, "type 13");
    gguf_make_array(&m, "a", GGUF_U64, UINT64_MAX / 4);
    refuse(&m, ERR_FORMAT, "ends in the middle");
    gguf_make_array(&m, "a", GGUF_STRING, UINT64_MAX);
    refuse(&m, ERR_FORMAT, "ends in the middle");
    gguf_make_array(&m, "a", 77, 0);
    refuse(&m, ERR_FORMAT, "type 77");
    gguf_make_array(&m, "a", GGUF_ARRAY, 1);
    for (int depth = 0; depth < 5; depth++)
        buf_add(&m.values, "\x9\0\0\0\1\0\0\0\0\0\0\0", 12);
    refuse(&m, ERR_LIMIT, "deep");
    gguf_make_u32(&m, "general.alignment", 24);
    refuse(&m, ERR_FORMAT, "general.alignment");
    gguf_make_u32(&m, "general.alignment", 4);
    refuse(&m, ERR_FORMAT, "general.alignment");
    gguf_make_string(&m, "general.alignment", "32");
    refuse(&m, ERR_FORMAT, "general.alignment");
}
END_TEST

START_TEST(tensors_that_cannot_be_are_refused)
{
    struct gguf_maker m = {0};
    gguf_make_tensor_of(&m, "w", 0, 2, (size_t[]){SIZE_MAX / 3, 3}, weights, sizeof weights);
    refuse(&m, ERR_SHAPE, "'w'");
    gguf_make_tensor_of(&m, "w", 0, 2, (size_t[]){SIZE_MAX / 8, 3}, weights, sizeof weights);
    refuse(&m, ERR_SHAPE, "larger than any memory");
    gguf_make_tensor_of(&m, "w", 0, 2, (size_t[]){2, 4}, weights, sizeof weights);
    refuse(&m, ERR_FORMAT, "exceed the data");
    gguf_make_tensor_of(&m, "w", 8, 2, (size_t[]){2, 40}, weights, sizeof weights);
    refuse(&m, ERR_SHAPE, "whole blocks of Q8_0");
    gguf_make_tensor_of(&m, "w", 0, 5, (size_t[]){1, 1, 1, 1, 1}, weights, 4);
    refuse(&m, ERR_UNSUPPORTED, "5 dimensions");
    gguf_make_tensor_of(&m, "w", 0, 2, two_by_three, weights, sizeof weights);
    gguf_make_tensor_of(&m, "w", 0, 2, two_by_three, weights, sizeof weights);
    refuse(&m, ERR_FORMAT, "occurs twice");
}
END_TEST

/* The offset is the last field of a tensor's description. */
static void set_offset(struct gguf_maker *m, uint64_t offset)
{
    store_u64((uint8_t *)m->tensors.data + m->tensors.len - 8, offset);
}

START_TEST(offsets_are_checked)
{
    struct gguf_maker m = {0};
    gguf_make_tensor_of(&m, "w", 0, 2, two_by_three, weights, sizeof weights);
    set_offset(&m, 1);
    refuse(&m, ERR_FORMAT, "not a multiple of 32");
    gguf_make_tensor_of(&m, "w", 0, 2, two_by_three, weights, sizeof weights);
    set_offset(&m, UINT64_MAX - 31);
    refuse(&m, ERR_FORMAT, "exceed the data");
    gguf_make_tensor_of(&m, "v", 0, 2, two_by_three, weights, sizeof weights);
    gguf_make_tensor_of(&m, "w", 0, 2, two_by_three, weights, sizeof weights);
    set_offset(&m, 0);
    refuse(&m, ERR_FORMAT, "overlap");
}
END_TEST

START_TEST(a_type_without_a_number_is_named_as_unknown)
{
    struct gguf_maker m = {0};
    struct buf file = {0};
    struct gguf *g;
    void *block;
    gguf_make_tensor_of(&m, "w", 200, 1, (size_t[]){6}, weights, sizeof weights);
    gguf_make_end(&file, &m);
    ck_assert_int_eq(parse_exact(&g, &file, &block), ERR_OK);
    ck_assert_uint_eq(gguf_n_tensors(g), 0);
    ck_assert_int_eq(gguf_check_types(g, &err), ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "'w': is stored as an unknown type"));
    gguf_close(g);
    free(block);
    buf_clear(&file);
    gguf_make_clear(&m);
}
END_TEST

/* Two writers that share no line must agree to the byte. */
START_TEST(a_written_head_is_that_of_a_made_file)
{
    static const uint8_t blocks[34] = {1, 2, 3};
    const struct tensor tensors[] = {
        {.name = "q",
         .dtype = DTYPE_Q8_0,
         .n_dims = 1,
         .shape = {32},
         .data = blocks,
         .n_bytes = 34},
        {.name = "w",
         .dtype = DTYPE_F32,
         .n_dims = 2,
         .shape = {2, 3},
         .data = weights,
         .n_bytes = sizeof weights},
    };
    const char *const texts[][2] = {{"general.architecture", "none"}, {"a.key", "text"}};
    struct gguf_maker m = {0};
    struct buf made = {0}, written = {0};
    for (int i = 0; i < 2; i++) {
        gguf_make_string(&m, texts[i][0], texts[i][1]);
        gguf_make_tensor(&m, tensors[i].name, &tensors[i]);
    }
    gguf_make_end(&made, &m);
    gguf_write_head(&written, texts, 2, tensors, 2);
    for (int i = 0; i < 2; i++) {
        buf_add(&written, tensors[i].data, tensors[i].n_bytes);
        for (size_t n = i == 0 ? gguf_padding(tensors[i].n_bytes) : 0; n > 0; n--)
            buf_char(&written, '\0');
    }
    ck_assert_uint_eq(written.len, made.len);
    ck_assert_mem_eq(written.data, made.data, made.len);
    buf_clear(&written);
    buf_clear(&made);
    gguf_make_clear(&m);
}
END_TEST

Suite *suite_gguf(void)
{
    Suite *s = suite_create("gguf");
    TCase *t = tcase_create("reading");
    tcase_add_test(t, values_arrays_and_tensors_are_read);
    tcase_add_test(t, a_file_without_tensors_is_read);
    tcase_add_test(t, a_file_cut_anywhere_is_refused);
    tcase_add_test(t, no_damaged_byte_leads_outside_the_file);
    tcase_add_test(t, other_files_and_versions_are_refused);
    tcase_add_test(t, damaged_metadata_is_refused);
    tcase_add_test(t, tensors_that_cannot_be_are_refused);
    tcase_add_test(t, offsets_are_checked);
    tcase_add_test(t, a_type_without_a_number_is_named_as_unknown);
    tcase_add_test(t, a_written_head_is_that_of_a_made_file);
    suite_add_tcase(s, t);
    return s;
}
