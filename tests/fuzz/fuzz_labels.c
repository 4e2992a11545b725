/* Any bytes as metadata.jsonl: what is accepted has valid, terminated strings. */
#include "data/labels.h"
#include "data/text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s, size_t len)
{
    uint32_t cp;
    assert(strlen(s) == len);
    for (size_t at = 0; at < len;) {
        int n = utf8_decode(&cp, s + at, len - at);
        assert(n > 0);
        at += (size_t)n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct labels l;
    struct err err;
    if (labels_parse(&l, (const char *)data, size, "fuzz", &err) != ERR_OK) {
        assert(l.n == 0 && *err.message);
        return 0;
    }
    for (size_t i = 0; i < l.n; i++) {
        check_text(l.rows[i].text, l.rows[i].text_len);
        check_text(l.rows[i].ref, strlen(l.rows[i].ref));
        assert(*genre_name(l.rows[i].genre));
    }
    labels_close(&l);
    return 0;
}
