#include "core/bench_dictionary.h"
#include "core/bench_fidelity.h"
#include "core/bench_machine.h"
#include "core/bench_memory.h"
#include "core/bench_trial.h"
#include "core/pool.h"
#include "tests/support/fixture.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_TOKENS = 12 };

/* Everything about one of the small models, in runs as few as possible. */
static void measure(struct bench *b, const struct bench_subject *s)
{
    static const int lengths[] = {3, N_TOKENS}, branches[] = {1, 2, 5};
    bench_machine(b, 1 << 20);
    bench_read(b, s, lengths, 2);
    bench_batch(b, s, 4, 3, "read_3");
    bench_edit(b, s, N_TOKENS);
    bench_slider(b, s, N_TOKENS);
    bench_decode(b, s, branches, 3);
    if (s->scope->dict) {
        bench_latents(b, s->scope->dict);
        bench_search(b, s->scope->dict);
    }
    bench_memory(b, s, N_TOKENS);
}

static void check_figure(const struct bench_figure *f)
{
    const double values[] = {f->low, f->median, f->high};
    for (int i = 0; i < 3; i++)
        ck_assert_msg(isfinite(values[i]) && values[i] > 0, "%s: %g", f->name, values[i]);
    ck_assert(f->low <= f->median && f->median <= f->high);
    ck_assert(isfinite(f->share) && f->share >= 0 && (f->share > 0) == (f->ceiling != NULL));
    ck_assert(isfinite(f->ratio) && f->ratio >= 0);
}

/* Memory is told on Linux only. */
static bool may_lack(const struct bench_figure *f)
{
    return strcmp(f->group, "memory") == 0 && strstr(f->why, "/proc");
}

static void check_ratio(const struct bench *b, const char *name, const char *other)
{
    const struct bench_figure *f = bench_find(b, name), *o = bench_find(b, other);
    ck_assert(f && o);
    ck_assert_str_eq(f->compared, other);
    ck_assert_double_eq_tol(f->ratio * o->median, f->median, 1e-9 * f->median);
}

START_TEST(every_figure_is_finite_and_positive)
{
    static const char *const names[] = {
        "bandwidth",     "fma",         "sgemm",       "read_3",      "read_12",  "batch_4x3",
        "edit_12",       "slider_12",   "decode_1",    "decode_2",    "decode_5", "search",
        "memory_mapped", "memory_read", "memory_heap", "memory_peak", "latents_1"};
    pool_set_threads(2);
    for (int i = 0; i < N_FIXTURES; i++) {
        struct fixture fx;
        struct bench b = {.n_runs = 2, .max_seconds = 0.05};
        fixture_open(&fx, i);
        const struct scope scope = {
            .model = fx.model, .dict = fx.dict, .hook_layer = fx.hook_layer};
        const struct bench_subject s = {.scope = &scope, .seed = 7};
        measure(&b, &s);
        ck_assert_uint_eq(b.n, sizeof names / sizeof *names);
        for (size_t k = 0; k < b.n; k++) {
            const struct bench_figure *f = bench_find(&b, names[k]);
            ck_assert_msg(f != NULL, "no figure %s", names[k]);
            if (f->n == 0 && may_lack(f))
                printf("skipped: %s: %s\n", f->name, f->why);
            else
                check_figure(f);
        }
        check_ratio(&b, "batch_4x3", "read_3");
        check_ratio(&b, "decode_5", "decode_1");
        check_ratio(&b, "latents_1", "decode_1");
        ck_assert_int_eq(bench_find(&b, "read_12")->n_tokens, 12);
        ck_assert_int_eq(bench_find(&b, "decode_5")->n_tokens, 5);
        bench_clear(&b);
        fixture_close(&fx);
    }
}
END_TEST

/* The least arithmetic, from the definition: 2 per weight and token, 4 per pair and head element.
 */
static double layer_flops(const struct model *model, int l, int n)
{
    const struct model_config *c = &model->config;
    const int window = model->layers[l].config.window;
    double pairs = 0;
    for (int t = 0; t < n; t++)
        for (int j = 0; j <= t; j++)
            pairs += window == 0 || t - j < window;
    double weights = (double)c->d_model * c->d_head * (2 * c->n_heads + 2 * c->n_kv_heads) +
                     3.0 * c->d_model * c->d_ff;
    return 2 * n * weights + 4 * pairs * c->n_heads * c->d_head;
}

static double read_flops(const struct scope *scope, int n)
{
    double flops = 2.0 * n * (double)scope->dict->n_concepts * scope->model->config.d_model;
    for (int l = 0; l <= scope->hook_layer; l++)
        flops += layer_flops(scope->model, l, n);
    return flops;
}

/* In the last layer all positions have keys and values, and the last one the rest. */
static double slider_flops(const struct scope *scope, int n)
{
    const struct model_config *c = &scope->model->config;
    const int last = c->n_layers - 1;
    double flops = 2.0 * c->d_model * c->n_vocab;
    for (int l = scope->hook_layer + 1; l < last; l++)
        flops += layer_flops(scope->model, l, n);
    double kv = 2.0 * c->d_model * c->d_head * c->n_kv_heads;
    double weights =
        (double)c->d_model * c->d_head * 2 * c->n_heads + kv + 3.0 * c->d_model * c->d_ff;
    const int window = scope->model->layers[last].config.window;
    int seen = window > 0 && window < n ? window : n;
    return flops + 2 * weights + 2 * (n - 1) * kv + 4.0 * seen * c->n_heads * c->d_head;
}

static void check_arithmetic(const struct bench_figure *f, double flops)
{
    ck_assert_str_eq(f->ceiling, "fma");
    ck_assert_double_eq_tol(f->share * f->median * 1e9 / flops, 1, 1e-6);
}

START_TEST(a_read_and_a_slider_are_held_against_their_arithmetic)
{
    const int n = N_TOKENS;
    for (int i = 0; i < N_FIXTURES; i++) {
        struct fixture fx;
        fixture_open(&fx, i);
        const struct scope scope = {
            .model = fx.model, .dict = fx.dict, .hook_layer = fx.hook_layer};
        const struct bench_subject s = {.scope = &scope};
        /* memory that is free: only arithmetic binds */
        struct bench b = {.n_runs = 2, .max_seconds = 1, .fma = 1e9, .bandwidth = 1e30};
        bench_read(&b, &s, &n, 1);
        bench_slider(&b, &s, n);
        check_arithmetic(&b.figures[0], read_flops(&scope, n));
        check_arithmetic(&b.figures[1], slider_flops(&scope, n));
        bench_clear(&b);
        fixture_close(&fx);
    }
}
END_TEST

START_TEST(what_the_model_cannot_take_is_said)
{
    struct fixture fx;
    fixture_open(&fx, 0);
    const struct scope scope = {.model = fx.model, .dict = fx.dict, .hook_layer = fx.hook_layer};
    const struct bench_subject s = {.scope = &scope};
    struct bench b = {.n_runs = 2, .max_seconds = 1};
    const int n = fx.model->config.n_ctx + 1;
    bench_read(&b, &s, &n, 1);
    bench_memory(&b, &s, n);
    for (size_t i = 0; i < b.n; i++) {
        ck_assert_int_eq(b.figures[i].n, 0);
        ck_assert_ptr_nonnull(strstr(b.figures[i].why, "takes at most"));
    }
    bench_clear(&b);
    fixture_close(&fx);
}
END_TEST

START_TEST(without_a_dictionary_the_model_is_measured_alone)
{
    struct fixture fx;
    fixture_open(&fx, 1);
    const struct scope scope = {.model = fx.model, .hook_layer = fx.hook_layer};
    const int ids[] = {2, 9, 11};
    const struct bench_subject s = {.scope = &scope, .ids = ids, .n_ids = 3};
    struct bench b = {.n_runs = 2, .max_seconds = 0.05};
    measure(&b, &s);
    for (size_t i = 0; i < b.n; i++)
        if (!may_lack(&b.figures[i]))
            check_figure(&b.figures[i]);
    bench_clear(&b);
    fixture_close(&fx);
}
END_TEST

static void check_same(const struct bench *b, size_t first)
{
    for (size_t i = first; i < first + 2; i++) {
        ck_assert_int_eq(b->figures[i].n, N_TOKENS - 1);
        ck_assert_double_eq_tol(b->figures[i].low, 1, 1e-9);
        ck_assert_double_eq_tol(b->figures[i].high, 1, 1e-9);
    }
}

START_TEST(latents_are_true_to_themselves_and_less_to_others)
{
    struct fixture fx;
    struct model *twin;
    struct err err = {0};
    struct bench b = {0};
    fixture_open(&fx, 1);
    const struct scope scope = {.model = fx.model, .dict = fx.dict, .hook_layer = fx.hook_layer};
    const struct bench_subject s = {.scope = &scope};
    bench_fidelity(&b, &s, fx.model, N_TOKENS);
    check_same(&b, 0);
    ck_assert_int_eq(model_open(&twin, "tests/fixtures/gguf/mini-q8_0.gguf", &err), ERR_OK);
    bench_fidelity(&b, &s, twin, N_TOKENS);
    ck_assert_str_eq(b.figures[2].name, "fidelity_cosine");
    ck_assert(b.figures[2].median > 0.99 && b.figures[2].low < 1 - 1e-9);
    ck_assert_str_eq(b.figures[3].name, "fidelity_top10");
    ck_assert(b.figures[3].low >= 0.5 && b.figures[3].high <= 1);
    model_close(twin);
    ck_assert_int_eq(model_open(&twin, "tests/fixtures/gemma2-mini", &err), ERR_OK);
    bench_fidelity(&b, &s, twin, N_TOKENS);
    ck_assert_str_eq(b.figures[4].why, "the reference is another model");
    ck_assert_int_eq(b.figures[5].n, 0);
    model_close(twin);
    bench_clear(&b);
    fixture_close(&fx);
}
END_TEST

START_TEST(random_ids_end_no_answer)
{
    struct fixture f;
    fixture_open(&f, 0);
    struct scope scope = {.model = f.model};
    struct bench_subject s = {.scope = &scope, .seed = 3};
    for (int t = 0; t < 3000; t++) {
        int id = trial_random_id(&s, t);
        ck_assert(id >= 0 && id < f.model->config.n_vocab && !model_is_stop(f.model, id));
        ck_assert(id != f.model->config.bos_id && id != f.model->config.pad_id);
    }
    fixture_close(&f);
}
END_TEST

Suite *suite_bench_model(void)
{
    Suite *s = suite_create("bench_model");
    TCase *t = tcase_create("fixtures");
    tcase_add_test(t, every_figure_is_finite_and_positive);
    tcase_add_test(t, a_read_and_a_slider_are_held_against_their_arithmetic);
    tcase_add_test(t, what_the_model_cannot_take_is_said);
    tcase_add_test(t, latents_are_true_to_themselves_and_less_to_others);
    tcase_add_test(t, without_a_dictionary_the_model_is_measured_alone);
    tcase_add_test(t, random_ids_end_no_answer);
    suite_add_tcase(s, t);
    return s;
}
