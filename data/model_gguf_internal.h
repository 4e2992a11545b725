/* What data/model_gguf.c and data/model_gguf_vocab.c share. */
#ifndef DATA_MODEL_GGUF_INTERNAL_H
#define DATA_MODEL_GGUF_INTERNAL_H

#include "data/gguf.h"

/* The failure of a key that is not as it `should` be ("is missing"). Returns ERR_FORMAT. */
int model_gguf_bad_value(const struct gguf *g, const char *key, const char *should,
                         struct err *err);

/* A token id, or -1 where the key is absent. */
int model_gguf_id(int *out, const struct gguf *g, const char *key, struct err *err) ERR_CHECK;

#endif
