#include "core/attention.h"
#include "core/pool.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Random keys and values at positions 0..n-1, stored as two spans cut at `split`. */
struct world {
    struct attention_config config;
    int n, split;
    float *q, *keys, *values;
};

static struct world world_new(struct attention_config config, int n, int split)
{
    struct world v = {config, n, split, NULL, NULL, NULL};
    size_t n_q = (size_t)(config.n_heads * config.d_head);
    size_t n_kv = (size_t)(n * config.n_kv_heads * config.d_head);
    v.q = mem_alloc(n_q, sizeof *v.q);
    v.keys = mem_alloc(n_kv, sizeof *v.keys);
    v.values = mem_alloc(n_kv, sizeof *v.values);
    random_floats(v.q, n_q, 1);
    random_floats(v.keys, n_kv, 2);
    random_floats(v.values, n_kv, 3);
    for (size_t i = 0; i < n_q; i++)
        v.q[i] *= 4; /* so that some scores reach the soft-cap */
    return v;
}

static void world_clear(struct world *v)
{
    free(v->q);
    free(v->keys);
    free(v->values);
}

static struct attention_query query_at(const struct world *v, int pos, float *out)
{
    size_t at = (size_t)(v->split * v->config.n_kv_heads * v->config.d_head);
    return (struct attention_query){
        .q = v->q,
        .out = out,
        .pos = pos,
        .spans = {{v->keys, v->values, 0, v->split},
                  {v->keys + at, v->values + at, v->split, v->n - v->split}},
    };
}

static double score(const struct world *v, int head, int j)
{
    const struct attention_config *c = &v->config;
    int kv_head = head / (c->n_heads / c->n_kv_heads);
    double sum = 0;
    for (int i = 0; i < c->d_head; i++)
        sum += (double)v->q[head * c->d_head + i] *
               (double)v->keys[(j * c->n_kv_heads + kv_head) * c->d_head + i];
    sum *= (double)c->scale;
    return c->softcap > 0 ? (double)c->softcap * tanh(sum / (double)c->softcap) : sum;
}

static void by_loops(float *out, const struct world *v, int pos)
{
    const struct attention_config *c = &v->config;
    int first = c->window > 0 && pos >= c->window ? pos - c->window + 1 : 0;
    for (int head = 0; head < c->n_heads; head++) {
        int kv_head = head / (c->n_heads / c->n_kv_heads);
        double total = 0;
        for (int j = first; j <= pos; j++)
            total += exp(score(v, head, j));
        for (int i = 0; i < c->d_head; i++) {
            double sum = 0;
            for (int j = first; j <= pos; j++)
                sum += exp(score(v, head, j)) / total *
                       (double)v->values[(j * c->n_kv_heads + kv_head) * c->d_head + i];
            out[head * c->d_head + i] = (float)sum;
        }
    }
}

static void check_positions(struct attention_config config, int n, int split)
{
    struct world v = world_new(config, n, split);
    size_t n_out = (size_t)(config.n_heads * config.d_head);
    float *got = mem_alloc(n_out, sizeof *got), *want = mem_alloc(n_out, sizeof *want);
    for (int pos = 0; pos < n; pos += 1 + pos / 8) {
        struct attention_query query = query_at(&v, pos, got);
        attention(&config, &query, 1);
        by_loops(want, &v, pos);
        approx_tensor("attention", got, want, n_out, 3e-6);
    }
    free(got);
    free(want);
    world_clear(&v);
}

START_TEST(a_query_sees_every_key_up_to_its_own_position)
{
    struct attention_config config = {2, 2, 10, 0, 0.3f, 0};
    check_positions(config, 1, 0);
    check_positions(config, 200, 0);
    check_positions(config, 200, 200);
}
END_TEST

START_TEST(heads_of_a_group_share_keys_and_values)
{
    struct attention_config config = {6, 2, 16, 0, 0.25f, 0};
    check_positions(config, 90, 0);
    config.n_kv_heads = 1;
    check_positions(config, 90, 0);
}
END_TEST

START_TEST(a_window_hides_old_keys)
{
    for (int window = 1; window < 150; window = window * 3 + 1) {
        struct attention_config config = {2, 1, 8, window, 0.4f, 0};
        check_positions(config, 160, 0);
        check_positions(config, 160, 77);
    }
}
END_TEST

START_TEST(scores_are_soft_capped)
{
    struct attention_config config = {4, 2, 32, 0, 0.5f, 5};
    check_positions(config, 150, 0);
}
END_TEST

START_TEST(two_spans_count_as_one)
{
    struct attention_config config = {4, 2, 32, 20, 0.5f, 50};
    for (int split = 0; split <= 150; split += 25)
        check_positions(config, 150, split);
}
END_TEST

START_TEST(scores_that_would_overflow_exp_are_no_trouble)
{
    struct attention_config config = {1, 1, 4, 0, 100, 0};
    struct world v = world_new(config, 130, 0);
    float out[4], want[4];
    size_t best = 0;
    for (int j = 1; j < 130; j++)
        if (score(&v, 0, j) > score(&v, 0, (int)best))
            best = (size_t)j;
    memcpy(want, v.values + best * 4, sizeof want); /* the winner takes all */
    struct attention_query query = query_at(&v, 129, out);
    attention(&config, &query, 1);
    approx_tensor("overflow", out, want, 4, 1e-3);
    world_clear(&v);
}
END_TEST

START_TEST(rows_and_threads_do_not_change_a_bit)
{
    enum { N = 100 };
    struct attention_config config = {4, 2, 32, 40, 0.5f, 50};
    struct world v = world_new(config, N, 33);
    float *one = mem_alloc(N * 128, sizeof *one), *all = mem_alloc(N * 128, sizeof *all);
    struct attention_query queries[N];
    for (int pos = 0; pos < N; pos++) {
        struct attention_query query = query_at(&v, pos, one + pos * 128);
        attention(&config, &query, 1);
        queries[pos] = query_at(&v, pos, all + pos * 128);
    }
    pool_set_threads(3);
    attention(&config, queries, N);
    pool_set_threads(1);
    ck_assert_mem_eq(one, all, N * 128 * sizeof *one);
    free(one);
    free(all);
    world_clear(&v);
}
END_TEST

Suite *suite_attention(void)
{
    Suite *s = suite_create("attention");
    TCase *t = tcase_create("attention");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, a_query_sees_every_key_up_to_its_own_position);
    tcase_add_test(t, heads_of_a_group_share_keys_and_values);
    tcase_add_test(t, a_window_hides_old_keys);
    tcase_add_test(t, scores_are_soft_capped);
    tcase_add_test(t, two_spans_count_as_one);
    tcase_add_test(t, scores_that_would_overflow_exp_are_no_trouble);
    tcase_add_test(t, rows_and_threads_do_not_change_a_bit);
    suite_add_tcase(s, t);
    return s;
}
