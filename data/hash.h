/* Hashes: fingerprints (is this the same as before?) and what hash tables need. Quick, 64 bits, no
 * defence against an adversary. */
#ifndef DATA_HASH_H
#define DATA_HASH_H

#include "data/err.h"

#include <stddef.h>
#include <stdint.h>

/* A hash of bytes[0..len) and its length that continues from `seed`. */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len);

/* The same for blocks of any size: whole up to max_whole bytes; of longer ones the length, the
 * first and last 64 kB and 256 pieces of 4 kB spread evenly, so that 5 GB take milliseconds. A
 * change that leaves all of these alone goes unseen. */
uint64_t hash_sampled(uint64_t seed, const void *bytes, size_t len, size_t max_whole);

/* hash_sampled of a file's content; *hash is the seed and becomes the result. */
int hash_file(uint64_t *hash, const char *path, size_t max_whole, struct err *err) ERR_CHECK;

/* Of a pair of numbers; the low bits, which pick a slot, depend on all of it. */
static inline uint64_t hash_pair(int left, int right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

/* Slots of a table for n keys: a power of two that leaves at least a quarter of them free. */
static inline size_t hash_slots(size_t n)
{
    size_t cap = 16;
    while (cap / 4 * 3 < n)
        cap *= 2;
    return cap;
}

#endif
