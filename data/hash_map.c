#include "data/hash_map.h"

#include "data/hash.h"
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
    int left, right, value;
    bool used;
};

static struct string_slot *string_slot_find(const struct string_map *map, const char *key,
                                            size_t len)
{
    for (size_t i = hash_bytes(0, key, len) & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct string_slot *slot = &map->slots[i];
        if (!slot->key || (slot->len == len && memcmp(slot->key, key, len) == 0))
            return slot;
    }
}

void string_map_reserve(struct string_map *map, size_t n)
{
    size_t cap = hash_slots(n);
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

static struct pair_slot *pair_slot_find(const struct pair_map *map, int left, int right)
{
    for (size_t i = hash_pair(left, right) & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct pair_slot *slot = &map->slots[i];
        if (!slot->used || (slot->left == left && slot->right == right))
            return slot;
    }
}

static void pair_map_reserve(struct pair_map *map, size_t n)
{
    size_t cap = hash_slots(n);
    if (cap <= map->cap)
        return;
    struct pair_map wider = {.slots = mem_zalloc(cap, sizeof *wider.slots), .cap = cap};
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].used)
            *pair_slot_find(&wider, map->slots[i].left, map->slots[i].right) = map->slots[i];
    wider.n = map->n;
    free(map->slots);
    *map = wider;
}

int pair_map_get(const struct pair_map *map, int left, int right)
{
    if (map->cap == 0)
        return -1;
    const struct pair_slot *slot = pair_slot_find(map, left, right);
    return slot->used ? slot->value : -1;
}

int *pair_map_at(struct pair_map *map, int left, int right)
{
    pair_map_reserve(map, map->n + 1);
    struct pair_slot *slot = pair_slot_find(map, left, right);
    if (!slot->used) {
        *slot = (struct pair_slot){left, right, .value = -1, .used = true};
        map->n++;
    }
    return &slot->value;
}

void pair_map_clear(struct pair_map *map)
{
    free(map->slots);
    *map = (struct pair_map){0};
}
