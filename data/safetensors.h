/* The safetensors format: u64 header length, JSON header, raw little-endian data.
 * Reading maps the file; every offset, shape and product is checked before it is used. */
#ifndef DATA_SAFETENSORS_H
#define DATA_SAFETENSORS_H

#include "data/err.h"
#include "data/tensor.h"

#include <stddef.h>

struct safetensors;

int safetensors_open(struct safetensors **out, const char *path, struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing); bytes are borrowed until close. */
int safetensors_parse(struct safetensors **out, const void *bytes, size_t size, const char *name,
                      struct err *err) ERR_CHECK;
void safetensors_close(struct safetensors *st);

size_t safetensors_count(const struct safetensors *st);
/* Tensor number i in header order, NULL past the end. */
const struct tensor *safetensors_at(const struct safetensors *st, size_t i);
const struct tensor *safetensors_find(const struct safetensors *st, const char *name); /* or NULL */
/* Value of a "__metadata__" key, or NULL. */
const char *safetensors_metadata(const struct safetensors *st, const char *key);

/* Writes tensors atomically. Entries in the given order; the data begins on a 64-byte boundary and
 * has no gaps (large elements first), so every tensor is aligned to its elements.
 * metadata: n_metadata pairs {key, value}, may be NULL with 0. */
int safetensors_write(const char *path, const struct tensor *tensors, size_t n_tensors,
                      const char *const (*metadata)[2], size_t n_metadata,
                      struct err *err) ERR_CHECK;

#endif
