/* Keys and values of a run of positions, for a range of layers, f32 or f16: one block per layer.
 * Knows nothing of which slots are filled; its owner does.
 *
 * Blocks grow, by what is asked for or a little more, and never shrink. That of a layer with a
 * sliding window stops growing when it holds the window and two margins; then the oldest positions
 * give way, and at least the window and KV_MARGIN positions before the newest stay. */
#ifndef CORE_KV_CACHE_H
#define CORE_KV_CACHE_H

#include "core/attention.h"
#include "core/model.h"
#include "data/err.h"

/* How far back one may go without computing again; not less than the rows of a batch. */
#define KV_MARGIN 1024

struct kv_layer {
    void *keys, *values; /* owned, each [cap, width] */
    int first_pos;       /* position of slot 0 */
    int cap;             /* slots */
    int window;          /* 0: none */
};

struct kv_cache {
    int first_layer, n_layers;
    int first_pos; /* nothing before it is ever stored */
    size_t width;  /* n_kv_heads * d_head: elements per slot */
    enum dtype dtype;
    struct kv_layer *layers; /* [n_layers] owned */
};

/* An empty cache for layers l0 <= l < l1 and positions from 0 on. dtype: F32 or F16. */
void kv_cache_init(struct kv_cache *c, const struct model *model, int l0, int l1, enum dtype dtype);
void kv_cache_clear(struct kv_cache *c);

/* Forgets everything; the positions to come start at first_pos. */
void kv_cache_restart(struct kv_cache *c, int first_pos);

/* The owner goes back to position n, from where it will store again. Returns n, or first_pos after
 * a restart if the window before n has given way. */
int kv_cache_rewind(struct kv_cache *c, int n);

/* Room for positions up to end; what is there stays. ERR_NOMEM names the bytes. */
int kv_cache_reserve(struct kv_cache *c, int end, struct err *err) ERR_CHECK;

/* Stores key and value [width] of a position that there is room for. Positions of a layer come in
 * order, but for rewinds and repetitions within a batch. */
void kv_cache_put(struct kv_cache *c, int layer, int pos, const float *key, const float *value);

/* What there is before position end; valid until the next reserve or put. */
struct kv_span kv_cache_span(const struct kv_cache *c, int layer, int end);

/* Bytes of a model's keys and values of n positions of one text. */
size_t kv_cache_bytes(const struct model *model, int n, enum dtype dtype);

#endif
