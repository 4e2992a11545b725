/* Weights that were converted when a model was opened, kept in the cache so that the next start
 * maps them: a GGUF file of tensors alone, without the keys that would make it a model. One file
 * for each path of a model, replaced as a whole when it no longer fits. */
#ifndef DATA_WEIGHTS_CACHE_H
#define DATA_WEIGHTS_CACHE_H

#include "data/err.h"
#include "data/file.h"
#include "data/tensor.h"

#include <stddef.h>
#include <stdint.h>

struct weights_cache; /* a file that is mapped */

/* Where the file of a model lies; NULL without a cache. The caller frees. */
char *weights_cache_path(const char *model_path);

/* Maps the file. source: fingerprint of what the weights were converted from. *out is NULL with
 * ERR_OK if there is none. ERR_FORMAT: it was made from something else, cut off or damaged; a
 * change of single bytes in a large file may go unseen (data/hash.h). */
int weights_cache_open(struct weights_cache **out, const char *path, uint64_t source,
                       struct err *err) ERR_CHECK;
void weights_cache_close(struct weights_cache *cache);
/* A tensor, or NULL; its bytes are valid until weights_cache_close. */
const struct tensor *weights_cache_tensor(const struct weights_cache *cache, const char *name);

/* Writes one: begin; the bytes of every tensor in order, in pieces of any size; end or discard.
 * After a failure only discard. */
struct weights_writer {
    struct file_writer file;
    size_t n_unsynced; /* bytes that may not be on the disk yet */
};

/* tensors [n]: names, types and shapes, in the order their bytes will come. ERR_IO, with the sizes,
 * if the disk has too little room. */
int weights_writer_begin(struct weights_writer *out, const char *model_path, uint64_t source,
                         const struct tensor *tensors, size_t n, struct err *err) ERR_CHECK;
int weights_writer_add(struct weights_writer *w, const void *bytes, size_t n,
                       struct err *err) ERR_CHECK;
/* After the last piece of a tensor of n_bytes in all. */
int weights_writer_end_tensor(struct weights_writer *w, size_t n_bytes, struct err *err) ERR_CHECK;
int weights_writer_end(struct weights_writer *w, struct err *err) ERR_CHECK; /* as file_commit */
void weights_writer_discard(struct weights_writer *w);

#endif
