#include "core/bpe.h"

#include "data/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define BPE_NONE UINT32_MAX

/* A merge that was possible when it was queued. It still is if the symbol at `left` and the one
 * after it are the two pieces of the merge. */
struct bpe_candidate {
    const struct vocab_merge *merge; /* merges lie in order of rank: addresses compare like ranks */
    uint32_t left;
};

static bool comes_first(struct bpe_candidate a, struct bpe_candidate b)
{
    return a.merge != b.merge ? a.merge < b.merge : a.left < b.left;
}

static void queue_push(struct bpe *bpe, struct bpe_candidate c)
{
    bpe->queue = mem_grow(bpe->queue, &bpe->cap_queue, bpe->n_queue + 1, sizeof *bpe->queue);
    size_t i = bpe->n_queue++;
    for (; i > 0 && comes_first(c, bpe->queue[(i - 1) / 2]); i = (i - 1) / 2)
        bpe->queue[i] = bpe->queue[(i - 1) / 2];
    bpe->queue[i] = c;
}

static struct bpe_candidate queue_pop(struct bpe *bpe)
{
    struct bpe_candidate first = bpe->queue[0], last = bpe->queue[--bpe->n_queue];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < bpe->n_queue; i = child) {
        if (child + 1 < bpe->n_queue && comes_first(bpe->queue[child + 1], bpe->queue[child]))
            child++;
        if (!comes_first(bpe->queue[child], last))
            break;
        bpe->queue[i] = bpe->queue[child];
    }
    bpe->queue[i] = last;
    return first;
}

void bpe_add(struct bpe *bpe, int id, size_t start, size_t end)
{
    assert(end < BPE_NONE && bpe->n < BPE_NONE);
    bpe->symbols = mem_grow(bpe->symbols, &bpe->cap, bpe->n + 1, sizeof *bpe->symbols);
    bpe->symbols[bpe->n] = (struct bpe_symbol){.id = id,
                                               .start = (uint32_t)start,
                                               .end = (uint32_t)end,
                                               .prev = bpe->n ? (uint32_t)bpe->n - 1 : BPE_NONE,
                                               .next = BPE_NONE};
    if (bpe->n)
        bpe->symbols[bpe->n - 1].next = (uint32_t)bpe->n;
    bpe->n++;
}

/* Queues the merge of the symbols at `left` and after it, if there is one. */
static void consider(struct bpe *bpe, const struct vocab *vocab, uint32_t left)
{
    if (left == BPE_NONE || bpe->symbols[left].next == BPE_NONE)
        return;
    const struct bpe_symbol *a = &bpe->symbols[left], *b = &bpe->symbols[a->next];
    const struct vocab_merge *merge = vocab_find_merge(vocab, a->id, b->id);
    if (merge)
        queue_push(bpe, (struct bpe_candidate){merge, left});
}

/* The right symbol of a pair goes out of the chain: its id becomes -1, which no merge has. */
static void join(struct bpe *bpe, uint32_t left, int merged)
{
    struct bpe_symbol *a = &bpe->symbols[left], *b = &bpe->symbols[a->next];
    a->id = merged;
    a->end = b->end;
    a->next = b->next;
    b->id = -1;
    if (a->next != BPE_NONE)
        bpe->symbols[a->next].prev = left;
}

static bool still_holds(const struct bpe *bpe, struct bpe_candidate c)
{
    const struct bpe_symbol *a = &bpe->symbols[c.left];
    return a->id == c.merge->left && a->next != BPE_NONE &&
           bpe->symbols[a->next].id == c.merge->right;
}

void bpe_merge(struct bpe *bpe, const struct vocab *vocab)
{
    if (bpe->n < 2)
        return;
    bpe->n_queue = 0;
    for (size_t i = 0; i + 1 < bpe->n; i++)
        consider(bpe, vocab, (uint32_t)i);
    while (bpe->n_queue > 0) {
        struct bpe_candidate c = queue_pop(bpe);
        if (!still_holds(bpe, c))
            continue;
        join(bpe, c.left, c.merge->merged);
        consider(bpe, vocab, bpe->symbols[c.left].prev);
        consider(bpe, vocab, c.left);
    }
    size_t n = 0;
    for (size_t i = 0; i < bpe->n; i++)
        if (bpe->symbols[i].id >= 0)
            bpe->symbols[n++] = bpe->symbols[i];
    bpe->n = n;
}

void bpe_clear(struct bpe *bpe)
{
    free(bpe->symbols);
    free(bpe->queue);
    *bpe = (struct bpe){0};
}
