#include "data/tensor_file.h"

#include "data/file.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/safetensors.h"
#include "data/text.h"
#include "data/torch_file.h"
#include "data/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Long enough that no safetensors file, which begins with a length, is taken for another. */
#define ZIP_MAGIC "PK\3\4"
#define ZIP_EMPTY_MAGIC "PK\5\6"
#define NPY_MAGIC "\x93NUMPY"
#define OLD_TORCH_MAGIC "\x80\2\x8a\x0a"

/* One of the four is set. */
struct tensor_file {
    struct safetensors *safetensors;
    struct torch_file *torch;
    struct npz *npz;
    struct npy npy;
    struct file_map npy_map;
};

enum kind { KIND_SAFETENSORS, KIND_TORCH, KIND_NPZ, KIND_NPY };

static bool begins_with(const struct file_map *map, const char *magic)
{
    size_t n = strlen(magic);
    return map->size >= n && memcmp(map->data, magic, n) == 0;
}

/* Both are zip archives: torch's holds a pickle. A damaged one goes to torch, for its message. */
static enum kind kind_of_zip(const struct file_map *map)
{
    struct zip zip;
    enum kind kind = KIND_TORCH;
    if (zip_parse(&zip, map->data, map->size, map->path, NULL) != ERR_OK)
        return kind;
    for (size_t i = 0; i < zip.n; i++)
        if (text_ends_with(zip.entries[i].name, ".npy"))
            kind = KIND_NPZ;
    zip_clear(&zip);
    return kind;
}

/* What a file without a mark was meant to be, so that the right reader says what is wrong. */
static enum kind kind_of_name(const char *path)
{
    static const struct {
        const char *suffix;
        enum kind kind;
    } names[] = {{".pt", KIND_TORCH}, {".pth", KIND_TORCH}, {".npz", KIND_NPZ}, {".npy", KIND_NPY}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_ends_with(path, names[i].suffix))
            return names[i].kind;
    return KIND_SAFETENSORS;
}

static int find_kind(enum kind *out, const char *path, struct err *err)
{
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc != ERR_OK)
        return rc;
    if (begins_with(&map, ZIP_MAGIC) || begins_with(&map, ZIP_EMPTY_MAGIC))
        *out = kind_of_zip(&map);
    else if (begins_with(&map, NPY_MAGIC))
        *out = KIND_NPY;
    else if (begins_with(&map, OLD_TORCH_MAGIC))
        *out = KIND_TORCH; /* refused there, with what to do */
    else
        *out = kind_of_name(path);
    file_unmap(&map);
    return ERR_OK;
}

static int open_npy(struct tensor_file *f, const char *path, struct err *err)
{
    int rc = file_map(&f->npy_map, path, err);
    return rc == ERR_OK ? npy_parse(&f->npy, f->npy_map.data, f->npy_map.size, path, err) : rc;
}

static int open_kind(struct tensor_file *f, enum kind kind, const char *path, struct err *err)
{
    switch (kind) {
    case KIND_TORCH:
        return torch_open(&f->torch, path, err);
    case KIND_NPZ:
        return npz_open(&f->npz, path, err);
    case KIND_NPY:
        return open_npy(f, path, err);
    default:
        return safetensors_open(&f->safetensors, path, err);
    }
}

int tensor_file_open(struct tensor_file **out, const char *path, struct err *err)
{
    enum kind kind = KIND_SAFETENSORS;
    *out = NULL;
    int rc = find_kind(&kind, path, err);
    if (rc != ERR_OK)
        return rc;
    struct tensor_file *f = mem_zalloc(1, sizeof *f);
    rc = open_kind(f, kind, path, err);
    if (rc != ERR_OK) {
        tensor_file_close(f);
        f = NULL;
    }
    *out = f;
    return rc;
}

void tensor_file_close(struct tensor_file *f)
{
    if (!f)
        return;
    safetensors_close(f->safetensors);
    torch_close(f->torch);
    npz_close(f->npz);
    npy_clear(&f->npy);
    file_unmap(&f->npy_map);
    free(f);
}

size_t tensor_file_count(const struct tensor_file *f)
{
    if (f->safetensors)
        return safetensors_count(f->safetensors);
    if (f->torch)
        return torch_count(f->torch);
    return f->npz ? npz_count(f->npz) : 1;
}

const struct tensor *tensor_file_at(const struct tensor_file *f, size_t i)
{
    if (f->safetensors)
        return safetensors_at(f->safetensors, i);
    if (f->torch)
        return torch_at(f->torch, i);
    if (f->npz)
        return npz_at(f->npz, i);
    return i == 0 ? &f->npy.tensor : NULL;
}

const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name)
{
    if (f->safetensors)
        return safetensors_find(f->safetensors, name);
    if (f->torch)
        return torch_find(f->torch, name);
    if (f->npz)
        return npz_find(f->npz, name);
    return strcmp(f->npy.tensor.name, name) == 0 ? &f->npy.tensor : NULL;
}

size_t tensor_file_heap_bytes(const struct tensor_file *f)
{
    if (f->torch)
        return torch_heap_bytes(f->torch);
    if (f->npz)
        return npz_heap_bytes(f->npz);
    return f->npy.owned ? f->npy.tensor.n_bytes : 0;
}
