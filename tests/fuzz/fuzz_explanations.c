/* Any bytes as Neuronpedia's explanations, plain or gzipped. */
#include "data/explanations.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *data, const struct explanation *e, struct err *err)
{
    (void)data;
    (void)err;
    assert(e->text_len > 0 && e->text[0] != ' ' && e->text[e->text_len - 1] != ' ');
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    if (explanations_parse(data, size, "fuzz", check, NULL, &err) != ERR_OK)
        assert(*err.message && *err.hint);
    return 0;
}
