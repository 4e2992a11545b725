/* GGUF, the file format of ggml and llama.cpp, versions 2 and 3, little-endian: metadata (keys
 * with typed values) and tensors, which are used where they lie in the mapped file. Every count,
 * offset and product is checked before it is used. Layout: the GGUF specification of ggml. */
#ifndef DATA_GGUF_H
#define DATA_GGUF_H

#include "data/err.h"
#include "data/mem.h"
#include "data/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers as in the file. */
enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
};

/* One value of the metadata. An array keeps its elements as they lie in the file. */
struct gguf_value {
    const char *key; /* owned by the file */
    enum gguf_type type;
    enum gguf_type item_type; /* of an array's elements */
    size_t n;                 /* elements of an array, else 1 */
    const uint8_t *bytes;     /* the value, or the first element; checked to its end */
};

struct gguf;

int gguf_open(struct gguf **out, const char *path, struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing); bytes are borrowed until close, aligned to 8. */
int gguf_parse(struct gguf **out, const void *bytes, size_t size, const char *name,
               struct err *err) ERR_CHECK;
void gguf_close(struct gguf *g);
const char *gguf_name(const struct gguf *g); /* the path, for messages */

const struct gguf_value *gguf_find_value(const struct gguf *g, const char *key); /* or NULL */

/* Bytes of a number of a type in the file; 0 for strings, arrays and what is no type. */
size_t gguf_type_size(uint32_t type);

/* A whole number of any of the eight types, or a bool; a real number of either type; a string of
 * *len bytes, not terminated. false (NULL) if the value is NULL or of another type. */
bool gguf_int(int64_t *out, const struct gguf_value *v); /* and false above INT64_MAX */
bool gguf_real(double *out, const struct gguf_value *v);
const char *gguf_string(size_t *len, const struct gguf_value *v);
bool gguf_string_is(const struct gguf_value *v, const char *wanted);

/* Element i of an array of reals or integers; v must be such an array and i below n. */
double gguf_item_real(const struct gguf_value *v, size_t i);
/* The strings of an array in turn: *at starts as v->bytes and moves on. */
const char *gguf_next_string(size_t *len, const uint8_t **at);

/* Tensors whose storage type is one of enum dtype; shapes are outermost first, the other way round
 * than in the file. */
size_t gguf_n_tensors(const struct gguf *g);
const struct tensor *gguf_tensor_at(const struct gguf *g, size_t i);           /* in file order */
const struct tensor *gguf_find_tensor(const struct gguf *g, const char *name); /* or NULL */

/* ERR_UNSUPPORTED, naming tensor and type, if the file has tensors of other types: they are not
 * among the above. */
int gguf_check_types(const struct gguf *g, struct err *err) ERR_CHECK;

/* Appends the head of a version 3 file: texts as pairs {key, value}, and what the tensors are (all
 * but their data, which is not looked at). The tensors' bytes are to follow in the same order, each
 * padded with gguf_padding zeros. */
void gguf_write_head(struct buf *out, const char *const (*texts)[2], size_t n_texts,
                     const struct tensor *tensors, size_t n_tensors);
size_t gguf_padding(size_t n_bytes);

#endif
