#include "core/trainer.h"

#include "core/parts.h"
#include "data/file.h"
#include "data/mem.h"
#include "data/safetensors.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 1 << 16 }; /* weights that one task of the update covers */

/* A run of weights that decay or do not. */
struct piece {
    size_t first, n;
    bool decays;
};

struct shard {
    int *ids, *targets, *starts; /* [n_seqs, n_tokens], owned */
    struct model_grads grads;
    double loss;
    long n_counted;
};

struct trainer {
    struct model_memory *model;
    const struct trainer_options *options;
    trainer_fill_fn *fill;
    void *data;
    float *m, *v; /* [n_params] moments, owned */
    struct shard *shards;
    struct piece *pieces;
    size_t n_pieces, cap_pieces;
    double *square; /* [n_pieces] of the summed gradient */
    long step;
    float lr, grad_scale;

    /* the workers: a phase is done when all have passed it */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t *threads;
    int n_started, n_arrived;
    long phase;
    bool stop;
    struct err err; /* the first failure of a fill */
    int rc;
};

struct worker {
    struct trainer *trainer;
    struct tape *tape;
    int index;
};

/* --- the work of one step, in phases --- */

static void run_shard(struct trainer *tr, struct tape *tape, int s)
{
    const struct trainer_options *o = tr->options;
    struct shard *shard = &tr->shards[s];
    struct err err;
    int rc = tr->fill(tr->data, tr->step, s, shard->ids, shard->targets, shard->starts, &err);
    if (rc) {
        pthread_mutex_lock(&tr->lock);
        tr->rc = rc;
        tr->err = err;
        pthread_mutex_unlock(&tr->lock);
        return;
    }
    model_grads_zero(&shard->grads);
    tape_set_starts(tape, shard->starts);
    shard->loss = tape_forward(tape, shard->ids, shard->targets, NULL, o->n_seqs, o->n_tokens,
                               &shard->n_counted);
    tape_backward(tape, 1, &shard->grads, NULL);
}

/* The first shard's gradient becomes the sum of all. */
static void sum_piece(struct trainer *tr, size_t p)
{
    const struct piece *piece = &tr->pieces[p];
    float *sum = tr->shards[0].grads.block + piece->first;
    for (int s = 1; s < tr->options->n_shards; s++) {
        const float *g = tr->shards[s].grads.block + piece->first;
        for (size_t i = 0; i < piece->n; i++)
            sum[i] += g[i];
    }
    double square = 0;
    for (size_t i = 0; i < piece->n; i++)
        square += (double)sum[i] * sum[i];
    tr->square[p] = square;
}

static void update_piece(struct trainer *tr, size_t p)
{
    const struct piece *piece = &tr->pieces[p];
    struct adamw adamw = tr->options->adamw;
    float *g = tr->shards[0].grads.block + piece->first;
    for (size_t i = 0; i < piece->n; i++)
        g[i] *= tr->grad_scale;
    if (!piece->decays)
        adamw.weight_decay = 0;
    adamw_step(tr->model->params.block + piece->first, tr->m + piece->first, tr->v + piece->first,
               g, piece->n, &adamw, tr->lr, tr->step + 1);
}

enum { PHASE_SHARDS, PHASE_SUM, PHASE_UPDATE, N_PHASES };

static void run_phase(struct worker *w, long phase)
{
    struct trainer *tr = w->trainer;
    size_t n_threads = (size_t)tr->options->n_threads, first = (size_t)w->index;
    switch (phase % N_PHASES) {
    case PHASE_SHARDS:
        for (int s = w->index; s < tr->options->n_shards; s += tr->options->n_threads)
            run_shard(tr, w->tape, s);
        break;
    case PHASE_SUM:
        for (size_t p = first; p < tr->n_pieces; p += n_threads)
            sum_piece(tr, p);
        break;
    default:
        for (size_t p = first; p < tr->n_pieces; p += n_threads)
            update_piece(tr, p);
    }
}

/* --- workers: all wait for a phase to open, and the trainer for all to finish it --- */

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct trainer *tr = w->trainer;
    for (long phase = 0;; phase++) {
        pthread_mutex_lock(&tr->lock);
        while (tr->phase <= phase && !tr->stop)
            pthread_cond_wait(&tr->changed, &tr->lock);
        bool stop = tr->stop;
        pthread_mutex_unlock(&tr->lock);
        if (stop)
            return NULL;
        run_phase(w, phase);
        pthread_mutex_lock(&tr->lock);
        tr->n_arrived++;
        pthread_cond_broadcast(&tr->changed);
        pthread_mutex_unlock(&tr->lock);
    }
}

static void open_phase(struct trainer *tr)
{
    pthread_mutex_lock(&tr->lock);
    tr->n_arrived = 0;
    tr->phase++;
    pthread_cond_broadcast(&tr->changed);
    while (tr->n_arrived < tr->options->n_threads)
        pthread_cond_wait(&tr->changed, &tr->lock);
    pthread_mutex_unlock(&tr->lock);
}

static void stop_workers(struct trainer *tr)
{
    pthread_mutex_lock(&tr->lock);
    tr->stop = true;
    pthread_cond_broadcast(&tr->changed);
    pthread_mutex_unlock(&tr->lock);
    for (int i = 0; i < tr->n_started; i++)
        pthread_join(tr->threads[i], NULL);
}

static int start_workers(struct trainer *tr, struct worker *workers, struct err *err)
{
    const struct trainer_options *o = tr->options;
    for (int i = 0; i < o->n_threads; i++) {
        workers[i] = (struct worker){.trainer = tr, .index = i};
        int rc = tape_new(&workers[i].tape, &tr->model->model, 0, o->n_seqs, o->n_tokens, err);
        if (rc)
            return rc;
    }
    for (int i = 0; i < o->n_threads; i++, tr->n_started++)
        if (pthread_create(&tr->threads[i], NULL, worker_main, &workers[i]))
            return err_set(err, ERR_NOMEM, "cannot start %d training threads", o->n_threads);
    return ERR_OK;
}

/* --- set-up --- */

static void add_pieces(struct trainer *tr, const float *w, size_t n, bool decays)
{
    size_t first = (size_t)(w - tr->model->params.block);
    for (size_t i = 0; i < n; i += PIECE) {
        tr->pieces = mem_grow(tr->pieces, &tr->cap_pieces, tr->n_pieces + 1, sizeof *tr->pieces);
        tr->pieces[tr->n_pieces++] = (struct piece){first + i, size_min(PIECE, n - i), decays};
    }
}

static void add_matrix(struct trainer *tr, const struct matrix *m)
{
    add_pieces(tr, m->data, m->n_rows * m->n_cols, true);
}

static void list_pieces(struct trainer *tr)
{
    const struct model *m = &tr->model->model;
    size_t d = (size_t)m->config.d_model;
    add_matrix(tr, &m->embed);
    for (int l = 0; l < m->config.n_layers; l++) {
        const struct layer *layer = &m->layers[l];
        const struct matrix *matrices[] = {&layer->wq,     &layer->wk,   &layer->wv,    &layer->wo,
                                           &layer->w_gate, &layer->w_up, &layer->w_down};
        for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
            add_matrix(tr, matrices[i]);
        add_pieces(tr, layer->norm_attn_in, d, false);
        add_pieces(tr, layer->norm_attn_out, d, false);
        add_pieces(tr, layer->norm_ffw_in, d, false);
        add_pieces(tr, layer->norm_ffw_out, d, false);
    }
    add_pieces(tr, m->norm_final, d, false);
    tr->square = mem_zalloc(tr->n_pieces, sizeof *tr->square);
}

static int trainer_init(struct trainer *tr, struct err *err)
{
    const struct trainer_options *o = tr->options;
    size_t n = tr->model->params.n_params, rows = (size_t)o->n_seqs * (size_t)o->n_tokens;
    tr->threads = mem_zalloc((size_t)o->n_threads, sizeof *tr->threads);
    tr->shards = mem_zalloc((size_t)o->n_shards, sizeof *tr->shards);
    list_pieces(tr);
    tr->m = mem_try_zalloc(n, sizeof *tr->m);
    tr->v = mem_try_zalloc(n, sizeof *tr->v);
    if (!tr->m || !tr->v)
        return err_set(err, ERR_NOMEM, "no memory for the moments of %zu weights", n);
    for (int s = 0; s < o->n_shards; s++) {
        struct shard *shard = &tr->shards[s];
        shard->ids = mem_zalloc(rows, sizeof *shard->ids);
        shard->targets = mem_zalloc(rows, sizeof *shard->targets);
        shard->starts = mem_zalloc(rows, sizeof *shard->starts);
        int rc = model_grads_new(&shard->grads, &tr->model->model, err);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static void trainer_clear(struct trainer *tr)
{
    for (int s = 0; tr->shards && s < tr->options->n_shards; s++) {
        free(tr->shards[s].ids);
        free(tr->shards[s].targets);
        free(tr->shards[s].starts);
        model_grads_free(&tr->shards[s].grads);
    }
    free(tr->shards);
    free(tr->threads);
    free(tr->pieces);
    free(tr->square);
    free(tr->m);
    free(tr->v);
}

/* --- checkpoints: weights, both moments and the number of steps done --- */

static int checkpoint_write(const struct trainer *tr, struct err *err)
{
    struct tensor tensors[3];
    const char *names[] = {"params", "m", "v"};
    const float *data[] = {tr->model->params.block, tr->m, tr->v};
    char step[32];
    snprintf(step, sizeof step, "%ld", tr->step);
    const char *const metadata[][2] = {{"step", step}};
    for (int i = 0; i < 3; i++) {
        size_t n = tr->model->params.n_params;
        tensors[i] = (struct tensor){.name = names[i],
                                     .dtype = DTYPE_F32,
                                     .n_dims = 1,
                                     .shape = {n},
                                     .data = data[i],
                                     .n_bytes = n * sizeof(float)};
    }
    return safetensors_write(tr->options->checkpoint, tensors, 3, metadata, 1, err);
}

static int checkpoint_read(struct trainer *tr, struct err *err)
{
    const char *names[] = {"params", "m", "v"}, *path = tr->options->checkpoint;
    float *data[] = {tr->model->params.block, tr->m, tr->v};
    struct safetensors *file;
    int rc = safetensors_open(&file, path, err);
    if (rc)
        return rc;
    const char *step = safetensors_metadata(file, "step");
    tr->step = step ? strtol(step, NULL, 10) : -1;
    for (int i = 0; i < 3 && !rc; i++) {
        const struct tensor *t = safetensors_find(file, names[i]);
        if (!t || t->dtype != DTYPE_F32 || t->n_dims != 1 ||
            t->shape[0] != tr->model->params.n_params || tr->step < 0)
            rc = err_set(err, ERR_SHAPE, "%s: not a checkpoint of this model", path);
        else
            tensor_to_f32(data[i], t->data, DTYPE_F32, t->shape[0]);
    }
    safetensors_close(file);
    return rc;
}

/* --- the run --- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int run_step(struct trainer *tr, struct trainer_progress *progress, struct err *err)
{
    const struct trainer_options *o = tr->options;
    double loss = 0, square = 0;
    long n = 0;
    open_phase(tr);
    if (tr->rc) {
        if (err)
            *err = tr->err;
        return tr->rc;
    }
    for (int s = 0; s < o->n_shards; s++) {
        loss += tr->shards[s].loss;
        n += tr->shards[s].n_counted;
    }
    open_phase(tr);
    for (size_t p = 0; p < tr->n_pieces; p++)
        square += tr->square[p];
    double mean = n > 0 ? 1.0 / (double)n : 0, norm = sqrt(square) * mean;
    if (!isfinite(loss) || !isfinite(norm))
        return err_set(err, ERR_LIMIT, "training diverged at step %ld: loss %g, gradient %g",
                       tr->step, loss * mean, norm);
    tr->grad_scale = (float)(norm > o->clip ? mean * o->clip / norm : mean);
    tr->lr = cosine_lr(o->lr, o->lr_floor, tr->step, o->n_warmup, o->n_steps);
    open_phase(tr);
    tr->step++;
    *progress = (struct trainer_progress){.step = tr->step,
                                          .n_steps = o->n_steps,
                                          .loss = loss * mean,
                                          .lr = tr->lr,
                                          .grad_norm = norm};
    return ERR_OK;
}

static int run_steps(struct trainer *tr, trainer_progress_fn *progress_fn, struct err *err)
{
    const struct trainer_options *o = tr->options;
    long first = tr->step, batch = (long)o->n_shards * o->n_seqs * o->n_tokens;
    double start = now(), saved = start;
    bool cancelled = false;
    while (tr->step < o->n_steps && !cancelled) {
        struct trainer_progress progress;
        int rc = run_step(tr, &progress, err);
        if (rc)
            return rc;
        double seconds = now() - start, done = (double)(tr->step - first);
        progress.tokens_per_second = done * (double)batch / seconds;
        progress.seconds_left = seconds / done * (double)(o->n_steps - tr->step);
        cancelled = progress_fn && progress_fn(tr->data, &progress);
        if (o->checkpoint && (cancelled || now() - saved > o->checkpoint_seconds)) {
            rc = checkpoint_write(tr, err);
            if (rc)
                return rc;
            saved = now();
        }
    }
    return cancelled ? err_set(err, ERR_CANCELLED, "training stopped at step %ld", tr->step)
                     : ERR_OK;
}

int trainer_run(struct model_memory *model, const struct trainer_options *options,
                trainer_fill_fn *fill, trainer_progress_fn *progress, void *data, struct err *err)
{
    struct trainer tr = {.model = model, .options = options, .fill = fill, .data = data};
    struct worker *workers = mem_zalloc((size_t)options->n_threads, sizeof *workers);
    pthread_mutex_init(&tr.lock, NULL);
    pthread_cond_init(&tr.changed, NULL);
    int rc = trainer_init(&tr, err);
    if (!rc && options->checkpoint && options->resume && file_exists(options->checkpoint))
        rc = checkpoint_read(&tr, err);
    if (!rc)
        rc = start_workers(&tr, workers, err);
    if (!rc)
        rc = run_steps(&tr, progress, err);
    stop_workers(&tr);
    for (int i = 0; i < options->n_threads; i++)
        tape_free(workers[i].tape);
    free(workers);
    trainer_clear(&tr);
    pthread_mutex_destroy(&tr.lock);
    pthread_cond_destroy(&tr.changed);
    return rc;
}
