/* Any bytes as a dump: what is accepted can be read at every layer it has. */
#include "data/dump_file.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_layer(const struct dump_file *dump, int layer)
{
    float *resid;
    struct err err;
    if (dump_file_resid(&resid, dump, layer, &err) != ERR_OK) {
        assert(!resid && *err.message);
        return;
    }
    for (size_t i = 0; i < dump_file_n_tokens(dump) * dump_file_d_model(dump); i++)
        assert(isfinite(resid[i]));
    free(resid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dump_file *dump;
    struct err err;
    int layer;
    if (dump_file_parse(&dump, data, size, "fuzz", &err) != ERR_OK) {
        assert(!dump && *err.message);
        return 0;
    }
    assert(dump_file_n_tokens(dump) > 0 && dump_file_d_model(dump) > 0);
    const int *ids = dump_file_ids(dump);
    for (size_t t = 0; ids && t < dump_file_n_tokens(dump); t++)
        assert(ids[t] >= 0);
    for (int wanted = -1; wanted < 30; wanted++)
        if (dump_file_layer(&layer, dump, wanted, "it", &err) == ERR_OK)
            read_layer(dump, layer);
    dump_file_close(dump);
    return 0;
}
