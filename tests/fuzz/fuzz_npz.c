/* Any bytes as a .npz or .npy file: every array that is accepted can be read to its last byte. */
#include "data/npy.h"
#include "data/npz.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned read_all(const struct tensor *t)
{
    size_t n;
    unsigned total = 0;
    assert(tensor_n_elements(&n, t, NULL) == ERR_OK && n * dtype_size(t->dtype) == t->n_bytes);
    for (size_t at = 0; at < t->n_bytes; at++)
        total += ((const uint8_t *)t->data)[at];
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npz *npz;
    struct npy npy;
    struct err err;
    unsigned total = 0;
    if (npz_parse(&npz, data, size, "fuzz", &err) == ERR_OK) {
        for (size_t i = 0; i < npz_count(npz); i++)
            total += read_all(npz_at(npz, i));
        npz_close(npz);
    } else {
        assert(!npz && *err.message && *err.hint);
    }
    if (npy_parse(&npy, data, size, "fuzz", &err) == ERR_OK)
        total += read_all(&npy.tensor);
    npy_clear(&npy);
    return total == UINT32_MAX ? -1 : 0; /* so that the reads are not optimised away */
}
