/* Any bytes as a safetensors file: every tensor that is accepted can be read to its last byte. */
#include "data/safetensors.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors *st;
    struct err err;
    if (safetensors_parse(&st, data, size, "fuzz", &err) != ERR_OK) {
        assert(!st && *err.message);
        return 0;
    }
    unsigned total = 0;
    for (size_t i = 0; i < safetensors_count(st); i++) {
        const struct tensor *t = safetensors_at(st, i);
        size_t n;
        assert(tensor_n_elements(&n, t, NULL) == ERR_OK && n * dtype_size(t->dtype) == t->n_bytes);
        assert((uintptr_t)t->data % dtype_size(t->dtype) == 0 || t->n_bytes == 0);
        assert(safetensors_find(st, t->name) == t);
        for (size_t at = 0; at < t->n_bytes; at++)
            total += ((const uint8_t *)t->data)[at];
    }
    const char *format = safetensors_metadata(st, "format");
    total += format ? (unsigned)strlen(format) : 0;
    safetensors_close(st);
    return total == UINT32_MAX ? -1 : 0; /* so that the reads are not optimised away */
}
