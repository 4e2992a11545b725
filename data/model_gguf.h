/* A Gemma 2 in a GGUF file, as llama.cpp's converter writes it: the numbers, tensors, chat template
 * and tokenizer. Names of keys and tensors in GGUF appear in model_gguf.c only. Conventions that
 * differ from Hugging Face's: norm weights are stored with their 1 added; there is no
 * query_pre_attn_scalar: it is d_head, and d_model / n_heads for the 46 layers of the 27B model. */
#ifndef DATA_MODEL_GGUF_H
#define DATA_MODEL_GGUF_H

#include "data/err.h"
#include "data/model_numbers.h"
#include "data/tensor.h"
#include "data/vocab.h"
#include "data/weight_role.h"

#include <stddef.h>

struct model_gguf;

/* Of another architecture than gemma2 only the name is read: numbers.architecture. */
int model_gguf_open(struct model_gguf **out, const char *path, struct err *err) ERR_CHECK;
void model_gguf_close(struct model_gguf *m);
const struct model_numbers *model_gguf_numbers(const struct model_gguf *m);
const char *model_gguf_path(const struct model_gguf *m);

/* name: [WEIGHT_NAME_SIZE] */
void model_gguf_tensor_name(char *name, enum weight_role role, int layer);
const struct tensor *model_gguf_tensor(const struct model_gguf *m, const char *name); /* or NULL */
size_t model_gguf_bytes(const struct model_gguf *m);              /* size of all tensors */
const char *model_gguf_chat_template(const struct model_gguf *m); /* or NULL */

/* The tokenizer inside a GGUF file, which must be of the SentencePiece kind ("llama"). *out is
 * NULL if the file has none. */
int model_gguf_vocab(struct vocab **out, const char *path, struct err *err) ERR_CHECK;

#endif
