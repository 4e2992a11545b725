/* The vocabulary of a tokenizer.json: pieces, merges, added tokens, declared normalisation.
 * Read-only after vocab_open. core/tokenizer.h encodes and decodes with it. */
#ifndef DATA_VOCAB_H
#define DATA_VOCAB_H

#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vocab;

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

#endif
