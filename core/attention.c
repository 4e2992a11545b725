#include "core/attention.h"

#include "core/kernels.h"
#include "core/pool.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Keys whose scores are held at a time. */
#define BLOCK 64

/* The softmax over the blocks so far: sum of exp(score - max), out not yet divided by it. */
struct running {
    float max, sum;
};

static void add_block(float *out, struct running *state, const float *q, const float *keys,
                      const float *values, size_t n, size_t stride,
                      const struct attention_config *config)
{
    const size_t d_head = (size_t)config->d_head;
    float scores[BLOCK];
    for (size_t j = 0; j < n; j++)
        scores[j] = dot(q, keys + j * stride, d_head) * config->scale;
    softcap(scores, config->softcap, n);
    float max = state->max;
    for (size_t j = 0; j < n; j++)
        max = scores[j] > max ? scores[j] : max;
    float sum = exp_minus(scores, max, n);
    /* what was summed under a smaller maximum shrinks */
    float shrink = expf(state->max - max);
    if (shrink != 1)
        rescale(out, shrink, d_head);
    weighted_rows(out, scores, values, n, stride, d_head);
    *state = (struct running){max, state->sum * shrink + sum};
}

/* One head of one query over one span. */
static void add_span(float *out, struct running *state, const struct attention_query *query,
                     const struct kv_span *span, int head, const struct attention_config *config)
{
    const size_t d_head = (size_t)config->d_head;
    const size_t stride = (size_t)config->n_kv_heads * d_head;
    const size_t kv_head = (size_t)(head / (config->n_heads / config->n_kv_heads));
    int first = span->first_pos, end = span->first_pos + span->n;
    if (config->window > 0 && first < query->pos - config->window + 1)
        first = query->pos - config->window + 1;
    if (end > query->pos + 1)
        end = query->pos + 1;
    for (int pos = first; pos < end; pos += BLOCK) {
        size_t n = (size_t)(end - pos < BLOCK ? end - pos : BLOCK);
        size_t at = (size_t)(pos - span->first_pos) * stride + kv_head * d_head;
        add_block(out, state, query->q + (size_t)head * d_head, span->keys + at, span->values + at,
                  n, stride, config);
    }
}

struct job {
    const struct attention_config *config;
    const struct attention_query *queries;
};

static void head_task(void *data, size_t task)
{
    const struct job *job = data;
    const size_t n_heads = (size_t)job->config->n_heads, d_head = (size_t)job->config->d_head;
    const struct attention_query *query = &job->queries[task / n_heads];
    int head = (int)(task % n_heads);
    float *out = query->out + (size_t)head * d_head;
    memset(out, 0, d_head * sizeof *out);
    struct running state = {-INFINITY, 0};
    for (int i = 0; i < 2; i++)
        if (query->spans[i].n > 0)
            add_span(out, &state, query, &query->spans[i], head, job->config);
    rescale(out, 1 / state.sum, d_head);
}

double attention_cost(const struct attention_config *config, int pos)
{
    int n_keys = config->window > 0 && pos >= config->window ? config->window : pos + 1;
    return 2.0 * n_keys * config->n_heads * config->d_head;
}

void attention(const struct attention_config *config, const struct attention_query *queries,
               size_t n_queries)
{
    assert(config->n_kv_heads > 0 && config->n_heads % config->n_kv_heads == 0);
    struct job job = {config, queries};
    double cost = 0;
    for (size_t i = 0; i < n_queries; i++)
        cost += attention_cost(config, queries[i].pos);
    pool_run(head_task, &job, n_queries * (size_t)config->n_heads, cost);
}
