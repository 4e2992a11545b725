#include "core/traced_text.h"

#include "data/text.h"

#include <stdlib.h>
#include <string.h>

static void reserve(struct traced_text *text, size_t more)
{
    text->origin =
        mem_grow(text->origin, &text->cap_origin, text->bytes.len + more + 1, sizeof *text->origin);
}

void traced_add(struct traced_text *text, const char *bytes, size_t len, size_t origin)
{
    reserve(text, len);
    for (size_t i = 0; i < len; i++)
        text->origin[text->bytes.len + i] = origin;
    buf_add(&text->bytes, bytes, len);
}

void traced_end(struct traced_text *text, size_t origin)
{
    reserve(text, 0);
    text->origin[text->bytes.len] = origin;
}

/* Appends bytes that are unchanged: each stands for itself. */
static void add_same(struct traced_text *text, const char *bytes, size_t len, size_t origin)
{
    reserve(text, len);
    for (size_t i = 0; i < len; i++)
        text->origin[text->bytes.len + i] = origin + i;
    buf_add(&text->bytes, bytes, len);
}

void traced_add_valid(struct traced_text *text, const char *s, size_t len, size_t origin)
{
    size_t start = 0; /* of the valid bytes not yet copied */
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        int n = utf8_decode(&cp, s + i, len - i);
        if (n == 0) {
            add_same(text, s + start, i - start, origin + start);
            traced_add(text, "\xef\xbf\xbd", 3, origin + i);
            start = i + 1;
        }
        i += n ? (size_t)n : 1;
    }
    add_same(text, s + start, len - start, origin + start);
}

void traced_add_part(struct traced_text *text, const struct traced_text *other, size_t start,
                     size_t end)
{
    if (start == end)
        return;
    reserve(text, end - start);
    memcpy(text->origin + text->bytes.len, other->origin + start,
           (end - start) * sizeof *text->origin);
    buf_add(&text->bytes, other->bytes.data + start, end - start);
}

static const char *find(const char *s, size_t len, const char *what, size_t what_len)
{
    const char *end = s + len;
    while ((size_t)(end - s) >= what_len && (s = memchr(s, what[0], (size_t)(end - s)))) {
        if ((size_t)(end - s) >= what_len && memcmp(s, what, what_len) == 0)
            return s;
        s++;
    }
    return NULL;
}

void traced_replace(struct traced_text *text, const char *from, size_t from_len, const char *to,
                    size_t to_len)
{
    struct traced_text out = {0};
    const char *bytes = text->bytes.data;
    size_t len = text->bytes.len, done = 0;
    for (const char *hit; done < len && (hit = find(bytes + done, len - done, from, from_len));) {
        size_t at = (size_t)(hit - bytes);
        traced_add_part(&out, text, done, at);
        traced_add(&out, to, to_len, text->origin[at]);
        done = at + from_len;
    }
    traced_add_part(&out, text, done, len);
    traced_end(&out, text->origin[len]);
    traced_clear(text);
    *text = out;
}

void traced_prepend(struct traced_text *text, const char *to, size_t to_len)
{
    if (text->bytes.len == 0)
        return;
    struct traced_text out = {0};
    traced_add(&out, to, to_len, text->origin[0]);
    traced_add_part(&out, text, 0, text->bytes.len);
    traced_end(&out, text->origin[text->bytes.len]);
    traced_clear(text);
    *text = out;
}

void traced_clear(struct traced_text *text)
{
    buf_clear(&text->bytes);
    free(text->origin);
    *text = (struct traced_text){0};
}
