#include "core/token_trie.h"

#include "data/mem.h"

#include <stdlib.h>

static int add_node(struct token_trie *trie)
{
    trie->ids = mem_grow(trie->ids, &trie->cap, trie->n_nodes + 1, sizeof *trie->ids);
    trie->ids[trie->n_nodes] = -1;
    return (int)trie->n_nodes++;
}

void token_trie_add(struct token_trie *trie, const char *text, size_t len, int id)
{
    if (len == 0)
        return;
    if (trie->n_nodes == 0)
        add_node(trie);
    int node = 0;
    for (size_t i = 0; i < len; i++) {
        int *child = pair_map_at(&trie->children, node, (unsigned char)text[i]);
        if (*child < 0)
            *child = add_node(trie);
        node = *child;
    }
    trie->ids[node] = id;
    trie->first[(unsigned char)text[0]] = 1;
}

/* The longest token that s[0..len) begins with: its id, *n its bytes; -1 if there is none. */
static int match(size_t *n, const struct token_trie *trie, const char *s, size_t len)
{
    int id = -1, node = 0;
    for (size_t i = 0; i < len; i++) {
        node = pair_map_get(&trie->children, node, (unsigned char)s[i]);
        if (node < 0)
            break;
        if (trie->ids[node] >= 0) {
            id = trie->ids[node];
            *n = i + 1;
        }
    }
    return id;
}

int token_trie_find(size_t *at, size_t *n, const struct token_trie *trie, const char *s, size_t len,
                    size_t from)
{
    for (*at = from; *at < len; ++*at) {
        if (!trie->first[(unsigned char)s[*at]])
            continue;
        int id = match(n, trie, s + *at, len - *at);
        if (id >= 0)
            return id;
    }
    return -1;
}

void token_trie_clear(struct token_trie *trie)
{
    pair_map_clear(&trie->children);
    free(trie->ids);
    *trie = (struct token_trie){0};
}
