#include "core/attention.h"
#include "core/isa.h"
#include "core/pool.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Random queries, keys and values at positions 0..n-1, the latter stored as two spans cut at
 * `split`. */
struct world {
    struct attention_config config;
    int n, split;
    size_t n_out; /* n_heads * d_head */
    float *q, *keys, *values;
};

static struct world world_new(struct attention_config config, int n, int split)
{
    struct world v = {config, n, split, (size_t)(config.n_heads * config.d_head), NULL, NULL, NULL};
    size_t n_q = (size_t)n * v.n_out;
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
        .q = v->q + (size_t)pos * v->n_out,
        .out = out,
        .pos = pos,
        .spans = {{v->keys, v->values, 0, v->split, DTYPE_F32},
                  {v->keys + at, v->values + at, v->split, v->n - v->split, DTYPE_F32}},
    };
}

static double score(const struct world *v, int pos, int head, int j)
{
    const struct attention_config *c = &v->config;
    int kv_head = head / (c->n_heads / c->n_kv_heads);
    double sum = 0;
    for (int i = 0; i < c->d_head; i++)
        sum += (double)v->q[(size_t)pos * v->n_out + (size_t)(head * c->d_head + i)] *
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
            total += exp(score(v, pos, head, j));
        for (int i = 0; i < c->d_head; i++) {
            double sum = 0;
            for (int j = first; j <= pos; j++)
                sum += exp(score(v, pos, head, j)) / total *
                       (double)v->values[(j * c->n_kv_heads + kv_head) * c->d_head + i];
            out[head * c->d_head + i] = (float)sum;
        }
    }
}

/* Queries one by one, then all in one call. */
static void check_positions(struct attention_config config, int n, int split)
{
    struct world v = world_new(config, n, split);
    struct attention_query *queries = mem_alloc((size_t)n, sizeof *queries);
    float *got = mem_alloc((size_t)n * v.n_out, sizeof *got);
    float *want = mem_alloc(v.n_out, sizeof *want);
    for (int pos = 0; pos < n; pos += 1 + pos / 8) {
        struct attention_query query = query_at(&v, pos, got);
        attention(&config, &query, 1);
        by_loops(want, &v, pos);
        approx_tensor("alone", got, want, v.n_out, 3e-6);
    }
    for (int pos = 0; pos < n; pos++)
        queries[pos] = query_at(&v, pos, got + (size_t)pos * v.n_out);
    attention(&config, queries, (size_t)n);
    for (int pos = 0; pos < n; pos += 1 + pos / 8) {
        by_loops(want, &v, pos);
        approx_tensor("together", queries[pos].out, want, v.n_out, 3e-6);
    }
    free(queries);
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
    config.n_heads = 50; /* more than a tile has rows */
    check_positions(config, 20, 0);
}
END_TEST

START_TEST(any_width_of_a_head_will_do)
{
    for (int d_head = 2; d_head <= 40; d_head += 2) {
        struct attention_config config = {4, 2, d_head, 0, 0.25f, 50};
        check_positions(config, 50, 20);
    }
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
        if (score(&v, 0, 0, j) > score(&v, 0, 0, (int)best))
            best = (size_t)j;
    memcpy(want, v.values + best * 4, sizeof want); /* the winner takes all */
    struct attention_query query = query_at(&v, 129, out);
    query.q = v.q;
    attention(&config, &query, 1);
    approx_tensor("overflow", out, want, 4, 1e-3);
    world_clear(&v);
}
END_TEST

/* The same rows alone, a few at a time, and all at once by several threads. */
static void check_bits(struct attention_config config, int n, int split)
{
    struct world v = world_new(config, n, split);
    const size_t n_floats = (size_t)n * v.n_out;
    float *one = mem_alloc(n_floats, sizeof *one), *some = mem_alloc(n_floats, sizeof *some);
    float *all = mem_alloc(n_floats, sizeof *all);
    struct attention_query *queries = mem_alloc((size_t)n, sizeof *queries);
    for (int pos = 0; pos < n; pos++) {
        struct attention_query query = query_at(&v, pos, one + (size_t)pos * v.n_out);
        attention(&config, &query, 1);
        queries[pos] = query_at(&v, pos, some + (size_t)pos * v.n_out);
    }
    for (int pos = 0; pos < n; pos += 5)
        attention(&config, queries + pos, (size_t)(n - pos < 5 ? n - pos : 5));
    for (int pos = 0; pos < n; pos++)
        queries[pos].out = all + (size_t)pos * v.n_out;
    pool_set_threads(3);
    attention(&config, queries, (size_t)n);
    pool_set_threads(1);
    ck_assert_mem_eq(one, some, n_floats * sizeof *one);
    ck_assert_mem_eq(one, all, n_floats * sizeof *one);
    free(queries);
    free(one);
    free(some);
    free(all);
    world_clear(&v);
}

START_TEST(rows_and_threads_do_not_change_a_bit)
{
    check_bits((struct attention_config){4, 2, 32, 40, 0.5f, 50}, 300, 33);
    check_bits((struct attention_config){4, 2, 32, 0, 0.5f, 50}, 300, 130);
    check_bits((struct attention_config){3, 1, 12, 150, 0.5f, 0}, 300, 0);
}
END_TEST

/* Branches: a prefix in common, then keys of their own. */
START_TEST(queries_of_several_texts_share_what_they_have_in_common)
{
    enum { N = 200, SPLIT = 150, N_TEXTS = 3 };
    struct attention_config config = {4, 2, 16, 0, 0.3f, 50};
    struct world v = world_new(config, N, SPLIT);
    float *own[N_TEXTS], got[N_TEXTS * 4][64], want[64];
    struct attention_query queries[N_TEXTS * 4];
    const size_t n_prefix = SPLIT * 32, n_own = (N - SPLIT) * 32;
    for (unsigned text = 0; text < N_TEXTS; text++) {
        own[text] = mem_alloc(2 * n_own, sizeof *own[text]);
        random_floats(own[text], 2 * n_own, 10 + text);
        for (int i = 0; i < 4; i++) {
            struct attention_query *query = &queries[(int)text * 4 + i];
            *query = query_at(&v, SPLIT + i * 10 + (int)text, got[(int)text * 4 + i]);
            query->spans[1].keys = own[text];
            query->spans[1].values = own[text] + n_own;
        }
    }
    for (size_t n = 6; n <= N_TEXTS * 4; n += 6) { /* few and many queries */
        attention(&config, queries, n);
        for (size_t i = 0; i < n; i++) {
            memcpy(v.keys + n_prefix, queries[i].spans[1].keys, n_own * sizeof(float));
            memcpy(v.values + n_prefix, queries[i].spans[1].values, n_own * sizeof(float));
            by_loops(want, &v, queries[i].pos);
            approx_tensor("text", got[i], want, 64, 3e-6);
        }
    }
    for (int text = 0; text < N_TEXTS; text++)
        free(own[text]);
    world_clear(&v);
}
END_TEST

START_TEST(f16_keys_and_values_are_used_as_they_are_stored)
{
    struct attention_config config = {4, 2, 20, 100, 0.3f, 50};
    struct world v = world_new(config, 200, 70);
    const size_t n_kv = 200 * 40;
    uint16_t *halves = mem_alloc(2 * n_kv, sizeof *halves);
    float got[80], want[80];
    for (size_t i = 0; i < n_kv; i++) {
        v.keys[i] = f16_to_f32(halves[i] = f32_to_f16(v.keys[i]));
        v.values[i] = f16_to_f32(halves[n_kv + i] = f32_to_f16(v.values[i]));
    }
    for (int pos = 0; pos < 200; pos += 7) {
        struct attention_query query = query_at(&v, pos, got);
        query.spans[0] = (struct kv_span){halves, halves + n_kv, 0, 70, DTYPE_F16};
        query.spans[1] =
            (struct kv_span){halves + 70 * 40, halves + n_kv + 70 * 40, 70, 130, DTYPE_F16};
        attention(&config, &query, 1);
        by_loops(want, &v, pos);
        approx_tensor("f16", got, want, 80, 3e-6);
    }
    free(halves);
    world_clear(&v);
}
END_TEST

static enum isa isa_before;

static void use_generic(void)
{
    isa_before = isa_current();
    isa_use(ISA_GENERIC);
}

static void use_what_was_used(void)
{
    isa_use(isa_before);
}

Suite *suite_attention(void)
{
    Suite *s = suite_create("attention");
    TCase *t = tcase_create("attention");
    TCase *generic = tcase_create("generic");
    tcase_add_unchecked_fixture(generic, use_generic, use_what_was_used);
    tcase_add_test(generic, a_query_sees_every_key_up_to_its_own_position);
    tcase_add_test(generic, scores_are_soft_capped);
    tcase_add_test(generic, rows_and_threads_do_not_change_a_bit);
    tcase_add_test(generic, f16_keys_and_values_are_used_as_they_are_stored);
    suite_add_tcase(s, generic);
    tcase_add_test(t, a_query_sees_every_key_up_to_its_own_position);
    tcase_add_test(t, heads_of_a_group_share_keys_and_values);
    tcase_add_test(t, any_width_of_a_head_will_do);
    tcase_add_test(t, a_window_hides_old_keys);
    tcase_add_test(t, scores_are_soft_capped);
    tcase_add_test(t, two_spans_count_as_one);
    tcase_add_test(t, scores_that_would_overflow_exp_are_no_trouble);
    tcase_add_test(t, queries_of_several_texts_share_what_they_have_in_common);
    tcase_add_test(t, f16_keys_and_values_are_used_as_they_are_stored);
    tcase_add_test(t, rows_and_threads_do_not_change_a_bit);
    suite_add_tcase(s, t);
    return s;
}
