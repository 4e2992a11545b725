/* Byte-pair encoding of one stretch of text: joins neighbouring pieces by the vocabulary's merges,
 * lowest rank first, leftmost first. */
#ifndef CORE_BPE_H
#define CORE_BPE_H

#include "data/vocab.h"

#include <stddef.h>
#include <stdint.h>

struct bpe_symbol {
    int id;
    uint32_t start, end; /* half-open byte range in the text */
    uint32_t prev, next; /* neighbours, UINT32_MAX at the ends; private */
};

/* Work space, reused from stretch to stretch by one thread. An empty one is {0}. */
struct bpe {
    struct bpe_symbol *symbols; /* [n] owned */
    size_t n, cap;
    struct bpe_candidate *queue; /* private */
    size_t n_queue, cap_queue;
};

/* Appends a symbol to the stretch. Positions stay below 2^32. */
void bpe_add(struct bpe *bpe, int id, size_t start, size_t end);

/* Joins the symbols; symbols [n] is the result, in order.
 * Cost: n log n, whatever the text */
void bpe_merge(struct bpe *bpe, const struct vocab *vocab);
void bpe_clear(struct bpe *bpe);

#endif
