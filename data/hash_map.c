#include "data/hash_map.h"

#include "data/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct string_slot {
    const char *key; /* NULL: free */
    uint32_t len;
    int value;
};

struct pair_slot {
    uint64_t key;
    int value;
    bool used;
};

/* Spreads every bit of x over the low ones, which pick the slot (splitmix64's finisher). */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t hash_string(const char *key, size_t len)
{
    uint64_t h = len, word;
    for (; len >= 8; key += 8, len -= 8) {
        memcpy(&word, key, 8);
        h = mix(h ^ word);
    }
    word = 0;
    memcpy(&word, key, len);
    return mix(h ^ word);
}

/* A power of two that leaves at least a quarter of the slots free with n keys. */
static size_t slots_for(size_t n)
{
    size_t cap = 16;
    while (cap / 4 * 3 < n)
        cap *= 2;
    return cap;
}

static struct string_slot *string_slot_find(const struct string_map *map, const char *key,
                                            size_t len)
{
    for (size_t i = hash_string(key, len) & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct string_slot *slot = &map->slots[i];
        if (!slot->key || (slot->len == len && memcmp(slot->key, key, len) == 0))
            return slot;
    }
}

void string_map_reserve(struct string_map *map, size_t n)
{
    size_t cap = slots_for(n);
    if (cap <= map->cap)
        return;
    struct string_map wider = {.slots = mem_zalloc(cap, sizeof *wider.slots), .cap = cap};
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key)
            *string_slot_find(&wider, map->slots[i].key, map->slots[i].len) = map->slots[i];
    wider.n = map->n;
    free(map->slots);
    *map = wider;
}

int string_map_get(const struct string_map *map, const char *key, size_t len)
{
    if (map->cap == 0 || len > UINT32_MAX)
        return -1;
    const struct string_slot *slot = string_slot_find(map, key, len);
    return slot->key ? slot->value : -1;
}

int *string_map_at(struct string_map *map, const char *key, size_t len)
{
    assert(len <= UINT32_MAX);
    string_map_reserve(map, map->n + 1);
    struct string_slot *slot = string_slot_find(map, key, len);
    if (!slot->key) {
        *slot = (struct string_slot){.key = key, .len = (uint32_t)len, .value = -1};
        map->n++;
    }
    return &slot->value;
}

void string_map_clear(struct string_map *map)
{
    free(map->slots);
    *map = (struct string_map){0};
}

static struct pair_slot *pair_slot_find(const struct pair_map *map, uint64_t key)
{
    for (size_t i = mix(key) & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct pair_slot *slot = &map->slots[i];
        if (!slot->used || slot->key == key)
            return slot;
    }
}

static uint64_t pair_key(int left, int right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

void pair_map_reserve(struct pair_map *map, size_t n)
{
    size_t cap = slots_for(n);
    if (cap <= map->cap)
        return;
    struct pair_map wider = {.slots = mem_zalloc(cap, sizeof *wider.slots), .cap = cap};
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].used)
            *pair_slot_find(&wider, map->slots[i].key) = map->slots[i];
    wider.n = map->n;
    free(map->slots);
    *map = wider;
}

int pair_map_get(const struct pair_map *map, int left, int right)
{
    if (map->cap == 0)
        return -1;
    const struct pair_slot *slot = pair_slot_find(map, pair_key(left, right));
    return slot->used ? slot->value : -1;
}

int *pair_map_at(struct pair_map *map, int left, int right)
{
    pair_map_reserve(map, map->n + 1);
    struct pair_slot *slot = pair_slot_find(map, pair_key(left, right));
    if (!slot->used) {
        *slot = (struct pair_slot){.key = pair_key(left, right), .value = -1, .used = true};
        map->n++;
    }
    return &slot->value;
}

void pair_map_clear(struct pair_map *map)
{
    free(map->slots);
    *map = (struct pair_map){0};
}
