#include "data/bytes.h"
#include "data/gguf_internal.h"

#include <string.h>

static void write_string(struct buf *out, const char *text)
{
    buf_add_u64(out, strlen(text));
    buf_str(out, text);
}

size_t gguf_padding(size_t n_bytes)
{
    return (GGUF_DEFAULT_ALIGNMENT - n_bytes % GGUF_DEFAULT_ALIGNMENT) % GGUF_DEFAULT_ALIGNMENT;
}

void gguf_write_head(struct buf *out, const char *const (*texts)[2], size_t n_texts,
                     const struct tensor *tensors, size_t n_tensors)
{
    const size_t start = out->len;
    uint64_t offset = 0;
    buf_str(out, GGUF_MAGIC);
    buf_add_u32(out, 3);
    buf_add_u64(out, n_tensors);
    buf_add_u64(out, n_texts);
    for (size_t i = 0; i < n_texts; i++) {
        write_string(out, texts[i][0]);
        buf_add_u32(out, GGUF_STRING);
        write_string(out, texts[i][1]);
    }
    for (size_t i = 0; i < n_tensors; i++) {
        const struct tensor *t = &tensors[i];
        write_string(out, t->name);
        buf_add_u32(out, (uint32_t)t->n_dims);
        for (int k = t->n_dims; k-- > 0;)
            buf_add_u64(out, t->shape[k]);
        buf_add_u32(out, gguf_type_of_dtype(t->dtype));
        buf_add_u64(out, offset);
        offset += t->n_bytes + gguf_padding(t->n_bytes);
    }
    for (size_t n = gguf_padding(out->len - start); n > 0; n--)
        buf_char(out, '\0');
}
