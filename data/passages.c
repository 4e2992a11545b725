#include "data/passages.h"

#include "data/mem.h"
#include "data/text.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct splitter {
    struct passages *out;
    size_t cap, max_bytes;
};

static void add(struct splitter *s, const char *text, size_t len)
{
    while (len > 0 && text_is_blank(text, 1))
        text++, len--;
    while (len > 0 && text_is_blank(text + len - 1, 1))
        len--;
    if (len == 0)
        return;
    s->out->items = mem_grow(s->out->items, &s->cap, s->out->n + 1, sizeof *s->out->items);
    s->out->items[s->out->n++] = (struct passage){text, len};
}

/* Where to cut a text that is longer than max_bytes. */
static size_t cut_at(const char *text, size_t max_bytes)
{
    size_t cut = max_bytes;
    while (cut > max_bytes / 2 && !text_is_blank(text + cut - 1, 1))
        cut--;
    if (text_is_blank(text + cut - 1, 1))
        return cut;
    cut = max_bytes;
    while (cut > max_bytes - 3 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}

static void add_parts(struct splitter *s, const char *text, size_t len)
{
    while (len > s->max_bytes) {
        size_t cut = cut_at(text, s->max_bytes);
        add(s, text, cut);
        text += cut;
        len -= cut;
    }
    add(s, text, len);
}

/* The end of the line that begins at `at`, behind its newline. */
static size_t line_end(const char *text, size_t at, size_t len)
{
    while (at < len && text[at] != '\n')
        at++;
    return at < len ? at + 1 : len;
}

void passages_split(struct passages *out, const char *text, size_t len, size_t max_bytes)
{
    assert(max_bytes >= 4);
    *out = (struct passages){0};
    struct splitter s = {out, 0, max_bytes};
    size_t start = 0;
    for (size_t at = 0, end; at < len; at = end) {
        end = line_end(text, at, len);
        if (!text_is_blank(text + at, end - at))
            continue;
        add_parts(&s, text + start, at - start);
        start = end;
    }
    add_parts(&s, text + start, len - start);
}

void passages_clear(struct passages *p)
{
    free(p->items);
    *p = (struct passages){0};
}
