#include "tui/dict_read.h"

#include "data/safetensors.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/fixtures/gemma2-mini-f32"

enum { N = 4, HIGH = 2, LOW = 0, N_ROWS = 32 };

static struct err err;
static struct dictionary *high;
static struct dict_set set;
static size_t d_model;

static void setup(void)
{
    static const struct scope_options low = {.dict = FOLDER "/l2", .layer = LOW};
    ck_assert_int_eq(dictionary_open(&high, FOLDER "/l2", -1, NULL, NULL, &err), ERR_OK);
    ck_assert_int_eq(dict_set_open(&set, high, &low, 1, &err), ERR_OK);
    d_model = high->d_model;
}

static void teardown(void)
{
    dict_set_close(&set);
    dictionary_close(high);
}

START_TEST(a_session_and_its_dump_are_read_alike_and_each_row_is_its_own_dictionarys)
{
    static const int ids[N] = {2, 7, 181, 161};
    struct model *model;
    struct session *session;
    float *resid[2];
    ck_assert_int_eq(model_open(&model, FOLDER, &err), ERR_OK);
    ck_assert_int_eq(session_new(&session, model, LOW, 0, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(session, ids, N, &err), ERR_OK);
    ck_assert_int_eq(dict_read_session(resid, &set, session, -1, &err), ERR_OK);
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        float *all, *own;
        ck_assert_int_eq(
            dict_encode_all(&all, &set, (const float *const *)resid, N, is_signed, &err), ERR_OK);
        for (size_t d = 0; d < 2; d++) {
            ck_assert_int_eq(dict_encode(&own, set.dicts[d], resid[d], N, is_signed, &err), ERR_OK);
            for (size_t t = 0; t < N; t++)
                ck_assert_mem_eq(all + (2 * t + d) * N_ROWS, own + t * N_ROWS,
                                 N_ROWS * sizeof *own);
            free(own);
        }
        ck_assert_mem_ne(all, all + N_ROWS, N_ROWS * sizeof *all);
        free(all);
    }
    struct tensor tensors[2] = {{.name = "resid.2"}, {.name = "resid.0"}};
    for (size_t d = 0; d < 2; d++) {
        tensors[d].dtype = DTYPE_F32;
        tensors[d].n_dims = 2;
        tensors[d].shape[0] = N;
        tensors[d].shape[1] = d_model;
        tensors[d].data = resid[d];
        tensors[d].n_bytes = N * d_model * sizeof(float);
    }
    char *dir = tmp_dir_new(), path[256];
    struct dump_file *dump;
    snprintf(path, sizeof path, "%s/d.safetensors", dir);
    ck_assert_int_eq(safetensors_write(path, tensors, 2, NULL, 0, &err), ERR_OK);
    ck_assert_int_eq(dump_file_open(&dump, path, &err), ERR_OK);
    float **read = mem_zalloc(2, sizeof *read);
    ck_assert_int_eq(dict_read_dump(read, &set, dump, &err), ERR_OK);
    for (size_t d = 0; d < 2; d++) {
        ck_assert_mem_eq(read[d], resid[d], N * d_model * sizeof(float));
        free(resid[d]);
    }
    dict_resid_free(read, &set);
    dump_file_close(dump);
    tmp_dir_free(dir);
    session_free(session);
    model_close(model);
}
END_TEST

START_TEST(a_dump_without_a_dictionarys_layer_is_refused)
{
    float *row = mem_zalloc(d_model, sizeof *row), **resid = mem_zalloc(2, sizeof *resid);
    struct tensor tensor = {.name = "resid.2", .dtype = DTYPE_F32, .n_dims = 2, .data = row};
    char *dir = tmp_dir_new(), path[256];
    struct dump_file *dump;
    tensor.shape[0] = 1;
    tensor.shape[1] = d_model;
    tensor.n_bytes = d_model * sizeof *row;
    snprintf(path, sizeof path, "%s/d.safetensors", dir);
    ck_assert_int_eq(safetensors_write(path, &tensor, 1, NULL, 0, &err), ERR_OK);
    ck_assert_int_eq(dump_file_open(&dump, path, &err), ERR_OK);
    ck_assert_int_eq(dict_read_dump(resid, &set, dump, &err), ERR_SHAPE);
    ck_assert_msg(strstr(err.message, "layer 0") != NULL, "%s", err.message);
    dict_resid_free(resid, &set);
    dump_file_close(dump);
    tmp_dir_free(dir);
    free(row);
}
END_TEST

Suite *suite_dict_read(void)
{
    Suite *s = suite_create("dict_read");
    TCase *t = tcase_create("dict_read");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_session_and_its_dump_are_read_alike_and_each_row_is_its_own_dictionarys);
    tcase_add_test(t, a_dump_without_a_dictionarys_layer_is_refused);
    suite_add_tcase(s, t);
    return s;
}
