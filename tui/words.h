/* The words a model has seen, from a list beside it (words.txt, one lower-case word per line), so
 * that the screen can say how many of a prompt it never saw. A word is a run of letters. */
#ifndef TUI_WORDS_H
#define TUI_WORDS_H

#include "data/hash_map.h"
#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct words {
    struct buf text; /* owned; the keys of the map point into it */
    struct string_map map;
};

void words_parse(struct words *out, const char *text, size_t len); /* copies */
void words_clear(struct words *words);

/* Words of a text, and how many of them are not in the list. */
void words_count(int *n_words, int *n_unseen, const struct words *words, const char *text,
                 size_t len);

#endif
