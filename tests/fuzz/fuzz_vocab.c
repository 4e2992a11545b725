/* tokenizer.json: parsed and, if that succeeds, asked for everything it holds. */
#include "data/vocab.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct vocab *v = NULL;
    if (vocab_parse(&v, (const char *)data, size, "fuzz", &err) != ERR_OK)
        return 0;
    size_t n, len;
    for (int id = 0; id < vocab_size(v); id++) {
        const char *piece = vocab_piece(v, id, &len);
        if (strlen(piece) > len || vocab_byte_value(v, id) > 255)
            __builtin_trap();
    }
    const struct vocab_merge *merges = vocab_merges(v, &n);
    for (size_t i = 0; i < n; i++) {
        const struct vocab_merge *m = vocab_find_merge(v, merges[i].left, merges[i].right);
        if (!m || m->merged >= vocab_size(v))
            __builtin_trap();
    }
    vocab_close(v);
    return 0;
}
