/* The inside of a session, for core/session*.c only. */
#ifndef CORE_SESSION_INTERNAL_H
#define CORE_SESSION_INTERNAL_H

#include "core/forward.h"
#include "core/session.h"

struct kept_rows {
    float *resid; /* [cap, d_model] owned */
    size_t cap;   /* rows */
};

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
    struct kept_rows kept[SESSION_MAX_KEPT]; /* of the answer, after s->kept_layers */
    float *changes; /* [n_prompt, n_layers - hook] owned: |Δh| / |h| of edits; -1: not run yet */
    size_t cap_changes;
};

struct session {
    const struct model *model;
    int hook_layer;
    int n_branches;
    enum dtype kv_dtype;
    struct forward *forward;

    int *ids; /* [n_prompt] owned */
    int n_prompt;
    struct kv_cache lower; /* layers 0..hook of the prompt, shared by the branches */
    struct timeline line;
    float *resid;     /* [cap_resid, d_model] owned: hook residual of the prompt */
    size_t cap_resid; /* rows */
    int n_read;       /* prompt positions of which both are right */
    int n_computed;

    int kept_layers[SESSION_MAX_KEPT]; /* [n_kept] above the hook */
    int n_kept;

    struct branch branches[SESSION_MAX_BRANCHES];

    float *x;         /* [FORWARD_MAX_ROWS, d_model] owned: rows on their way, made when needed */
    struct row *rows; /* [FORWARD_MAX_ROWS] owned */

    session_progress_fn *progress; /* may be NULL */
    void *progress_data;
    long done, total; /* row-layers of the call that runs */
};

static inline size_t session_width(const struct session *s) /* d_model */
{
    return (size_t)s->model->config.d_model;
}

static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Room for a batch on its way: x and rows. */
int session_reserve_batch(struct session *s, struct err *err) ERR_CHECK;
/* Room for a branch's answer as it stands. */
int session_reserve_branch(struct session *s, struct branch *b, struct err *err) ERR_CHECK;
/* What is above the hook from position n on is not right any more. */
void session_rewind_upper(struct branch *b, int n);
struct branch *session_branch(struct session *s, int branch);
const struct branch *session_see_branch(const struct session *s, int branch);

/* Room for n rows of residuals; those that are there stay. */
int session_reserve_resid(float **resid, size_t *cap, size_t n, size_t d_model,
                          struct err *err) ERR_CHECK;

/* session_keep.c */
int session_reserve_kept(const struct session *s, struct branch *b, struct err *err) ERR_CHECK;
void session_free_kept(struct branch *b);
/* Copies a row that leaves `layer` if that is kept and the position one of the answer. */
void session_keep_row(const struct session *s, struct branch *b, int layer, int pos,
                      const float *x);
bool session_keeps(const struct session *s, int layer);

/* session_steering.c: applies a branch's edits at a layer to a row x [d_model] of its output, and
 * notes how much they change it. */
void session_edit(const struct session *s, struct branch *b, int layer, int pos, float *x);
/* Forgets what was noted at positions from `first` on. */
void session_forget_changes(const struct session *s, struct branch *b, int first);

/* session_read.c: session_read within a call that counts its progress by itself. */
int session_read_prompt(struct session *s, struct err *err) ERR_CHECK;

/* Starts counting for a call that will run `total` row-layers. */
void session_start_progress(struct session *s, long total);
/* Runs a batch through layers l0 <= l < l1, counting its rows. after: may be NULL. */
int session_run(struct session *s, struct batch *batch, int l0, int l1, forward_layer_fn *after,
                void *data, struct err *err) ERR_CHECK;

/* Rows of the next batch when n > 0 are left: about equal parts, none above FORWARD_MAX_ROWS. */
int session_chunk(int n);

#endif
