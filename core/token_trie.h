/* Finds added tokens in a text: at every position the longest one. Read-only after filling. */
#ifndef CORE_TOKEN_TRIE_H
#define CORE_TOKEN_TRIE_H

#include "data/hash_map.h"

#include <stddef.h>

struct token_trie {
    struct pair_map children; /* (node, byte) -> node; node 0 is the root */
    int *ids;                 /* [n_nodes] owned; token that ends at the node, or -1 */
    size_t n_nodes, cap;
    unsigned char first[256]; /* 1 where a token begins with the byte */
};

/* An empty trie is {0}. Empty texts are ignored: they would match everywhere. */
void token_trie_add(struct token_trie *trie, const char *text, size_t len, int id);

/* The first position >= from where a token begins; its id and length, or -1 and *at = len. */
int token_trie_find(size_t *at, size_t *n, const struct token_trie *trie, const char *s, size_t len,
                    size_t from);
void token_trie_clear(struct token_trie *trie);

#endif
