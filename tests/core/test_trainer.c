#include "core/trainer.h"
#include "data/file.h"
#include "data/safetensors.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 16, T = 12, SEQS = 2, SHARDS = 4, STEPS = 60 };

static char *dir;

static void set_up(void)
{
    dir = tmp_dir_new();
}

static void tear_down(void)
{
    tmp_dir_free(dir);
}

/* Counting modulo VOCAB from a start that depends on step, shard and sequence. */
static int count_on(void *data, long step, int shard, int *ids, int *targets, int *starts,
                    struct err *err)
{
    (void)data;
    (void)err;
    for (int i = 0; i < SEQS * T; i++) {
        ids[i] = (int)((step * 7 + shard * 3 + i / T * 5 + i % T) % VOCAB);
        targets[i] = i % T == T - 1 ? -1 : (ids[i] + 1) % VOCAB;
        starts[i] = 0;
    }
    return ERR_OK;
}

static int failing(void *data, long step, int shard, int *ids, int *targets, int *starts,
                   struct err *err)
{
    if (step == 3 && shard == 2)
        return err_set(err, ERR_IO, "no more texts");
    return count_on(data, step, shard, ids, targets, starts, err);
}

struct watch {
    double first, last;
    long stop_at; /* cancel after this step; 0: never */
};

static bool watch_progress(void *data, const struct trainer_progress *p)
{
    struct watch *w = data;
    if (p->step == 1)
        w->first = p->loss;
    w->last = p->loss;
    return p->step == w->stop_at;
}

static struct model_memory *fresh(void)
{
    struct model_memory *m;
    struct model_config config = {.n_layers = 2,
                                  .d_model = 16,
                                  .n_heads = 2,
                                  .n_kv_heads = 1,
                                  .d_head = 8,
                                  .d_ff = 24,
                                  .n_vocab = VOCAB,
                                  .n_ctx = T,
                                  .rms_eps = 1e-6f,
                                  .query_scale = 0.35f,
                                  .final_softcap = 30};
    struct layer_config layers[2] = {{4, 10000}, {0, 10000}};
    ck_assert_int_eq(model_memory_new(&m, &config, layers, NULL), 0);
    model_memory_randomise(m, 3, 1);
    return m;
}

static struct trainer_options options(int n_threads, const char *checkpoint)
{
    return (struct trainer_options){.n_shards = SHARDS,
                                    .n_seqs = SEQS,
                                    .n_tokens = T,
                                    .n_threads = n_threads,
                                    .n_steps = STEPS,
                                    .n_warmup = 5,
                                    .lr = 0.01f,
                                    .lr_floor = 0.1f,
                                    .clip = 1,
                                    .adamw = {0.9f, 0.98f, 1e-8f, 0.01f},
                                    .checkpoint = checkpoint,
                                    .checkpoint_seconds = 1000,
                                    .resume = true};
}

static void ck_same_weights(const struct model_memory *a, const struct model_memory *b)
{
    ck_assert_mem_eq(a->params.block, b->params.block, a->params.n_params * sizeof(float));
}

START_TEST(loss_falls_and_weights_do_not_depend_on_threads)
{
    struct model_memory *one = fresh(), *three = fresh();
    struct watch watch = {0};
    struct trainer_options o = options(1, NULL);
    ck_assert_int_eq(trainer_run(one, &o, count_on, watch_progress, &watch, NULL), 0);
    ck_assert_double_gt(watch.first, 2);
    ck_assert_double_lt(watch.last, 0.3);
    o = options(3, NULL);
    ck_assert_int_eq(trainer_run(three, &o, count_on, watch_progress, &watch, NULL), 0);
    ck_same_weights(one, three);
    model_memory_free(one);
    model_memory_free(three);
}
END_TEST

START_TEST(a_run_resumed_from_its_checkpoint_ends_with_the_same_weights)
{
    struct model_memory *whole = fresh(), *cut = fresh(), *resumed = fresh();
    struct watch watch = {0};
    char *path = path_join(dir, "checkpoint");
    struct trainer_options o = options(2, NULL);
    ck_assert_int_eq(trainer_run(whole, &o, count_on, NULL, &watch, NULL), 0);
    o = options(2, path);
    watch.stop_at = 25;
    ck_assert_int_eq(trainer_run(cut, &o, count_on, watch_progress, &watch, NULL), ERR_CANCELLED);
    watch.stop_at = 0;
    ck_assert_int_eq(trainer_run(resumed, &o, count_on, watch_progress, &watch, NULL), 0);
    ck_same_weights(whole, resumed);
    model_memory_free(whole);
    model_memory_free(cut);
    model_memory_free(resumed);
    free(path);
}
END_TEST

/* Nothing to predict: the gradient is zero. */
static int nothing(void *data, long step, int shard, int *ids, int *targets, int *starts,
                   struct err *err)
{
    int rc = count_on(data, step, shard, ids, targets, starts, err);
    for (int i = 0; i < SEQS * T; i++)
        targets[i] = -1;
    return rc;
}

static struct trainer_options one_step(float clip, float weight_decay)
{
    struct trainer_options o = options(2, NULL);
    o.n_steps = 1;
    o.n_warmup = 0;
    o.clip = clip;
    o.adamw.weight_decay = weight_decay;
    return o;
}

START_TEST(matrices_decay_and_norms_do_not)
{
    struct model_memory *before = fresh(), *after = fresh();
    struct trainer_options o = one_step(1, 0.5f);
    const struct layer *layer = &after->model.layers[1];
    ck_assert_int_eq(trainer_run(after, &o, nothing, NULL, NULL, NULL), 0);
    for (size_t i = 0; i < layer->wq.n_rows * layer->wq.n_cols; i++)
        ck_assert_float_eq(after->params.layers[1].wq[i],
                           (1 - 0.01f * 0.5f) * before->params.layers[1].wq[i]);
    ck_assert_mem_ne(after->params.embed, before->params.embed, VOCAB * 16 * sizeof(float));
    ck_assert_mem_eq(layer->norm_ffw_in, before->model.layers[1].norm_ffw_in, 16 * sizeof(float));
    ck_assert_mem_eq(after->model.norm_final, before->model.norm_final, 16 * sizeof(float));
    model_memory_free(before);
    model_memory_free(after);
}
END_TEST

static double largest_change(float clip)
{
    struct model_memory *before = fresh(), *after = fresh();
    struct trainer_options o = one_step(clip, 0);
    double largest = 0;
    ck_assert_int_eq(trainer_run(after, &o, count_on, NULL, NULL, NULL), 0);
    for (size_t i = 0; i < after->params.n_params; i++)
        largest = fmax(largest, fabs((double)after->params.block[i] - before->params.block[i]));
    model_memory_free(before);
    model_memory_free(after);
    return largest;
}

/* Adam's first step is of the size of the learning rate, but for gradients far below its eps. */
START_TEST(a_long_gradient_is_cut_to_the_clip)
{
    ck_assert_double_eq_tol(largest_change(1), 0.01, 1e-4);
    ck_assert_double_eq_tol(largest_change(1e6f), 0.01, 1e-4);
    ck_assert_double_le(largest_change(1e-12f), 0.01 * 1e-3);
}
END_TEST

START_TEST(a_checkpoint_of_another_model_is_refused)
{
    static const float numbers[3] = {1, 2, 3};
    struct tensor tensors[3];
    const char *names[] = {"params", "m", "v"};
    char *path = path_join(dir, "other");
    const char *const metadata[][2] = {{"step", "2"}};
    struct model_memory *m = fresh();
    struct trainer_options o = options(1, path);
    struct err err;
    for (int i = 0; i < 3; i++)
        tensors[i] = (struct tensor){.name = names[i],
                                     .dtype = DTYPE_F32,
                                     .n_dims = 1,
                                     .shape = {3},
                                     .data = numbers,
                                     .n_bytes = sizeof numbers};
    ck_assert_int_eq(safetensors_write(path, tensors, 3, metadata, 1, &err), ERR_OK);
    ck_assert_int_eq(trainer_run(m, &o, count_on, NULL, NULL, &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "not a checkpoint of this model"));
    model_memory_free(m);
    free(path);
}
END_TEST

START_TEST(a_failure_of_the_texts_ends_the_run)
{
    struct model_memory *m = fresh();
    struct err err;
    struct trainer_options o = options(2, NULL);
    ck_assert_int_eq(trainer_run(m, &o, failing, NULL, NULL, &err), ERR_IO);
    ck_assert_str_eq(err.message, "no more texts");
    model_memory_free(m);
}
END_TEST

Suite *suite_trainer(void)
{
    Suite *s = suite_create("trainer");
    TCase *t = tcase_create("trainer");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, loss_falls_and_weights_do_not_depend_on_threads);
    tcase_add_test(t, a_run_resumed_from_its_checkpoint_ends_with_the_same_weights);
    tcase_add_test(t, matrices_decay_and_norms_do_not);
    tcase_add_test(t, a_long_gradient_is_cut_to_the_clip);
    tcase_add_test(t, a_checkpoint_of_another_model_is_refused);
    tcase_add_test(t, a_failure_of_the_texts_ends_the_run);
    suite_add_tcase(s, t);
    return s;
}
