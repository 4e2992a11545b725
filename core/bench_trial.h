/* A prompt and a session to measure on; for core/bench_*.c. */
#ifndef CORE_BENCH_TRIAL_H
#define CORE_BENCH_TRIAL_H

#include "core/bench_model.h"
#include "core/session.h"

struct trial {
    const struct bench_subject *subject;
    const struct scope *scope;
    struct session *session;
    int *ids; /* [n_ids] owned */
    int n_ids;
    float *acts; /* [n_ids, n_concepts] owned, or NULL */
    int n_branches;
    unsigned mask;
    float *logits; /* [n_branches, n_vocab] owned */
    struct steering steering;
};

/* A session for a prompt of n_ids, which is not set yet. ERR_LIMIT: longer than the model takes.
 * trial_close is due in any case. */
int trial_open(struct trial *t, const struct bench_subject *s, int n_ids, int n_branches,
               struct err *err) ERR_CHECK;
void trial_close(struct trial *t);

/* Reads the prompt: residuals at the hook layer and, with a dictionary, all latents, with their
 * sign on wish. What the session still has of a prompt is not computed again. */
int trial_read(struct trial *t, bool is_signed, struct err *err) ERR_CHECK;

/* The subject's random id number t: not BOS, not padding, none that ends an answer. */
int trial_random_id(const struct bench_subject *s, int t);

/* Gives a branch one edit: the dictionary's first row, or a direction of ones, times strength. */
int trial_steer(struct trial *t, int branch, float strength, struct err *err) ERR_CHECK;

#endif
