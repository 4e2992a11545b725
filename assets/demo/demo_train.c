/* Stages 2 and 3: the model, trained from scratch on texts drawn as they are needed, and tuned. */
#include "assets/demo/demo.h"
#include "core/trainer.h"
#include "data/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sizes of the model and of a batch: 16 sequences of 128 tokens a step. */
enum { N_LAYERS = 6, D_MODEL = 192, N_HEADS = 4, N_KV_HEADS = 2, D_HEAD = 48, D_FF = 512 };
enum { N_VOCAB = 4096, N_CTX = 512, WINDOW = 64 };
enum { N_SHARDS = 8, N_SEQS = 2, N_TOKENS = 128 };

_Static_assert(N_SHARDS *N_SEQS *N_TOKENS == DEMO_BATCH, "what the card says of a step");

/* The tuning that follows: short, with a smaller step. */
enum { N_TUNE_WARMUP = 50 };
static const float tune_lr = 1e-3f;

enum { DRAWS = 8 };
#define REPEATED_MAX 0.05 /* share of a document's 4-grams */

struct training {
    const struct demo *demo;
    const struct tokenizer *tok;
    enum demo_stream stream;
    demo_sample_fn *sample;
    bool refuses_repeats; /* documents that repeat themselves are drawn again */
    double loss;          /* moving average */
};

static int draw_document(struct token_ids *doc, const struct training *t, struct world_rng *rng,
                         struct world_text *text, struct err *err)
{
    for (int tries = 0; tries < DRAWS; tries++) {
        doc->n = 0;
        int rc = t->sample(t->demo, rng, text, err);
        if (!rc)
            rc = demo_encode(doc, t->tok, text, err);
        if (rc || !t->refuses_repeats || demo_repeated_share(doc->ids, doc->n) < REPEATED_MAX)
            return rc;
    }
    return ERR_OK; /* its concept repeats by nature */
}

/* Documents one after another; what does not fit into the sequence is cut off. */
static int fill_sequence(const struct training *t, struct world_rng *rng, int *ids, int *targets,
                         int *starts, struct err *err)
{
    struct world_text text = {0};
    struct token_ids doc = {0};
    int rc = ERR_OK;
    for (int pos = 0; pos < N_TOKENS && !rc;) {
        rc = draw_document(&doc, t, rng, &text, err);
        int start = pos;
        for (size_t i = 0; i < doc.n && pos < N_TOKENS && !rc; i++, pos++) {
            ids[pos] = doc.ids[i];
            targets[pos] = i + 1 < doc.n ? doc.ids[i + 1] : -1;
            starts[pos] = start;
        }
    }
    world_text_clear(&text);
    token_ids_clear(&doc);
    return rc;
}

static int fill(void *data, long step, int shard, int *ids, int *targets, int *starts,
                struct err *err)
{
    const struct training *t = data;
    struct world_rng rng =
        demo_rng(t->demo, t->stream, (uint64_t)step * N_SHARDS + (uint64_t)shard);
    for (int s = 0; s < N_SEQS; s++) {
        size_t at = (size_t)s * N_TOKENS;
        int rc = fill_sequence(t, &rng, ids + at, targets + at, starts + at, err);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static bool show_progress(void *data, const struct trainer_progress *p)
{
    struct training *t = data;
    t->loss = t->loss == 0 ? p->loss : 0.95 * t->loss + 0.05 * p->loss;
    bool whole = p->step % 20 == 0 || p->step == p->n_steps;
    if (whole || (p->step % 5 == 0 && isatty(1))) {
        printf("%sstep %ld/%ld  loss %.3f  lr %.5f  gradient %.2f  %.0f tokens/s  %.0f:%02d left%s",
               isatty(1) ? "\r" : "", p->step, p->n_steps, t->loss, p->lr, p->grad_norm,
               p->tokens_per_second, floor(p->seconds_left / 60), (int)p->seconds_left % 60,
               whole ? "\n" : "  ");
        fflush(stdout);
    }
    return false;
}

static int new_model(struct model_memory **out, uint64_t seed, struct err *err)
{
    struct model_config config = {.n_layers = N_LAYERS,
                                  .d_model = D_MODEL,
                                  .n_heads = N_HEADS,
                                  .n_kv_heads = N_KV_HEADS,
                                  .d_head = D_HEAD,
                                  .d_ff = D_FF,
                                  .n_vocab = N_VOCAB,
                                  .n_ctx = N_CTX,
                                  .rms_eps = 1e-6f,
                                  .query_scale = 1 / sqrtf(D_HEAD),
                                  .attn_softcap = 50,
                                  .final_softcap = 30,
                                  .bos_id = 2};
    struct layer_config layers[N_LAYERS];
    for (int l = 0; l < N_LAYERS; l++)
        layers[l] = (struct layer_config){l % 2 == 0 ? WINDOW : 0, 10000};
    int rc = model_memory_new(out, &config, layers, err);
    if (!rc)
        model_memory_randomise(*out, seed, 1);
    return rc;
}

static struct trainer_options options_for(const struct demo *demo, const char *checkpoint)
{
    return (struct trainer_options){
        .n_shards = N_SHARDS,
        .n_seqs = N_SEQS,
        .n_tokens = N_TOKENS,
        .n_threads = demo->n_threads,
        .n_steps = demo->n_steps,
        .n_warmup = 100,
        .lr = 3e-3f,
        .lr_floor = 0.02f,
        .clip = 1,
        .adamw = {.beta1 = 0.9f, .beta2 = 0.98f, .eps = 1e-8f, .weight_decay = 0.1f},
        .checkpoint = checkpoint,
        .checkpoint_seconds = 120,
        .resume = demo->resume,
    };
}

int demo_train(const struct demo *demo, struct err *err)
{
    struct training t = {.demo = demo, .stream = STREAM_TRAIN, .sample = demo_sample};
    struct tokenizer *tok = NULL;
    struct model_memory *model = NULL;
    char *checkpoint = demo_path(demo, "checkpoint.tmp");
    struct trainer_options options = options_for(demo, checkpoint);
    int rc = demo_open_tokenizer(&tok, demo, err);
    t.tok = tok;
    if (!rc)
        rc = new_model(&model, demo->seed, err);
    if (!rc)
        rc = trainer_run(model, &options, fill, show_progress, &t, err);
    if (!rc)
        rc = demo_write_model(demo, model, err);
    if (!rc)
        remove(checkpoint);
    model_memory_free(model);
    tokenizer_free(tok);
    free(checkpoint);
    return rc;
}

/* Replaces the model by the tuned one: running the stage twice tunes twice. */
int demo_tune(const struct demo *demo, struct err *err)
{
    struct training t = {
        .demo = demo, .stream = STREAM_TUNE, .sample = demo_sample_tuning, .refuses_repeats = true};
    struct tokenizer *tok = NULL;
    struct model *trained = NULL;
    struct model_memory *model = NULL;
    struct trainer_options options = options_for(demo, NULL);
    options.n_steps = DEMO_TUNE_STEPS;
    options.n_warmup = N_TUNE_WARMUP;
    options.lr = tune_lr;
    int rc = demo_open_tokenizer(&tok, demo, err);
    t.tok = tok;
    if (!rc)
        rc = model_open(&trained, demo->out, err);
    if (!rc)
        rc = model_memory_from(&model, trained, err);
    if (!rc)
        rc = trainer_run(model, &options, fill, show_progress, &t, err);
    if (!rc)
        rc = demo_write_model(demo, model, err);
    model_memory_free(model);
    model_close(trained);
    tokenizer_free(tok);
    return rc;
}
