#include "data/explanations.h"

#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"
#include "data/text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_OBJECT ((size_t)1 << 20) /* without its embedding */
#define MAX_UNPACKED ((uint64_t)1 << 33)
#define CHUNK 65536
#define SKIPPED_KEY "\"embedding\""

enum form { FORM_UNKNOWN, FORM_LINES, FORM_ARRAY, FORM_ENDED };

/* Cuts a stream of bytes into top-level objects. */
struct scanner {
    struct buf object; /* what was kept of the object that is open */
    enum form form;
    size_t depth; /* of open brackets; 0: between objects */
    bool in_string, after_backslash;
    bool expects_key; /* the next string at depth 1 is a key */
    bool is_skipped_key, is_skipping;
    size_t key_at; /* in object: where the last key begins */
    size_t n;      /* objects so far */
    uint64_t n_bytes;
    const char *name;
    explanation_fn *fn;
    void *data;
    struct err *err;
};

static int damaged(const struct scanner *s, const char *what)
{
    err_set(s->err, ERR_FORMAT, "%s: %s at byte %llu", s->name, what,
            (unsigned long long)s->n_bytes);
    err_hint(s->err, "Give Neuronpedia's explanations: a JSON array, or one object on each line.");
    return ERR_FORMAT;
}

/* --- one object --- */

static bool read_index(size_t *out, const struct json *v)
{
    const char *text = json_string(v);
    if (text) {
        char *end;
        unsigned long long n = strtoull(text, &end, 10);
        *out = (size_t)n;
        return *text >= '0' && *text <= '9' && !*end && n < LONG_MAX;
    }
    double n = json_number(v);
    *out = n >= 0 && n < 9e15 ? (size_t)n : 0;
    return json_is_number(v) && n >= 0 && n < 9e15 && (double)*out == n;
}

static int read_object(struct scanner *s, const struct json_doc *doc)
{
    const struct json *root = json_root(doc);
    struct explanation e = {
        .text = json_string(json_get(root, "description")),
        .model = json_string(json_get(root, "modelId")),
        .layer = json_string(json_get(root, "layer")),
    };
    if (!read_index(&e.index, json_get(root, "index"))) {
        err_set(s->err, ERR_FORMAT, "%s: index is not the number of a feature", json_name(doc));
        err_hint(s->err, "Give Neuronpedia's explanations: each has an index and a description.");
        return ERR_FORMAT;
    }
    while (e.text && json_is_space(*e.text))
        e.text++;
    e.text_len = e.text ? strlen(e.text) : 0;
    while (e.text_len > 0 && json_is_space(e.text[e.text_len - 1]))
        e.text_len--;
    return e.text_len > 0 ? s->fn(s->data, &e, s->err) : ERR_OK;
}

static int end_object(struct scanner *s)
{
    struct json_doc *doc;
    struct buf name = {0};
    buf_printf(&name, "%s: object %zu", s->name, ++s->n);
    int rc = json_parse(&doc, s->object.data, s->object.len, name.data, s->err);
    buf_clear(&name);
    s->object.len = 0;
    if (rc != ERR_OK)
        return err_hint_missing(s->err, rc, "Download the file again.");
    rc = read_object(s, doc);
    json_close(doc);
    return rc;
}

/* --- the stream --- */

static int between_objects(struct scanner *s, char c)
{
    if (json_is_space(c))
        return ERR_OK;
    if (c == '[' && s->form == FORM_UNKNOWN) {
        s->form = FORM_ARRAY;
    } else if (c == ']' && s->form == FORM_ARRAY) {
        s->form = FORM_ENDED;
    } else if (c == '{' && s->form != FORM_ENDED) {
        s->form = s->form == FORM_UNKNOWN ? FORM_LINES : s->form;
        s->depth = 1;
        s->expects_key = true;
        buf_char(&s->object, c);
    } else if (c != ',' || s->form != FORM_ARRAY || s->n == 0) {
        return damaged(s, "neither an object nor its end");
    }
    return ERR_OK;
}

static void in_string(struct scanner *s, char c)
{
    if (s->after_backslash) {
        s->after_backslash = false;
    } else if (c == '\\') {
        s->after_backslash = true;
    } else if (c == '"') {
        s->in_string = false;
        size_t len = strlen(SKIPPED_KEY);
        if (s->depth == 1 && s->expects_key && !s->is_skipping) {
            s->is_skipped_key = s->object.len - s->key_at == len - 1 &&
                                memcmp(s->object.data + s->key_at, SKIPPED_KEY, len - 1) == 0;
            s->expects_key = false;
        }
    }
}

static void in_structure(struct scanner *s, char c)
{
    bool is_end = s->depth == 1 && (c == ',' || c == '}');
    if (c == '"') {
        s->in_string = true;
        s->key_at = s->object.len;
    } else if (c == '{' || c == '[') {
        s->depth++;
    } else if (is_end || c == '}' || c == ']') {
        s->is_skipping = s->is_skipping && !is_end;
        s->depth -= c != ',';
        s->expects_key = is_end;
    }
}

static int take(struct scanner *s, char c)
{
    s->n_bytes++;
    if (s->depth == 0)
        return between_objects(s, c);
    bool was_in_string = s->in_string;
    if (was_in_string)
        in_string(s, c);
    else
        in_structure(s, c);
    if (!s->is_skipping)
        buf_char(&s->object, c);
    if (!was_in_string && c == ':' && s->depth == 1 && s->is_skipped_key) {
        buf_str(&s->object, "null");
        s->is_skipped_key = false;
        s->is_skipping = true;
    }
    if (s->object.len > MAX_OBJECT) {
        err_set(s->err, ERR_LIMIT, "%s: object %zu is longer than %zu bytes", s->name, s->n + 1,
                MAX_OBJECT);
        err_hint(s->err, "Give the explanations alone, without activations.");
        return ERR_LIMIT;
    }
    return s->depth == 0 ? end_object(s) : ERR_OK;
}

static int feed(struct scanner *s, const uint8_t *bytes, size_t size)
{
    int rc = ERR_OK;
    for (size_t i = 0; i < size && rc == ERR_OK; i++)
        rc = take(s, (char)bytes[i]);
    return rc;
}

static int finish(struct scanner *s)
{
    if (s->depth > 0 || s->form == FORM_ARRAY || s->form == FORM_UNKNOWN)
        return damaged(s, "ends too early");
    return ERR_OK;
}

/* --- gzip --- */

static int refuse_gzip(const struct scanner *s)
{
    err_set(s->err, ERR_FORMAT, "%s: does not unpack: the gzip stream is damaged or cut short",
            s->name);
    err_hint(s->err, "Download the file again.");
    return ERR_FORMAT;
}

/* Unpacks and feeds until the stream's end; z has the whole input that is left. */
static int feed_member(struct scanner *s, z_stream *z, uint8_t *chunk)
{
    int state = Z_OK, rc = ERR_OK;
    while (state == Z_OK && rc == ERR_OK) {
        z->next_out = chunk;
        z->avail_out = CHUNK;
        state = inflate(z, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END)
            return refuse_gzip(s);
        rc = feed(s, chunk, CHUNK - z->avail_out);
        if (rc == ERR_OK && s->n_bytes > MAX_UNPACKED)
            rc = damaged(s, "more than 8 GiB of text");
    }
    return rc;
}

static int feed_gzip(struct scanner *s, const uint8_t *bytes, size_t size)
{
    union {
        const uint8_t *in;
        Bytef *out;
    } input = {bytes};
    z_stream z = {.next_in = input.out, .avail_in = (uInt)size};
    if (size > UINT_MAX || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return refuse_gzip(s);
    uint8_t *chunk = mem_alloc(CHUNK, 1);
    int rc = feed_member(s, &z, chunk);
    while (rc == ERR_OK && z.avail_in > 0) { /* gzip files may be joined */
        inflateReset(&z);
        rc = feed_member(s, &z, chunk);
    }
    free(chunk);
    inflateEnd(&z);
    return rc;
}

/* --- interface --- */

int explanations_parse(const void *bytes, size_t size, const char *name, explanation_fn *fn,
                       void *data, struct err *err)
{
    struct scanner s = {.name = name, .fn = fn, .data = data, .err = err};
    const uint8_t *p = bytes;
    bool is_gzip = size > 2 && p[0] == 0x1f && p[1] == 0x8b;
    size_t bom = text_bom_len(bytes, size);
    int rc = is_gzip ? feed_gzip(&s, p, size) : feed(&s, p + bom, size - bom);
    if (rc == ERR_OK)
        rc = finish(&s);
    buf_clear(&s.object);
    return rc;
}

int explanations_read(const char *path, explanation_fn *fn, void *data, struct err *err)
{
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc == ERR_OK)
        rc = explanations_parse(map.data, map.size, path, fn, data, err);
    file_unmap(&map);
    return rc;
}
