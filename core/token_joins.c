#include "core/token_joins.h"

#include "data/text.h"

#include <stddef.h>

static size_t hash_of(uint32_t left, uint32_t right)
{
    uint64_t h = (uint64_t)left << 32 | right;
    h *= 0x9e3779b97f4a7c15u;
    return (size_t)(h >> (64 - TOKEN_JOINS_BITS));
}

static bool first_char(uint32_t *cp, const char *s, size_t len)
{
    return len > 0 && utf8_decode(cp, s, len) > 0;
}

static bool last_char(uint32_t *cp, const char *s, size_t len)
{
    for (size_t n = 1; n <= 4 && n <= len; n++)
        if (utf8_decode(cp, s + len - n, n) == (int)n)
            return true;
    return false;
}

/* Is the piece written with other characters than it stands for? */
static bool is_substitute(const struct vocab *vocab, int id)
{
    return id == vocab_rules(vocab)->unk_id || vocab_byte_value(vocab, id) >= 0;
}

static void learn_merge(struct token_joins *joins, const struct vocab *vocab,
                        const struct vocab_merge *merge)
{
    size_t left_len, right_len;
    const char *left = vocab_piece(vocab, merge->left, &left_len);
    const char *right = vocab_piece(vocab, merge->right, &right_len);
    uint32_t a, b;
    if (!last_char(&a, left, left_len) || !first_char(&b, right, right_len) ||
        is_substitute(vocab, merge->left) || is_substitute(vocab, merge->right)) {
        joins->never_cuts = true;
        return;
    }
    size_t h = hash_of(a, b);
    joins->pairs[h >> 6] |= (uint64_t)1 << (h & 63);
}

void token_joins_learn(struct token_joins *joins, const struct vocab *vocab)
{
    size_t n;
    const struct vocab_merge *merges = vocab_merges(vocab, &n);
    for (size_t i = 0; i < n; i++)
        learn_merge(joins, vocab, &merges[i]);
}

bool token_joins_cut(const struct token_joins *joins, uint32_t left, uint32_t right)
{
    size_t h = hash_of(left, right);
    return !joins->never_cuts && !(joins->pairs[h >> 6] >> (h & 63) & 1);
}
