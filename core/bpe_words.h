/* Splits texts into the words that BPE training counts. */
#ifndef CORE_BPE_WORDS_H
#define CORE_BPE_WORDS_H

#include "data/hash_map.h"

#include <stddef.h>

#define BPE_SPACE "\xe2\x96\x81" /* U+2581, what a space becomes */
#define BPE_MAX_RUN 16           /* longest run of newlines or spaces that can be a piece */

struct bpe_word {
    char *text; /* owned; a space before it is part of it, as U+2581 */
    size_t len; /* bytes */
    long count;
};

struct bpe_words {
    struct bpe_word *items; /* [n] owned, in order of first appearance */
    size_t n, cap;
    struct string_map index; /* text -> item */
    /* [run length] how often a run of exactly this many was seen; longer ones count as the last */
    long newline_runs[BPE_MAX_RUN + 1], space_runs[BPE_MAX_RUN + 1];
};

/* Adds the words of one text. Strings in `skip` [n_skip] (added tokens) are passed over. */
void bpe_words_add(struct bpe_words *words, const char *text, size_t len, const char *const *skip,
                   size_t n_skip);
void bpe_words_count(struct bpe_words *words, const char *word, size_t len, long count);
void bpe_words_clear(struct bpe_words *words);

#endif
