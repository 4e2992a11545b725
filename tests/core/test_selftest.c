/* setenv */
#define _XOPEN_SOURCE 700

#include "core/selftest.h"

#include "data/bytes.h"
#include "data/file.h"
#include "data/hash.h"
#include "data/mem.h"
#include "data/safetensors.h"
#include "data/weights_cache.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tolerance exact = {1e-3, 0.01}, coarse = {0.03, 0.5};

static enum selftest_status last(const struct selftest *t)
{
    return t->lines[t->n - 1].status;
}

static bool last_says(const struct selftest *t, const char *what)
{
    return strstr(t->lines[t->n - 1].text, what) != NULL;
}

START_TEST(a_number_passes_exactly_coarsely_or_not)
{
    struct selftest t = {0};
    selftest_number(&t, "n", 46.76, 46.7631, exact, coarse);
    ck_assert(last(&t) == SELFTEST_PASS && last_says(&t, "float32)"));
    selftest_number(&t, "n", 47.5, 46.7631, exact, coarse);
    ck_assert(last(&t) == SELFTEST_PASS && last_says(&t, "bfloat16)"));
    selftest_number(&t, "n", -0.49, 0, exact, coarse);
    ck_assert(last(&t) == SELFTEST_PASS);
    ck_assert_uint_eq(t.n_failed, 0);
    const double wrong[] = {49, 44, -46.7631, 0, NAN, INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        selftest_number(&t, "n", wrong[i], 46.7631, exact, coarse);
        ck_assert(last(&t) == SELFTEST_FAIL);
        ck_assert_uint_eq(t.n_failed, i + 1);
    }
    selftest_clear(&t);
}
END_TEST

START_TEST(arrays_are_compared_to_their_largest_and_a_nan_fails)
{
    struct selftest t = {0};
    const float want[] = {0, -200, 3};
    float got[] = {0.01f, -200.01f, 3};
    selftest_floats(&t, "f", got, want, 3, 1e-4);
    ck_assert(last(&t) == SELFTEST_PASS);
    got[2] = 3.03f;
    selftest_floats(&t, "f", got, want, 3, 1e-4);
    ck_assert(last(&t) == SELFTEST_FAIL &&
              last_says(&t, "0.00015 of the largest value apart (number 3 of 3)"));
    got[2] = NAN;
    selftest_floats(&t, "f", got, want, 3, 1e-4);
    ck_assert(last(&t) == SELFTEST_FAIL);
    got[2] = 3;
    selftest_floats(&t, "f", want, got, 0, 1);
    ck_assert(last(&t) == SELFTEST_FAIL);
    float broken[] = {INFINITY, 0, 0};
    selftest_floats(&t, "f", broken, broken, 3, 1);
    ck_assert(last(&t) == SELFTEST_FAIL);
    const float zeros[] = {0, 0, 0}, tiny[] = {0, 1e-9f, 0};
    selftest_floats(&t, "f", zeros, zeros, 3, 1e-4);
    ck_assert(last(&t) == SELFTEST_PASS && last_says(&t, "all 3 numbers are the same"));
    selftest_floats(&t, "f", tiny, zeros, 3, 1e-4);
    ck_assert(last(&t) == SELFTEST_FAIL);
    selftest_clear(&t);
}
END_TEST

START_TEST(lists_of_ids_must_be_the_same)
{
    struct selftest t = {0};
    const int a[] = {2, 106, 1645}, b[] = {2, 106, 1646};
    selftest_ints(&t, "i", a, 3, a, 3);
    ck_assert(last(&t) == SELFTEST_PASS);
    selftest_ints(&t, "i", b, 3, a, 3);
    ck_assert(last(&t) == SELFTEST_FAIL && last_says(&t, "number 2 is 1646, wanted 1645"));
    selftest_ints(&t, "i", a, 2, a, 3);
    ck_assert(last(&t) == SELFTEST_FAIL);
    selftest_clear(&t);
}
END_TEST

/* --- the published reading: activations invented so that they are exactly as published --- */

#define N_ROWS 15581
#define ROW 1795

static float *published_acts(void)
{
    float *acts = mem_zalloc((size_t)PUBLISHED_TOKENS * N_ROWS, sizeof *acts);
    for (int t = 1; t < PUBLISHED_TOKENS; t++) {
        const struct published_token *want = &published_reft[t];
        float *row = acts + (size_t)t * N_ROWS;
        row[ROW] = (float)want->act;
        if (want->argmax != ROW)
            row[want->argmax] = (float)want->act + 20;
        int n_above = (row[ROW] > 1) + (want->argmax != ROW);
        for (size_t c = 0; n_above < want->n_above; c++) {
            if (c == ROW || c == want->argmax)
                continue;
            row[c] = 1.5f;
            n_above++;
        }
    }
    return acts;
}

static size_t n_failed_with(const float *acts)
{
    struct selftest t = {0};
    selftest_compare_reft(&t, acts, N_ROWS);
    ck_assert_uint_eq(t.n, 3 * (PUBLISHED_TOKENS - 1));
    size_t n = t.n_failed;
    selftest_clear(&t);
    return n;
}

START_TEST(the_published_activations_pass_and_others_fail)
{
    float *acts = published_acts();
    ck_assert_uint_eq(n_failed_with(acts), 0);
    for (size_t i = 0; i < (size_t)PUBLISHED_TOKENS * N_ROWS; i++)
        acts[i] *= 1.01f; /* as from bfloat16 weights */
    ck_assert_uint_eq(n_failed_with(acts), 0);
    free(acts);
    acts = published_acts();
    acts[10 * (size_t)N_ROWS + ROW] *= 0.9f; /* the activation, nothing else */
    ck_assert_uint_eq(n_failed_with(acts), 1);
    acts[10 * (size_t)N_ROWS + ROW] = NAN;
    ck_assert_uint_ge(n_failed_with(acts), 1);
    free(acts);
    acts = published_acts();
    acts[5 * (size_t)N_ROWS + 77] = 500; /* another row is the largest */
    ck_assert_uint_eq(n_failed_with(acts), 1);
    free(acts);
    acts = published_acts();
    for (size_t c = 0; c < 2000; c++) /* too many rows are above 1 */
        acts[21 * (size_t)N_ROWS + c] =
            acts[21 * (size_t)N_ROWS + c] > 1 || c == ROW ? acts[21 * (size_t)N_ROWS + c] : 1.5f;
    ck_assert_uint_eq(n_failed_with(acts), 1);
    memmove(acts, acts + N_ROWS, (size_t)(PUBLISHED_TOKENS - 1) * N_ROWS * sizeof *acts);
    ck_assert_uint_gt(n_failed_with(acts), 30); /* off by one position */
    free(acts);
}
END_TEST

START_TEST(the_published_features_pass_and_others_fail)
{
    size_t n = 16384;
    float *acts = mem_zalloc(PUBLISHED_BARE * n, sizeof *acts);
    struct selftest right = {0}, wrong = {0};
    for (size_t t = 0; t < PUBLISHED_BARE; t++) {
        int n_above = 1;
        acts[t * n + published_scope[t].argmax] = 90;
        for (size_t c = 0; n_above < published_scope[t].n_above; c++)
            if (c != published_scope[t].argmax) {
                acts[t * n + c] = 1.5f;
                n_above++;
            }
    }
    selftest_compare_scope(&right, acts, n);
    ck_assert_uint_eq(right.n, 2 * PUBLISHED_BARE);
    ck_assert_uint_eq(right.n_failed, 0);
    acts[9 * n + 10004] = 3; /* not the largest, and far behind */
    acts[9 * n + 16000] = 90;
    selftest_compare_scope(&wrong, acts, n);
    ck_assert_uint_eq(wrong.n_failed, 1);
    selftest_clear(&right);
    selftest_clear(&wrong);
    free(acts);
}
END_TEST

/* --- whole runs --- */

static void run_on(const char *model, const char *dict, int need)
{
    struct scope scope;
    struct scope_options options = {.model = model, .dict = dict, .layer = dict ? 3 : -1};
    struct selftest t = {0};
    struct err err = {0};
    int rc = scope_open(&scope, &options, need, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    rc = selftest_run(&t, &scope, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    size_t n_passed = 0;
    for (size_t i = 0; i < t.n; i++) {
        ck_assert_msg(t.lines[i].status != SELFTEST_FAIL, "%s: %s", t.lines[i].name,
                      t.lines[i].text);
        n_passed += t.lines[i].status == SELFTEST_PASS;
    }
    ck_assert_uint_ge(n_passed, need & SCOPE_DICT ? 7 : 4);
    selftest_clear(&t);
    scope_close(&scope);
}

START_TEST(the_models_and_dictionaries_here_agree_with_themselves)
{
    static const char *const kinds[] = {"standard", "jumprelu", "topk", "gated"};
    run_on("assets/demo", NULL, SCOPE_MODEL | SCOPE_DICT);
    run_on("tests/fixtures/gemma2-mini", NULL, SCOPE_MODEL | SCOPE_DICT);
    run_on("tests/fixtures/gemma2-mini-f32", NULL, SCOPE_MODEL | SCOPE_DICT);
    run_on("tests/fixtures/gemma2-mini-f32", NULL, SCOPE_MODEL);
    for (int i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "tests/fixtures/sae/%s", kinds[i]);
        run_on("tests/fixtures/gemma2-mini", path, SCOPE_MODEL | SCOPE_DICT);
    }
}
END_TEST

static const struct selftest_line *line_of(const struct selftest *t, const char *part)
{
    for (size_t i = 0; i < t->n; i++)
        if (strstr(t->lines[i].name, part))
            return &t->lines[i];
    ck_abort_msg("there is no line on %s", part);
}

/* Opens the small model with weights in 8 bits from the cache and tests it. */
static void run_cached(struct selftest *t, const char *cache)
{
    struct scope scope;
    struct err err = {0};
    struct scope_options options = {.model = "tests/fixtures/gemma2-mini",
                                    .layer = -1,
                                    .weights = WEIGHTS_Q8,
                                    .caches_weights = true};
    setenv("XDG_CACHE_HOME", cache, 1);
    ck_assert_msg(scope_open(&scope, &options, SCOPE_MODEL, &err) == ERR_OK, "%s", err.message);
    ck_assert_ptr_null(scope.model->notice);
    ck_assert_msg(selftest_run(t, &scope, &err) == ERR_OK, "%s", err.message);
    scope_close(&scope);
}

/* Blocks of zeros in a file that is whole in itself. */
static void spoil(const char *path)
{
    struct buf file = {0};
    struct err err = {0};
    ck_assert_int_eq(file_read(&file, path, 1 << 24, &err), ERR_OK);
    memset(file.data + file.len / 2, 0, file.len / 8);
    size_t n_before = file.len - 8;
    store_u64((uint8_t *)file.data + n_before, hash_sampled(0, file.data, n_before, 1 << 20));
    ck_assert_int_eq(file_write(path, file.data, file.len, &err), ERR_OK);
    buf_clear(&file);
}

START_TEST(weights_in_8_bits_are_held_against_the_stored_ones)
{
    struct selftest right = {0}, wrong = {0};
    char *cache = tmp_dir_new();
    run_cached(&right, cache);
    ck_assert_int_eq(line_of(&right, "residual, weights in 8")->status, SELFTEST_PASS);
    ck_assert_int_eq(line_of(&right, "logits, weights in 8")->status, SELFTEST_PASS);
    char *path = weights_cache_path("tests/fixtures/gemma2-mini");
    spoil(path);
    run_cached(&wrong, cache);
    ck_assert_int_eq(line_of(&wrong, "residual, weights in 8")->status, SELFTEST_FAIL);
    ck_assert_int_eq(line_of(&wrong, "logits, weights in 8")->status, SELFTEST_FAIL);
    free(path);
    selftest_clear(&right);
    selftest_clear(&wrong);
    tmp_dir_free(cache);
}
END_TEST

/* A prompt beyond 64 rows takes the products for many rows; weights in blocks are tiles there. */
START_TEST(a_long_prompt_on_blocks_of_8_bits_agrees_with_itself)
{
    static float directions[5 * 64];
    struct err err = {0};
    struct tensor tensor = {"directions", DTYPE_F32, 2, {5, 64}, directions, sizeof directions};
    char *dir = tmp_dir_new(), *path = path_join(dir, "directions.safetensors");
    random_floats(directions, 5 * 64, 3);
    ck_assert_msg(safetensors_write(path, &tensor, 1, NULL, 0, &err) == ERR_OK, "%s", err.message);
    run_on("tests/fixtures/gguf/mini-q8_0.gguf", path, SCOPE_MODEL | SCOPE_DICT);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

/* Numbers that are not finite end the run with an error: no line could pass after that. */
START_TEST(a_broken_model_ends_the_run_with_an_error)
{
    struct scope scope;
    struct scope_options options = {.model = "tests/fixtures/gemma2-mini-f32", .layer = -1};
    struct selftest t = {0};
    struct err err = {0};
    ck_assert_int_eq(scope_open(&scope, &options, SCOPE_MODEL | SCOPE_DICT, &err), ERR_OK);
    float *norm = scope.model->layers[0].norm_attn_in;
    float kept = norm[3];
    norm[3] = NAN;
    ck_assert_int_ne(selftest_run(&t, &scope, &err), ERR_OK); /* named by layer and position */
    norm[3] = kept;
    selftest_clear(&t);
    scope_close(&scope);
}
END_TEST

Suite *suite_selftest(void)
{
    Suite *s = suite_create("selftest");
    TCase *t = tcase_create("selftest");
    tcase_add_test(t, a_number_passes_exactly_coarsely_or_not);
    tcase_add_test(t, arrays_are_compared_to_their_largest_and_a_nan_fails);
    tcase_add_test(t, lists_of_ids_must_be_the_same);
    tcase_add_test(t, the_published_activations_pass_and_others_fail);
    tcase_add_test(t, the_published_features_pass_and_others_fail);
    tcase_add_test(t, the_models_and_dictionaries_here_agree_with_themselves);
    tcase_add_test(t, a_long_prompt_on_blocks_of_8_bits_agrees_with_itself);
    tcase_add_test(t, weights_in_8_bits_are_held_against_the_stored_ones);
    tcase_add_test(t, a_broken_model_ends_the_run_with_an_error);
    suite_add_tcase(s, t);
    return s;
}
