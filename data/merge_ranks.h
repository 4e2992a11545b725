/* Finds the merge of two pieces in a list of merges: a hash table of places in that list, 4 bytes
 * each, since a vocabulary has more merges than anything else. The list is the owner's, and is
 * handed in with every call. Any thread may look up once it is filled. */
#ifndef DATA_MERGE_RANKS_H
#define DATA_MERGE_RANKS_H

#include "data/vocab.h"

#include <stddef.h>
#include <stdint.h>

struct merge_ranks {
    uint32_t *slots; /* [cap] owned; rank + 1, 0: free */
    size_t cap;      /* a power of two */
};

/* An empty table for up to n merges, n < 2^31. */
void merge_ranks_init(struct merge_ranks *r, size_t n);
void merge_ranks_clear(struct merge_ranks *r);

/* Enters merges[rank]; an earlier merge of the same pair is not found any more. At most n. */
void merge_ranks_put(struct merge_ranks *r, const struct vocab_merge *merges, size_t rank);

/* Its rank; -1: no merge has this pair. */
int merge_ranks_get(const struct merge_ranks *r, const struct vocab_merge *merges, int left,
                    int right);

#endif
