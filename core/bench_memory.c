#include "core/bench_memory.h"

#include "core/bench_trial.h"
#include "core/latents.h"
#include "data/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS "/proc/self/status"

enum { STRETCH = 128, N_ANSWER = 2 };

struct memory_use {
    double mapped, heap, peak; /* MB; below 0: not told */
};

/* The value of a line "KEY:  123 kB", in MB. */
static double status_value(const char *status, const char *key)
{
    const char *at = strstr(status, key);
    return at ? strtod(at + strlen(key), NULL) * 1024 / 1e6 : -1;
}

static struct memory_use memory_now(void)
{
    struct buf status = {0};
    struct memory_use use = {-1, -1, -1};
    FILE *f = fopen(STATUS, "r"); /* it has no size: file_read is for files that do */
    char line[256];
    while (f && fgets(line, sizeof line, f))
        buf_str(&status, line);
    if (f)
        fclose(f);
    if (status.len > 0)
        use = (struct memory_use){status_value(status.data, "RssFile:"),
                                  status_value(status.data, "RssAnon:"),
                                  status_value(status.data, "VmHWM:")};
    buf_clear(&status);
    return use;
}

/* Between layers, when the buffers of a batch are in use. */
static bool note_heap(void *data, long done, long total)
{
    double *most = data, heap = memory_now().heap;
    (void)done, (void)total;
    *most = heap > *most ? heap : *most;
    return false;
}

/* As the screens do: a stretch of the latents at a time. */
static int read_latents(struct trial *t, struct err *err)
{
    const struct dictionary *dict = t->scope->dict;
    int rc = session_read(t->session, err);
    for (int at = 0; dict && at < t->n_ids && rc == ERR_OK; at += STRETCH) {
        int n = t->n_ids - at < STRETCH ? t->n_ids - at : STRETCH;
        rc = latents_encode(t->acts, dict, session_resid(t->session) + (size_t)at * dict->d_model,
                            (size_t)n, dict->d_model, false, err);
    }
    return rc;
}

/* Tokens of both answers, which make keys and values grow. */
static int answer(struct trial *t, struct err *err)
{
    int rc = trial_steer(t, 1, 1, err);
    for (int i = 0; i < N_ANSWER && rc == ERR_OK; i++) {
        rc = session_logits(t->session, t->mask, t->logits, err);
        for (int branch = 0; branch < t->n_branches && rc == ERR_OK; branch++)
            rc = session_append(t->session, branch, trial_random_id(t->subject, i), err);
    }
    return rc;
}

/* As a reader does who steers. read, all: its own memory at most. */
static int use_memory(struct trial *t, double *read, double *all, struct err *err)
{
    session_set_progress(t->session, note_heap, all);
    int rc = session_set_prompt(t->session, t->ids, t->n_ids, err);
    if (rc == ERR_OK)
        rc = read_latents(t, err);
    note_heap(all, 0, 0);
    *read = *all;
    if (rc == ERR_OK)
        rc = answer(t, err);
    note_heap(all, 0, 0);
    return rc;
}

static void add_size(struct bench *b, const char *name, const char *what, double value,
                     int n_tokens, const struct err *err)
{
    const char *why = err->code != ERR_OK ? err->message : "there is no " STATUS " that tells it";
    char text[48];
    snprintf(text, sizeof text, "%s, %d tokens", what, n_tokens);
    if (err->code == ERR_OK && value >= 0)
        bench_set(bench_add(b, "memory", name, text, "MB"), &value, 1);
    else
        bench_add_missing(b, "memory", name, text, "MB", why);
}

void bench_memory(struct bench *b, const struct bench_subject *s, int n_tokens)
{
    struct trial t;
    struct err err = {0};
    struct memory_use use = {-1, -1, -1};
    double read = -1, heap = -1;
    if (b->progress)
        b->progress(b->data, "memory");
    int rc = trial_open(&t, s, n_tokens, 2, &err);
    if (n_tokens > N_ANSWER)
        t.n_ids -= N_ANSWER;
    if (rc == ERR_OK)
        rc = use_memory(&t, &read, &heap, &err);
    if (rc == ERR_OK)
        use = memory_now();
    trial_close(&t);
    add_size(b, "memory_mapped", "mapped weights", use.mapped, n_tokens, &err);
    add_size(b, "memory_read", "its own to read", read, n_tokens, &err);
    add_size(b, "memory_heap", "its own to answer twice", heap, n_tokens, &err);
    add_size(b, "memory_peak", "peak of all", use.peak, n_tokens, &err);
}
