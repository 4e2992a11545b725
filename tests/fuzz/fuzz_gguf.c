/* Any bytes as a GGUF file: every value and tensor that is accepted can be read to its last byte.
 */
#include "data/gguf_internal.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned read_value(const struct gguf_value *v)
{
    unsigned total = 0;
    size_t len;
    int64_t whole;
    double real;
    if (gguf_int(&whole, v))
        total += (unsigned)whole;
    if (gguf_real(&real, v))
        total += real > 0;
    const char *text = gguf_string(&len, v);
    for (size_t i = 0; text && i < len; i++)
        total += (unsigned char)text[i];
    if (v->type != GGUF_ARRAY || v->item_type == GGUF_ARRAY)
        return total;
    const uint8_t *at = v->bytes;
    for (size_t k = 0; k < v->n; k++) {
        if (v->item_type != GGUF_STRING) {
            total += gguf_item_real(v, k) > 0;
            continue;
        }
        text = gguf_next_string(&len, &at);
        for (size_t i = 0; i < len; i++)
            total += (unsigned char)text[i];
    }
    return total;
}

static unsigned read_tensor(const struct gguf *g, const struct tensor *t)
{
    unsigned total = 0;
    size_t n;
    assert(tensor_n_elements(&n, t, NULL) == ERR_OK && dtype_bytes(t->dtype, n) == t->n_bytes);
    assert((uintptr_t)t->data % 8 == 0 || t->n_bytes == 0);
    assert(gguf_find_tensor(g, t->name) == t);
    for (size_t at = 0; at < t->n_bytes; at++)
        total += ((const uint8_t *)t->data)[at];
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf *g;
    struct err err;
    unsigned total = 0;
    if (gguf_parse(&g, data, size, "fuzz", &err) != ERR_OK) {
        assert(!g && *err.message && *err.hint);
        return 0;
    }
    for (size_t i = 0; i < g->n_values; i++)
        total += read_value(&g->values[i]);
    for (size_t i = 0; i < gguf_n_tensors(g); i++)
        total += read_tensor(g, gguf_tensor_at(g, i));
    total += gguf_check_types(g, &err) == ERR_OK;
    gguf_close(g);
    return total == UINT32_MAX ? -1 : 0; /* so that the reads are not optimised away */
}
