/* Which characters can stand next to each other inside a piece.
 *
 * A merge joins the last character of its left piece with the first of its right one. Between two
 * characters that no merge joins in this way no piece can ever reach across, so the text may be cut
 * there: BPE then works on short stretches, although nothing splits the text into words. The pairs
 * are kept as a set of hashes; a collision only means a cut less. */
#ifndef CORE_TOKEN_JOINS_H
#define CORE_TOKEN_JOINS_H

#include "data/vocab.h"

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_JOINS_BITS 21 /* 256 KiB: Gemma's 0.2 million pairs fill a tenth of it */

struct token_joins {
    bool never_cuts; /* what stands side by side does not follow from the characters */
    uint64_t pairs[1 << TOKEN_JOINS_BITS >> 6]; /* bits, by hash */
};

/* Adds the merges of a vocabulary; joins begins as {0}. A merge of a part of a character (a byte)
 * or of the unknown piece sets never_cuts; so must the caller if characters can be dropped, which
 * brings their neighbours together. */
void token_joins_learn(struct token_joins *joins, const struct vocab *vocab);

/* May a text be cut between these two characters? */
bool token_joins_cut(const struct token_joins *joins, uint32_t left, uint32_t right);

#endif
