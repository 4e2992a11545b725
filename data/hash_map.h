/* Hash tables from strings, or from pairs of numbers, to numbers >= 0. Used by one thread at a
 * time while they grow; any thread may look up afterwards. */
#ifndef DATA_HASH_MAP_H
#define DATA_HASH_MAP_H

#include <stddef.h>
#include <stdint.h>

struct string_map {
    struct string_slot *slots; /* [cap] owned; the keys are borrowed and must outlive the map */
    size_t cap, n;
};

/* An empty map is {0}. Room for n keys at once saves growing. */
void string_map_reserve(struct string_map *map, size_t n);
int string_map_get(const struct string_map *map, const char *key, size_t len); /* -1: absent */

/* The value's place, added as -1 if the key is new: the caller then stores a value >= 0.
 * Valid until the next call. */
int *string_map_at(struct string_map *map, const char *key, size_t len);
void string_map_clear(struct string_map *map);

struct pair_map {
    struct pair_slot *slots; /* [cap] owned */
    size_t cap, n;
};

/* The same for two numbers >= 0. */
int pair_map_get(const struct pair_map *map, int left, int right);
int *pair_map_at(struct pair_map *map, int left, int right);
void pair_map_clear(struct pair_map *map);

#endif
