/* The vocabulary of a tokenizer.json: pieces, merges, added tokens, declared rules.
 * Read-only after vocab_open; any thread may read. core/tokenizer.h encodes and decodes with it.
 *
 * Understood is what Gemma's files declare, and their near relatives: model BPE; normaliser null
 * or Replace, Prepend and Sequences of them; pre-tokeniser null or Split by a string; decoder
 * null or Replace, ByteFallback, Fuse and Sequences of them. Anything else is refused by name
 * (ERR_UNSUPPORTED): ids made by other rules than the declared ones would be wrong. */
#ifndef DATA_VOCAB_H
#define DATA_VOCAB_H

#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vocab;

/* *out is NULL after a failure, here and for all that makes a vocabulary. */
int vocab_open(struct vocab **out, const char *path, struct err *err) ERR_CHECK;
int vocab_parse(struct vocab **out, const char *text, size_t len, const char *name,
                struct err *err) ERR_CHECK;
void vocab_close(struct vocab *vocab);

int vocab_size(const struct vocab *vocab); /* ids are 0..size-1; gaps have empty pieces */
/* The piece of an id as stored (U+2581 for a space, <0xNN> for bytes); len may be NULL. */
const char *vocab_piece(const struct vocab *vocab, int id, size_t *len);
int vocab_id(const struct vocab *vocab, const char *piece, size_t len); /* -1 if absent */
bool vocab_is_special(const struct vocab *vocab, int id); /* the file's "special" flag */
int vocab_byte_value(const struct vocab *vocab, int id);  /* 0..255 for <0xNN>, else -1 */

/* An added token: found in the text before anything else happens to it. */
struct vocab_added {
    const char *text; /* [len] valid until vocab_close */
    size_t len;
    int id;
    bool special;
    bool normalized; /* look for it in the normalised text instead */
};

/* Two pieces next to each other become one; the position in the list is the rank. */
struct vocab_merge {
    int left, right, merged;
};

/* Replace every `from` by `to`; with an empty `from`: put `to` in front of what is not empty. */
struct vocab_replace {
    char *from, *to; /* owned by the vocabulary */
    size_t from_len, to_len;
};

enum vocab_split_behavior {
    VOCAB_SPLIT_REMOVED,
    VOCAB_SPLIT_ISOLATED,
    VOCAB_SPLIT_MERGED_WITH_PREVIOUS,
    VOCAB_SPLIT_MERGED_WITH_NEXT,
    VOCAB_SPLIT_CONTIGUOUS,
};

struct vocab_split {
    char *pattern; /* [len] owned by the vocabulary; not empty */
    size_t len;
    enum vocab_split_behavior behavior;
};

struct vocab_rules {
    struct vocab_replace *normalizer; /* [n_normalizer] applied in order */
    size_t n_normalizer;
    struct vocab_split *splits; /* [n_splits] applied in order, before BPE */
    size_t n_splits;
    struct vocab_replace *decoder; /* [n_decoder] applied in order to every piece */
    size_t n_decoder;
    bool decode_bytes;  /* <0xNN> decodes to the byte */
    int unk_id;         /* for characters without a piece; -1: they are dropped */
    bool fuse_unk;      /* a run of them is one unknown token */
    bool byte_fallback; /* characters without a piece become byte pieces first */
    bool ignore_merges; /* a word that is a piece is taken whole */
};

const struct vocab_added *vocab_added(const struct vocab *vocab, size_t *n);
const struct vocab_merge *vocab_merges(const struct vocab *vocab, size_t *n);
/* The merge of two pieces, or NULL; its rank is the distance from vocab_merges. */
const struct vocab_merge *vocab_find_merge(const struct vocab *vocab, int left, int right);
const struct vocab_rules *vocab_rules(const struct vocab *vocab);

#endif
