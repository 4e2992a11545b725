#include "data/labels.h"

#include "data/file.h"
#include "data/json.h"
#include "data/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Where a row's strings begin in the arena, while the arena still moves. */
struct place {
    size_t text, ref;
};

struct reader {
    struct labels *labels;
    size_t cap_rows;
    struct place *places;
    size_t cap_places;
    struct buf arena;
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

/* Appends s as valid UTF-8 with its NUL; returns where it begins. */
static size_t add_string(struct reader *r, const char *s)
{
    size_t at = r->arena.len;
    text_valid(&r->arena, s, strlen(s));
    buf_char(&r->arena, '\0');
    return at;
}

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
    struct labels *l = r->labels;
    l->rows = mem_grow(l->rows, &r->cap_rows, l->n + 1, sizeof *l->rows);
    r->places = mem_grow(r->places, &r->cap_places, l->n + 1, sizeof *r->places);
    struct place place = {.text = add_string(r, text)};
    size_t text_len = r->arena.len - place.text - 1;
    place.ref = add_string(r, ref ? ref : "");
    r->places[l->n] = place;
    l->rows[l->n++] = (struct label){.id = id, .text_len = text_len, .genre = find_genre(row)};
    return ERR_OK;
}

static int read_line(struct reader *r, const char *line, size_t len)
{
    struct json_doc *doc;
    struct buf name = {0};
    buf_printf(&name, "%s line %zu", r->name, r->labels->n + 1);
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
    *out = (struct labels){0};
    struct reader r = {.labels = out, .name = name, .err = err};
    int rc = size ? read_lines(&r, bytes, size) : ERR_OK;
    out->arena = r.arena.data;
    for (size_t i = 0; i < out->n; i++) {
        out->rows[i].text = out->arena + r.places[i].text;
        out->rows[i].ref = out->arena + r.places[i].ref;
    }
    free(r.places);
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

void labels_unnamed(struct labels *out, size_t n)
{
    struct buf arena = {0};
    size_t *places = mem_alloc(n + 1, sizeof *places);
    *out = (struct labels){.rows = mem_zalloc(n + 1, sizeof *out->rows), .n = n};
    buf_char(&arena, '\0'); /* the ref of all */
    for (size_t i = 0; i < n; i++) {
        places[i] = arena.len;
        buf_printf(&arena, "feature %zu", i);
        out->rows[i].text_len = arena.len - places[i];
        buf_char(&arena, '\0');
    }
    out->arena = arena.data;
    for (size_t i = 0; i < n; i++) {
        out->rows[i].id = (long)i;
        out->rows[i].text = out->arena + places[i];
        out->rows[i].ref = out->arena;
        out->rows[i].genre = GENRE_OTHER;
    }
    free(places);
}

void labels_close(struct labels *labels)
{
    free(labels->rows);
    free(labels->arena);
    *labels = (struct labels){0};
}
