/* The inside of a session, for core/session*.c only. */
#ifndef CORE_SESSION_INTERNAL_H
#define CORE_SESSION_INTERNAL_H

#include "core/forward.h"
#include "core/session.h"

struct branch {
    struct steering steering;
    int *answer; /* [n_answer] owned */
    int n_answer;
    size_t cap_answer;

    struct kv_cache lower;      /* layers 0..hook, answer positions only */
    struct timeline lower_line; /* the prompt's cache, then this one */
    float *resid;               /* [cap_resid, d_model] owned: hook residual of the answer */
    size_t cap_resid;           /* rows */
    int n_lower;                /* answer tokens of which both are right */

    struct kv_cache upper; /* layers above the hook, prompt and answer */
    struct timeline upper_line;
    int n_upper; /* positions whose keys and values above the hook are right */
};

struct session {
    const struct model *model;
    int hook_layer;
    int n_branches;
    struct forward *forward;

    int *ids; /* [n_prompt] owned */
    int n_prompt;
    struct kv_cache lower; /* layers 0..hook of the prompt, shared by the branches */
    struct timeline line;
    float *resid;     /* [cap_resid, d_model] owned: hook residual of the prompt */
    size_t cap_resid; /* rows */
    int n_read;       /* prompt positions of which both are right */
    int n_computed;

    struct branch branches[SESSION_MAX_BRANCHES];

    float *x;         /* [FORWARD_MAX_ROWS, d_model] owned: rows on their way, made when needed */
    struct row *rows; /* [FORWARD_MAX_ROWS] owned */

    session_progress_fn *progress; /* may be NULL */
    void *progress_data;
    long done, total; /* row-layers of the call that runs */
};

/* Starts counting for a call that will run `total` row-layers. */
void session_start_progress(struct session *s, long total);
/* A layer of n rows is done: ERR_CANCELLED if the caller wants to stop. */
int session_step(struct session *s, int n, struct err *err) ERR_CHECK;

/* Rows of the next batch when n are left: equal parts, none above FORWARD_MAX_ROWS. */
int session_chunk(int n);

#endif
