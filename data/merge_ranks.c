#include "data/merge_ranks.h"

#include "data/hash.h"
#include "data/mem.h"

#include <stdlib.h>

void merge_ranks_init(struct merge_ranks *r, size_t n)
{
    r->cap = hash_slots(n);
    r->slots = mem_zalloc(r->cap, sizeof *r->slots);
}

void merge_ranks_clear(struct merge_ranks *r)
{
    free(r->slots);
    *r = (struct merge_ranks){0};
}

/* The slot of a pair, or the free one where it belongs. */
static uint32_t *find_slot(const struct merge_ranks *r, const struct vocab_merge *merges, int left,
                           int right)
{
    for (size_t i = hash_pair(left, right) & (r->cap - 1);; i = (i + 1) & (r->cap - 1)) {
        const struct vocab_merge *m = r->slots[i] ? &merges[r->slots[i] - 1] : NULL;
        if (!m || (m->left == left && m->right == right))
            return &r->slots[i];
    }
}

void merge_ranks_put(struct merge_ranks *r, const struct vocab_merge *merges, size_t rank)
{
    *find_slot(r, merges, merges[rank].left, merges[rank].right) = (uint32_t)rank + 1;
}

int merge_ranks_get(const struct merge_ranks *r, const struct vocab_merge *merges, int left,
                    int right)
{
    return r->cap > 0 ? (int)*find_slot(r, merges, left, right) - 1 : -1;
}
