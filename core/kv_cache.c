#include "core/kv_cache.h"

#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SLOTS 32

void kv_cache_init(struct kv_cache *c, const struct model_config *config, int l0, int l1)
{
    *c = (struct kv_cache){
        .first_layer = l0,
        .n_layers = l1 - l0,
        .width = (size_t)config->n_kv_heads * (size_t)config->d_head,
    };
    c->keys = mem_zalloc((size_t)c->n_layers, sizeof *c->keys);
    c->values = mem_zalloc((size_t)c->n_layers, sizeof *c->values);
}

void kv_cache_clear(struct kv_cache *c)
{
    for (int l = 0; l < c->n_layers; l++) {
        free(c->keys[l]);
        free(c->values[l]);
    }
    free(c->keys);
    free(c->values);
    *c = (struct kv_cache){0};
}

/* Replaces *block by a larger one. Zeroed, so that no slot is ever uninitialised. */
static bool grow_block(float **block, size_t n_old, size_t n_new)
{
    float *larger = mem_try_zalloc(n_new, sizeof *larger);
    if (!larger)
        return false;
    if (*block)
        memcpy(larger, *block, n_old * sizeof *larger);
    free(*block);
    *block = larger;
    return true;
}

int kv_cache_reserve(struct kv_cache *c, int end, struct err *err)
{
    int n = end - c->first_pos;
    if (n <= c->cap)
        return ERR_OK;
    /* half as much again, so that a growing answer is not copied at every token */
    size_t cap = (size_t)c->cap + (size_t)c->cap / 2;
    cap = cap < MIN_SLOTS ? MIN_SLOTS : cap;
    cap = cap < (size_t)n ? (size_t)n : cap;
    size_t n_old = (size_t)c->cap * c->width, n_new;
    bool fits = size_mul(&n_new, cap, c->width);
    for (int l = 0; fits && l < c->n_layers; l++)
        fits = grow_block(&c->keys[l], n_old, n_new) && grow_block(&c->values[l], n_old, n_new);
    if (!fits)
        return err_set(err, ERR_NOMEM,
                       "no memory for the keys and values of %zu positions (%.0f MB)", cap,
                       (double)cap * (double)c->width * 8e-6 * c->n_layers);
    c->cap = (int)cap;
    return ERR_OK;
}

static size_t slot(const struct kv_cache *c, int layer, int pos)
{
    assert(layer >= c->first_layer && layer < c->first_layer + c->n_layers);
    assert(pos >= c->first_pos && pos < c->first_pos + c->cap);
    return (size_t)(pos - c->first_pos) * c->width;
}

float *kv_cache_key(const struct kv_cache *c, int layer, int pos)
{
    return c->keys[layer - c->first_layer] + slot(c, layer, pos);
}

float *kv_cache_value(const struct kv_cache *c, int layer, int pos)
{
    return c->values[layer - c->first_layer] + slot(c, layer, pos);
}
