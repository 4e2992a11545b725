#include "core/kv_cache.h"

#include "core/attention_kernels.h"
#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SLOTS 32
#define MAX_SPARE 128 /* slots that growing adds: an answer of a long text needs few of them */

void kv_cache_init(struct kv_cache *c, const struct model *model, int l0, int l1, enum dtype dtype)
{
    assert(dtype == DTYPE_F32 || dtype == DTYPE_F16);
    *c = (struct kv_cache){
        .first_layer = l0,
        .n_layers = l1 - l0,
        .width = (size_t)model->config.n_kv_heads * (size_t)model->config.d_head,
        .dtype = dtype,
    };
    c->layers = mem_zalloc((size_t)c->n_layers, sizeof *c->layers);
    for (int l = l0; l < l1; l++)
        c->layers[l - l0].window = model->layers[l].config.window;
}

void kv_cache_clear(struct kv_cache *c)
{
    for (int l = 0; l < c->n_layers; l++) {
        free(c->layers[l].keys);
        free(c->layers[l].values);
    }
    free(c->layers);
    *c = (struct kv_cache){0};
}

void kv_cache_restart(struct kv_cache *c, int first_pos)
{
    c->first_pos = first_pos;
    for (int l = 0; l < c->n_layers; l++)
        c->layers[l].first_pos = first_pos;
}

int kv_cache_rewind(struct kv_cache *c, int n)
{
    for (int l = 0; l < c->n_layers; l++) {
        const struct kv_layer *layer = &c->layers[l];
        /* the last position may be run once more for its output, and sees n - window and on */
        if (layer->first_pos <= c->first_pos || layer->first_pos <= n - layer->window)
            continue;
        kv_cache_restart(c, c->first_pos);
        return c->first_pos;
    }
    return n;
}

/* --- room --- */

static size_t bytes_of(const struct kv_cache *c, size_t n_slots)
{
    return n_slots * c->width * dtype_size(c->dtype);
}

/* Slots of a layer when there are n positions. */
static int slots_of(int window, int n)
{
    return window > 0 && n - window > 2 * KV_MARGIN ? window + 2 * KV_MARGIN : n;
}

/* Replaces *block by a larger one. Zeroed, so that no slot is ever uninitialised. */
static bool grow_block(const struct kv_cache *c, void **block, int n_old, int n_new)
{
    size_t n_elements;
    void *larger = size_mul(&n_elements, (size_t)n_new, c->width)
                       ? mem_try_zalloc(n_elements, dtype_size(c->dtype))
                       : NULL;
    if (!larger)
        return false;
    if (*block)
        memcpy(larger, *block, bytes_of(c, (size_t)n_old));
    free(*block);
    *block = larger;
    return true;
}

static bool grow_layer(const struct kv_cache *c, struct kv_layer *layer, int n)
{
    n = slots_of(layer->window, n);
    if (n <= layer->cap)
        return true;
    /* more than is asked for, so that a growing answer is not copied at every token */
    int spare = layer->cap / 2 < MAX_SPARE ? layer->cap / 2 : MAX_SPARE;
    int cap = slots_of(layer->window, layer->cap + spare);
    cap = cap < MIN_SLOTS ? MIN_SLOTS : cap;
    cap = cap < n ? n : cap;
    if (!grow_block(c, &layer->keys, layer->cap, cap) ||
        !grow_block(c, &layer->values, layer->cap, cap))
        return false;
    layer->cap = cap;
    return true;
}

int kv_cache_reserve(struct kv_cache *c, int end, struct err *err)
{
    const int n = end - c->first_pos;
    for (int l = 0; l < c->n_layers; l++)
        if (!grow_layer(c, &c->layers[l], n))
            return err_set(
                err, ERR_NOMEM, "no memory for the keys and values of %d positions (%.0f MB)", n,
                2e-6 * n * (double)c->width * (double)dtype_size(c->dtype) * c->n_layers);
    return ERR_OK;
}

size_t kv_cache_bytes(const struct model *model, int n, enum dtype dtype)
{
    size_t n_slots = 0;
    for (int l = 0; l < model->config.n_layers; l++)
        n_slots += (size_t)slots_of(model->layers[l].config.window, n);
    return 2 * n_slots * (size_t)model->config.n_kv_heads * (size_t)model->config.d_head *
           dtype_size(dtype);
}

/* --- contents --- */

static struct kv_layer *layer_at(const struct kv_cache *c, int layer)
{
    assert(layer >= c->first_layer && layer < c->first_layer + c->n_layers);
    return &c->layers[layer - c->first_layer];
}

/* Makes room for position pos: of what is before it, the window and a margin stay. */
static void give_way(const struct kv_cache *c, struct kv_layer *layer, int pos)
{
    int n_kept = layer->window + KV_MARGIN, n_gone = pos - layer->first_pos - n_kept;
    assert(layer->window > 0 && n_gone > 0);
    char *blocks[] = {layer->keys, layer->values};
    for (int i = 0; i < 2; i++)
        memmove(blocks[i], blocks[i] + bytes_of(c, (size_t)n_gone), bytes_of(c, (size_t)n_kept));
    layer->first_pos += n_gone;
}

static void store(const struct kv_cache *c, void *block, size_t slot, const float *src)
{
    if (c->dtype == DTYPE_F32)
        memcpy((float *)block + slot * c->width, src, c->width * sizeof *src);
    else
        attention_kernels_in_use()->to_f16((uint16_t *)block + slot * c->width, src, c->width);
}

void kv_cache_put(struct kv_cache *c, int layer, int pos, const float *key, const float *value)
{
    struct kv_layer *at = layer_at(c, layer);
    assert(pos >= at->first_pos);
    if (pos - at->first_pos >= at->cap)
        give_way(c, at, pos);
    size_t slot = (size_t)(pos - at->first_pos);
    assert(slot < (size_t)at->cap);
    store(c, at->keys, slot, key);
    store(c, at->values, slot, value);
}

struct kv_span kv_cache_span(const struct kv_cache *c, int layer, int end)
{
    const struct kv_layer *at = layer_at(c, layer);
    if (end <= at->first_pos)
        return (struct kv_span){0};
    return (struct kv_span){at->keys, at->values, at->first_pos, end - at->first_pos, c->dtype};
}
