/* The model thread: owns the model and the session. Requests go in, events come out; no pointer
 * into a session ever leaves it. The one exception is the dictionary, which is read-only.
 *
 *     worker_start(&w, &options, &err);
 *     loop: poll worker_fd; worker_events -> app_update; worker_run, worker_cancel, ...
 *     worker_stop(w);
 *
 * All functions are for the UI thread and never wait, but worker_stop, which joins. */
#ifndef TUI_WORKER_H
#define TUI_WORKER_H

#include "core/prompt.h"
#include "core/sampler.h"
#include "core/scope_paths.h"
#include "tui/app.h"
#include "tui/event.h"

#include <stdbool.h>
#include <stddef.h>

struct worker;

struct worker_options {
    struct scope_options scope;             /* strings borrowed until worker_stop */
    const struct scope_options *more_dicts; /* [n_more_dicts] borrowed: further dictionaries */
    size_t n_more_dicts;
    enum prompt_form form; /* how prompts are to be understood */
    const char *dump;      /* read this in place of a model; borrowed, or NULL */
    int threads;           /* 0: number of cores */
};

/* The whole state that is wanted; what the worker has of it already is kept. */
struct run_request {
    unsigned id;
    char *text; /* owned; token ids such as "2,17,5" under PROMPT_IDS and without a tokenizer */
    size_t text_len;
    bool answers; /* go on to the two answers */
    struct slot slots[MAX_SLOTS];
    int n_slots;
    struct sampler sampler;
    int max_tokens;
    /* what the receiver already has of the baseline: tokens and read-outs. The rest is sent. */
    int n_baseline, n_baseline_read;
};

/* Starts the thread, which opens the files first: EVENT_OPENED, EVENT_MODEL or, after a failure,
 * EVENT_DONE with job JOB_OPEN. */
int worker_start(struct worker **out, const struct worker_options *options,
                 struct err *err) ERR_CHECK;
void worker_stop(struct worker *w); /* cancels, joins, closes; NULL is fine */

/* Takes the request; it replaces one that has not begun and stops one that has. */
void worker_run(struct worker *w, struct run_request *take);
void worker_detail(struct worker *w, size_t row);
void worker_cancel(struct worker *w, unsigned through); /* all runs with an id up to it */

int worker_fd(const struct worker *w); /* readable while events may wait */
/* Takes all events: an array of *n owned events (each to be cleared and freed), freed by the
 * caller; NULL when there are none. */
struct event **worker_events(struct worker *w, size_t *n);

#endif
