#include "data/hash.h"

#include "data/file.h"
#include "data/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_SAMPLES ((size_t)256)
#define N_PIECES (N_SAMPLES + 2) /* and both ends */
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

/* Piece number i of N_PIECES of a block of len bytes: its offset, and its length in *n. */
static size_t piece(size_t *n, size_t i, size_t len)
{
    size_t stride = (len - SAMPLE_BYTES) / N_SAMPLES;
    bool is_end = i == 0 || i == N_PIECES - 1;
    *n = is_end ? END_BYTES : SAMPLE_BYTES < stride ? SAMPLE_BYTES : stride;
    return i == 0 ? 0 : is_end ? len - END_BYTES : (i - 1) * stride;
}

static bool is_whole(size_t len, size_t max_whole)
{
    return len <= max_whole || len <= 2 * END_BYTES;
}

uint64_t hash_sampled(uint64_t seed, const void *bytes, size_t len, size_t max_whole)
{
    if (is_whole(len, max_whole))
        return hash_bytes(seed, bytes, len);
    uint64_t h = seed ^ len;
    for (size_t i = 0, n; i < N_PIECES; i++) {
        size_t at = piece(&n, i, len);
        h = hash_bytes(h, (const unsigned char *)bytes + at, n);
    }
    return h;
}

static int read_failed(const char *path, struct err *err)
{
    err_set(err, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    err_hint(err, "Copy or download the file again.");
    return ERR_IO;
}

/* The pieces by pread: page faults in a mapping would read far around each of them. */
static int hash_pieces(uint64_t *hash, size_t len, const char *path, struct err *err)
{
    int rc = ERR_OK, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return read_failed(path, err);
    unsigned char *block = mem_alloc(END_BYTES, 1);
    *hash ^= len;
    for (size_t i = 0, n; i < N_PIECES && rc == ERR_OK; i++) {
        size_t at = piece(&n, i, len);
        if (pread(fd, block, n, (off_t)at) != (ssize_t)n)
            rc = read_failed(path, err);
        *hash = hash_bytes(*hash, block, n);
    }
    free(block);
    close(fd);
    return rc;
}

int hash_file(uint64_t *hash, const char *path, size_t max_whole, struct err *err)
{
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc != ERR_OK)
        return rc;
    if (is_whole(map.size, max_whole))
        *hash = hash_bytes(*hash, map.data, map.size);
    else
        rc = hash_pieces(hash, map.size, path, err);
    file_unmap(&map);
    return rc;
}
