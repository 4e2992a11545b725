/* One text under several dictionaries, read and steered each at its own layer. */
#include "tui/job.h"

#include "core/forward.h"
#include "core/latents.h"
#include "data/file.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINI "tests/fixtures/gemma2-mini"
#define MAX_ARGS 24

enum { N = 3, N_LAYERS = 6, N_ROWS = 64, D_MODEL = 96, N_VOCAB = 384 };

static char *dir, *layer_one; /* the fixture's dictionary under the name l1 */

static void setup(void)
{
    char cwd[PATH_MAX / 2], target[PATH_MAX];
    dir = tmp_dir_new();
    layer_one = path_join(dir, "l1");
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    snprintf(target, sizeof target, "%s/" MINI "/l3", cwd);
    ck_assert_int_eq(symlink(target, layer_one), 0);
}

static void teardown(void)
{
    unlink(layer_one);
    free(layer_one);
    tmp_dir_free(dir);
}

struct opened {
    struct args args;
    struct job job;
};

/* axscope WORDS... on three tokens of the fixture's model. */
static void open_job(struct opened *o, int n_branches, const char *const *words)
{
    static const char *const begin[] = {"axscope", "steer", "--model", MINI, "--ids", "2,114,41"};
    char *argv[MAX_ARGS];
    int argc = 0;
    struct err err = {0};
    for (; argc < 6; argc++)
        argv[argc] = (char *)(uintptr_t)begin[argc];
    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    ck_assert_msg(args_parse(&o->args, argc, argv, &err) == ERR_OK, "%s", err.message);
    int rc = job_open(&o->job, &o->args, SCOPE_DICT, n_branches, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
}

static void close_job(struct opened *o)
{
    job_close(&o->job);
    args_clear(&o->args);
}

static struct lazy_acts *latents_of(struct opened *o)
{
    static const bool counted[N];
    struct lazy_acts *acts;
    struct err err = {0};
    int rc = job_take_acts(&acts, &o->job, counted, false, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    return acts;
}

START_TEST(each_dictionary_is_read_at_its_own_layer)
{
    struct opened both, a, b;
    open_job(&both, 1, (const char *[]){"--dict", MINI "/l3", "--dict", layer_one, NULL});
    open_job(&a, 1, (const char *[]){"--dict", MINI "/l3", NULL});
    open_job(&b, 1, (const char *[]){"--dict", layer_one, NULL});
    struct lazy_acts *acts = latents_of(&both), *of_a = latents_of(&a), *of_b = latents_of(&b);
    ck_assert_int_eq(both.job.set.layers[0], 3);
    ck_assert_int_eq(both.job.set.layers[1], 1);
    ck_assert_uint_eq(both.job.set.all.n_concepts, 2 * N_ROWS);
    ck_assert_mem_ne(lazy_acts_token(of_a, 0), lazy_acts_token(of_b, 0), N_ROWS * sizeof(float));
    for (size_t t = 0; t < N; t++) {
        const float *row = lazy_acts_token(acts, t);
        ck_assert_mem_eq(row, lazy_acts_token(of_a, t), N_ROWS * sizeof(float));
        ck_assert_mem_eq(row + N_ROWS, lazy_acts_token(of_b, t), N_ROWS * sizeof(float));
    }
    lazy_acts_free(acts);
    lazy_acts_free(of_a);
    lazy_acts_free(of_b);
    close_job(&both);
    close_job(&a);
    close_job(&b);
}
END_TEST

/* The edits of the test below: rows 17 and 3 of the same matrix at layers 3 and 1. */
static void edit_plainly(float *x, const struct dictionary *dict, int layer)
{
    float w[D_MODEL];
    double latent = 0;
    dictionary_direction(w, dict, layer == 3 ? 17 : 3);
    for (size_t i = 0; i < D_MODEL; i++)
        latent += (double)x[i] * (double)w[i];
    double strength = layer == 3 ? 30 : layer == 1 ? 12 - (latent > 0 ? latent : 0) : 0;
    for (size_t i = 0; i < D_MODEL; i++)
        x[i] += (float)(strength * (double)w[i]);
}

/* All positions at once, nothing kept. resid3 [N, D_MODEL]: after layer 3, before its edit. */
static void run_plainly(float *logits, float *resid3, const struct opened *o)
{
    static const int ids[N] = {2, 114, 41};
    const struct model *model = o->job.scope.model;
    struct kv_cache cache;
    struct timeline line = {.own = &cache};
    struct row rows[N] = {{&line, 0}, {&line, 1}, {&line, 2}};
    float x[N * D_MODEL];
    struct batch batch = {.x = x, .rows = rows, .n = N};
    struct forward *f = forward_new(model);
    struct err err = {0};
    kv_cache_init(&cache, model, 0, N_LAYERS, DTYPE_F32);
    ck_assert_int_eq(kv_cache_reserve(&cache, N, &err), ERR_OK);
    forward_embed(x, model, ids, N);
    for (int l = 0; l < N_LAYERS; l++) {
        ck_assert_int_eq(forward_layers(f, &batch, l, l + 1, NULL, NULL, &err), ERR_OK);
        if (l == 3)
            memcpy(resid3, x, sizeof x);
        for (size_t t = 0; t < N; t++)
            edit_plainly(x + t * D_MODEL, o->job.scope.dict, l);
    }
    ck_assert_int_eq(forward_logits(f, logits, x + (N - 1) * D_MODEL, &rows[N - 1], 1, &err), 0);
    forward_free(f);
    kv_cache_clear(&cache);
}

START_TEST(each_dictionary_steers_at_its_own_layer)
{
    struct opened o;
    struct err err = {0};
    float want[N_VOCAB], got[2 * N_VOCAB], resid3[N * D_MODEL], latents[N * N_ROWS];
    open_job(&o, 2,
             (const char *[]){"--dict", MINI "/l3", "--dict", layer_one, "--strength", "0:17=30",
                              "--clamp", "1:3=12", NULL});
    run_plainly(want, resid3, &o);
    ck_assert_int_eq(session_logits(o.job.session, 3, got, &err), ERR_OK);
    ck_assert(approx_worst(got, want, N_VOCAB, NULL) > 1e-2); /* the baseline is another */
    approx_tensor("steered logits", got + N_VOCAB, want, N_VOCAB, 1e-4);
    ck_assert_int_eq(latents_encode(latents, o.job.scope.dict, resid3, N, D_MODEL, false, &err), 0);
    struct lazy_acts *acts = latents_of(&o);
    for (size_t t = 0; t < N; t++)
        approx_tensor("read above an edit", lazy_acts_token(acts, t), latents + t * N_ROWS, N_ROWS,
                      1e-4);
    lazy_acts_free(acts);
    close_job(&o);
}
END_TEST

Suite *suite_job(void)
{
    Suite *s = suite_create("job");
    TCase *t = tcase_create("job");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, each_dictionary_is_read_at_its_own_layer);
    tcase_add_test(t, each_dictionary_steers_at_its_own_layer);
    suite_add_tcase(s, t);
    return s;
}
