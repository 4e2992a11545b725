/* The maker of the bundled demo: its stages and what they share. Each stage reads the files that
 * the ones before it have written, so any of them can be run alone. */
#ifndef ASSETS_DEMO_DEMO_H
#define ASSETS_DEMO_DEMO_H

#include "assets/demo/world.h"
#include "core/chat.h"
#include "core/tokenizer.h"
#include "data/err.h"

#include <stdbool.h>
#include <stdint.h>

struct demo {
    const char *out; /* folder that everything is written to */
    struct world *world;
    uint64_t seed;
    int n_threads;
    long n_steps; /* of training */
    int layer;    /* hook layer, or -1: the best of those tried */
    bool resume;  /* go on from a checkpoint */
};

enum { DEMO_BATCH = 16 * 128, DEMO_TUNE_STEPS = 1300 }; /* tokens of a step */

/* Stages, in order. */
int demo_tokenizer(const struct demo *demo, struct err *err) ERR_CHECK;
int demo_train(const struct demo *demo, struct err *err) ERR_CHECK;
int demo_tune(const struct demo *demo, struct err *err) ERR_CHECK;
int demo_dictionary(const struct demo *demo, struct err *err) ERR_CHECK;
int demo_evaluate(const struct demo *demo, struct err *err) ERR_CHECK;

/* "<out>/<name>"; caller frees. */
char *demo_path(const struct demo *demo, const char *name);
int demo_open_tokenizer(struct tokenizer **out, const struct demo *demo, struct err *err) ERR_CHECK;

/* A generator for one purpose: streams of different purposes and numbers do not meet. */
enum demo_stream {
    STREAM_VOCAB,
    STREAM_TRAIN,
    STREAM_POSITIVE,
    STREAM_NEGATIVE,
    STREAM_EVAL_POSITIVE,
    STREAM_EVAL_NEGATIVE,
    STREAM_HARD,
    STREAM_PROMPT,
    STREAM_TUNE,
};
struct world_rng demo_rng(const struct demo *demo, enum demo_stream stream, uint64_t number);

/* One document of a mixture, in sentences of the training split: what the model learns the world
 * from, or what it is tuned on afterwards, mostly short answers. */
typedef int demo_sample_fn(const struct demo *demo, struct world_rng *rng, struct world_text *text,
                           struct err *err);
demo_sample_fn demo_sample ERR_CHECK, demo_sample_tuning ERR_CHECK;

/* Ids of a text as the model is trained on it: a chat in the template, ending with the turn's
 * end; plain text between BOS and EOS. Appended. */
int demo_encode(struct token_ids *ids, const struct tokenizer *tok, const struct world_text *text,
                struct err *err) ERR_CHECK;

/* Share of the 4-grams of a sequence that occurred earlier in it. */
double demo_repeated_share(const int *ids, size_t n);

/* Writes config.json, generation_config.json, tokenizer_config.json and model.safetensors. */
struct model_memory;
int demo_write_model(const struct demo *demo, const struct model_memory *model,
                     struct err *err) ERR_CHECK;
int demo_write_tokenizer_config(const struct demo *demo, struct err *err) ERR_CHECK;

#endif
