/* Any bytes as a .pt file: every tensor that is accepted can be read to its last byte. */
#include "data/torch_file.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct torch_file *f;
    struct err err;
    if (torch_parse(&f, data, size, "fuzz", &err) != ERR_OK) {
        assert(!f && *err.message);
        return 0;
    }
    unsigned total = 0;
    for (size_t i = 0; i < torch_count(f); i++) {
        const struct tensor *t = torch_at(f, i);
        size_t n;
        assert(tensor_n_elements(&n, t, NULL) == ERR_OK && n * dtype_size(t->dtype) == t->n_bytes);
        assert((uintptr_t)t->data % dtype_size(t->dtype) == 0 || t->n_bytes == 0);
        assert(torch_find(f, t->name));
        for (size_t at = 0; at < t->n_bytes; at++)
            total += ((const uint8_t *)t->data)[at];
    }
    torch_close(f);
    return total == UINT32_MAX ? -1 : 0; /* so that the reads are not optimised away */
}
