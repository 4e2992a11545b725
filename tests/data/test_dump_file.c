#include "data/dump_file.h"

#include "data/file.h"
#include "data/safetensors.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define T 3
#define D 4

static struct err err;
static float resid[T * D];
static const int64_t ids[T] = {2, 114, 41};

static struct tensor tensor(const char *name, enum dtype dtype, const void *data, int n_dims,
                            const size_t *shape)
{
    struct tensor t = {.name = name, .dtype = dtype, .n_dims = n_dims, .data = data};
    t.n_bytes = dtype_size(dtype);
    for (int i = 0; i < n_dims; i++) {
        t.shape[i] = shape[i];
        t.n_bytes *= shape[i];
    }
    return t;
}

/* Writes the tensors and opens what was written; *dir is to be freed. */
static int open_written(struct dump_file **out, const struct tensor *tensors, size_t n)
{
    char *dir = tmp_dir_new(), *path = path_join(dir, "d.safetensors");
    const char *const metadata[][2] = {{"model", "mini"}};
    ck_assert_int_eq(safetensors_write(path, tensors, n, metadata, 1, &err), ERR_OK);
    int rc = dump_file_open(out, path, &err);
    free(path);
    tmp_dir_free(dir);
    return rc;
}

static void refuse(const struct tensor *tensors, size_t n, const char *reason)
{
    struct dump_file *dump;
    ck_assert_int_ne(open_written(&dump, tensors, n), ERR_OK);
    ck_assert_ptr_null(dump);
    ck_assert_msg(strstr(err.message, reason), "'%s' lacks '%s'", err.message, reason);
}

START_TEST(residuals_of_any_float_type_are_read)
{
    uint16_t bf16[T * D], f16[T * D];
    random_floats(resid, T * D, 1);
    for (size_t i = 0; i < T * D; i++) {
        bf16[i] = f32_to_bf16(resid[i]);
        f16[i] = f32_to_f16(resid[i]);
    }
    const struct tensor all[] = {
        tensor("ids", DTYPE_I64, ids, 1, (size_t[]){T}),
        tensor("resid.3", DTYPE_F32, resid, 2, (size_t[]){T, D}),
        tensor("resid.12", DTYPE_BF16, bf16, 3, (size_t[]){1, T, D}),
        tensor("resid.0", DTYPE_F16, f16, 2, (size_t[]){T, D}),
        tensor("residual", DTYPE_F32, resid, 1, (size_t[]){5}),
        tensor("resid.x", DTYPE_F32, resid, 1, (size_t[]){5}),
        tensor("resid.03", DTYPE_F32, resid, 1, (size_t[]){5}),
    };
    const int layers[] = {3, 12, 0};
    struct dump_file *dump;
    int rc = open_written(&dump, all, 7);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    ck_assert_uint_eq(dump_file_n_tokens(dump), T);
    ck_assert_uint_eq(dump_file_d_model(dump), D);
    ck_assert_str_eq(dump_file_model(dump), "mini");
    ck_assert_int_eq(dump_file_ids(dump)[1], 114);
    ck_assert_ptr_null(dump_file_counted(dump));
    for (int k = 0; k < 3; k++) {
        float *got;
        int layer;
        ck_assert_int_eq(dump_file_layer(&layer, dump, layers[k], "the dictionary", &err), ERR_OK);
        ck_assert_int_eq(layer, layers[k]);
        ck_assert_int_eq(dump_file_resid(&got, dump, layer, &err), ERR_OK);
        for (size_t i = 0; i < T * D; i++)
            ck_assert_float_eq(got[i], k == 0   ? resid[i]
                                       : k == 1 ? bf16_to_f32(bf16[i])
                                                : f16_to_f32(f16[i]));
        free(got);
    }
    dump_file_close(dump);
}
END_TEST

START_TEST(ids_are_optional_and_may_be_a_batch_of_one)
{
    const int32_t small[T] = {7, 8, 9};
    const uint8_t counted[T] = {0, 1, 255};
    const struct tensor r = tensor("resid.3", DTYPE_F32, resid, 2, (size_t[]){T, D});
    struct dump_file *dump;
    ck_assert_int_eq(open_written(&dump, &r, 1), ERR_OK);
    ck_assert_ptr_null(dump_file_ids(dump));
    dump_file_close(dump);
    const struct tensor all[] = {r, tensor("ids", DTYPE_I32, small, 2, (size_t[]){1, T}),
                                 tensor("counted", DTYPE_U8, counted, 1, (size_t[]){T})};
    ck_assert_int_eq(open_written(&dump, all, 3), ERR_OK);
    ck_assert_int_eq(dump_file_ids(dump)[2], 9);
    ck_assert(!dump_file_counted(dump)[0] && dump_file_counted(dump)[2]);
    dump_file_close(dump);
}
END_TEST

START_TEST(another_layer_is_an_error_that_names_both)
{
    const struct tensor all[] = {tensor("resid.3", DTYPE_F32, resid, 2, (size_t[]){T, D}),
                                 tensor("resid.5", DTYPE_F32, resid, 2, (size_t[]){T, D})};
    struct dump_file *dump;
    int layer;
    ck_assert_int_eq(open_written(&dump, all, 1), ERR_OK);
    ck_assert_int_eq(dump_file_layer(&layer, dump, -1, "the dictionary x", &err), ERR_OK);
    ck_assert_int_eq(layer, 3);
    ck_assert_int_eq(dump_file_layer(&layer, dump, 20, "the dictionary x", &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "after layer 3,"));
    ck_assert_ptr_nonnull(strstr(err.message, "the dictionary x is read at layer 20"));
    dump_file_close(dump);
    ck_assert_int_eq(open_written(&dump, all, 2), ERR_OK);
    ck_assert_int_eq(dump_file_layer(&layer, dump, -1, "the dictionary x", &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "3, 5"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--layer"));
    dump_file_close(dump);
}
END_TEST

START_TEST(what_does_not_fit_together_is_refused)
{
    const int64_t bad_ids[T] = {2, -1, 3};
    const struct tensor r = tensor("resid.3", DTYPE_F32, resid, 2, (size_t[]){T, D});
    const struct tensor pairs[][2] = {
        {tensor("other", DTYPE_F32, resid, 1, (size_t[]){T}),
         tensor("ids", DTYPE_I64, ids, 1, (size_t[]){T})},
        {r, tensor("resid.4", DTYPE_F32, resid, 2, (size_t[]){T, D - 1})},
        {r, tensor("ids", DTYPE_I64, ids, 1, (size_t[]){T - 1})},
        {r, tensor("ids", DTYPE_F32, resid, 1, (size_t[]){T})},
        {r, tensor("ids", DTYPE_I64, bad_ids, 1, (size_t[]){T})},
        {r, tensor("counted", DTYPE_I32, ids, 1, (size_t[]){T})},
        {r, tensor("resid.4", DTYPE_I64, ids, 2, (size_t[]){T, 1})},
        {r, tensor("resid.4", DTYPE_F32, resid, 3, (size_t[]){2, 2, 3})},
        {r, tensor("resid.4", DTYPE_F32, resid, 2, (size_t[]){0, D})},
    };
    static const char *const reasons[] = {
        "no tensor called resid.L", "another shape",  "one id for", "neither as I64", "no token id",
        "no list of bytes",         "neither as F32", "no matrix",  "no matrix"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        refuse(pairs[i], 2, reasons[i]);
}
END_TEST

START_TEST(a_residual_that_is_not_finite_is_an_error_with_its_position)
{
    float bad[T * D] = {0};
    const struct tensor r = tensor("resid.3", DTYPE_F32, bad, 2, (size_t[]){T, D});
    struct dump_file *dump;
    float *got;
    bad[2 * D + 1] = INFINITY;
    ck_assert_int_eq(open_written(&dump, &r, 1), ERR_OK);
    ck_assert_int_eq(dump_file_resid(&got, dump, 3, &err), ERR_FORMAT);
    ck_assert_ptr_null(got);
    ck_assert_ptr_nonnull(strstr(err.message, "position 2"));
    dump_file_close(dump);
}
END_TEST

Suite *suite_dump_file(void)
{
    Suite *s = suite_create("dump_file");
    TCase *t = tcase_create("dump_file");
    tcase_add_test(t, residuals_of_any_float_type_are_read);
    tcase_add_test(t, ids_are_optional_and_may_be_a_batch_of_one);
    tcase_add_test(t, another_layer_is_an_error_that_names_both);
    tcase_add_test(t, what_does_not_fit_together_is_refused);
    tcase_add_test(t, a_residual_that_is_not_finite_is_an_error_with_its_position);
    suite_add_tcase(s, t);
    return s;
}
