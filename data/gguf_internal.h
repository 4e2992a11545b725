/* Inside of a GGUF file, for the files that read and write one: gguf.c (the file as a whole),
 * gguf_cursor.c (bounded reading), gguf_value.c (metadata), gguf_tensor.c, gguf_write.c. */
#ifndef DATA_GGUF_INTERNAL_H
#define DATA_GGUF_INTERNAL_H

#include "data/file.h"
#include "data/gguf.h"
#include "data/tensor_index.h"

#define GGUF_MAGIC "GGUF"
#define GGUF_DEFAULT_ALIGNMENT 32

struct gguf {
    struct file_map map; /* empty when parsed from memory */
    char *name;
    struct gguf_value *values; /* [n_values] in file order */
    size_t n_values, cap_values;
    const struct gguf_value **values_by_key; /* [n_values] sorted */
    struct tensor *tensors;                  /* [n_tensors] in file order */
    size_t n_tensors, cap_tensors;
    struct tensor_index by_name;
    char *unread_tensor; /* the first of a type that is not read, or NULL */
    const char *unread_type;
};

/* What is read next. Nothing moves beyond the end. */
struct gguf_cursor {
    const uint8_t *at;
    size_t left;
    const struct gguf *g;
    struct err *err;
};

/* --- gguf_cursor.c --- */

/* Adds the hint of a damaged file. Returns ERR_FORMAT. */
int gguf_damaged(struct err *err);
/* The failure of a file that ends within `what`. */
int gguf_cut_off(const struct gguf_cursor *c, const char *what);

/* The next n bytes, or NULL if fewer are left. */
const uint8_t *gguf_take(struct gguf_cursor *c, size_t n);
bool gguf_take_u32(uint32_t *out, struct gguf_cursor *c);
bool gguf_take_u64(uint64_t *out, struct gguf_cursor *c);
/* A string in the file; *text is not terminated. */
bool gguf_take_string(const char **text, size_t *len, struct gguf_cursor *c);
/* A name that is compared as a C string: short, not empty, without NUL. Caller frees. */
int gguf_take_name(char **out, struct gguf_cursor *c, const char *what) ERR_CHECK;

/* --- gguf_value.c --- */

int gguf_read_values(struct gguf *g, struct gguf_cursor *c, uint64_t n) ERR_CHECK;
/* Sorts them by key; ERR_FORMAT if one occurs twice. */
int gguf_index_values(struct gguf *g, struct err *err) ERR_CHECK;

/* --- gguf_tensor.c --- */

/* What the header says of n tensors. offsets: [n_tensors] of their data; the caller frees. */
int gguf_read_tensors(struct gguf *g, struct gguf_cursor *c, uint64_t n,
                      uint64_t **offsets) ERR_CHECK;
/* Finds the tensors' bytes in the data, which begins at `data`. */
int gguf_place_tensors(struct gguf *g, const uint8_t *data, size_t size, size_t alignment,
                       const uint64_t *offsets, struct err *err) ERR_CHECK;
/* ggml's number of a storage type. */
uint32_t gguf_type_of_dtype(enum dtype dtype);

#endif
