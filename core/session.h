/* A session: one prompt and its branches (continuations that differ by steering).
 *
 * Reading concepts runs layers 0..hook only. Steering edits the output of the hook layer or of any
 * above, so the residual at the hook is kept for every position; after a change of steering only
 * the layers above are run again. Branches share the prompt's lower half and decode in lockstep,
 * one row per branch in every product. One thread at a time uses a session; the model is shared.
 *
 *     session_new(&s, model, hook_layer, 2, &err);
 *     session_set_prompt(s, ids, n_ids, &err);          keeps the common prefix
 *     session_read(s, &err);                            residuals at the hook
 *     session_set_steering(s, 1, &steering, &err);      branch 0 stays the baseline
 *     loop: session_logits(s, mask, logits, &err);      next-token logits of each branch
 *           session_append(s, branch, id, &err);
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/model.h"
#include "core/steering.h"
#include "data/err.h"

#include <stdbool.h>

#define SESSION_MAX_BRANCHES 16
#define SESSION_MAX_KEPT 8

struct session;

/* Called after each layer, and within a layer before more than 60 ms or so have passed. done and
 * total are in row-layers of the current call. Returning true cancels: the call returns
 * ERR_CANCELLED and the session stays usable (what was finished is kept). May be NULL. */
typedef bool session_progress_fn(void *data, long done, long total);

/* hook_layer: 0..n_layers-1, the lowest that is read or edited. n_branches:
 * 0..SESSION_MAX_BRANCHES. */
int session_new(struct session **out, const struct model *model, int hook_layer, int n_branches,
                struct err *err) ERR_CHECK;
void session_free(struct session *s);

/* What keys and values are kept as: f32 (until it is called), or f16, which halves the memory and
 * rounds them to 11 bits. Before the first prompt. */
void session_set_kv(struct session *s, enum dtype dtype);

void session_set_progress(struct session *s, session_progress_fn *fn, void *data);

/* Makes ids the prompt. What the old prompt has in common with it is kept; all branches lose
 * their answers and keep their steering. Ids out of range, or more than n_ctx: ERR_LIMIT. */
int session_set_prompt(struct session *s, const int *ids, int n_ids, struct err *err) ERR_CHECK;
int session_n_prompt(const struct session *s);

/* Runs layers 0..hook for the positions of the prompt that lack them. */
int session_read(struct session *s, struct err *err) ERR_CHECK;

/* The same for several sessions [n], n >= 1, each with a prompt of its own, on the same model with
 * the same hook layer: as many short prompts as fit go through every layer together, so that each
 * weight is read once for all of them. Progress is told to the first session, which may cancel;
 * prompts that were finished before an error stay read. All residuals are those of reading one by
 * one, but for how products round by the number of their rows (core/matmul.h). */
int session_read_all(struct session *const *sessions, int n, struct err *err) ERR_CHECK;

/* The residual at the hook layer, before any edit, [n_prompt, d_model]; valid until the next
 * session_set_prompt. Needs session_read. */
const float *session_resid(const struct session *s);

/* Number of positions whose lower half the last session_read had to compute. All, where the window
 * before the first changed position has given way in a long text (core/kv_cache.h). */
int session_n_computed(const struct session *s);

/* Replaces a branch's steering (copied; NULL: none) and keeps its answer so far: the next logits
 * are exactly those of the prompt and answer under the new steering. ERR_SHAPE: directions of
 * another width; ERR_LIMIT: an edit below the hook layer or above the last. */
int session_set_steering(struct session *s, int branch, const struct steering *steering,
                         struct err *err) ERR_CHECK;

/* Cuts a branch's answer to n tokens. */
void session_truncate(struct session *s, int branch, int n_answer);
int session_append(struct session *s, int branch, int id, struct err *err) ERR_CHECK;
int session_n_answer(const struct session *s, int branch);
const int *session_answer(const struct session *s, int branch); /* valid until the next append */

/* Next-token logits, after the final soft-cap, of every branch whose bit is set in mask: logits
 * [popcount(mask), n_vocab] in branch order. Runs what is missing, all branches in one batch. */
int session_logits(struct session *s, unsigned mask, float *logits, struct err *err) ERR_CHECK;

/* Keeps, from now on, the residual of answers after further layers above the hook, which other
 * dictionaries read. For a session whose branches have no answer yet. ERR_LIMIT: more than
 * SESSION_MAX_KEPT, or a layer that does not exist. Layers at the hook or named twice are fine. */
int session_keep_layers(struct session *s, const int *layers, int n, struct err *err) ERR_CHECK;

/* The residual of a branch's answer tokens that have been run, after the hook layer or one that is
 * kept, before the edits there: returns the number of rows available (every answer token before the
 * last session_logits), [*, d_model]. */
int session_answer_resid(const float **resid, const struct session *s, int branch, int layer);

/* Mean over edited prompt positions of |Δh| / |h| at a layer, Δh being what the edits of that layer
 * add to its output under the edits below; 0 without edits there. Measured when session_logits runs
 * the positions; after the last layer nothing but the last position is run. */
float session_norm_ratio(const struct session *s, int branch, int layer);

/* Runs the whole prompt under a branch's steering and hands out the residual after chosen layers,
 * each before the edits of its own layer and after those of the layers below: for each l in layers,
 * resid[i] is [n_prompt, d_model], caller's. logits: NULL, [1, n_vocab] (last position) or, with
 * all_logits, [n_prompt, n_vocab]. branch -1: no steering. */
int session_dump(struct session *s, int branch, const int *layers, int n_layers, float **resid,
                 float *logits, bool all_logits, struct err *err) ERR_CHECK;

#endif
