/* Builds GGUF files in memory, whole ones and ones that tests then damage. */
#ifndef TESTS_SUPPORT_GGUF_MAKER_H
#define TESTS_SUPPORT_GGUF_MAKER_H

#include "data/gguf.h"
#include "data/mem.h"

struct gguf_maker {
    uint32_t version;   /* 0: 3 */
    uint32_t alignment; /* 0: 32, and no key that says so */
    struct buf values, tensors, data;
    uint64_t n_values, n_tensors;
    uint64_t data_size; /* where the next tensor's bytes may begin */
};

void gguf_make_u32(struct gguf_maker *m, const char *key, uint32_t v);
void gguf_make_f32(struct gguf_maker *m, const char *key, float v);
void gguf_make_bool(struct gguf_maker *m, const char *key, bool v);
void gguf_make_string(struct gguf_maker *m, const char *key, const char *v);
/* Any value: its bytes as they lie in the file. */
void gguf_make_raw(struct gguf_maker *m, const char *key, uint32_t type, const void *bytes,
                   size_t len);
/* The head of an array value; its elements follow by buf_add and gguf_add_string on m->values. */
void gguf_make_array(struct gguf_maker *m, const char *key, uint32_t item_type, uint64_t n);
void gguf_add_string(struct buf *out, const char *text, size_t len);

/* A tensor of ggml's storage type number; shape outermost first. */
void gguf_make_tensor_of(struct gguf_maker *m, const char *name, uint32_t type, int n_dims,
                         const size_t *shape, const void *data, size_t n_bytes);
/* The same from a tensor of one of our types. */
void gguf_make_tensor(struct gguf_maker *m, const char *name, const struct tensor *t);
uint32_t gguf_storage_type(enum dtype dtype); /* ggml's number */

/* A tensor whose bytes the caller writes itself, for files too large for memory: after
 * gguf_make_head, all of them in order, each from a multiple of the alignment on. */
void gguf_make_space(struct gguf_maker *m, const char *name, uint32_t type, int n_dims,
                     const size_t *shape, size_t n_bytes);

/* Appends what comes before the tensors' bytes. */
void gguf_make_head(struct buf *out, const struct gguf_maker *m);
/* Appends the whole file. */
void gguf_make_end(struct buf *out, const struct gguf_maker *m);
void gguf_make_clear(struct gguf_maker *m);

#endif
