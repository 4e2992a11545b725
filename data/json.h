/* JSON: typed access to parsed values, and a streaming writer.
 *
 * Reading: a document owns its tree; values are borrowed from it, valid until json_close. All
 * getters name the path of the key in their errors ("config.json: rope_theta is not a number").
 * The first of several equal keys counts. Escapes that name no character: a lone surrogate becomes
 * U+FFFD; \u0000 is kept as the two bytes C0 80, so that no string is cut, and becomes a NUL byte
 * in json_string_bytes. Raw bytes of a string are not checked: they may be invalid UTF-8.
 * Nesting deeper than 1000 is refused.
 * Writing: straight into a buffer or stream; no tree is built, commas and nesting are kept by
 * the writer, strings are escaped and made valid UTF-8, numbers keep 7 or more digits. */
#ifndef DATA_JSON_H
#define DATA_JSON_H

#include "data/err.h"
#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define JSON_MAX_BYTES ((size_t)256 << 20) /* longest text that json_open reads */

struct json;     /* one value inside a document: object, array, string, number, bool, null */
struct json_doc; /* a parsed document */

/* Parses text[0..len); trailing blanks allowed, anything else after the value is an error.
 * `name` (copied) is what errors call it: a file name, or "metadata.jsonl line 12". */
int json_parse(struct json_doc **out, const char *text, size_t len, const char *name,
               struct err *err) ERR_CHECK;
int json_open(struct json_doc **out, const char *path, struct err *err) ERR_CHECK;
void json_close(struct json_doc *doc);
bool json_is_space(char c); /* one of the four that may stand between values */
const struct json *json_root(const struct json_doc *doc);
const char *json_name(const struct json_doc *doc);

bool json_is_object(const struct json *v); /* all predicates accept NULL: false */
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);
bool json_is_number(const struct json *v);
bool json_is_bool(const struct json *v);
bool json_is_null(const struct json *v);
const char *json_string(const struct json *v);                 /* NULL unless a string */
bool json_string_bytes(struct buf *out, const struct json *v); /* appends; false unless a string */
double json_number(const struct json *v);                      /* 0 unless a number */
bool json_bool(const struct json *v);

const struct json *json_get(const struct json *object, const char *key); /* NULL if absent */
const struct json *json_first(const struct json *v); /* first member or element, or NULL */
const struct json *json_next(const struct json *v);  /* the one after it, or NULL */
const char *json_key(const struct json *member);     /* its key, or NULL in an array */
size_t json_size(const struct json *v);              /* members or elements; linear time */

/* Typed, bounded access with an error that names document and key. */
int json_get_int(long *out, const struct json_doc *doc, const struct json *object, const char *key,
                 long min, long max, struct err *err) ERR_CHECK;
int json_get_number(double *out, const struct json_doc *doc, const struct json *object,
                    const char *key, struct err *err) ERR_CHECK;
int json_get_string(const char **out, const struct json_doc *doc, const struct json *object,
                    const char *key, struct err *err) ERR_CHECK;

/* Streaming writer. Give it a stream, or a buffer. */
struct json_writer {
    FILE *stream; /* one of the two is set */
    struct buf *buf;
    int depth;
    bool need_comma[64]; /* per open object or array */
    bool after_key;
};

void json_writer_init(struct json_writer *w, FILE *stream, struct buf *buf);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_string(struct json_writer *w, const char *s); /* NULL writes null */
void jw_string_len(struct json_writer *w, const char *s, size_t len);
void jw_int(struct json_writer *w, long long v);
void jw_float(struct json_writer *w, float v);   /* 9 significant digits; not finite: null */
void jw_double(struct json_writer *w, double v); /* 17 significant digits */
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);

#endif
