/* Any bytes as the pickle inside a .pt file, without the archive that hides it from mutation. */
#include "data/pickle.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const globals[] = {"torch._utils _rebuild_tensor_v2", "torch FloatStorage",
                                          "collections OrderedDict", "m f", NULL};
    struct pickle p;
    struct err err;
    if (pickle_parse(&p, data, size, globals, "fuzz", &err) != ERR_OK) {
        assert(!p.root && *err.message);
        return 0;
    }
    for (size_t i = 0; i < p.n_values; i++) {
        const struct pickle_value *v = p.values[i];
        assert(!v->text || strlen(v->text) == v->text_len);
        assert(v->kind != PICKLE_CALL || (v->n_items == 2 && v->items[0]->kind == PICKLE_GLOBAL));
        for (size_t j = 0; j < v->n_items; j++)
            assert(v->items[j]);
    }
    pickle_clear(&p);
    return 0;
}
