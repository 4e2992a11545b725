#include "data/npz.h"

#include "data/file.h"
#include "data/npy.h"
#include "data/text.h"
#include "data/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".npy"
#define MAX_VERIFIED ((size_t)1 << 20)

struct npz {
    struct file_map map; /* empty when parsed from memory */
    char *name;
    struct zip zip;
    struct npy *arrays; /* [n] */
    char **names;       /* [n] owned: entry names without the suffix */
    size_t n;
};

/* The part of an entry's name before the suffix, or 0. */
static size_t stem_len(const char *name)
{
    return text_ends_with(name, SUFFIX) ? strlen(name) - strlen(SUFFIX) : 0;
}

static int read_array(struct npz *f, const struct zip_entry *e, struct err *err)
{
    const uint8_t *bytes;
    int rc = zip_bytes(&bytes, &f->zip, e, 1, f->name, err);
    if (rc == ERR_OK && e->size <= MAX_VERIFIED)
        rc = zip_verify(e, f->name, err);
    if (rc != ERR_OK)
        return rc;
    struct buf title = {0};
    buf_printf(&title, "%s: array '%.100s'", f->name, e->name);
    rc = npy_parse(&f->arrays[f->n], bytes, e->size, title.data, err);
    buf_clear(&title);
    if (rc != ERR_OK)
        return rc;
    f->names[f->n] = mem_strndup(e->name, stem_len(e->name));
    f->arrays[f->n].tensor.name = f->names[f->n];
    f->n++;
    return ERR_OK;
}

static int parse(struct npz *f, const void *bytes, size_t size, struct err *err)
{
    int rc = zip_parse(&f->zip, bytes, size, f->name, err);
    if (rc != ERR_OK)
        return rc;
    f->arrays = mem_zalloc(f->zip.n + 1, sizeof *f->arrays);
    f->names = mem_zalloc(f->zip.n + 1, sizeof *f->names);
    for (size_t i = 0; i < f->zip.n && rc == ERR_OK; i++)
        if (stem_len(f->zip.entries[i].name) > 0)
            rc = read_array(f, &f->zip.entries[i], err);
    if (rc == ERR_OK && f->n == 0) {
        rc = err_set(err, ERR_FORMAT, "%s: is a zip archive without arrays called NAME.npy",
                     f->name);
        err_hint(err, "Give a file written by numpy.savez.");
    }
    return rc;
}

int npz_parse(struct npz **out, const void *bytes, size_t size, const char *name, struct err *err)
{
    struct npz *f = mem_zalloc(1, sizeof *f);
    f->name = mem_strdup(name);
    int rc = parse(f, bytes, size, err);
    if (rc != ERR_OK) {
        npz_close(f);
        f = NULL;
    }
    *out = f;
    return rc;
}

int npz_open(struct npz **out, const char *path, struct err *err)
{
    *out = NULL;
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc == ERR_OK)
        rc = npz_parse(out, map.data, map.size, path, err);
    if (rc == ERR_OK)
        (*out)->map = map;
    else
        file_unmap(&map);
    return rc;
}

void npz_close(struct npz *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++) {
        npy_clear(&f->arrays[i]);
        free(f->names[i]);
    }
    free(f->arrays);
    free(f->names);
    zip_clear(&f->zip);
    free(f->name);
    file_unmap(&f->map);
    free(f);
}

size_t npz_count(const struct npz *f)
{
    return f->n;
}

const struct tensor *npz_at(const struct npz *f, size_t i)
{
    return i < f->n ? &f->arrays[i].tensor : NULL;
}

const struct tensor *npz_find(const struct npz *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->names[i], name) == 0)
            return &f->arrays[i].tensor;
    return NULL;
}

size_t npz_heap_bytes(const struct npz *f)
{
    size_t bytes = f->zip.n_owned;
    for (size_t i = 0; i < f->n; i++)
        bytes += f->arrays[i].owned ? f->arrays[i].tensor.n_bytes : 0;
    return bytes;
}
