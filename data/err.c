#include "data/err.h"

#include "data/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages quote names and keys from files: whatever could drive a terminal becomes a "?", and so
 * does a character that was cut at the end of the field. In place, since memory may be short. */
static void make_printable(char *s)
{
    size_t len = strlen(s);
    for (size_t at = 0; at < len;) {
        uint32_t cp;
        int n = utf8_decode(&cp, s + at, len - at);
        if (n == 0 || text_width_char(cp) < 0)
            memset(s + at, '?', n ? (size_t)n : 1);
        at += n ? (size_t)n : 1;
    }
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    make_printable(err->message);
    err->code = code;
    err->hint[0] = '\0';
    return code;
}

void err_hint(struct err *err, const char *fmt, ...)
{
    if (!err)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    make_printable(err->hint);
}

int err_hint_missing(struct err *err, int code, const char *hint)
{
    if (err && code != ERR_OK && !err->hint[0])
        err_hint(err, "%s", hint);
    return code;
}
