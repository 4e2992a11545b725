/* Any bytes as config.json: what is accepted has sizes that can be multiplied. */
#include "data/model_numbers.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model_numbers n;
    struct err err;
    if (model_numbers_parse(&n, (const char *)data, size, "fuzz", &err) != ERR_OK) {
        assert(*err.message);
        return 0;
    }
    assert(memchr(n.architecture, '\0', sizeof n.architecture));
    if (*n.architecture && strcmp(n.architecture, "gemma2") != 0)
        return 0; /* of another family nothing more is read */
    assert(n.n_layers > 0 && n.d_model > 0 && n.n_heads > 0 && n.n_kv_heads > 0 && n.d_head > 0);
    assert(n.d_ff > 0 && n.n_vocab > 0 && n.n_ctx > 0 && n.window >= 0 && n.d_ff <= 1 << 24);
    assert(n.rms_eps > 0 && isfinite(n.rope_theta) && n.attn_softcap >= 0 && n.final_softcap >= 0);
    assert(n.bos_id >= -1 && n.bos_id < n.n_vocab && n.pad_id >= -1);
    assert(n.n_stop_ids >= 0 && n.n_stop_ids <= MODEL_MAX_STOP_IDS);
    assert(memchr(n.activation, '\0', sizeof n.activation));
    return 0;
}
