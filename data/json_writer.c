#include "data/json.h"
#include "data/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MAX_DEPTH ((int)(sizeof((struct json_writer *)0)->need_comma / sizeof(bool)))

static void put(struct json_writer *w, const char *s, size_t len)
{
    if (w->stream)
        fwrite(s, 1, len, w->stream);
    else
        buf_add(w->buf, s, len);
}

static void put_str(struct json_writer *w, const char *s)
{
    put(w, s, strlen(s));
}

/* What stands between the value before and this one. */
static void begin_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth > 0) {
        if (w->need_comma[w->depth - 1])
            put_str(w, ",");
        w->need_comma[w->depth - 1] = true;
    }
}

static void open_bracket(struct json_writer *w, const char *bracket)
{
    begin_value(w);
    assert(w->depth < MAX_DEPTH);
    w->need_comma[w->depth++] = false;
    put_str(w, bracket);
}

static void close_bracket(struct json_writer *w, const char *bracket)
{
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    put_str(w, bracket);
}

void json_writer_init(struct json_writer *w, FILE *stream, struct buf *buf)
{
    assert(!stream != !buf);
    *w = (struct json_writer){.stream = stream, .buf = buf};
}

void jw_object(struct json_writer *w)
{
    open_bracket(w, "{");
}

void jw_object_end(struct json_writer *w)
{
    close_bracket(w, "}");
}

void jw_array(struct json_writer *w)
{
    open_bracket(w, "[");
}

void jw_array_end(struct json_writer *w)
{
    close_bracket(w, "]");
}

/* The letter of a two-character escape, or 0. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* One byte of valid UTF-8 as it stands in a JSON string. */
static void escape_byte(struct buf *out, char c)
{
    char letter = short_escape(c);
    if (letter) {
        buf_char(out, '\\');
        buf_char(out, letter);
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        buf_printf(out, "\\u%04x", (unsigned)c);
    } else {
        buf_char(out, c);
    }
}

static void write_quoted(struct json_writer *w, const char *s, size_t len)
{
    struct buf valid = {0}, quoted = {0};
    text_valid(&valid, s, len);
    buf_char(&quoted, '"');
    for (size_t i = 0; i < valid.len; i++)
        escape_byte(&quoted, valid.data[i]);
    buf_char(&quoted, '"');
    put(w, quoted.data, quoted.len);
    buf_clear(&valid);
    buf_clear(&quoted);
}

void jw_key(struct json_writer *w, const char *key)
{
    assert(w->depth > 0 && !w->after_key);
    begin_value(w);
    write_quoted(w, key, strlen(key));
    put_str(w, ":");
    w->after_key = true;
}

void jw_string(struct json_writer *w, const char *s)
{
    if (s)
        jw_string_len(w, s, strlen(s));
    else
        jw_null(w);
}

void jw_string_len(struct json_writer *w, const char *s, size_t len)
{
    begin_value(w);
    write_quoted(w, s, len);
}

static void write_number(struct json_writer *w, double v, int digits)
{
    char text[40];
    begin_value(w);
    if (isfinite(v))
        snprintf(text, sizeof text, "%.*g", digits, v);
    put_str(w, isfinite(v) ? text : "null");
}

void jw_int(struct json_writer *w, long long v)
{
    char text[32];
    begin_value(w);
    snprintf(text, sizeof text, "%lld", v);
    put_str(w, text);
}

void jw_float(struct json_writer *w, float v)
{
    write_number(w, (double)v, 9);
}

void jw_double(struct json_writer *w, double v)
{
    write_number(w, v, 17);
}

void jw_bool(struct json_writer *w, bool v)
{
    begin_value(w);
    put_str(w, v ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
    begin_value(w);
    put_str(w, "null");
}
