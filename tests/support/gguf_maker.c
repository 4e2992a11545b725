#include "tests/support/gguf_maker.h"

#include "data/bytes.h"

#include <stdlib.h>
#include <string.h>

void gguf_add_string(struct buf *out, const char *text, size_t len)
{
    buf_add_u64(out, len);
    buf_add(out, text, len);
}

void gguf_make_raw(struct gguf_maker *m, const char *key, uint32_t type, const void *bytes,
                   size_t len)
{
    gguf_add_string(&m->values, key, strlen(key));
    buf_add_u32(&m->values, type);
    buf_add(&m->values, bytes, len);
    m->n_values++;
}

void gguf_make_u32(struct gguf_maker *m, const char *key, uint32_t v)
{
    uint8_t bytes[4];
    store_u32(bytes, v);
    gguf_make_raw(m, key, GGUF_U32, bytes, sizeof bytes);
}

void gguf_make_f32(struct gguf_maker *m, const char *key, float v)
{
    gguf_make_raw(m, key, GGUF_F32, &v, sizeof v);
}

void gguf_make_bool(struct gguf_maker *m, const char *key, bool v)
{
    gguf_make_raw(m, key, GGUF_BOOL, v ? "\1" : "\0", 1);
}

void gguf_make_string(struct gguf_maker *m, const char *key, const char *v)
{
    gguf_make_raw(m, key, GGUF_STRING, NULL, 0);
    gguf_add_string(&m->values, v, strlen(v));
}

void gguf_make_array(struct gguf_maker *m, const char *key, uint32_t item_type, uint64_t n)
{
    gguf_make_raw(m, key, GGUF_ARRAY, NULL, 0);
    buf_add_u32(&m->values, item_type);
    buf_add_u64(&m->values, n);
}

static void pad(struct buf *b, size_t alignment)
{
    while (b->len % alignment != 0)
        buf_char(b, '\0');
}

static size_t alignment_of(const struct gguf_maker *m)
{
    return m->alignment ? m->alignment : 32;
}

void gguf_make_space(struct gguf_maker *m, const char *name, uint32_t type, int n_dims,
                     const size_t *shape, size_t n_bytes)
{
    const size_t alignment = alignment_of(m);
    m->data_size = (m->data_size + alignment - 1) / alignment * alignment;
    gguf_add_string(&m->tensors, name, strlen(name));
    buf_add_u32(&m->tensors, (uint32_t)n_dims);
    for (int i = n_dims - 1; i >= 0; i--)
        buf_add_u64(&m->tensors, shape[i]);
    buf_add_u32(&m->tensors, type);
    buf_add_u64(&m->tensors, m->data_size);
    m->data_size += n_bytes;
    m->n_tensors++;
}

void gguf_make_tensor_of(struct gguf_maker *m, const char *name, uint32_t type, int n_dims,
                         const size_t *shape, const void *data, size_t n_bytes)
{
    gguf_make_space(m, name, type, n_dims, shape, n_bytes);
    pad(&m->data, alignment_of(m));
    buf_add(&m->data, data, n_bytes);
}

uint32_t gguf_storage_type(enum dtype dtype)
{
    static const uint32_t numbers[] = {
        [DTYPE_F32] = 0,  [DTYPE_F16] = 1,  [DTYPE_BF16] = 30, [DTYPE_F64] = 28,  [DTYPE_I64] = 27,
        [DTYPE_I32] = 26, [DTYPE_U8] = 99, /* GGUF has none */
        [DTYPE_Q8_0] = 8, [DTYPE_Q4_0] = 2, [DTYPE_Q4_K] = 12, [DTYPE_Q5_K] = 13, [DTYPE_Q6_K] = 14,
    };
    return numbers[dtype];
}

void gguf_make_tensor(struct gguf_maker *m, const char *name, const struct tensor *t)
{
    gguf_make_tensor_of(m, name, gguf_storage_type(t->dtype), t->n_dims, t->shape, t->data,
                        t->n_bytes);
}

void gguf_make_head(struct buf *out, const struct gguf_maker *m)
{
    size_t start = out->len;
    buf_str(out, "GGUF");
    buf_add_u32(out, m->version ? m->version : 3);
    buf_add_u64(out, m->n_tensors);
    buf_add_u64(out, m->n_values + (m->alignment != 0));
    if (m->alignment) {
        struct gguf_maker key = {0};
        gguf_make_u32(&key, "general.alignment", m->alignment);
        buf_add(out, key.values.data, key.values.len);
        gguf_make_clear(&key);
    }
    buf_add(out, m->values.data, m->values.len);
    buf_add(out, m->tensors.data, m->tensors.len);
    while ((out->len - start) % alignment_of(m) != 0)
        buf_char(out, '\0');
}

void gguf_make_end(struct buf *out, const struct gguf_maker *m)
{
    gguf_make_head(out, m);
    buf_add(out, m->data.data, m->data.len);
}

void gguf_make_clear(struct gguf_maker *m)
{
    buf_clear(&m->values);
    buf_clear(&m->tensors);
    buf_clear(&m->data);
    *m = (struct gguf_maker){0};
}
