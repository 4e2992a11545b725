/* Grouped-query attention with a sliding window and soft-capped scores.
 *
 * Queries are worked on in tiles: neighbouring rows, with all heads of a group, against one chunk
 * of keys, which so is read from memory once for all of them. Every chunk has a softmax of its
 * own, and those of a row are merged in order of position: memory does not grow with the context.
 * Chunks lie at multiples of their size, so a row's result does not depend, to the bit, on the
 * other queries nor on the number of threads. Keys that nobody sees are never read. */
#ifndef CORE_ATTENTION_H
#define CORE_ATTENTION_H

#include "data/tensor.h"

#include <stddef.h>

struct attention_config {
    int n_heads, n_kv_heads, d_head; /* n_heads is a multiple of n_kv_heads */
    int window;                      /* keys visible: pos - j < window; 0: all */
    float scale;                     /* of q.k, before the soft-cap */
    float softcap;                   /* 0: none */
};

/* Keys and values of consecutive positions, [n, n_kv_heads, d_head] each, f32 or f16. */
struct kv_span {
    const void *keys, *values;
    int first_pos, n;
    enum dtype dtype;
};

struct attention_query {
    const float *q; /* [n_heads, d_head], rotated */
    float *out;     /* [n_heads, d_head] */
    int pos;
    /* what it may look at, in order of position; n = 0 where there is nothing. Positions after
     * pos are left out by the query itself. It must see at least one key. Spans with the same
     * keys are one cache, read once for neighbouring queries. */
    struct kv_span spans[2];
};

/* Multiplications of one query at a position, at most. */
double attention_cost(const struct attention_config *config, int pos);

void attention(const struct attention_config *config, const struct attention_query *queries,
               size_t n_queries);

#endif
