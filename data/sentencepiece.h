/* A tokenizer.model: SentencePiece's ModelProto (protocol buffers), as Gemma's folders carry one
 * beside or in place of tokenizer.json.
 *
 * Understood is what Gemma's file holds: kind BPE, no normalisation beside the mark for spaces.
 * Anything else is refused by name (ERR_UNSUPPORTED). Control pieces in a text become special
 * tokens, as in Hugging Face (SentencePiece itself would spell them out). The ids of bos, eos and
 * pad come from config.json, not from here. Errors name the file and the byte. */
#ifndef DATA_SENTENCEPIECE_H
#define DATA_SENTENCEPIECE_H

#include "data/vocab.h"

int sentencepiece_open(struct vocab **out, const char *path, struct err *err) ERR_CHECK;
int sentencepiece_parse(struct vocab **out, const void *bytes, size_t len, const char *name,
                        struct err *err) ERR_CHECK;

#endif
