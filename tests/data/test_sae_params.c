#include "data/sae_params.h"

#include "data/mem.h"
#include "data/safetensors.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define D 4
#define N 6
#define MAX_TENSORS 10

static struct err err;
static char *dir, *config;
static float numbers[D * N];
static struct tensor tensors[MAX_TENSORS];
static size_t n_tensors;

static void add(const char *name, size_t rows, size_t columns)
{
    struct tensor *t = &tensors[n_tensors++];
    *t = (struct tensor){.name = name, .n_dims = columns ? 2 : 1, .data = numbers};
    t->shape[0] = rows;
    t->shape[1] = columns;
    t->n_bytes = rows * (columns ? columns : 1) * sizeof(float);
}

static void set_up(void)
{
    dir = tmp_dir_new();
    config = NULL;
    n_tensors = 0;
    random_floats(numbers, D * N, 1);
    add("W_enc", D, N);
    add("W_dec", N, D);
    add("b_enc", N, 0);
    add("b_dec", D, 0);
    add("threshold", N, 0);
}

static void tear_down(void)
{
    free(config);
    tmp_dir_free(dir);
}

static void configure(const char *text)
{
    free(config);
    config = tmp_dir_write(dir, "cfg.json", text, strlen(text));
}

static struct tensor *find(const char *name)
{
    for (size_t i = 0; i < n_tensors; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    ck_abort_msg("no tensor %s", name);
}

static int open_sae(struct sae_params **out, struct tensor_file **file)
{
    char *path = tmp_dir_write(dir, "sae.safetensors", "", 0);
    ck_assert_int_eq(safetensors_write(path, tensors, n_tensors, NULL, 0, &err), ERR_OK);
    ck_assert_int_eq(tensor_file_open(file, path, &err), ERR_OK);
    int rc = sae_params_open(out, *file, path, config, &err);
    free(path);
    return rc;
}

static void refuse(int code, const char *reason)
{
    struct sae_params *sae;
    struct tensor_file *file;
    ck_assert_int_eq(open_sae(&sae, &file), code);
    ck_assert_ptr_null(sae);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_ptr_nonnull(strstr(err.message, dir));
    ck_assert_str_ne(err.hint, "");
    tensor_file_close(file);
}

START_TEST(without_a_config_it_is_gemma_scope)
{
    struct sae_params *sae;
    struct tensor_file *file;
    ck_assert_int_eq(open_sae(&sae, &file), ERR_OK);
    ck_assert(sae_is_in(file) && sae->config.kind == SAE_JUMPRELU && !sae->config.subtract_b_dec);
    ck_assert(sae->w_enc.n_rows == D && sae->w_enc.n_cols == N && sae->w_dec.n_rows == N);
    ck_assert_mem_eq(sae->threshold, numbers, N * sizeof(float));
    ck_assert(!sae->out_scale && !sae->b_mag && sae_heap_bytes(sae) == 0);
    sae_params_close(sae);
    sae_params_close(NULL);
    tensor_file_close(file);
}
END_TEST

START_TEST(doubles_are_rounded_and_counted)
{
    double wide[D * N];
    struct sae_params *sae;
    struct tensor_file *file;
    for (size_t i = 0; i < D * N; i++)
        wide[i] = numbers[i];
    find("W_dec")->dtype = DTYPE_F64;
    find("W_dec")->data = wide;
    find("W_dec")->n_bytes *= 2;
    ck_assert_int_eq(open_sae(&sae, &file), ERR_OK);
    ck_assert_mem_eq(sae->w_dec.data, numbers, sizeof numbers);
    ck_assert_uint_eq(sae_heap_bytes(sae), sizeof numbers);
    sae_params_close(sae);
    tensor_file_close(file);
}
END_TEST

START_TEST(a_missing_or_misshapen_tensor_is_named)
{
    n_tensors = 4;
    refuse(ERR_FORMAT, "a jumprelu autoencoder without tensor 'threshold'");
    configure("{\"architecture\": \"gated\"}");
    refuse(ERR_FORMAT, "without tensor 'b_gate'");
    configure("{}");
    find("b_enc")->shape[0] = D;
    find("b_enc")->n_bytes = D * sizeof(float);
    refuse(ERR_SHAPE, "'b_enc' has 4 elements, not 6");
    find("W_enc")->shape[0] = N;
    find("W_enc")->shape[1] = D;
    refuse(ERR_SHAPE, "W_enc is [6, 4] and W_dec is [6, 4]");
    find("W_enc")->n_dims = 1;
    find("W_enc")->shape[0] = D * N;
    refuse(ERR_SHAPE, "'W_enc' has 1 dimensions");
    find("W_enc")->n_bytes = D * N;
    find("W_enc")->dtype = DTYPE_U8;
    find("W_enc")->n_dims = 2;
    find("W_enc")->shape[0] = D;
    find("W_enc")->shape[1] = N;
    refuse(ERR_UNSUPPORTED, "stored as U8");
}
END_TEST

START_TEST(config_and_weights_must_agree)
{
    configure("{\"d_in\": 5}");
    refuse(ERR_SHAPE, "d_in is 5 in cfg.json, but 4 in the weights");
    configure("{\"d_in\": 4, \"d_sae\": 7}");
    refuse(ERR_SHAPE, "d_sae is 7 in cfg.json, but 6 in the weights");
    configure("{\"architecture\": \"topk\", \"k\": 7}");
    refuse(ERR_FORMAT, "k is 7, and there are 6 features");
}
END_TEST

START_TEST(a_number_that_is_not_finite_is_refused)
{
    float bad[N] = {0, 0, NAN};
    find("threshold")->data = bad;
    refuse(ERR_FORMAT, "'threshold': number 2 is a NaN or infinity");
    configure("{\"architecture\": \"topk\", \"k\": 2, \"rescale_acts_by_decoder_norm\": true}");
    memset(numbers, 0, sizeof numbers);
    refuse(ERR_FORMAT, "1 / norm");
}
END_TEST

START_TEST(a_finetuning_scale_is_read_where_it_is_announced)
{
    struct sae_params *sae;
    struct tensor_file *file;
    add("scaling_factor", N, 0);
    configure("{\"finetuning_scaling_factor\": false}");
    refuse(ERR_FORMAT, "records contradict");
    configure("{\"finetuning_scaling_factor\": true}");
    ck_assert_int_eq(open_sae(&sae, &file), ERR_OK);
    ck_assert_mem_eq(sae->out_scale, numbers, N * sizeof(float));
    sae_params_close(sae);
    tensor_file_close(file);
    float ones[N] = {1, 1, 1, 1, 1, 1};
    find("scaling_factor")->data = ones;
    configure("{}");
    ck_assert_int_eq(open_sae(&sae, &file), ERR_OK);
    ck_assert_ptr_null(sae->out_scale);
    sae_params_close(sae);
    tensor_file_close(file);
}
END_TEST

Suite *suite_sae_params(void)
{
    Suite *s = suite_create("sae_params");
    TCase *c = tcase_create("sae_params");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, without_a_config_it_is_gemma_scope);
    tcase_add_test(c, doubles_are_rounded_and_counted);
    tcase_add_test(c, a_missing_or_misshapen_tensor_is_named);
    tcase_add_test(c, config_and_weights_must_agree);
    tcase_add_test(c, a_number_that_is_not_finite_is_refused);
    tcase_add_test(c, a_finetuning_scale_is_read_where_it_is_announced);
    suite_add_tcase(s, c);
    return s;
}
