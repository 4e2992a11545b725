#include "tui/worker.h"

#include "core/pool.h"
#include "tui/clock.h"
#include "tui/worker_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_EVERY 0.05 /* seconds */

struct event *worker_event(const struct worker *w, enum event_kind kind)
{
    struct event *e = mem_zalloc(1, sizeof *e);
    e->kind = kind;
    e->job = w->at ? w->at->run.id : JOB_OPEN;
    return e;
}

/* The byte is written while the outbox is empty only, so a burst of tokens sends one. */
void worker_post(struct worker *w, struct event *take)
{
    if (!queue_push(&w->outbox, take))
        return;
    ssize_t n;
    do
        n = write(w->wake[1], "!", 1);
    while (n < 0 && errno == EINTR); /* a full pipe wakes as well */
}

bool worker_is_cancelled(const struct worker *w)
{
    return atomic_load(&w->stopping) ||
           (w->at && w->at->run.id <= atomic_load(&w->cancelled_through));
}

bool worker_progress(void *data, long done, long total)
{
    struct worker *w = data;
    double now = clock_seconds();
    if (now - w->progress_at >= PROGRESS_EVERY) {
        w->progress_at = now;
        struct event *e = worker_event(w, EVENT_PROGRESS);
        e->done = done;
        e->total = total;
        worker_post(w, e);
    }
    return worker_is_cancelled(w);
}

static void request_free(struct request *r)
{
    if (r)
        free(r->run.text);
    free(r);
}

static void run(struct worker *w, struct request *r)
{
    struct err err = {0};
    w->at = r;
    int rc = worker_is_cancelled(w) ? ERR_CANCELLED
             : w->dump              ? worker_read_dump(w, &err)
                                    : worker_read(w, &r->run, &err);
    if (rc == ERR_OK && r->run.answers && w->session)
        rc = worker_answer(w, &r->run, &err);
    struct event *e = worker_event(w, EVENT_DONE);
    e->err = err;
    e->err.code = (enum err_code)rc;
    worker_post(w, e);
    w->at = NULL;
}

static void serve(struct worker *w)
{
    for (;;) {
        struct request *r = queue_wait(&w->inbox);
        bool stop = r->kind == REQUEST_STOP;
        if (r->kind == REQUEST_RUN && (w->session || w->dump))
            run(w, r);
        else if (r->kind == REQUEST_DETAIL)
            worker_look(w, r->row);
        request_free(r);
        if (stop)
            return;
    }
}

static void *worker_main(void *data)
{
    struct worker *w = data;
    struct err err = {0};
    pool_set_threads(w->options.threads);
    if (worker_open(w, &err) != ERR_OK) {
        struct event *e = worker_event(w, EVENT_DONE);
        e->err = err;
        worker_post(w, e);
    }
    serve(w);
    return NULL;
}

/* Signals are the UI thread's business: the new thread inherits a mask that blocks them all. */
static int start_thread(struct worker *w)
{
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

static void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int worker_start(struct worker **out, const struct worker_options *options, struct err *err)
{
    struct worker *w = mem_zalloc(1, sizeof *w);
    w->options = *options;
    w->options.scope.progress = worker_progress;
    w->options.scope.progress_data = w;
    atomic_init(&w->cancelled_through, 0);
    atomic_init(&w->stopping, false);
    if (pipe(w->wake) != 0) {
        free(w);
        return err_set(err, ERR_IO, "no pipe to the model thread: %s", strerror(errno));
    }
    set_nonblocking(w->wake[0]);
    set_nonblocking(w->wake[1]);
    queue_init(&w->inbox);
    queue_init(&w->outbox);
    int failed = start_thread(w);
    if (!failed) {
        *out = w;
        return ERR_OK;
    }
    queue_destroy(&w->inbox);
    queue_destroy(&w->outbox);
    close(w->wake[0]);
    close(w->wake[1]);
    free(w);
    return err_set(err, ERR_IO, "the model thread does not start: %s", strerror(failed));
}

static bool is_any(const void *item)
{
    (void)item;
    return true;
}

void worker_stop(struct worker *w)
{
    if (!w)
        return;
    struct request *stop = mem_zalloc(1, sizeof *stop);
    stop->kind = REQUEST_STOP;
    atomic_store(&w->stopping, true);
    queue_push(&w->inbox, stop);
    pthread_join(w->thread, NULL);
    for (struct request *r; (r = queue_take_if(&w->inbox, is_any));)
        request_free(r);
    for (struct event *e; (e = queue_take_if(&w->outbox, is_any));) {
        event_clear(e);
        free(e);
    }
    queue_destroy(&w->inbox);
    queue_destroy(&w->outbox);
    close(w->wake[0]);
    close(w->wake[1]);
    worker_close(w);
    free(w);
}

static bool is_run(const void *item)
{
    return ((const struct request *)item)->kind == REQUEST_RUN;
}

static bool is_detail(const void *item)
{
    return ((const struct request *)item)->kind == REQUEST_DETAIL;
}

void worker_run(struct worker *w, struct run_request *take)
{
    struct request *r = mem_zalloc(1, sizeof *r);
    r->kind = REQUEST_RUN;
    r->run = *take;
    *take = (struct run_request){0};
    worker_cancel(w, r->run.id - 1);
    request_free(queue_push_latest(&w->inbox, r, is_run));
}

void worker_detail(struct worker *w, size_t row)
{
    struct request *r = mem_zalloc(1, sizeof *r);
    r->kind = REQUEST_DETAIL;
    r->row = row;
    request_free(queue_push_latest(&w->inbox, r, is_detail));
}

void worker_look_if_asked(struct worker *w)
{
    struct request *r = queue_take_if(&w->inbox, is_detail);
    if (r)
        worker_look(w, r->row);
    request_free(r);
}

void worker_cancel(struct worker *w, unsigned through)
{
    if (through > atomic_load(&w->cancelled_through))
        atomic_store(&w->cancelled_through, through);
}

int worker_fd(const struct worker *w)
{
    return w->wake[0];
}

struct event **worker_events(struct worker *w, size_t *n)
{
    char drain[64];
    /* the pipe first: a byte written after the queue was emptied must not be lost */
    while (read(w->wake[0], drain, sizeof drain) > 0)
        ;
    return (struct event **)queue_take_all(&w->outbox, n);
}
