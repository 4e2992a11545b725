/* setenv */
#define _XOPEN_SOURCE 700

#include "core/model_quantise.h"

#include "core/matmul.h"
#include "core/model_memory.h"
#include "core/session.h"
#include "data/file.h"
#include "data/mem.h"
#include "data/quant.h"
#include "data/weights_cache.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define N_IDS 20
static const char *const folders[] = {"tests/fixtures/gemma2-mini",
                                      "tests/fixtures/gemma2-mini-f32"};

static struct err err;
static char *dir, *cached;

static void setup(void)
{
    dir = tmp_dir_new();
    setenv("XDG_CACHE_HOME", dir, 1);
    cached = weights_cache_path(folders[0]);
}

static void teardown(void)
{
    free(cached);
    tmp_dir_free(dir);
}

static struct model *open_stored(int i)
{
    struct model *model;
    ck_assert_msg(model_open(&model, folders[i], &err) == ERR_OK, "%s", err.message);
    return model;
}

static struct model *open_q8(int i, bool writes_cache)
{
    struct model *model = open_stored(i);
    struct quantise_options options = {.writes_cache = writes_cache};
    size_t forecast = model_quantised_bytes(model);
    ck_assert_msg(model_quantise(model, &options, &err) == ERR_OK, "%s", err.message);
    ck_assert_uint_eq(model->n_weight_bytes, forecast);
    return model;
}

/* The residual at the last layer, [N_IDS, d_model], and after it the logits; the caller frees. */
static float *run(const struct model *model, size_t *n)
{
    struct session *s;
    int ids[N_IDS];
    size_t n_resid = N_IDS * (size_t)model->config.d_model;
    *n = n_resid + (size_t)model->config.n_vocab;
    float *out = mem_alloc(*n, sizeof *out);
    for (int i = 0; i < N_IDS; i++)
        ids[i] = i == 0 ? 2 : i * 7919 % model->config.n_vocab;
    ck_assert_int_eq(session_new(&s, model, model->config.n_layers - 1, 1, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(s, ids, N_IDS, &err), ERR_OK);
    ck_assert_int_eq(session_logits(s, 1, out + n_resid, &err), ERR_OK);
    memcpy(out, session_resid(s), n_resid * sizeof *out);
    session_free(s);
    return out;
}

static void same_results(const struct model *a, const struct model *b)
{
    size_t n_a, n_b;
    float *x = run(a, &n_a), *y = run(b, &n_b);
    ck_assert_uint_eq(n_a, n_b);
    ck_assert_mem_eq(x, y, n_a * sizeof *x);
    free(x);
    free(y);
}

static int n_files_in(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static int n_cached(void)
{
    char *folder = path_join(dir, "axscope/weights");
    int n = n_files_in(folder);
    free(folder);
    return n;
}

/* --- the numbers --- */

/* An element is off by half a step at most, and the step itself, largest / 127, by its rounding to
 * f16: 2^-11 of it, or 2^-25 where it is subnormal. */
static void check_matrix(const struct matrix *stored, const struct matrix *q8)
{
    float *x = mem_alloc(stored->n_cols, sizeof *x), *y = mem_alloc(stored->n_cols, sizeof *y);
    ck_assert_int_eq(q8->dtype, DTYPE_Q8_0);
    for (size_t row = 0; row < stored->n_rows; row++) {
        matrix_row(x, stored, row);
        matrix_row(y, q8, row);
        for (size_t i = 0; i < stored->n_cols; i++) {
            double step = 0;
            for (size_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++)
                step = fmax(step, fabs((double)x[k]) / 127);
            double bound = step / 2 + 127 * fmax(step * 0x1p-11, 0x1p-25);
            double off = fabs((double)x[i] - (double)y[i]);
            ck_assert_msg(off <= bound * (1 + 1e-6), "row %zu, column %zu: %g", row, i, off);
        }
    }
    free(x);
    free(y);
}

START_TEST(every_weight_is_within_half_a_step)
{
    struct model *stored = open_stored(_i), *q8 = open_q8(_i, false);
    int n = 0;
    for (int layer = 0; layer < stored->config.n_layers; layer++)
        for (int role = 0; role < N_WEIGHT_ROLES; role++) {
            struct matrix *m = model_matrix(stored, (enum weight_role)role, layer);
            if (!m)
                continue;
            check_matrix(m, model_matrix(q8, (enum weight_role)role, layer));
            n++;
        }
    ck_assert_int_eq(n, 8 * stored->config.n_layers); /* the embedding each time */
    model_close(q8);
    model_close(stored);
}
END_TEST

/* The same blocks, each element turned into f32 on its own, must give the same results up to the
 * order of sums. */
START_TEST(results_are_those_of_the_blocks_as_floats)
{
    struct model *q8 = open_q8(_i, false);
    struct model_memory *floats;
    size_t n;
    ck_assert_int_eq(model_memory_from(&floats, q8, &err), ERR_OK);
    matmul_set_exact(true);
    float *got = run(q8, &n), *want = run(&floats->model, &n);
    approx_tensor("residual and logits", got, want, n, 2e-4);
    free(got);
    matmul_set_exact(false);
    got = run(q8, &n);
    approx_tensor("the same from products in integers", got, want, n, 1e-3);
    free(got);
    free(want);
    model_memory_free(floats);
    model_close(q8);
}
END_TEST

static double relative_rms(const float *got, const float *want, size_t n)
{
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += pow((double)got[i] - (double)want[i], 2);
        all += pow((double)want[i], 2);
    }
    return sqrt(off / all);
}

/* Adds to every element of w, which holds m as f32, an error spread evenly over a step. */
static void add_noise(float *w, const struct matrix *m, uint32_t seed)
{
    size_t n = m->n_rows * m->n_cols;
    float *noise = mem_alloc(n, sizeof *noise);
    random_floats(noise, n, seed);
    for (size_t b = 0; b < n; b += 32) {
        float largest = 0;
        for (size_t i = b; i < b + 32; i++)
            largest = fmaxf(largest, fabsf(w[i]));
        for (size_t i = b; i < b + 32; i++)
            w[i] += noise[i] * largest / 127 / 2;
    }
    free(noise);
}

/* A model makes more or less of errors in its weights, these random ones a lot. So the bound is
 * what it makes of random errors as large as those of rounding: each spread evenly over a step,
 * which is largest / 127. The rounding's, as independent of each other as these, must not do more
 * than half as much again, and not much less. */
START_TEST(results_are_off_as_by_random_errors_of_half_a_step)
{
    struct model *stored = open_stored(_i), *q8 = open_q8(_i, false);
    struct model_memory *noisy;
    size_t n, n_resid = N_IDS * (size_t)stored->config.d_model;
    ck_assert_int_eq(model_memory_from(&noisy, stored, &err), ERR_OK);
    for (int layer = 0; layer < stored->config.n_layers; layer++)
        for (int role = layer == 0 ? 0 : WEIGHT_QUERY; role <= WEIGHT_DOWN; role++) {
            struct matrix *m = model_matrix(&noisy->model, (enum weight_role)role, layer);
            if (m)
                add_noise((float *)(uintptr_t)m->data, m, (uint32_t)(layer * 100 + role));
        }
    float *want = run(stored, &n), *got = run(q8, &n), *random = run(&noisy->model, &n);
    double off[2] = {relative_rms(got, want, n_resid),
                     relative_rms(got + n_resid, want + n_resid, n - n_resid)};
    double bound[2] = {relative_rms(random, want, n_resid),
                       relative_rms(random + n_resid, want + n_resid, n - n_resid)};
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(off[i] < 1.5 * bound[i], "%g of %g", off[i], bound[i]);
        ck_assert_msg(off[i] > bound[i] / 3, "%g of %g", off[i], bound[i]);
        ck_assert_msg(off[i] < 0.08, "%g", off[i]);
    }
    free(random);
    free(got);
    free(want);
    model_memory_free(noisy);
    model_close(q8);
    model_close(stored);
}
END_TEST

START_TEST(matrices_without_whole_blocks_stay_as_stored)
{
    struct model *model = open_stored(0);
    struct quantise_options options = {0};
    struct matrix *odd = &model->layers[1].w_down, before;
    odd->n_cols = 48; /* of 192: a narrower view of the same bytes */
    before = *odd;
    size_t forecast = model_quantised_bytes(model), n_all = model->n_weight_bytes;
    ck_assert_int_eq(model_quantise(model, &options, &err), ERR_OK);
    ck_assert_mem_eq(odd, &before, sizeof before);
    ck_assert_int_eq(model->layers[0].w_down.dtype, DTYPE_Q8_0);
    ck_assert_uint_eq(model->n_weight_bytes, forecast);
    ck_assert_uint_lt(model->n_weight_bytes, n_all);
    /* and so do blocks: a second time there is nothing to do */
    before = model->embed;
    ck_assert_int_eq(model_quantise(model, &options, &err), ERR_OK);
    ck_assert_mem_eq(&model->embed, &before, sizeof before);
    model_close(model);
}
END_TEST

/* --- the cache --- */

static size_t block_bytes(const struct model *model)
{
    size_t n = model->embed.n_rows * model->embed.n_cols;
    for (int layer = 0; layer < model->config.n_layers; layer++)
        for (int role = WEIGHT_QUERY; role <= WEIGHT_DOWN; role++) {
            struct model *m = (struct model *)(uintptr_t)model;
            struct matrix *w = model_matrix(m, (enum weight_role)role, layer);
            n += w->n_rows * w->n_cols;
        }
    return n / 32 * 34;
}

START_TEST(blocks_from_the_cache_are_those_on_the_heap)
{
    struct model *heap = open_q8(0, false);
    ck_assert_int_eq(n_cached(), 0); /* only who asks gets a file */
    struct model *first = open_q8(0, true), *second = open_q8(0, false);
    ck_assert_uint_eq(heap->n_heap_bytes, block_bytes(heap));
    ck_assert_uint_eq(first->n_heap_bytes, 0);
    ck_assert_uint_eq(second->n_heap_bytes, 0);
    ck_assert_ptr_nonnull(second->cache);
    ck_assert(!heap->notice && !first->notice && !second->notice);
    ck_assert_int_eq(n_cached(), 1);
    same_results(first, heap);
    same_results(second, heap);
    model_close(second);
    model_close(first);
    model_close(heap);
}
END_TEST

START_TEST(models_do_not_share_a_file)
{
    struct model *heap = open_q8(1, false);
    model_close(open_q8(0, true));
    model_close(open_q8(1, true));
    ck_assert_int_eq(n_cached(), 2);
    struct model *second = open_q8(1, false);
    same_results(second, heap);
    model_close(second);
    model_close(heap);
}
END_TEST

/* What happens to the file before it is opened again. */
static void cut(struct buf *file)
{
    file->len /= 2;
}
static void flip(struct buf *file)
{
    file->data[file->len / 2] ^= 1;
}
static void empty(struct buf *file)
{
    file->len = 0;
}
static void rename_tensor(struct buf *file)
{
    char *at = file->data;
    while (memcmp(at, "blk.3", 5) != 0)
        at++;
    at[4] = '9';
}
static void (*const damages[])(struct buf *) = {cut, flip, empty, rename_tensor};

static void damage(void (*how)(struct buf *), struct buf *whole)
{
    struct buf file = {0};
    ck_assert_int_eq(file_read(whole, cached, 1 << 24, &err), ERR_OK);
    buf_add(&file, whole->data, whole->len);
    how(&file);
    ck_assert_int_eq(file_write(cached, file.data, file.len, &err), ERR_OK);
    buf_clear(&file);
}

START_TEST(a_damaged_file_is_noticed_and_replaced_where_that_is_asked)
{
    struct buf before = {0}, after = {0};
    struct model *heap = open_q8(0, false);
    model_close(open_q8(0, true));
    damage(damages[_i], &before);
    struct model *model = open_q8(0, false);
    ck_assert_ptr_nonnull(model->notice);
    ck_assert_ptr_nonnull(strstr(model->notice, cached));
    ck_assert_ptr_nonnull(strstr(model->notice, "not used"));
    ck_assert_uint_gt(model->n_heap_bytes, 0);
    same_results(model, heap);
    model_close(model);
    model = open_q8(0, true);
    ck_assert_ptr_nonnull(strstr(model->notice, "stored again"));
    ck_assert_uint_eq(model->n_heap_bytes, 0);
    same_results(model, heap);
    model_close(model);
    ck_assert_int_eq(file_read(&after, cached, 1 << 24, &err), ERR_OK);
    ck_assert_uint_eq(after.len, before.len);
    ck_assert_mem_eq(after.data, before.data, after.len);
    buf_clear(&before);
    buf_clear(&after);
    model_close(heap);
}
END_TEST

START_TEST(a_file_of_other_weights_is_noticed)
{
    char *other = weights_cache_path(folders[1]);
    struct buf file = {0};
    model_close(open_q8(0, true));
    ck_assert_int_eq(file_read(&file, cached, 1 << 24, &err), ERR_OK);
    ck_assert_int_eq(file_write(other, file.data, file.len, &err), ERR_OK);
    struct model *model = open_q8(1, false), *heap;
    ck_assert_ptr_nonnull(strstr(model->notice, "other files"));
    ck_assert_int_eq(file_write(other, "", 0, &err), ERR_OK);
    heap = open_q8(1, false);
    same_results(model, heap);
    model_close(heap);
    model_close(model);
    buf_clear(&file);
    free(other);
}
END_TEST

START_TEST(a_cache_that_cannot_be_written_is_an_error_with_advice)
{
    char *file = tmp_dir_write(dir, "plain", "x", 1);
    setenv("XDG_CACHE_HOME", file, 1);
    struct model *model = open_stored(0);
    struct quantise_options options = {.writes_cache = true};
    ck_assert_int_eq(model_quantise(model, &options, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.hint, "XDG_CACHE_HOME"));
    ck_assert_int_eq(model->embed.dtype, DTYPE_BF16);
    model_close(model);
    free(file);
}
END_TEST

/* --- progress --- */

struct watch {
    int n_calls, stop_at; /* 0: never */
    long last, total;
};

static bool watch(void *data, long done, long total)
{
    struct watch *w = data;
    ck_assert_int_ge(done, w->last);
    ck_assert(w->total == 0 || w->total == total);
    w->last = done;
    w->total = total;
    return ++w->n_calls == w->stop_at;
}

START_TEST(cancelled_at_any_moment_nothing_is_left_behind)
{
    struct watch all = {0};
    struct quantise_options options = {_i, watch, &all};
    struct model *model = open_stored(0), *stored = open_stored(0);
    ck_assert_int_eq(model_quantise(model, &options, &err), ERR_OK);
    ck_assert_int_eq(all.last, all.total);
    ck_assert_int_eq(all.n_calls, 43); /* matrices, each less than a step */
    model_close(model);
    remove(cached);
    model = open_stored(0);
    for (int stop = 1; stop <= all.n_calls; stop += 7) { /* the last call included */
        struct watch w = {.stop_at = stop};
        options.data = &w;
        ck_assert_int_eq(model_quantise(model, &options, &err), ERR_CANCELLED);
        ck_assert_int_eq(w.n_calls, stop);
        ck_assert_int_eq(n_cached(), 0);
    }
    ck_assert_uint_eq(model->n_weight_bytes, stored->n_weight_bytes);
    same_results(model, stored);
    model_close(stored);
    model_close(model);
}
END_TEST

Suite *suite_model_quantise(void)
{
    Suite *s = suite_create("model_quantise");
    TCase *t = tcase_create("model_quantise");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, every_weight_is_within_half_a_step, 0, 2);
    tcase_add_loop_test(t, results_are_those_of_the_blocks_as_floats, 0, 2);
    tcase_add_loop_test(t, results_are_off_as_by_random_errors_of_half_a_step, 0, 2);
    tcase_add_test(t, matrices_without_whole_blocks_stay_as_stored);
    tcase_add_test(t, blocks_from_the_cache_are_those_on_the_heap);
    tcase_add_test(t, models_do_not_share_a_file);
    tcase_add_loop_test(t, a_damaged_file_is_noticed_and_replaced_where_that_is_asked, 0,
                        sizeof damages / sizeof *damages);
    tcase_add_test(t, a_file_of_other_weights_is_noticed);
    tcase_add_test(t, a_cache_that_cannot_be_written_is_an_error_with_advice);
    tcase_add_loop_test(t, cancelled_at_any_moment_nothing_is_left_behind, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
