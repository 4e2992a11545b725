/* Writes models as GGUF files, with the keys and names of llama.cpp's converter. */
#ifndef TESTS_SUPPORT_GGUF_MODEL_H
#define TESTS_SUPPORT_GGUF_MODEL_H

#include "core/model.h"
#include "data/vocab_pieces.h"
#include "tests/support/gguf_maker.h"

/* Everything but the tokenizer. Matrices as they are stored in `model`, but f32 ones in Q8_0 where
 * to_q8 is set; norms as f32. */
void gguf_make_model(struct gguf_maker *m, const struct model *model, bool to_q8);
void gguf_make_config(struct gguf_maker *m, const struct model *model); /* the keys alone */

/* A tokenizer of scored pieces; a user-defined piece's U+2581 become spaces, as the converter has
 * it. */
void gguf_make_pieces(struct gguf_maker *m, const struct scored_piece *pieces, size_t n);
/* Ids below 0 are left out. */
void gguf_make_token_ids(struct gguf_maker *m, int bos, int eos, int pad, int unk);

/* Writes the whole file into dir, clears the maker, returns the path; caller frees. */
char *gguf_make_file(struct gguf_maker *m, const char *dir, const char *name);

#endif
