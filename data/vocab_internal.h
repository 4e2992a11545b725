/* What a vocabulary holds, for the files that build one: vocab.c from a tokenizer.json,
 * vocab_pieces.c from scored pieces. */
#ifndef DATA_VOCAB_INTERNAL_H
#define DATA_VOCAB_INTERNAL_H

#include "data/hash_map.h"
#include "data/merge_ranks.h"
#include "data/vocab.h"

#define VOCAB_MAX_IDS (1 << 21) /* eight times Gemma's; bounds what a broken file can ask for */

struct vocab_entry {
    const char *text; /* in the arena; NULL: a gap */
    uint32_t len;
    bool special;
};

struct vocab {
    struct vocab_entry *pieces; /* [n_pieces] */
    size_t n_pieces;
    struct string_map ids;
    struct vocab_merge *merges; /* [n_merges] */
    size_t n_merges;
    struct merge_ranks ranks;
    struct vocab_added *added; /* [n_added] */
    size_t n_added;
    struct vocab_rules rules;
    char *arena; /* all piece texts, each with a NUL */
    size_t arena_len;
};

#endif
