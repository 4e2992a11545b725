/* What the parts of the worker share. Model thread only, but for queues, pipe and the atomic. */
#ifndef TUI_WORKER_INTERNAL_H
#define TUI_WORKER_INTERNAL_H

#include "core/generate.h"
#include "core/scope.h"
#include "core/session.h"
#include "data/dump_file.h"
#include "tui/dict_set.h"
#include "tui/queue.h"
#include "tui/words.h"
#include "tui/worker.h"

#include <pthread.h>
#include <stdatomic.h>

enum request_kind { REQUEST_RUN, REQUEST_DETAIL, REQUEST_STOP };

struct request {
    enum request_kind kind;
    size_t row;             /* DETAIL */
    struct run_request run; /* RUN */
};

struct worker {
    pthread_t thread;
    struct worker_options options;
    struct queue inbox;  /* struct request */
    struct queue outbox; /* struct event */
    int wake[2];         /* one byte while the outbox is not empty */
    atomic_uint cancelled_through;
    atomic_bool stopping;

    char *model_path;        /* owned; or NULL */
    struct scope labels;     /* dictionary only: open before the model, read by the UI too */
    struct dict_set set;     /* that dictionary and the further ones; set.all is read by the UI */
    struct dictionary all;   /* set.all with its calibration, which is owned */
    struct scope scope;      /* its dictionary is that of labels */
    struct session *session; /* NULL while there is no model */
    struct dump_file *dump;  /* or NULL */
    struct words words;
    bool has_words;

    /* the prompt that was read last */
    struct prompt prompt;
    bool has_prompt;
    float *median_norms; /* [set.n] owned: of the residuals that the dictionaries read */

    /* answers */
    bool has_baseline; /* branch 0 belongs to prompt, sampler and max_tokens */
    struct sampler sampler;
    int max_tokens;
    enum generate_stop stops[N_BRANCHES];
    float *logits[N_BRANCHES]; /* [n_vocab] each: what the first token was chosen from */
    bool has_logits[N_BRANCHES];
    int n_read[N_BRANCHES];   /* read-outs sent of each answer */
    int edited_layer;         /* the lowest that is steered; -1: none */
    double progress_at;       /* seconds, last progress event */
    const struct request *at; /* run under way */
};

/* worker.c */
struct event *worker_event(const struct worker *w, enum event_kind kind);
void worker_post(struct worker *w, struct event *take);
bool worker_is_cancelled(const struct worker *w);
/* Reports progress as an event, not too often; is it to stop? data: the worker. */
bool worker_progress(void *data, long done, long total);

/* worker_open.c: opens everything and says so; ERR_OK or a failure that was reported. */
int worker_open(struct worker *w, struct err *err) ERR_CHECK;
void worker_close(struct worker *w);

/* worker_read.c: makes the request's text the prompt and sends its reading. */
int worker_read(struct worker *w, const struct run_request *r, struct err *err) ERR_CHECK;

/* The same for a dump, whose only text it is. */
int worker_read_dump(struct worker *w, struct err *err) ERR_CHECK;

/* worker_answer.c */
int worker_answer(struct worker *w, const struct run_request *r, struct err *err) ERR_CHECK;

/* worker_detail.c */
void worker_look(struct worker *w, size_t row);
/* Serves details that wait while something longer runs. */
void worker_look_if_asked(struct worker *w);

#endif
