/* Any bytes as a tokenizer.model; what is accepted encodes and decodes a text. */
#include "core/tokenizer.h"
#include "data/sentencepiece.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "<bos> ab  ba\n<start_of_turn>\xe6\x97\xa5\x01";
    struct err err;
    struct vocab *vocab = NULL;
    struct tokenizer *tok = NULL;
    err.message[0] = '\0';
    if (sentencepiece_parse(&vocab, data, size, "fuzz", &err) != ERR_OK) {
        assert(!vocab && *err.message);
        return 0;
    }
    size_t n;
    const struct vocab_merge *merges = vocab_merges(vocab, &n);
    for (size_t i = 0; i < n; i++)
        assert(vocab_find_merge(vocab, merges[i].left, merges[i].right) == &merges[i]);
    if (tokenizer_new(&tok, vocab, &err) != ERR_OK)
        return 0;
    struct token_ids ids = {0};
    struct token_spans spans = {0};
    struct buf out = {0};
    if (tokenizer_encode_spans(&ids, &spans, tok, text, sizeof text - 1, &err) == ERR_OK) {
        assert(ids.n == spans.n);
        for (size_t i = 0; i < ids.n; i++)
            assert(ids.ids[i] >= 0 && ids.ids[i] < vocab_size(vocab));
        tokenizer_decode(&out, tok, ids.ids, ids.n, false);
    }
    buf_clear(&out);
    token_ids_clear(&ids);
    token_spans_clear(&spans);
    tokenizer_free(tok);
    return 0;
}
