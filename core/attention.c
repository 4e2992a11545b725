#include "core/attention.h"

#include "core/attention_tile.h"
#include "core/kernels.h"
#include "core/pool.h"
#include "data/mem.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Up to so many queries, which are too few to keep the threads busy, chunks are spread over the
 * threads and what they give is kept until all are there. */
#define MAX_SPREAD 8

#define N_SPANS 2

double attention_cost(const struct attention_config *config, int pos)
{
    int n_keys = config->window > 0 && pos >= config->window ? config->window : pos + 1;
    return 2.0 * n_keys * config->n_heads * config->d_head;
}

/* --- merging chunks --- */

struct softmax {
    float max, sum; /* sum of exp(score - max) */
};

static void start_row(float *out, struct softmax *state, size_t n)
{
    memset(out, 0, n * sizeof *out);
    *state = (struct softmax){-INFINITY, 0};
}

/* out [n], the sum of weighted values so far, takes in another chunk's. */
static void merge(float *out, struct softmax *state, const float *more, struct softmax s, size_t n)
{
    if (s.sum == 0)
        return;
    float max = s.max > state->max ? s.max : state->max;
    float a = expf(state->max - max), b = expf(s.max - max);
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] * a + more[i] * b;
    *state = (struct softmax){max, state->sum * a + s.sum * b};
}

/* --- what is worked on together --- */

/* Heads of one group of a query share keys and values; large groups are cut. */
struct heads {
    int n_cuts; /* tiles per group */
    int n_most; /* heads of a tile */
};

/* Neighbouring queries that look into the same cache. */
struct rows {
    size_t first, n;
};

static struct heads cut_heads(const struct attention_config *config)
{
    int n = config->n_heads / config->n_kv_heads, n_cuts = (n + TILE_ROWS - 1) / TILE_ROWS;
    return (struct heads){n_cuts, (n + n_cuts - 1) / n_cuts};
}

static bool same_cache(const struct attention_query *a, const struct attention_query *b, int span)
{
    return a->spans[span].keys == b->spans[span].keys;
}

static void open_tile(struct tile *t, const struct attention_config *config, struct heads heads,
                      const struct attention_query *queries, struct rows rows, int index)
{
    const int group = config->n_heads / config->n_kv_heads;
    const int first = index % heads.n_cuts * heads.n_most;
    const int n = group - first < heads.n_most ? group - first : heads.n_most;
    tile_open(t, config, queries + rows.first, rows.n, index / heads.n_cuts * group + first, n);
}

/* The chunks first <= c < end that hold all that some row sees of a span. */
static void chunks_of(int *first, int *end, const struct attention_config *config,
                      const struct attention_query *queries, struct rows rows, int span)
{
    *first = INT_MAX;
    *end = 0;
    for (size_t i = rows.first; i < rows.first + rows.n; i++) {
        int a, b;
        visible_keys(&a, &b, config, &queries[i], span);
        if (a >= b)
            continue;
        *first = a / ATTENTION_CHUNK < *first ? a / ATTENTION_CHUNK : *first;
        *end = (b - 1) / ATTENTION_CHUNK + 1 > *end ? (b - 1) / ATTENTION_CHUNK + 1 : *end;
    }
}

/* --- many queries: a task takes a tile through all chunks --- */

struct whole_job {
    const struct attention_config *config;
    const struct attention_query *queries;
    struct heads heads;
    struct rows *rows; /* [n_rows] the same caches in all spans */
    size_t n_rows;
};

/* Tasks of the same heads follow each other: their keys are still in the last-level cache. */
static void whole_task(void *data, size_t task)
{
    const struct whole_job *job = data;
    const struct rows rows = job->rows[task % job->n_rows];
    const size_t d_head = (size_t)job->config->d_head;
    struct softmax states[TILE_ROWS];
    float *outs[TILE_ROWS];
    struct tile t;
    size_t n = 0;
    open_tile(&t, job->config, job->heads, job->queries, rows, (int)(task / job->n_rows));
    for (size_t i = 0; i < t.n_queries; i++)
        for (int h = 0; h < t.n_heads; h++, n++) {
            outs[n] = t.queries[i].out + (size_t)(t.first_head + h) * d_head;
            start_row(outs[n], &states[n], d_head);
        }
    for (int span = 0; span < N_SPANS; span++) {
        int c, end;
        for (chunks_of(&c, &end, job->config, job->queries, rows, span); c < end; c++)
            for (size_t i = 0, n_merged = tile_run(&t, span, c) ? n : 0; i < n_merged; i++)
                merge(outs[i], &states[i], t.out + i * t.width,
                      (struct softmax){t.max[i], t.sum[i]}, d_head);
    }
    for (size_t i = 0; i < n; i++)
        rescale(outs[i], 1 / states[i].sum, d_head);
}

static void run_whole(const struct attention_config *config, const struct attention_query *queries,
                      size_t n_queries, double cost)
{
    struct whole_job job = {config, queries, cut_heads(config), NULL, 0};
    const size_t n_most = (size_t)(TILE_ROWS / job.heads.n_most);
    job.rows = mem_alloc(n_queries, sizeof *job.rows);
    for (size_t i = 0; i < n_queries; i++) {
        struct rows *last = job.n_rows > 0 ? &job.rows[job.n_rows - 1] : NULL;
        if (last && last->n < n_most && same_cache(&queries[i - 1], &queries[i], 0) &&
            same_cache(&queries[i - 1], &queries[i], 1))
            last->n++;
        else
            job.rows[job.n_rows++] = (struct rows){i, 1};
    }
    pool_run(whole_task, &job, job.n_rows * (size_t)(config->n_kv_heads * job.heads.n_cuts), cost);
    free(job.rows);
}

/* --- few queries: a task takes a tile through one chunk --- */

/* Rows of one span, with the chunks that some of them see. */
struct stretch {
    struct rows rows;
    int span, first_chunk;
    size_t n_chunks;
    size_t chunks_before, results_before; /* of all stretches before */
};

/* What a chunk gives for its queries and all heads is kept as rows [chunk, query, head], stretch
 * after stretch. */
struct spread_job {
    const struct attention_config *config;
    const struct attention_query *queries;
    struct heads heads;
    struct stretch stretches[MAX_SPREAD * N_SPANS]; /* by span, then query */
    size_t n_stretches, n_chunks, n_results;
    size_t width;
    float *outs;          /* [n_results * n_heads, width] */
    struct softmax *sums; /* [n_results * n_heads] sum 0: nothing seen */
};

static size_t result_row(const struct spread_job *job, const struct stretch *s, size_t chunk,
                         size_t query, int head)
{
    size_t result = s->results_before + chunk * s->rows.n + query - s->rows.first;
    return result * (size_t)job->config->n_heads + (size_t)head;
}

static void chunk_task(void *data, size_t task)
{
    const struct spread_job *job = data;
    const size_t n_tiles = (size_t)(job->config->n_kv_heads * job->heads.n_cuts);
    const struct stretch *s = job->stretches;
    while (task / n_tiles >= s->chunks_before + s->n_chunks)
        s++;
    const size_t chunk = task / n_tiles - s->chunks_before;
    struct tile t;
    open_tile(&t, job->config, job->heads, job->queries, s->rows, (int)(task % n_tiles));
    if (!tile_run(&t, s->span, s->first_chunk + (int)chunk))
        return;
    for (size_t i = 0, n = 0; i < t.n_queries; i++)
        for (int h = 0; h < t.n_heads; h++, n++) {
            size_t row = result_row(job, s, chunk, s->rows.first + i, t.first_head + h);
            memcpy(job->outs + row * job->width, t.out + n * t.width, t.width * sizeof *t.out);
            job->sums[row] = (struct softmax){t.max[n], t.sum[n]};
        }
}

static void merge_task(void *data, size_t task)
{
    const struct spread_job *job = data;
    const size_t n_heads = (size_t)job->config->n_heads, d_head = (size_t)job->config->d_head;
    const size_t query = task / n_heads, head = task % n_heads;
    float *out = job->queries[query].out + head * d_head;
    struct softmax state;
    start_row(out, &state, d_head);
    for (const struct stretch *s = job->stretches; s < job->stretches + job->n_stretches; s++) {
        if (query < s->rows.first || query >= s->rows.first + s->rows.n)
            continue;
        for (size_t chunk = 0; chunk < s->n_chunks; chunk++) {
            size_t row = result_row(job, s, chunk, query, (int)head);
            merge(out, &state, job->outs + row * job->width, job->sums[row], d_head);
        }
    }
    rescale(out, 1 / state.sum, d_head);
}

static void add_stretch(struct spread_job *job, struct rows rows, int span)
{
    int first, end;
    chunks_of(&first, &end, job->config, job->queries, rows, span);
    if (first >= end)
        return;
    size_t n_chunks = (size_t)(end - first);
    job->stretches[job->n_stretches++] =
        (struct stretch){rows, span, first, n_chunks, job->n_chunks, job->n_results};
    job->n_chunks += n_chunks;
    job->n_results += n_chunks * rows.n;
}

static void run_spread(const struct attention_config *config, const struct attention_query *queries,
                       size_t n_queries, double cost)
{
    struct spread_job job = {config, queries, cut_heads(config), .width = tile_width(config)};
    const size_t n_most = (size_t)(TILE_ROWS / job.heads.n_most);
    const size_t n_heads = (size_t)config->n_heads;
    for (int span = 0; span < N_SPANS; span++)
        for (size_t i = 0, n; i < n_queries; i += n) {
            for (n = 1; i + n < n_queries && n < n_most; n++)
                if (!same_cache(&queries[i], &queries[i + n], span))
                    break;
            add_stretch(&job, (struct rows){i, n}, span);
        }
    job.outs = mem_alloc(job.n_results * n_heads, job.width * sizeof *job.outs);
    job.sums = mem_zalloc(job.n_results * n_heads, sizeof *job.sums);
    pool_run(chunk_task, &job, job.n_chunks * (size_t)(config->n_kv_heads * job.heads.n_cuts),
             cost);
    pool_run(merge_task, &job, n_queries * n_heads,
             (double)job.n_results * (double)n_heads * (double)job.width);
    free(job.sums);
    free(job.outs);
}

void attention(const struct attention_config *config, const struct attention_query *queries,
               size_t n_queries)
{
    assert(config->n_kv_heads > 0 && config->n_heads % config->n_kv_heads == 0);
    double cost = 0;
    for (size_t i = 0; i < n_queries; i++)
        cost += attention_cost(config, queries[i].pos);
    if (n_queries > MAX_SPREAD)
        run_whole(config, queries, n_queries, cost);
    else
        run_spread(config, queries, n_queries, cost);
}
