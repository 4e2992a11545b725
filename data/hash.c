#include "data/hash.h"

#include "data/file.h"

#include <string.h>

#define N_SAMPLES 256
#define SAMPLE_BYTES ((size_t)4 << 10)
#define END_BYTES ((size_t)64 << 10)

/* splitmix64's finisher: every bit of x reaches every other */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t h = mix(seed + 0x9e3779b97f4a7c15u) ^ len, word;
    for (; len >= 8; at += 8, len -= 8) {
        memcpy(&word, at, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29; /* or a change in the top bits would never reach the low ones */
    }
    word = 0;
    if (len > 0)
        memcpy(&word, at, len);
    return mix(h ^ word);
}

uint64_t hash_sampled(uint64_t seed, const void *bytes, size_t len, size_t max_whole)
{
    const unsigned char *at = bytes;
    if (len <= max_whole || len <= 2 * END_BYTES)
        return hash_bytes(seed, bytes, len);
    uint64_t h = hash_bytes(seed ^ len, at, END_BYTES);
    size_t stride = (len - SAMPLE_BYTES) / N_SAMPLES;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t n = SAMPLE_BYTES < stride ? SAMPLE_BYTES : stride;
        h = hash_bytes(h, at + i * stride, n);
    }
    return hash_bytes(h, at + len - END_BYTES, END_BYTES);
}

int hash_file(uint64_t *hash, const char *path, size_t max_whole, struct err *err)
{
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc != ERR_OK)
        return rc;
    *hash = hash_sampled(*hash, map.data, map.size, max_whole);
    file_unmap(&map);
    return ERR_OK;
}
