#include "core/forward.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 20
#define D 64 /* d_model of the fixture */

static struct err err;
static struct model *model;
static struct forward *forward;
static int ids[2 * N];

/* One timeline with a cache for all layers. */
struct line {
    struct kv_cache cache;
    struct timeline timeline;
};

static void setup(void)
{
    ck_assert_msg(model_open(&model, "tests/fixtures/gemma2-mini-f32", &err) == 0, "%s",
                  err.message);
    forward = forward_new(model);
    for (int i = 0; i < 2 * N; i++)
        ids[i] = (i * 31 + 2) % model->config.n_vocab;
}

static void teardown(void)
{
    forward_free(forward);
    model_close(model);
}

static void line_open(struct line *line)
{
    kv_cache_init(&line->cache, model, 0, model->config.n_layers, DTYPE_F32);
    ck_assert_int_eq(kv_cache_reserve(&line->cache, N, &err), ERR_OK);
    line->timeline = (struct timeline){.own = &line->cache};
}

/* Runs n tokens on a line of their own through layers 0 <= l < l1; x [n, D] out. */
static void run_alone(float *x, const int *text, int n, int l1)
{
    struct line line;
    struct row rows[N];
    line_open(&line);
    for (int t = 0; t < n; t++)
        rows[t] = (struct row){&line.timeline, t};
    struct batch batch = {.x = x, .rows = rows, .n = n};
    forward_embed(x, model, text, n);
    ck_assert_int_eq(forward_layers(forward, &batch, 0, l1, NULL, NULL, &err), ERR_OK);
    kv_cache_clear(&line.cache);
}

START_TEST(embeddings_are_scaled_by_the_root_of_the_width)
{
    float x[2 * D], row[D];
    const int two[2] = {5, 258};
    forward_embed(x, model, two, 2);
    for (int t = 0; t < 2; t++) {
        matrix_row(row, &model->embed, (size_t)two[t]);
        for (int i = 0; i < D; i++)
            ck_assert_float_eq(x[t * D + i], row[i] * 8);
    }
}
END_TEST

START_TEST(rows_of_two_timelines_share_a_batch)
{
    struct line lines[2];
    struct row rows[2 * N];
    float *x = mem_alloc(2 * N * D, sizeof *x), *alone = mem_alloc(N * D, sizeof *alone);
    int mixed[2 * N];
    line_open(&lines[0]);
    line_open(&lines[1]);
    for (int t = 0; t < 2 * N; t++) { /* alternating */
        rows[t] = (struct row){&lines[t % 2].timeline, t / 2};
        mixed[t] = ids[t % 2 * N + t / 2];
    }
    struct batch batch = {.x = x, .rows = rows, .n = 2 * N};
    forward_embed(x, model, mixed, 2 * N);
    ck_assert_int_eq(forward_layers(forward, &batch, 0, 4, NULL, NULL, &err), ERR_OK);
    for (int i = 0; i < 2; i++) {
        run_alone(alone, ids + i * N, N, 4);
        for (int t = 0; t < N; t++)
            approx_tensor("row", x + (2 * t + i) * D, alone + t * D, D, 1e-5);
        kv_cache_clear(&lines[i].cache);
    }
    free(alone);
    free(x);
}
END_TEST

START_TEST(rows_that_nobody_needs_leave_their_keys_only)
{
    struct line line;
    struct row rows[N];
    bool keep[N] = {false};
    float *all = mem_alloc(N * D, sizeof *all), *kept = mem_alloc(N * D, sizeof *kept);
    run_alone(all, ids, N, 4);
    line_open(&line);
    for (int t = 0; t < N; t++)
        rows[t] = (struct row){&line.timeline, t};
    keep[3] = keep[11] = keep[N - 1] = true;
    struct batch batch = {.x = kept, .rows = rows, .n = N, .keep = keep};
    forward_embed(kept, model, ids, N);
    ck_assert_int_eq(forward_layers(forward, &batch, 0, 4, NULL, NULL, &err), ERR_OK);
    ck_assert_int_eq(batch.n, 3);
    ck_assert(rows[0].pos == 3 && rows[1].pos == 11 && rows[2].pos == N - 1);
    approx_tensor("row 3", kept, all + 3 * D, D, 1e-5);
    approx_tensor("row 11", kept + D, all + 11 * D, D, 1e-5);
    approx_tensor("last row", kept + 2 * D, all + (N - 1) * D, D, 1e-5);
    kv_cache_clear(&line.cache);
    free(all);
    free(kept);
}
END_TEST

START_TEST(layers_can_be_run_in_parts)
{
    struct line line;
    struct row rows[N];
    float *all = mem_alloc(N * D, sizeof *all), *x = mem_alloc(N * D, sizeof *x);
    run_alone(all, ids, N, 4);
    line_open(&line);
    for (int t = 0; t < N; t++)
        rows[t] = (struct row){&line.timeline, t};
    struct batch batch = {.x = x, .rows = rows, .n = N};
    forward_embed(x, model, ids, N);
    for (int l = 0; l < 4; l++)
        ck_assert_int_eq(forward_layers(forward, &batch, l, l + 1, NULL, NULL, &err), ERR_OK);
    ck_assert_mem_eq(x, all, N * D * sizeof *x);
    ck_assert_int_eq(forward_layers(forward, &batch, 2, 2, NULL, NULL, &err), ERR_OK);
    ck_assert_mem_eq(x, all, N * D * sizeof *x);
    kv_cache_clear(&line.cache);
    free(all);
    free(x);
}
END_TEST

static int stop_after_layer_1(void *data, int layer, const struct batch *batch, struct err *e)
{
    ck_assert_int_eq(batch->n, N);
    *(int *)data = layer;
    return layer == 1 ? err_set(e, ERR_CANCELLED, "enough") : ERR_OK;
}

START_TEST(the_callback_sees_every_layer_and_may_stop)
{
    struct line line;
    struct row rows[N];
    int last = -1;
    float *x = mem_alloc(N * D, sizeof *x);
    line_open(&line);
    for (int t = 0; t < N; t++)
        rows[t] = (struct row){&line.timeline, t};
    struct batch batch = {.x = x, .rows = rows, .n = N};
    forward_embed(x, model, ids, N);
    ck_assert_int_eq(forward_layers(forward, &batch, 0, 4, stop_after_layer_1, &last, &err),
                     ERR_CANCELLED);
    ck_assert_int_eq(last, 1);
    kv_cache_clear(&line.cache);
    free(x);
}
END_TEST

/* --- steps --- */

struct asked {
    int n, stop_at; /* stop at this ask; 0: never */
};

static bool count_ask(void *data)
{
    struct asked *asked = data;
    return ++asked->n == asked->stop_at;
}

/* Layers 0 <= l < 4 and all logits of N rows in steps of `step_cost`. */
static int run_in_steps(float *x, float *logits, struct line *line, double step_cost,
                        struct asked *asked)
{
    struct row rows[N];
    for (int t = 0; t < N; t++)
        rows[t] = (struct row){&line->timeline, t};
    struct batch batch = {.x = x, .rows = rows, .n = N};
    forward_embed(x, model, ids, N);
    forward_set_ask(forward, count_ask, asked);
    forward_set_step(forward, step_cost);
    int rc = forward_layers(forward, &batch, 0, 4, NULL, NULL, &err);
    if (rc == ERR_OK)
        rc = forward_logits(forward, logits, x, rows, N, &err);
    forward_set_ask(forward, NULL, NULL);
    forward_set_step(forward, FORWARD_STEP_COST);
    return rc;
}

START_TEST(a_batch_is_asked_whether_to_go_on_more_often_in_smaller_steps)
{
    struct line line;
    struct asked rarely = {0}, often = {0};
    float *whole = mem_alloc(N * D, sizeof *whole), *x = mem_alloc(N * D, sizeof *x);
    float *logits = mem_alloc(2 * N * 259, sizeof *logits);
    line_open(&line);
    ck_assert_int_eq(run_in_steps(whole, logits, &line, FORWARD_STEP_COST, &rarely), ERR_OK);
    ck_assert_int_eq(rarely.n, 0);
    ck_assert_int_eq(run_in_steps(x, logits + N * 259, &line, 1, &often), ERR_OK);
    /* 7 products and the attention of 4 layers, then the output, in steps of 8 rows each */
    ck_assert_int_eq(often.n, (8 * 4 + 1) * 3);
    approx_tensor("x", x, whole, N * D, 1e-5);
    approx_tensor("logits", logits + N * 259, logits, N * 259, 1e-5);
    kv_cache_clear(&line.cache);
    free(logits);
    free(x);
    free(whole);
}
END_TEST

START_TEST(stopped_at_any_step_the_rows_can_be_run_again)
{
    float *want = mem_alloc(N * D, sizeof *want), *x = mem_alloc(N * D, sizeof *x);
    float *logits = mem_alloc(N * 259, sizeof *logits);
    run_alone(want, ids, N, 4);
    for (int at = 1; at <= 99; at += 7) {
        struct line line;
        struct asked asked = {.stop_at = at};
        line_open(&line);
        ck_assert_int_eq(run_in_steps(x, logits, &line, 1, &asked), ERR_CANCELLED);
        ck_assert_int_eq(asked.n, at);
        asked = (struct asked){0};
        ck_assert_int_eq(run_in_steps(x, logits, &line, 1, &asked), ERR_OK);
        approx_tensor("x", x, want, N * D, 1e-5);
        kv_cache_clear(&line.cache);
    }
    free(logits);
    free(x);
    free(want);
}
END_TEST

START_TEST(logits_are_capped_and_leave_x_alone)
{
    float x[D], before[D];
    float *logits = mem_alloc(259, sizeof *logits);
    struct row row = {NULL, 7};
    random_floats(x, D, 1);
    memcpy(before, x, sizeof x);
    ck_assert_int_eq(forward_logits(forward, logits, x, &row, 1, &err), ERR_OK);
    ck_assert_mem_eq(x, before, sizeof x);
    double mean = 0, w[D];
    for (int i = 0; i < D; i++)
        mean += (double)x[i] * (double)x[i] / D;
    for (int id = 0; id < 259; id++) {
        float embed[D];
        double sum = 0;
        matrix_row(embed, &model->embed, (size_t)id);
        for (int i = 0; i < D; i++) {
            w[i] = (double)x[i] / sqrt(mean + 1e-6) * (double)model->norm_final[i];
            sum += w[i] * (double)embed[i];
        }
        ck_assert_double_eq_tol(logits[id], 10 * tanh(sum / 10), 1e-4);
    }
    x[5] = INFINITY;
    ck_assert_int_eq(forward_logits(forward, logits, x, &row, 1, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "position 7"));
    free(logits);
}
END_TEST

Suite *suite_forward(void)
{
    Suite *s = suite_create("forward");
    TCase *t = tcase_create("forward");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, embeddings_are_scaled_by_the_root_of_the_width);
    tcase_add_test(t, rows_of_two_timelines_share_a_batch);
    tcase_add_test(t, rows_that_nobody_needs_leave_their_keys_only);
    tcase_add_test(t, layers_can_be_run_in_parts);
    tcase_add_test(t, the_callback_sees_every_layer_and_may_stop);
    tcase_add_test(t, a_batch_is_asked_whether_to_go_on_more_often_in_smaller_steps);
    tcase_add_test(t, stopped_at_any_step_the_rows_can_be_run_again);
    tcase_add_test(t, logits_are_capped_and_leave_x_alone);
    suite_add_tcase(s, t);
    return s;
}
