/* A tokenizer.json, a NUL, and a text that is encoded and decoded with it. */
#include "core/tokenizer.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tokenizer *tok, const char *text, size_t len)
{
    struct err err;
    struct token_ids ids = {0};
    struct token_spans spans = {0};
    struct buf decoded = {0};
    int code = tokenizer_encode_spans(&ids, &spans, tok, text, len, &err);
    if (code != ERR_OK && code != ERR_LIMIT)
        __builtin_trap();
    size_t at = 0;
    for (size_t i = 0; i < spans.n; i++) {
        if (spans.items[i].start < at || spans.items[i].end < spans.items[i].start)
            __builtin_trap();
        at = spans.items[i].end;
    }
    tokenizer_decode(&decoded, tok, ids.ids, ids.n, false);
    if (spans.n != ids.n || at > len)
        __builtin_trap();
    buf_clear(&decoded);
    token_ids_clear(&ids);
    token_spans_clear(&spans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct vocab *vocab = NULL;
    struct tokenizer *tok = NULL;
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t json_len = nul ? (size_t)(nul - data) : size;
    if (vocab_parse(&vocab, (const char *)data, json_len, "fuzz", &err) != ERR_OK ||
        tokenizer_new(&tok, vocab, &err) != ERR_OK)
        return 0;
    if (nul)
        check(tok, (const char *)nul + 1, size - json_len - 1);
    tokenizer_free(tok);
    return 0;
}
