#include "core/attention_tile.h"

#include "core/isa.h"
#include "core/kernels.h"
#include "core/parts.h"
#include "core/thread_room.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Up to so many rows use values as they lie. */
#define FEW_ROWS 8

const struct attention_kernels *attention_kernels_in_use(void)
{
    static const struct attention_kernels *const of[N_ISAS] = {[ISA_GENERIC] = &attention_generic,
                                                               [ISA_NEON] = &attention_neon,
                                                               [ISA_AVX2] = &attention_avx2,
                                                               [ISA_AVX512] = &attention_avx512};
    return of[isa_current()];
}

void visible_keys(int *first, int *end, const struct attention_config *config,
                  const struct attention_query *query, int span)
{
    const struct kv_span *s = &query->spans[span];
    *first = s->first_pos;
    *end = s->n > query->pos - s->first_pos ? query->pos + 1 : s->first_pos + s->n;
    if (config->window > 0 && *first < query->pos - config->window + 1)
        *first = query->pos - config->window + 1;
}

size_t tile_width(const struct attention_config *config)
{
    return ((size_t)config->d_head + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES;
}

static void fill_up(float *row, size_t n, size_t width)
{
    memset(row + n, 0, (width - n) * sizeof *row);
}

void tile_open(struct tile *t, const struct attention_config *config,
               const struct attention_query *queries, size_t n_queries, int first_head, int n_heads)
{
    const size_t d_head = (size_t)config->d_head, width = tile_width(config);
    assert(n_queries * (size_t)n_heads <= TILE_ROWS);
    *t = (struct tile){config, queries, n_queries, first_head, n_heads, width, .max = {0}};
    const size_t n_floats =
        TILE_ROWS * (2 * width + ATTENTION_CHUNK) + (TILE_ROOM + ATTENTION_CHUNK) * width;
    t->q = thread_room(ROOM_TASK, n_floats * sizeof *t->q);
    t->out = t->q + TILE_ROWS * width;
    t->scores = t->out + TILE_ROWS * width;
    t->room = t->scores + TILE_ROWS * ATTENTION_CHUNK;
    t->values = t->room + TILE_ROOM * width;
    float *q = t->q;
    for (size_t i = 0; i < n_queries; i++)
        for (int h = 0; h < n_heads; h++, q += width) {
            memcpy(q, queries[i].q + (size_t)(first_head + h) * d_head, d_head * sizeof *q);
            rescale(q, config->scale, d_head);
            fill_up(q, d_head, width);
        }
}

/* A chunk of a span as this tile's heads see it. */
struct chunk {
    const struct kv_span *span;
    int first, end; /* positions that some row sees */
    size_t at;      /* elements before the first one, of keys and of values */
    size_t stride;  /* elements between positions */
};

/* One position as f32: where it lies, or converted into room [width]. */
static const float *row_at(const void *block, enum dtype dtype, size_t at, size_t d_head,
                           float *room)
{
    if (dtype == DTYPE_F32)
        return (const float *)block + at;
    attention_kernels_in_use()->to_f32(room, (const uint16_t *)block + at, d_head);
    return room;
}

static bool as_they_lie(const struct tile *t, const struct chunk *c)
{
    return c->span->dtype == DTYPE_F32 && t->width == (size_t)t->config->d_head;
}

/* Asks for the n keys or values that come next: they are far apart. */
static void ask_for(const struct tile *t, const struct chunk *c, const void *block, size_t j,
                    size_t n)
{
    const size_t n_bytes = (size_t)t->config->d_head * dtype_size(c->span->dtype);
    for (size_t i = 0; i < n && j + i < (size_t)(c->end - c->first); i++) {
        const char *row =
            (const char *)block + (c->at + (j + i) * c->stride) * dtype_size(c->span->dtype);
        for (size_t at = 0; at < n_bytes; at += 64)
            __builtin_prefetch(row + at);
    }
}

/* n keys or values of a chunk from number j on, as f32 of whole lanes. */
static const float *lay_out(const struct tile *t, const struct chunk *c, const void *block,
                            size_t j, size_t n)
{
    const size_t d_head = (size_t)t->config->d_head;
    ask_for(t, c, block, j + n, TILE_ROOM);
    for (size_t i = 0; i < n; i++) {
        float *room = t->room + i * t->width;
        const float *row = row_at(block, c->span->dtype, c->at + (j + i) * c->stride, d_head, room);
        if (row != room)
            memcpy(room, row, d_head * sizeof *room);
        fill_up(room, d_head, t->width);
    }
    return t->room;
}

/* Columns of all keys side by side: cache lines that are a power of two apart would evict each
 * other from the first-level cache. */
static void pack_values(const struct tile *t, const struct chunk *c)
{
    const size_t d_head = (size_t)t->config->d_head, n = (size_t)(c->end - c->first);
    for (size_t j = 0; j < n; j++) {
        const float *value =
            row_at(c->span->values, c->span->dtype, c->at + j * c->stride, d_head, t->room);
        size_t i = 0;
        for (; i + ATTENTION_LANES <= d_head; i += ATTENTION_LANES)
            memcpy(t->values + i * n + j * ATTENTION_LANES, value + i,
                   ATTENTION_LANES * sizeof *value);
        if (i < d_head) {
            float *last = t->values + i * n + j * ATTENTION_LANES;
            memcpy(last, value + i, (d_head - i) * sizeof *value);
            fill_up(last, d_head - i, ATTENTION_LANES);
        }
    }
}

static void score_keys(const struct tile *t, const struct chunk *c, size_t n_rows)
{
    const size_t n = (size_t)(c->end - c->first);
    if (as_they_lie(t, c)) {
        attention_kernels_in_use()->scores(
            t->scores, t->q, n_rows, (const float *)c->span->keys + c->at, c->stride, n, t->width);
        return;
    }
    for (size_t j = 0; j < n; j += TILE_ROOM) {
        size_t n_some = size_min(TILE_ROOM, n - j);
        attention_kernels_in_use()->scores(t->scores + j, t->q, n_rows,
                                           lay_out(t, c, c->span->keys, j, n_some), t->width,
                                           n_some, t->width);
    }
}

/* Packing pays where many rows use what was packed. */
static void mix_values(const struct tile *t, const struct chunk *c, size_t n_rows)
{
    const size_t n = (size_t)(c->end - c->first);
    if (n_rows > FEW_ROWS) {
        pack_values(t, c);
        attention_kernels_in_use()->mix(t->out, t->scores, n_rows, t->values, n, t->width);
        return;
    }
    memset(t->out, 0, n_rows * t->width * sizeof *t->out);
    if (as_they_lie(t, c)) {
        attention_kernels_in_use()->add(t->out, t->scores, n_rows,
                                        (const float *)c->span->values + c->at, c->stride, n,
                                        t->width);
        return;
    }
    for (size_t j = 0; j < n; j += TILE_ROOM) {
        size_t n_some = size_min(TILE_ROOM, n - j);
        attention_kernels_in_use()->add(t->out, t->scores + j, n_rows,
                                        lay_out(t, c, c->span->values, j, n_some), t->width, n_some,
                                        t->width);
    }
}

/* Scores of the keys from <= j < end become weights, all others 0. */
static void weigh_row(float *scores, size_t n, size_t from, size_t end, float softcap_at,
                      float *max, float *sum)
{
    memset(scores, 0, from * sizeof *scores);
    memset(scores + end, 0, (n - end) * sizeof *scores);
    softcap(scores + from, softcap_at, end - from);
    float most = -INFINITY;
    for (size_t j = from; j < end; j++)
        most = scores[j] > most ? scores[j] : most;
    *max = most;
    *sum = exp_minus(scores + from, most, end - from);
}

static void weigh_keys(struct tile *t, int span, const struct chunk *c)
{
    const size_t n = (size_t)(c->end - c->first);
    for (size_t i = 0, row = 0; i < t->n_queries; i++) {
        int first, end;
        visible_keys(&first, &end, t->config, &t->queries[i], span);
        first = first > c->first ? first : c->first;
        end = end < c->end ? end : c->end;
        if (first >= end)
            first = end = c->first;
        for (int h = 0; h < t->n_heads; h++, row++)
            weigh_row(t->scores + row * ATTENTION_CHUNK, n, (size_t)(first - c->first),
                      (size_t)(end - c->first), t->config->softcap, &t->max[row], &t->sum[row]);
    }
}

/* The part of the chunk that some query sees. */
static struct chunk chunk_of(const struct tile *t, int span, int index)
{
    const struct attention_config *config = t->config;
    const int begin = index * ATTENTION_CHUNK,
              kv_head = t->first_head / (config->n_heads / config->n_kv_heads);
    struct chunk c = {
        .span = &t->queries[0].spans[span], .first = begin + ATTENTION_CHUNK, .end = begin};
    for (size_t i = 0; i < t->n_queries; i++) {
        int first, end;
        visible_keys(&first, &end, config, &t->queries[i], span);
        c.first = first < c.first ? first : c.first;
        c.end = end > c.end ? end : c.end;
    }
    c.first = c.first > begin ? c.first : begin;
    c.end = c.end < begin + ATTENTION_CHUNK ? c.end : begin + ATTENTION_CHUNK;
    c.stride = (size_t)config->n_kv_heads * (size_t)config->d_head;
    if (c.first < c.end)
        c.at = (size_t)(c.first - c.span->first_pos) * c.stride +
               (size_t)kv_head * (size_t)config->d_head;
    return c;
}

bool tile_run(struct tile *t, int span, int chunk)
{
    const size_t n_rows = t->n_queries * (size_t)t->n_heads;
    const struct chunk c = chunk_of(t, span, chunk);
    if (c.first >= c.end)
        return false;
    score_keys(t, &c, n_rows);
    weigh_keys(t, span, &c);
    mix_values(t, &c, n_rows);
    return true;
}
