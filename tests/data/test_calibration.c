/* setenv */
#define _XOPEN_SOURCE 700

#include "data/calibration.h"
#include "data/calibration_sums.h"

#include "data/cache_dir.h"
#include "data/dictionary.h"
#include "data/file.h"
#include "data/sae_params.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 5

static struct err err;

static struct calibration *some_calibration(bool has_density)
{
    struct calibration *cal = calibration_new(N, has_density);
    static struct passage items[] = {{"first", 5}, {"", 0}, {"the third", 9}};
    random_floats(cal->mean, N, 1);
    random_floats(cal->quantiles, N * CALIBRATION_QUANTILES, 2);
    random_floats(cal->max, N, 3);
    for (int c = 0; c < N; c++) {
        cal->spread[c] = (float)(c + 1);
        cal->max_passage[c] = c % 3;
        if (has_density)
            cal->density[c] = 0.25f * (float)c;
    }
    cal->n_tokens = 1234;
    cal->texts_hash = 0xfedcba9876543210u;
    calibration_set_passages(cal, &(struct passages){items, 3});
    calibration_set_floor(cal);
    return cal;
}

START_TEST(what_is_saved_is_read_again)
{
    char *dir = tmp_dir_new(), *path = path_join(dir, "c.safetensors");
    for (int has_density = 0; has_density < 2; has_density++) {
        struct calibration *a = some_calibration(has_density), *b;
        ck_assert_int_eq(calibration_save(a, path, &err), ERR_OK);
        ck_assert_msg(calibration_open(&b, path, &err) == ERR_OK, "%s", err.message);
        ck_assert_uint_eq(b->n_concepts, N);
        ck_assert_uint_eq(b->n_tokens, 1234);
        ck_assert_uint_eq(b->texts_hash, a->texts_hash);
        ck_assert_mem_eq(a->mean, b->mean, N * sizeof(float));
        ck_assert_mem_eq(a->spread, b->spread, N * sizeof(float));
        ck_assert_mem_eq(a->quantiles, b->quantiles, N * CALIBRATION_QUANTILES * sizeof(float));
        ck_assert_mem_eq(a->max, b->max, N * sizeof(float));
        ck_assert_mem_eq(a->max_passage, b->max_passage, N * sizeof(int32_t));
        ck_assert(!b->density == !has_density);
        if (has_density)
            ck_assert_mem_eq(a->density, b->density, N * sizeof(float));
        ck_assert_uint_eq(b->passages.n, 3);
        ck_assert_uint_eq(b->passages.items[1].len, 0);
        ck_assert_mem_eq(b->passages.items[2].text, "the third", 9);
        ck_assert_float_eq(a->spread_floor, b->spread_floor);
        calibration_close(a);
        calibration_close(b);
    }
    free(path);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(damage_is_an_error_with_a_hint_or_a_sound_reading)
{
    char *dir = tmp_dir_new(), *path = path_join(dir, "c.safetensors");
    struct calibration *a = some_calibration(true), *b;
    struct buf bytes = {0};
    ck_assert_int_eq(calibration_save(a, path, &err), ERR_OK);
    ck_assert_int_eq(file_read(&bytes, path, 1 << 20, &err), ERR_OK);
    int n_refused = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= (char)0xff;
        if (calibration_parse(&b, bytes.data, bytes.len, "damaged", &err) == ERR_OK) {
            for (int c = 0; c < N; c++) {
                ck_assert(isfinite(b->mean[c]) && b->spread[c] >= 0);
                ck_assert_uint_lt((size_t)b->max_passage[c], b->passages.n);
            }
            calibration_close(b);
        } else {
            ck_assert_ptr_null(b);
            ck_assert_uint_gt(strlen(err.message), 0);
            n_refused++;
        }
        bytes.data[i] ^= (char)0xff;
    }
    ck_assert_int_gt(n_refused, 100);
    for (size_t len = 0; len < bytes.len; len += 7)
        ck_assert_int_ne(calibration_parse(&b, bytes.data, len, "cut", &err), ERR_OK);
    calibration_close(a);
    buf_clear(&bytes);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(z_divides_by_no_less_than_the_floor)
{
    struct calibration *cal = calibration_new(4, false);
    const float spread[4] = {0, 2, 2, 8};
    memcpy(cal->spread, spread, sizeof spread);
    cal->mean[0] = 1;
    cal->mean[3] = -4;
    calibration_set_floor(cal);
    ck_assert_float_eq_tol(cal->spread_floor, 0.02f, 1e-9f);
    ck_assert_float_eq_tol(calibration_z(cal, 3, 12), 2, 1e-6f);
    ck_assert_float_eq_tol(calibration_z(cal, 0, 2), 50, 1e-4f);
    memset(cal->spread, 0, sizeof spread);
    calibration_set_floor(cal);
    ck_assert(isfinite(calibration_z(cal, 1, 1e9f)));
    ck_assert_float_eq(calibration_z(cal, 1, 0), 0);
    calibration_close(cal);
}
END_TEST

START_TEST(a_calibration_is_found_by_its_key_only)
{
    char *dir = tmp_dir_new(), *path;
    setenv("XDG_CACHE_HOME", dir, 1);
    const struct calibration_key key = {1, 2, 20};
    const struct calibration_key others[] = {{2, 2, 20}, {1, 3, 20}, {1, 2, 19}};
    struct calibration *a = some_calibration(true), *b;
    ck_assert_int_eq(calibration_find(&b, &key, N, &err), ERR_OK);
    ck_assert_ptr_null(b);
    ck_assert(!calibration_any());
    char *expected = calibration_path(&key);
    ck_assert_int_eq(cache_file_new(&path, "calibration", strrchr(expected, '/') + 1, &err), 0);
    ck_assert_str_eq(path, expected);
    ck_assert_int_eq(calibration_save(a, path, &err), ERR_OK);
    ck_assert(calibration_any());
    ck_assert_int_eq(calibration_find(&b, &key, N, &err), ERR_OK);
    ck_assert_ptr_nonnull(b);
    calibration_close(b);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(calibration_find(&b, &others[i], N, &err), ERR_OK);
        ck_assert_ptr_null(b);
    }
    ck_assert_int_eq(calibration_find(&b, &key, N + 1, &err), ERR_FORMAT);
    ck_assert_int_eq(file_write(path, "nonsense", 8, &err), ERR_OK);
    ck_assert_int_eq(calibration_find(&b, &key, N, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    calibration_close(a);
    free(path);
    free(expected);
    tmp_dir_free(dir);
}
END_TEST

/* --- what a key is made of --- */

static struct dictionary small_dictionary(float *w, float *threshold)
{
    return (struct dictionary){
        .n_concepts = 3, .d_model = 4, .directions = {DTYPE_F32, 3, 4, w}, .threshold = threshold};
}

START_TEST(directions_and_thresholds_make_the_hash_of_a_dictionary)
{
    float w[12] = {1, 2, 3}, threshold[3] = {1, 1, 1}, maxima[3] = {5, 5, 5};
    struct dictionary d = small_dictionary(w, threshold);
    uint64_t h = calibration_dict_hash(&d);
    d.act_max = maxima;
    ck_assert_uint_eq(calibration_dict_hash(&d), h);
    w[11] = 1e-30f;
    ck_assert_uint_ne(calibration_dict_hash(&d), h);
    w[11] = 0;
    threshold[2] = 2;
    ck_assert_uint_ne(calibration_dict_hash(&d), h);
    d.threshold = NULL;
    ck_assert_uint_ne(calibration_dict_hash(&d), h);
}
END_TEST

START_TEST(an_autoencoder_counts_with_its_encoder)
{
    float w[12] = {1, 2, 3}, enc[12] = {4, 5}, b_dec[4] = {0}, b_enc[3] = {0}, jump[3] = {1, 1, 1};
    struct sae_params sae = {
        .w_enc = {DTYPE_F32, 4, 3, enc}, .b_dec = b_dec, .b_enc = b_enc, .threshold = jump};
    struct dictionary d = small_dictionary(w, NULL);
    uint64_t plain = calibration_dict_hash(&d);
    d.sae = &sae;
    uint64_t h = calibration_dict_hash(&d);
    ck_assert_uint_ne(h, plain);
    float *const values[] = {&enc[7], &b_dec[1], &b_enc[2], &jump[0]};
    for (int i = 0; i < 4; i++) {
        float kept = *values[i];
        *values[i] = 9;
        ck_assert_uint_ne(calibration_dict_hash(&d), h);
        *values[i] = kept;
        ck_assert_uint_eq(calibration_dict_hash(&d), h);
    }
}
END_TEST

START_TEST(weights_configuration_and_tokenizer_make_the_hash_of_a_model)
{
    char *dir = tmp_dir_new();
    static const char *const names[] = {"config.json", "tokenizer.json", "model.safetensors"};
    uint64_t first, h;
    for (int i = 0; i < 3; i++)
        free(tmp_dir_write(dir, names[i], "old", 3));
    free(tmp_dir_write(dir, "README.md", "old", 3));
    ck_assert_int_eq(calibration_model_hash(&first, dir, &err), ERR_OK);
    free(tmp_dir_write(dir, "README.md", "new", 3));
    ck_assert_int_eq(calibration_model_hash(&h, dir, &err), ERR_OK);
    ck_assert_uint_eq(h, first);
    for (int i = 0; i < 3; i++) {
        free(tmp_dir_write(dir, names[i], "new", 3));
        ck_assert_int_eq(calibration_model_hash(&h, dir, &err), ERR_OK);
        ck_assert_uint_ne(h, first);
        free(tmp_dir_write(dir, names[i], "old", 3));
    }
    ck_assert_int_eq(calibration_model_hash(&h, dir, &err), ERR_OK);
    ck_assert_uint_eq(h, first);
    ck_assert_int_eq(calibration_model_hash(&h, "/nowhere/at/all", &err), ERR_IO);
    tmp_dir_free(dir);
}
END_TEST

/* --- sums --- */

static struct calibration_sums *some_sums(bool has_threshold)
{
    struct calibration_sums *s;
    ck_assert_int_eq(calibration_sums_new(&s, N, has_threshold, &err), ERR_OK);
    s->n_tokens = 7;
    s->n_passages = 3;
    s->texts_hash = 99;
    for (int c = 0; c < N; c++) {
        s->sum[c] = 0.1 * c;
        s->sum2[c] = 0.3 * c;
        s->max[c] = (float)c;
        s->max_passage[c] = c % 3;
        s->bins[c * CALIBRATION_BINS + 10 * c] = 7;
        if (has_threshold)
            s->above[c] = c;
    }
    return s;
}

START_TEST(sums_go_to_a_file_and_come_back)
{
    char *dir = tmp_dir_new(), *path = path_join(dir, "c.partial");
    for (int has = 0; has < 2; has++) {
        struct calibration_sums *a = some_sums(has), *b;
        ck_assert_int_eq(calibration_sums_save(a, path, &err), ERR_OK);
        ck_assert_msg(calibration_sums_open(&b, path, &err) == ERR_OK, "%s", err.message);
        ck_assert(b->n_tokens == 7 && b->n_passages == 3 && b->texts_hash == 99);
        ck_assert_mem_eq(a->sum, b->sum, N * sizeof(double));
        ck_assert_mem_eq(a->sum2, b->sum2, N * sizeof(double));
        ck_assert_mem_eq(a->max, b->max, N * sizeof(float));
        ck_assert_mem_eq(a->bins, b->bins, N * CALIBRATION_BINS * sizeof *a->bins);
        ck_assert(!b->above == !has);
        calibration_sums_free(a);
        calibration_sums_free(b);
    }
    free(path);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(impossible_sums_are_refused)
{
    char *dir = tmp_dir_new(), *path = path_join(dir, "c.partial");
    for (int damage = 0; damage < 5; damage++) {
        struct calibration_sums *a = some_sums(true), *b;
        if (damage == 0)
            a->bins[17]++;
        else if (damage == 1)
            a->sum2[1] = -1;
        else if (damage == 2)
            a->max_passage[2] = 3;
        else if (damage == 3)
            a->above[0] = 8;
        else
            a->sum[4] = NAN;
        ck_assert_int_eq(calibration_sums_save(a, path, &err), ERR_OK);
        ck_assert_int_eq(calibration_sums_open(&b, path, &err), ERR_FORMAT);
        ck_assert_ptr_null(b);
        calibration_sums_free(a);
    }
    free(path);
    tmp_dir_free(dir);
}
END_TEST

Suite *suite_calibration(void)
{
    Suite *s = suite_create("calibration");
    TCase *t = tcase_create("calibration");
    tcase_add_test(t, what_is_saved_is_read_again);
    tcase_add_test(t, damage_is_an_error_with_a_hint_or_a_sound_reading);
    tcase_add_test(t, z_divides_by_no_less_than_the_floor);
    tcase_add_test(t, a_calibration_is_found_by_its_key_only);
    tcase_add_test(t, directions_and_thresholds_make_the_hash_of_a_dictionary);
    tcase_add_test(t, an_autoencoder_counts_with_its_encoder);
    tcase_add_test(t, weights_configuration_and_tokenizer_make_the_hash_of_a_model);
    tcase_add_test(t, sums_go_to_a_file_and_come_back);
    tcase_add_test(t, impossible_sums_are_refused);
    suite_add_tcase(s, t);
    return s;
}
