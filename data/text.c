#include "data/text.h"

#include <string.h>

/* Bytes that a character beginning with `lead` has, 0 if none can begin with it. */
static int utf8_len(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2) /* continuation bytes, and C0, C1: always a longer form than needed */
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead < 0xf0)
        return 3;
    return lead < 0xf5 ? 4 : 0;
}

/* Can s[0..len), len >= 1, be the beginning of a valid character (or all of it)? */
static bool utf8_begins(const char *s, size_t len)
{
    const unsigned char *b = (const unsigned char *)s;
    int need = utf8_len(b[0]);
    if (need == 0 || len > (size_t)need)
        return false;
    if (len > 1) {
        /* the second byte alone decides about overlong forms, surrogates and the end at 10FFFF */
        unsigned char low = b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
        unsigned char high = b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
        if (b[1] < low || b[1] > high)
            return false;
    }
    for (size_t i = 2; i < len; i++)
        if ((b[i] & 0xc0) != 0x80)
            return false;
    return true;
}

int utf8_decode(uint32_t *cp, const char *s, size_t len)
{
    const unsigned char *b = (const unsigned char *)s;
    int n = utf8_len(b[0]);
    if (n == 0 || (size_t)n > len || !utf8_begins(s, (size_t)n))
        return 0;
    uint32_t value = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
    for (int i = 1; i < n; i++)
        value = value << 6 | (b[i] & 0x3f);
    *cp = value;
    return n;
}

int utf8_encode(char out[4], uint32_t cp)
{
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        cp = 0xfffd;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    int n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xff) | cp);
    return n;
}

size_t utf8_invalid_at(const char *s, size_t len)
{
    uint32_t cp;
    size_t at = 0;
    for (int n; at < len && (n = utf8_decode(&cp, s + at, len - at)) > 0;)
        at += (size_t)n;
    return at;
}

size_t text_bom_len(const char *s, size_t len)
{
    return len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool text_is_blank(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!memchr(" \t\n\v\f\r", s[i], 6))
            return false;
    return true;
}

bool text_ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), n_suffix = strlen(suffix);
    return n >= n_suffix && strcmp(s + n - n_suffix, suffix) == 0;
}

size_t utf8_complete_len(const char *s, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        const char *start = s + len - back;
        if (((unsigned char)*start & 0xc0) == 0x80)
            continue;
        bool open = back < (size_t)utf8_len((unsigned char)*start) && utf8_begins(start, back);
        return open ? len - back : len;
    }
    return len;
}

static void text_escape(struct buf *out, unsigned byte)
{
    buf_printf(out, "<0x%02X>", byte);
}

void text_valid(struct buf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        int n = utf8_decode(&cp, s + i, len - i);
        if (n)
            buf_add(out, s + i, (size_t)n);
        else
            text_escape(out, (unsigned char)s[i]);
        i += n ? (size_t)n : 1;
    }
}

void text_safe(struct buf *out, const char *s, size_t len, bool keep_layout)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp = (unsigned char)s[i];
        int n = utf8_decode(&cp, s + i, len - i);
        bool layout = keep_layout && (cp == '\n' || cp == '\t');
        if (n && (layout || text_width_char(cp) >= 0))
            buf_add(out, s + i, (size_t)n);
        else
            text_escape(out, cp);
        i += n ? (size_t)n : 1;
    }
}
