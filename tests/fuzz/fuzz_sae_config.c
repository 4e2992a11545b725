/* Any bytes as SAELens' cfg.json. */
#include "data/sae_config.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sae_config c;
    struct err err;
    if (sae_config_parse(&c, (const char *)data, size, "fuzz", &err) != ERR_OK) {
        assert(*err.message && *err.hint);
        return 0;
    }
    assert(c.hook_layer >= -1 && (c.kind != SAE_TOPK || c.k > 0));
    sae_config_clear(&c);
    return 0;
}
