/* Inside of attention: one tile, that is some queries with some heads of a group against one chunk
 * of one of their spans. For core/attention*.c. */
#ifndef CORE_ATTENTION_TILE_H
#define CORE_ATTENTION_TILE_H

#include "core/attention.h"
#include "core/attention_kernels.h"

#include <stdbool.h>

/* Rows of a tile, at most: queries times heads. */
#define TILE_ROWS 24
/* Keys or values that are converted at once: they stay in the first-level cache. */
#define TILE_ROOM 16

struct tile {
    const struct attention_config *config;
    const struct attention_query *queries; /* [n_queries] in the same caches */
    size_t n_queries;
    int first_head, n_heads; /* of one group */
    size_t width;            /* d_head, filled up to whole lanes */

    /* results: row query * n_heads + head */
    float *out;           /* [n_rows, width] sum of exp(score - max) * value over the chunk */
    float max[TILE_ROWS]; /* of the scores */
    float sum[TILE_ROWS]; /* of exp(score - max); 0: the row sees nothing of the chunk */

    float *q;      /* [n_rows, width], scaled */
    float *scores; /* [n_rows, ATTENTION_CHUNK] */
    float *room;   /* [TILE_ROOM, width] keys or values that cannot be used as they lie */
    float *values; /* for many rows: [width / ATTENTION_LANES, ATTENTION_CHUNK, ATTENTION_LANES] */
};

size_t tile_width(const struct attention_config *config);

/* A tile in the calling thread's ROOM_TASK (core/thread_room.h); its next use overwrites it. */
void tile_open(struct tile *t, const struct attention_config *config,
               const struct attention_query *queries, size_t n_queries, int first_head,
               int n_heads);

/* The results over positions chunk * ATTENTION_CHUNK and on; false if no row sees any. */
bool tile_run(struct tile *t, int span, int chunk);

/* The positions first <= pos < end of a span that a query sees; first >= end: none. */
void visible_keys(int *first, int *end, const struct attention_config *config,
                  const struct attention_query *query, int span);

#endif
