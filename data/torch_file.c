#include "data/torch_file.h"

#include "data/file.h"
#include "data/pickle.h"
#include "data/text.h"
#include "data/torch_internal.h"
#include "data/zip.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PICKLE_SUFFIX "/data.pkl"
#define MAX_PICKLE ((size_t)4 << 20) /* 20 thousand tensors */
#define REBUILD_PARAMETER "torch._utils _rebuild_parameter"

/* What may occur in a pickle: classes of storages, indexed by dtype, then functions. */
static const char *const globals[] = {
    [DTYPE_F32] = "torch FloatStorage",
    [DTYPE_F16] = "torch HalfStorage",
    [DTYPE_BF16] = "torch BFloat16Storage",
    [DTYPE_F64] = "torch DoubleStorage",
    [DTYPE_I64] = "torch LongStorage",
    [DTYPE_I32] = "torch IntStorage",
    [DTYPE_U8] = "torch ByteStorage",
    TORCH_REBUILD_TENSOR,
    REBUILD_PARAMETER,
    PICKLE_ORDERED_DICT,
    NULL,
};
#define N_STORAGES (DTYPE_U8 + 1)

struct torch_file {
    struct file_map map; /* empty when parsed from memory */
    char *name;
    struct zip zip;
    char *prefix; /* the archive's folder */
    struct pickle pickle;
    struct tensor *tensors; /* [n] names borrowed from the pickle */
    size_t n;
};

static int damaged(struct err *err, enum err_code code)
{
    err_hint(err, "The file is incomplete or damaged; download or copy it again.");
    return code;
}

static int unsupported(struct err *err)
{
    err_hint(err, "Save it again with torch.save(tensor.contiguous(), path).");
    return ERR_UNSUPPORTED;
}

const char *torch_storage_class(enum dtype dtype)
{
    assert(dtype < N_STORAGES);
    return globals[dtype];
}

/* --- the archive --- */

/* The folder's name is the file's at the time of saving, so the pickle is found by its suffix. */
static int find_prefix(struct torch_file *f, struct err *err)
{
    for (size_t i = 0; i < f->zip.n; i++) {
        const char *name = f->zip.entries[i].name;
        if (!text_ends_with(name, PICKLE_SUFFIX))
            continue;
        if (f->prefix) {
            err_set(err, ERR_FORMAT, "%s: holds more than one data.pkl", f->name);
            unsupported(err);
            return ERR_FORMAT;
        }
        f->prefix = mem_strndup(name, strlen(name) - strlen(PICKLE_SUFFIX));
    }
    if (f->prefix)
        return ERR_OK;
    err_set(err, ERR_FORMAT, "%s: is a zip archive without data.pkl, so torch did not save it",
            f->name);
    err_hint(err, "Give a file written by torch.save.");
    return ERR_FORMAT;
}

static const struct zip_entry *find_entry(const struct torch_file *f, const char *path)
{
    struct buf name = {0};
    buf_printf(&name, "%s/%s", f->prefix, path);
    const struct zip_entry *e = zip_find(&f->zip, name.data);
    buf_clear(&name);
    return e;
}

static int check_byte_order(struct torch_file *f, struct err *err)
{
    const uint8_t *bytes;
    const struct zip_entry *e = find_entry(f, "byteorder");
    if (!e) /* older files have none and are little-endian */
        return ERR_OK;
    int rc = zip_bytes(&bytes, &f->zip, e, 1, f->name, err);
    if (rc != ERR_OK)
        return rc;
    if (e->size == 6 && memcmp(bytes, "little", 6) == 0)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "%s: its byteorder is not 'little'", f->name);
    return unsupported(err);
}

static int read_pickle(struct torch_file *f, struct err *err)
{
    const uint8_t *bytes;
    const struct zip_entry *e = find_entry(f, "data.pkl");
    if (e->size > MAX_PICKLE)
        return err_set(err, ERR_LIMIT, "%s: its data.pkl has %zu bytes, beyond the limit of %zu",
                       f->name, e->size, MAX_PICKLE);
    int rc = zip_bytes(&bytes, &f->zip, e, 1, f->name, err);
    if (rc != ERR_OK)
        return rc;
    struct buf name = {0};
    buf_printf(&name, "%s: data.pkl", f->name);
    rc = pickle_parse(&f->pickle, bytes, e->size, globals, name.data, err);
    buf_clear(&name);
    return rc;
}

/* --- tensors --- */

struct storage {
    enum dtype dtype;
    const uint8_t *bytes;
    size_t n_elements;
};

static bool is_kind(const struct pickle_value *v, enum pickle_kind kind, size_t min_items)
{
    return v->kind == kind && v->n_items >= min_items;
}

static bool to_size(size_t *out, const struct pickle_value *v)
{
    if (v->kind != PICKLE_INT || v->number < 0)
        return false;
    *out = (size_t)v->number;
    return (uint64_t)*out == (uint64_t)v->number;
}

static int bad_tensor(const struct torch_file *f, const char *name, struct err *err,
                      const char *what)
{
    err_set(err, ERR_FORMAT, "%s: tensor '%.100s': %s", f->name, name, what);
    return damaged(err, ERR_FORMAT);
}

/* id: ("storage", class, key of the entry, device, number of elements) */
static int read_storage(struct storage *out, struct torch_file *f, const char *name,
                        const struct pickle_value *v, struct err *err)
{
    const struct pickle_value *id = is_kind(v, PICKLE_PERSISTENT, 1) ? v->items[0] : NULL;
    if (!id || !is_kind(id, PICKLE_TUPLE, 5) || id->items[1]->kind != PICKLE_GLOBAL ||
        id->items[2]->kind != PICKLE_STRING || !to_size(&out->n_elements, id->items[4]))
        return bad_tensor(f, name, err, "does not refer to a storage");
    int kind = 0;
    while (kind < N_STORAGES && strcmp(globals[kind], id->items[1]->text) != 0)
        kind++;
    if (kind == N_STORAGES)
        return bad_tensor(f, name, err, "its storage has no known type");
    out->dtype = (enum dtype)kind;
    struct buf path = {0};
    buf_printf(&path, "data/%s", id->items[2]->text);
    const struct zip_entry *e = find_entry(f, path.data);
    buf_clear(&path);
    if (!e)
        return bad_tensor(f, name, err, "its data entry is missing from the archive");
    if (out->n_elements > e->size / dtype_size(out->dtype)) {
        err_set(err, ERR_FORMAT,
                "%s: tensor '%.100s': needs %zu elements of %zu bytes, entry '%.80s' "
                "has %zu bytes",
                f->name, name, out->n_elements, dtype_size(out->dtype), e->name, e->size);
        return damaged(err, ERR_FORMAT);
    }
    return zip_bytes(&out->bytes, &f->zip, e, dtype_size(out->dtype), f->name, err);
}

static int read_shape(struct tensor *t, const struct torch_file *f, const struct pickle_value *size,
                      struct err *err)
{
    if (size->kind != PICKLE_TUPLE)
        return bad_tensor(f, t->name, err, "has no shape");
    if (size->n_items > TENSOR_MAX_DIMS) {
        err_set(err, ERR_UNSUPPORTED,
                "%s: tensor '%.100s': has %zu dimensions, at most %d are read", f->name, t->name,
                size->n_items, TENSOR_MAX_DIMS);
        return unsupported(err);
    }
    t->n_dims = (int)size->n_items;
    for (size_t i = 0; i < size->n_items; i++)
        if (!to_size(&t->shape[i], size->items[i]))
            return bad_tensor(f, t->name, err, "its shape is not a tuple of sizes");
    return ERR_OK;
}

/* Row-major without gaps; the stride of a dimension of size 1 does not matter. */
static int check_strides(const struct tensor *t, size_t n, const struct torch_file *f,
                         const struct pickle_value *strides, struct err *err)
{
    if (!is_kind(strides, PICKLE_TUPLE, 0) || strides->n_items != (size_t)t->n_dims)
        return bad_tensor(f, t->name, err, "its strides do not match its shape");
    size_t expected = 1;
    for (int i = t->n_dims; i-- > 0 && n > 0;) {
        size_t stride;
        if (!to_size(&stride, strides->items[i]))
            return bad_tensor(f, t->name, err, "its strides are not a tuple of sizes");
        if (t->shape[i] != 1 && stride != expected) {
            err_set(err, ERR_UNSUPPORTED,
                    "%s: tensor '%.100s': is stored transposed or as a slice "
                    "(stride %zu in dimension %d, %zu expected)",
                    f->name, t->name, stride, i, expected);
            return unsupported(err);
        }
        expected *= t->shape[i]; /* divides n, which did not overflow */
    }
    return ERR_OK;
}

/* args: (storage, offset, size, strides, requires_grad, hooks) */
static int read_rebuilt(struct tensor *t, struct torch_file *f, const struct pickle_value *args,
                        struct err *err)
{
    size_t offset, n;
    struct storage storage;
    if (args->n_items < 4 || !to_size(&offset, args->items[1]))
        return bad_tensor(f, t->name, err, "is not described as torch does");
    int rc = read_storage(&storage, f, t->name, args->items[0], err);
    if (rc == ERR_OK)
        rc = read_shape(t, f, args->items[2], err);
    if (rc != ERR_OK)
        return rc;
    if (tensor_n_elements(&n, t, NULL) != ERR_OK)
        return bad_tensor(f, t->name, err, "its shape is larger than any memory");
    rc = check_strides(t, n, f, args->items[3], err);
    if (rc != ERR_OK)
        return rc;
    if (offset > storage.n_elements || n > storage.n_elements - offset) {
        err_set(err, ERR_SHAPE,
                "%s: tensor '%.100s': takes %zu elements from number %zu on, but its "
                "storage has %zu",
                f->name, t->name, n, offset, storage.n_elements);
        return damaged(err, ERR_SHAPE);
    }
    t->dtype = storage.dtype;
    t->n_bytes = n * dtype_size(t->dtype);
    t->data = storage.bytes + offset * dtype_size(t->dtype);
    return ERR_OK;
}

static bool is_call(const struct pickle_value *v, const char *function)
{
    return v->kind == PICKLE_CALL && strcmp(v->items[0]->text, function) == 0;
}

static int read_tensor(struct torch_file *f, const char *name, const struct pickle_value *v,
                       struct err *err)
{
    struct tensor *t = &f->tensors[f->n];
    *t = (struct tensor){.name = name};
    if (is_call(v, REBUILD_PARAMETER) && v->items[1]->n_items > 0)
        v = v->items[1]->items[0];
    if (!is_call(v, TORCH_REBUILD_TENSOR)) {
        err_set(err, ERR_UNSUPPORTED, "%s: '%.100s' is not a tensor", f->name, name);
        err_hint(err, "Save a tensor with torch.save, or a dict that holds nothing but tensors.");
        return ERR_UNSUPPORTED;
    }
    int rc = read_rebuilt(t, f, v->items[1], err);
    f->n += rc == ERR_OK;
    return rc;
}

static int read_tensors(struct torch_file *f, struct err *err)
{
    const struct pickle_value *root = f->pickle.root;
    bool is_dict = root->kind == PICKLE_DICT;
    f->tensors = mem_alloc(is_dict ? root->n_items / 2 : 1, sizeof *f->tensors);
    if (!is_dict)
        return read_tensor(f, "", root, err);
    for (size_t i = 0; i + 1 < root->n_items; i += 2) {
        const struct pickle_value *key = root->items[i];
        if (key->kind != PICKLE_STRING) {
            err_set(err, ERR_UNSUPPORTED, "%s: holds a dict whose keys are not all strings",
                    f->name);
            err_hint(err, "Save a tensor with torch.save, or a dict that maps names to tensors.");
            return ERR_UNSUPPORTED;
        }
        int rc = read_tensor(f, key->text, root->items[i + 1], err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* --- interface --- */

/* Before 1.6, torch.save wrote bare pickles. */
static int check_kind(const uint8_t *bytes, size_t size, const char *name, struct err *err)
{
    if (size == 0 || bytes[0] != 0x80)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "%s: was saved by torch before 1.6, or is a bare pickle", name);
    err_hint(err, "Load it with torch and save it again.");
    return ERR_UNSUPPORTED;
}

static int parse(struct torch_file *f, const void *bytes, size_t size, struct err *err)
{
    int rc = check_kind(bytes, size, f->name, err);
    if (rc == ERR_OK)
        rc = zip_parse(&f->zip, bytes, size, f->name, err);
    if (rc != ERR_OK)
        return rc;
    rc = find_prefix(f, err);
    if (rc == ERR_OK)
        rc = check_byte_order(f, err);
    if (rc == ERR_OK)
        rc = read_pickle(f, err);
    if (rc == ERR_OK)
        rc = read_tensors(f, err);
    return err_hint_missing(err, rc,
                            rc == ERR_NOMEM ? "Close other programs to free memory."
                                            : "Save the tensor alone with torch.save.");
}

int torch_parse(struct torch_file **out, const void *bytes, size_t size, const char *name,
                struct err *err)
{
    struct torch_file *f = mem_zalloc(1, sizeof *f);
    f->name = mem_strdup(name);
    int rc = parse(f, bytes, size, err);
    if (rc != ERR_OK) {
        torch_close(f);
        f = NULL;
    }
    *out = f;
    return rc;
}

int torch_open(struct torch_file **out, const char *path, struct err *err)
{
    *out = NULL;
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc == ERR_OK)
        rc = torch_parse(out, map.data, map.size, path, err);
    if (rc == ERR_OK)
        (*out)->map = map;
    else
        file_unmap(&map);
    return rc;
}

void torch_close(struct torch_file *f)
{
    if (!f)
        return;
    free(f->tensors);
    pickle_clear(&f->pickle);
    free(f->prefix);
    zip_clear(&f->zip);
    free(f->name);
    file_unmap(&f->map);
    free(f);
}

size_t torch_count(const struct torch_file *f)
{
    return f->n;
}

const struct tensor *torch_at(const struct torch_file *f, size_t i)
{
    return i < f->n ? &f->tensors[i] : NULL;
}

size_t torch_heap_bytes(const struct torch_file *f)
{
    return f->zip.n_owned;
}

const struct tensor *torch_find(const struct torch_file *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    return NULL;
}
