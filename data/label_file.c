#include "data/label_file.h"

#include "data/explanations.h"
#include "data/file.h"
#include "data/json.h"
#include "data/labels_internal.h"
#include "data/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINES_SUFFIX ".labels.txt"

static int refuse_rows(const char *path, const char *what, size_t is, size_t wanted,
                       struct err *err)
{
    err_set(err, ERR_SHAPE, "%s: has %zu %s, but the weights have %zu rows", path, is, what,
            wanted);
    err_hint(err, "Both files must come from the same dictionary, one line for each row.");
    return ERR_SHAPE;
}

/* Where the text of a file begins, behind a byte order mark; returns its end. */
static const char *text_of(const char **begin, const struct file_map *map)
{
    const char *bytes = (const char *)map->data;
    *begin = bytes + text_bom_len(bytes, map->size);
    return bytes + map->size;
}

/* --- lines of text --- */

static void add_line(struct label_builder *b, const char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len > 0)
        label_builder_add(b, (long)b->n, line, len, NULL, GENRE_OTHER);
    else
        label_builder_add_unnamed(b, NULL);
}

static int read_lines(struct labels *out, const struct file_map *map, size_t n, struct err *err)
{
    struct label_builder b = {0};
    const char *at, *end = text_of(&at, map);
    while (at < end && b.n <= n) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        add_line(&b, at, (size_t)(stop - at));
        at = newline ? newline + 1 : end;
    }
    bool is_more = at < end;
    label_builder_end(out, &b);
    if (out->n == n && !is_more)
        return ERR_OK;
    return refuse_rows(map->path, is_more ? "or more lines" : "lines", out->n, n, err);
}

/* --- explanations, joined by index --- */

struct join {
    size_t n;
    char **texts; /* [n] owned; NULL: no description yet */
    char *source; /* owned: MODEL/LAYER of the first object that tells it */
    const char *path;
};

static int check_source(struct join *j, const struct explanation *e, struct err *err)
{
    if (!e->model || !e->layer)
        return ERR_OK;
    struct buf source = {0};
    int rc = ERR_OK;
    buf_printf(&source, "%s/%s", e->model, e->layer);
    if (!j->source) {
        j->source = mem_strdup(source.data);
    } else if (strcmp(j->source, source.data) != 0) {
        err_set(err, ERR_FORMAT, "%s: describes features of two sources: %.100s and %.100s",
                j->path, j->source, source.data);
        err_hint(err, "Give the labels of one source.");
        rc = ERR_FORMAT;
    }
    buf_clear(&source);
    return rc;
}

static int take_explanation(void *data, const struct explanation *e, struct err *err)
{
    struct join *j = data;
    int rc = check_source(j, e, err);
    if (rc != ERR_OK)
        return rc;
    if (e->index >= j->n) {
        err_set(err, ERR_SHAPE, "%s: describes feature %zu, but there are only %zu", j->path,
                e->index, j->n);
        err_hint(err, "The labels belong to another autoencoder; give those of this one.");
        return ERR_SHAPE;
    }
    if (!j->texts[e->index])
        j->texts[e->index] = mem_strndup(e->text, e->text_len);
    return ERR_OK;
}

static void end_join(struct labels *out, struct join *j)
{
    struct label_builder b = {0};
    struct buf ref = {0};
    for (size_t i = 0; i < j->n; i++) {
        buf_clear(&ref);
        if (j->source)
            buf_printf(&ref, "https://www.neuronpedia.org/%s/%zu", j->source, i);
        if (j->texts[i])
            label_builder_add(&b, (long)i, j->texts[i], strlen(j->texts[i]), ref.data, GENRE_OTHER);
        else
            label_builder_add_unnamed(&b, ref.data);
    }
    buf_clear(&ref);
    label_builder_end(out, &b);
}

/* --- the batches of a source --- */

/* N of "batch-N.jsonl" and "batch-N.jsonl.gz", else -1. */
static long batch_number(const char *name)
{
    static const char prefix[] = "batch-";
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0)
        return -1;
    size_t digits = strspn(name + n, "0123456789");
    const char *rest = name + n + digits;
    bool is_batch = strcmp(rest, ".jsonl") == 0 || strcmp(rest, ".jsonl.gz") == 0;
    return is_batch && digits > 0 && digits < 10 ? strtol(name + n, NULL, 10) : -1;
}

static int compare_batches(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    long p = batch_number(*x), q = batch_number(*y);
    return p != q ? (p > q) - (p < q) : strcmp(*x, *y);
}

static int list_batches(char ***out, size_t *n, const char *folder, struct err *err)
{
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (batch_number(e->d_name) < 0)
            continue;
        *out = mem_grow(*out, &cap, *n + 1, sizeof **out);
        (*out)[(*n)++] = mem_strdup(e->d_name);
    }
    if (dir)
        closedir(dir);
    if (*n > 0) {
        qsort(*out, *n, sizeof **out, compare_batches);
        return ERR_OK;
    }
    err_set(err, ERR_IO, "%s: holds no batch-N.jsonl or batch-N.jsonl.gz", folder);
    err_hint(err, "Give the explanations folder of a Neuronpedia source, or a file of labels.");
    return ERR_IO;
}

static int join_folder(struct join *j, const char *path, struct err *err)
{
    char *below = path_join(path, "explanations"), **names;
    const char *folder = file_is_dir(below) ? below : path;
    size_t n;
    int rc = list_batches(&names, &n, folder, err);
    for (size_t i = 0; i < n; i++) {
        char *file = path_join(folder, names[i]);
        j->path = file;
        if (rc == ERR_OK)
            rc = explanations_read(file, take_explanation, j, err);
        free(file);
        free(names[i]);
    }
    free(names);
    free(below);
    return rc;
}

static int read_explanations(struct labels *out, char **source, const char *path, size_t n,
                             struct err *err)
{
    struct join j = {.n = n, .texts = mem_zalloc(n + 1, sizeof *j.texts), .path = path};
    int rc = file_is_dir(path) ? join_folder(&j, path, err)
                               : explanations_read(path, take_explanation, &j, err);
    if (rc == ERR_OK) {
        end_join(out, &j);
        *source = j.source;
        j.source = NULL;
    }
    for (size_t i = 0; i < n; i++)
        free(j.texts[i]);
    free(j.texts);
    free(j.source);
    return rc;
}

/* --- what a file is --- */

enum form { FORM_LINES, FORM_METADATA, FORM_EXPLANATIONS };

static enum form form_of(const struct file_map *map)
{
    const char *at, *end = text_of(&at, map);
    if (text_ends_with(map->path, ".txt"))
        return FORM_LINES;
    if (map->size > 1 && map->data[0] == 0x1f && map->data[1] == 0x8b)
        return FORM_EXPLANATIONS;
    while (at < end && json_is_space(*at))
        at++;
    if (at < end && *at == '[')
        return FORM_EXPLANATIONS;
    if (at == end || *at != '{')
        return FORM_LINES;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((newline ? newline : end) - at);
    char *line = mem_strndup(at, len);
    /* inside of a string the second quote would have a backslash before it */
    bool is_metadata = strstr(line, "\"concept\"") != NULL;
    free(line);
    return is_metadata ? FORM_METADATA : FORM_EXPLANATIONS;
}

static int read_metadata(struct labels *out, const char *path, size_t n, struct err *err)
{
    int rc = labels_open(out, path, err);
    return rc == ERR_OK && out->n != n ? refuse_rows(path, "lines", out->n, n, err) : rc;
}

/* Some editors' "Unicode"; its newlines would be found, and each label would be full of NULs. */
static int check_encoding(const struct file_map *map, struct err *err)
{
    const uint8_t *b = map->data;
    bool is_utf16 = map->size > 1 && (b[0] ^ b[1]) == 1 && b[0] >= 0xfe;
    if (!is_utf16)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "%s: is text in UTF-16", map->path);
    err_hint(err, "Save it as UTF-8.");
    return ERR_UNSUPPORTED;
}

static int read_file(struct labels *out, char **source, const char *path, size_t n, struct err *err)
{
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc != ERR_OK)
        return rc;
    enum form form = form_of(&map);
    rc = check_encoding(&map, err);
    if (rc == ERR_OK && form == FORM_LINES)
        rc = read_lines(out, &map, n, err);
    file_unmap(&map);
    if (rc == ERR_OK && form == FORM_METADATA)
        rc = read_metadata(out, path, n, err);
    return rc == ERR_OK && form == FORM_EXPLANATIONS ? read_explanations(out, source, path, n, err)
                                                     : rc;
}

int label_file_read(struct labels *out, char **source, const char *path, size_t n, struct err *err)
{
    *out = (struct labels){0};
    *source = NULL;
    int rc = file_is_dir(path) ? read_explanations(out, source, path, n, err)
                               : read_file(out, source, path, n, err);
    if (rc != ERR_OK)
        labels_close(out);
    return rc;
}

/* "DIR/NAME.labels.txt" for "DIR/NAME.npy" */
static char *lines_beside(const char *weights)
{
    const char *slash = strrchr(weights, '/'), *dot = strrchr(weights, '.');
    size_t stem = dot && (!slash || dot > slash + 1) ? (size_t)(dot - weights) : strlen(weights);
    struct buf path = {0};
    buf_add(&path, weights, stem);
    buf_str(&path, LINES_SUFFIX);
    return path.data;
}

char *label_file_beside(const char *weights, const char *dir)
{
    static const char *const names[] = {"explanations", "explanations.jsonl",
                                        "explanations.jsonl.gz", "explanations.json",
                                        "metadata.jsonl"};
    char *path = lines_beside(weights);
    for (size_t i = 0; !file_exists(path) && i < sizeof names / sizeof *names; i++) {
        free(path);
        path = path_join(dir, names[i]);
    }
    if (file_exists(path))
        return path;
    free(path);
    return NULL;
}
