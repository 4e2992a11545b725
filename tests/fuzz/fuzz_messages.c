/* Any bytes as a --messages file: what is accepted are turns of user and model in turn. */
#include "data/messages.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct messages m;
    struct err err;
    err.message[0] = '\0';
    if (messages_parse(&m, (const char *)data, size, "fuzz", &err) != ERR_OK) {
        assert(!m.items && m.n == 0 && *err.message);
        return 0;
    }
    assert(m.n > 0);
    for (size_t i = 0; i < m.n; i++)
        assert(m.items[i].is_model == (i % 2 == 1) && strlen(m.items[i].text) <= m.items[i].len);
    messages_clear(&m);
    return 0;
}
