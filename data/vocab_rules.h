/* What a tokenizer.json declares around its vocabulary. For the files that build one: data/vocab.c
 * and data/vocab_pieces.c. */
#ifndef DATA_VOCAB_RULES_H
#define DATA_VOCAB_RULES_H

#include "data/err.h"
#include "data/json.h"
#include "data/vocab.h"

/* Fills normalizer, splits, decoder and decode_bytes; clears them again on failure.
 * Fails: ERR_UNSUPPORTED for a rule this program does not know, ERR_FORMAT for a broken one. */
int vocab_rules_parse(struct vocab_rules *rules, const struct json_doc *doc,
                      struct err *err) ERR_CHECK;
/* Appends a rule; copies both strings. */
void vocab_replace_add(struct vocab_replace **list, size_t *n, const char *from, const char *to);
void vocab_rules_clear(struct vocab_rules *rules);

#endif
