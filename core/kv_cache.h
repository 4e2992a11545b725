/* Keys and values of a run of positions, for a range of layers: f32, one block per layer. Knows
 * nothing of which slots are filled; its owner does. Grows, never shrinks. */
#ifndef CORE_KV_CACHE_H
#define CORE_KV_CACHE_H

#include "core/model.h"
#include "data/err.h"

struct kv_cache {
    int first_layer, n_layers;
    int first_pos; /* position of slot 0 */
    int cap;       /* slots */
    size_t width;  /* n_kv_heads * d_head: floats per slot */
    float **keys;  /* [n_layers] owned, each [cap, width] */
    float **values;
};

/* An empty cache for layers l0 <= l < l1. */
void kv_cache_init(struct kv_cache *c, const struct model_config *config, int l0, int l1);
void kv_cache_clear(struct kv_cache *c);

/* Room for positions first_pos .. end; what is there stays. ERR_NOMEM names the bytes. */
int kv_cache_reserve(struct kv_cache *c, int end, struct err *err) ERR_CHECK;

/* The slot [width] of a position that there is room for; valid until the next reserve. */
float *kv_cache_key(const struct kv_cache *c, int layer, int pos);
float *kv_cache_value(const struct kv_cache *c, int layer, int pos);

#endif
