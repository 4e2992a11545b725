/* Trains a byte-fallback BPE vocabulary and writes it as a tokenizer.json of Gemma 2's form.
 *
 * Ids: 0 <pad>, 1 <eos>, 2 <bos>, 3 <unk>, 4 <start_of_turn>, 5 <end_of_turn>; runs of newlines
 * (as added tokens); the 256 bytes <0x00>..<0xFF>; every character seen in the texts, the most
 * frequent first; runs of spaces; then what merging gives. A merge never crosses into the next
 * word (a space belongs to the word after it), joins letters with letters and signs with signs,
 * and leaves digits alone. The role words of the chat form, "user" and "model", are always one
 * piece. Ties are broken by ids: the same texts give the same bytes. */
#ifndef CORE_BPE_TRAIN_H
#define CORE_BPE_TRAIN_H

#include "data/err.h"
#include "data/mem.h"

#include <stddef.h>

/* Appends the JSON text for a vocabulary of exactly n_vocab pieces (<unused0>.. fill it where
 * the texts have no pair left that occurs twice).
 * In:    texts [n_texts] UTF-8 (other bytes count as U+FFFD) of lens[i] bytes
 * Fails: ERR_ARG  n_vocab is too small for bytes and characters; the message gives the least */
int bpe_train(struct buf *tokenizer_json, int n_vocab, const char *const *texts, const size_t *lens,
              size_t n_texts, struct err *err) ERR_CHECK;

#endif
