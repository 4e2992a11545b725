/* A vocabulary while it is trained: pieces in id order and merges in order of rank, and how it is
 * written as a tokenizer.json of Gemma 2's form. */
#ifndef CORE_BPE_VOCAB_H
#define CORE_BPE_VOCAB_H

#include "data/hash_map.h"
#include "data/mem.h"

#include <stddef.h>

#define BPE_N_SPECIAL 6 /* <pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn> */
extern const char *const bpe_special[BPE_N_SPECIAL];

struct bpe_merge {
    int left, right;
};

struct bpe_vocab {
    char **pieces; /* [n_pieces] owned strings; the position is the id */
    size_t n_pieces, cap_pieces;
    struct string_map ids;
    struct bpe_merge *merges; /* [n_merges] owned; the position is the rank */
    size_t n_merges, cap_merges;
    size_t n_added; /* the first n_added pieces are added tokens, the first BPE_N_SPECIAL special */
};

int bpe_vocab_id(const struct bpe_vocab *vocab, const char *piece); /* -1: absent */
int bpe_vocab_add(struct bpe_vocab *vocab, const char *piece);      /* its id, new or known */

/* Adds the next merge and its piece; returns the piece's id. */
int bpe_vocab_merge(struct bpe_vocab *vocab, int left, int right);

/* Appends the JSON text. */
void bpe_vocab_write(struct buf *out, const struct bpe_vocab *vocab);
void bpe_vocab_clear(struct bpe_vocab *vocab);

#endif
