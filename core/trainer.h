/* Trains a model in memory on documents that a callback supplies.
 *
 * A step's batch is cut into a fixed number of shards; worker threads take shards, each on a tape
 * of its own, and the shards' gradients are summed in order: the result depends on neither the
 * number of threads nor the processor. A checkpoint is written now and then; a run that finds one
 * goes on from it and ends with the same weights. */
#ifndef CORE_TRAINER_H
#define CORE_TRAINER_H

#include "core/adamw.h"
#include "core/model_memory.h"

#include <stdbool.h>

struct trainer_options {
    int n_shards, n_seqs, n_tokens; /* a batch: n_shards * n_seqs sequences of n_tokens */
    int n_threads;
    long n_steps, n_warmup;
    float lr, lr_floor;        /* lr_floor: share of lr at the last step */
    float clip;                /* largest norm of the gradient */
    struct adamw adamw;        /* weight decay applies to matrices only */
    const char *checkpoint;    /* file, or NULL: none */
    double checkpoint_seconds; /* between two */
    bool resume;               /* go on from the checkpoint if it is there */
};

/* Fills one shard of one step, all [n_seqs, n_tokens]: ids, targets (-1: does not count), starts
 * (tape_set_starts). Must depend on nothing but step and shard; runs on worker threads. */
typedef int trainer_fill_fn(void *data, long step, int shard, int *ids, int *targets, int *starts,
                            struct err *err);

struct trainer_progress {
    long step, n_steps;
    double loss; /* nats per token, of this step */
    double lr, grad_norm;
    double tokens_per_second; /* since the start of this run */
    double seconds_left;
};
/* After every step; returning true stops with ERR_CANCELLED, after a checkpoint. */
typedef bool trainer_progress_fn(void *data, const struct trainer_progress *progress);

int trainer_run(struct model_memory *model, const struct trainer_options *options,
                trainer_fill_fn *fill, trainer_progress_fn *progress, void *data,
                struct err *err) ERR_CHECK;

#endif
