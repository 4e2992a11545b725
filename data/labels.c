#include "data/labels.h"

#include "data/file.h"
#include "data/json.h"
#include "data/labels_internal.h"
#include "data/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct label_builder rows;
    const char *name;
    struct err *err;
};

const char *genre_name(enum genre genre)
{
    static const char *const names[] = {"text", "code", "math", "other"};
    return names[genre];
}

/* The map has the label itself as its one key; its value lists one genre. */
static enum genre find_genre(const struct json *row)
{
    const char *name = json_string(json_first(json_first(json_get(row, "concept_genres_map"))));
    for (int g = GENRE_TEXT; name && g < GENRE_OTHER; g++)
        if (strcmp(name, genre_name((enum genre)g)) == 0)
            return (enum genre)g;
    return GENRE_OTHER;
}

/* --- rows one by one --- */

/* Appends s as valid UTF-8 with its NUL; returns where it begins. */
static size_t add_string(struct buf *arena, const char *s, size_t len)
{
    size_t at = arena->len;
    text_valid(arena, s, len);
    buf_char(arena, '\0');
    return at;
}

void label_builder_add(struct label_builder *b, long id, const char *text, size_t len,
                       const char *ref, enum genre genre)
{
    b->rows = mem_grow(b->rows, &b->cap_rows, b->n + 1, sizeof *b->rows);
    b->texts = mem_grow(b->texts, &b->cap_texts, b->n + 1, sizeof *b->texts);
    b->refs = mem_grow(b->refs, &b->cap_refs, b->n + 1, sizeof *b->refs);
    b->texts[b->n] = add_string(&b->arena, text, len);
    size_t text_len = b->arena.len - b->texts[b->n] - 1;
    b->refs[b->n] = add_string(&b->arena, ref ? ref : "", ref ? strlen(ref) : 0);
    b->rows[b->n++] = (struct label){.id = id, .text_len = text_len, .genre = genre};
}

void label_builder_add_unnamed(struct label_builder *b, const char *ref)
{
    char text[32];
    int len = snprintf(text, sizeof text, "feature %zu", b->n);
    label_builder_add(b, (long)b->n, text, (size_t)len, ref, GENRE_OTHER);
}

void label_builder_end(struct labels *out, struct label_builder *b)
{
    *out = (struct labels){b->rows, b->n, b->arena.data};
    for (size_t i = 0; i < out->n; i++) {
        out->rows[i].text = out->arena + b->texts[i];
        out->rows[i].ref = out->arena + b->refs[i];
    }
    free(b->texts);
    free(b->refs);
    *b = (struct label_builder){0};
}

void labels_unnamed(struct labels *out, size_t n)
{
    struct label_builder b = {0};
    while (b.n < n)
        label_builder_add_unnamed(&b, NULL);
    label_builder_end(out, &b);
}

/* --- metadata.jsonl --- */

static int read_row(struct reader *r, const struct json_doc *doc)
{
    const struct json *row = json_root(doc);
    if (!json_is_object(row)) {
        err_set(r->err, ERR_FORMAT, "%s: is not a JSON object", json_name(doc));
        err_hint(r->err,
                 "Each line of metadata.jsonl describes one concept as {\"concept\": ...}.");
        return ERR_FORMAT;
    }
    long id;
    const char *text, *ref = json_string(json_get(row, "ref"));
    int rc = json_get_int(&id, doc, row, "concept_id", INT_MIN, INT_MAX, r->err);
    if (rc == ERR_OK)
        rc = json_get_string(&text, doc, row, "concept", r->err);
    if (rc != ERR_OK)
        return rc;
    label_builder_add(&r->rows, id, text, strlen(text), ref, find_genre(row));
    return ERR_OK;
}

static int read_line(struct reader *r, const char *line, size_t len)
{
    struct json_doc *doc;
    struct buf name = {0};
    buf_printf(&name, "%s line %zu", r->name, r->rows.n + 1);
    int rc = json_parse(&doc, line, len, name.data, r->err);
    if (rc == ERR_OK) {
        rc = read_row(r, doc);
        json_close(doc);
    }
    buf_clear(&name);
    return rc;
}

/* Blank lines at the end are no rows; one in the middle would shift all rows behind it. */
static const char *skip_blanks_at_end(const char *bytes, const char *end)
{
    while (end > bytes && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        end--;
    return end;
}

static int read_lines(struct reader *r, const char *bytes, size_t size)
{
    const char *at = bytes, *end = skip_blanks_at_end(bytes, bytes + size);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        int rc = read_line(r, at, (size_t)(line_end - at));
        if (rc != ERR_OK)
            return rc;
        at = newline ? newline + 1 : end;
    }
    return ERR_OK;
}

int labels_parse(struct labels *out, const char *bytes, size_t size, const char *name,
                 struct err *err)
{
    struct reader r = {.name = name, .err = err};
    int rc = size ? read_lines(&r, bytes, size) : ERR_OK;
    label_builder_end(out, &r.rows);
    if (rc == ERR_OK && out->n == 0) {
        rc = err_set(err, ERR_FORMAT, "%s: is empty, it should have one line for each concept",
                     name);
        err_hint(err, "Download or copy the file again.");
    }
    if (rc != ERR_OK)
        labels_close(out);
    return rc;
}

int labels_open(struct labels *out, const char *path, struct err *err)
{
    *out = (struct labels){0};
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc == ERR_OK && map.size > JSON_MAX_BYTES)
        rc = err_set(err, ERR_LIMIT, "%s: has %zu bytes, more than the limit of %zu", path,
                     map.size, JSON_MAX_BYTES);
    if (rc == ERR_OK)
        rc = labels_parse(out, (const char *)map.data, map.size, path, err);
    file_unmap(&map);
    return err_hint_missing(err, rc, "Check that this is a dictionary's metadata.jsonl.");
}

void labels_close(struct labels *labels)
{
    free(labels->rows);
    free(labels->arena);
    *labels = (struct labels){0};
}
