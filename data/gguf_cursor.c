#include "data/bytes.h"
#include "data/gguf_internal.h"
#include "data/mem.h"

#include <string.h>

#define MAX_NAME ((size_t)1 << 16)

int gguf_damaged(struct err *err)
{
    err_hint(err, "The file is incomplete or damaged; download or copy it again.");
    return ERR_FORMAT;
}

int gguf_cut_off(const struct gguf_cursor *c, const char *what)
{
    err_set(c->err, ERR_FORMAT, "%s: ends in the middle of %s", c->g->name, what);
    return gguf_damaged(c->err);
}

const uint8_t *gguf_take(struct gguf_cursor *c, size_t n)
{
    if (n > c->left)
        return NULL;
    const uint8_t *p = c->at;
    c->at += n;
    c->left -= n;
    return p;
}

bool gguf_take_u32(uint32_t *out, struct gguf_cursor *c)
{
    const uint8_t *p = gguf_take(c, 4);
    *out = p ? load_u32(p) : 0;
    return p;
}

bool gguf_take_u64(uint64_t *out, struct gguf_cursor *c)
{
    const uint8_t *p = gguf_take(c, 8);
    *out = p ? load_u64(p) : 0;
    return p;
}

bool gguf_take_string(const char **text, size_t *len, struct gguf_cursor *c)
{
    uint64_t n;
    if (!gguf_take_u64(&n, c) || n > c->left)
        return false;
    *len = (size_t)n;
    *text = (const char *)gguf_take(c, *len);
    return true;
}

int gguf_take_name(char **out, struct gguf_cursor *c, const char *what)
{
    const char *text;
    size_t len;
    if (!gguf_take_string(&text, &len, c))
        return gguf_cut_off(c, what);
    if (len == 0 || len > MAX_NAME || memchr(text, '\0', len)) {
        err_set(c->err, ERR_FORMAT, "%s: has %s that is empty, too long or holds a NUL byte",
                c->g->name, what);
        return gguf_damaged(c->err);
    }
    *out = mem_strndup(text, len);
    return ERR_OK;
}
