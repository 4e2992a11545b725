/* Grouped-query attention with a sliding window and soft-capped scores, one query row at a time.
 *
 * The scores of a row are taken in blocks of keys with a running softmax: memory does not grow
 * with the context. Keys outside the window are never read. Rows and heads are spread over the
 * pool; each is computed in one order, whatever the number of threads. */
#ifndef CORE_ATTENTION_H
#define CORE_ATTENTION_H

#include <stddef.h>

struct attention_config {
    int n_heads, n_kv_heads, d_head; /* n_heads is a multiple of n_kv_heads */
    int window;                      /* keys visible: pos - j < window; 0: all */
    float scale;                     /* of q.k, before the soft-cap */
    float softcap;                   /* 0: none */
};

/* Keys and values of consecutive positions, [n, n_kv_heads, d_head] each. */
struct kv_span {
    const float *keys, *values;
    int first_pos, n;
};

struct attention_query {
    const float *q; /* [n_heads, d_head], rotated */
    float *out;     /* [n_heads, d_head] */
    int pos;
    /* what it may look at, in order of position; n = 0 where there is nothing. Positions after
     * pos are left out by the query itself. It must see at least one key. */
    struct kv_span spans[2];
};

/* Multiplications of one query at a position, at most. */
double attention_cost(const struct attention_config *config, int pos);

void attention(const struct attention_config *config, const struct attention_query *queries,
               size_t n_queries);

#endif
