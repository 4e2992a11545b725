/* Text to token ids and back, as tokenizer.json or tokenizer.model declares it: added tokens are
 * split off first, then normaliser, pre-tokeniser, BPE with byte fallback. Never adds BOS by
 * itself. Read-only after creation; any thread may use it. */
#ifndef CORE_TOKENIZER_H
#define CORE_TOKENIZER_H

#include "data/err.h"
#include "data/mem.h"
#include "data/vocab.h"

#include <stdbool.h>
#include <stddef.h>

struct tokenizer;

/* A tokenizer.json, or a SentencePiece file where the name ends with ".model". */
int tokenizer_open(struct tokenizer **out, const char *path, struct err *err) ERR_CHECK;
/* Takes the vocabulary, also when it fails. */
int tokenizer_new(struct tokenizer **out, struct vocab *take, struct err *err) ERR_CHECK;
void tokenizer_free(struct tokenizer *tok);
const struct vocab *tokenizer_vocab(const struct tokenizer *tok);

struct token_ids {
    int *ids; /* owned */
    size_t n, cap;
};
void token_ids_add(struct token_ids *t, int id);
void token_ids_clear(struct token_ids *t);

#define TOKENIZER_MAX_BYTES ((size_t)64 << 20) /* longest text that is encoded at once */

/* Appends the ids of text[0..len). Bytes that are not UTF-8 are encoded as U+FFFD each; NUL is a
 * character like any other. ERR_LIMIT: the text is longer than TOKENIZER_MAX_BYTES, or the
 * declared normaliser makes it more than 8 times as long. */
int tokenizer_encode(struct token_ids *out, const struct tokenizer *tok, const char *text,
                     size_t len, struct err *err) ERR_CHECK;

/* Where a token comes from: a half-open byte range of the text. The spans of a text follow each
 * other without gaps; the bytes of a character without a piece have a byte each; a token that
 * the rules put in has an empty span. */
struct token_span {
    size_t start, end;
};
struct token_spans {
    struct token_span *items; /* [n] owned */
    size_t n, cap;
};
void token_spans_clear(struct token_spans *spans);

/* The same, and the span of every token, appended to `spans`. */
int tokenizer_encode_spans(struct token_ids *out, struct token_spans *spans,
                           const struct tokenizer *tok, const char *text, size_t len,
                           struct err *err) ERR_CHECK;

/* Appends the bytes of one token: the piece with U+2581 as a space, <0xNN> as the byte; special
 * tokens print as written in the file, ids that are none as <id>. */
void tokenizer_decode_one(struct buf *out, const struct tokenizer *tok, int id);
void tokenizer_decode(struct buf *out, const struct tokenizer *tok, const int *ids, size_t n,
                      bool skip_special);

#endif
