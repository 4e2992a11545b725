#include "data/safetensors.h"

#include "data/bytes.h"
#include "data/file.h"
#include "data/json.h"
#include "data/tensor_index.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8
#define MAX_HEADER ((size_t)16 << 20) /* a 27B model's header has under 100 kB */
#define METADATA_KEY "__metadata__"

struct safetensors {
    struct file_map map; /* empty when parsed from memory */
    char *name;
    struct json_doc *header; /* owns the tensors' names and the metadata */
    const uint8_t *data;     /* what offsets count from */
    size_t data_len;
    struct tensor *tensors; /* [n] in header order */
    struct tensor_index by_name;
    void **copies; /* [n] aligned copies of misaligned tensors, or NULL */
    size_t n;
};

static int damaged(struct err *err)
{
    err_hint(err, "The file is incomplete or damaged; download or copy it again.");
    return ERR_FORMAT;
}

/* --- header --- */

static int parse_header(struct safetensors *st, const uint8_t *bytes, size_t size, struct err *err)
{
    if (size < LENGTH_BYTES) {
        err_set(err, ERR_FORMAT, "%s: has %zu bytes, too few for a safetensors file", st->name,
                size);
        return damaged(err);
    }
    uint64_t len = load_u64(bytes);
    if (size > LENGTH_BYTES && bytes[LENGTH_BYTES] != '{') {
        err_set(err, ERR_FORMAT, "%s: is not a safetensors file: byte 8 should begin its header",
                st->name);
        err_hint(err,
                 "A file fetched without git-lfs holds only a pointer; download the file itself.");
        return ERR_FORMAT;
    }
    if (len > size - LENGTH_BYTES) {
        err_set(err, ERR_FORMAT, "%s: its header of %llu bytes exceeds the file of %zu bytes",
                st->name, (unsigned long long)len, size);
        return damaged(err);
    }
    if (len > MAX_HEADER)
        return err_set(err, ERR_LIMIT, "%s: its header of %llu bytes exceeds the limit of %zu",
                       st->name, (unsigned long long)len, MAX_HEADER);
    st->data = bytes + LENGTH_BYTES + len;
    st->data_len = size - LENGTH_BYTES - (size_t)len;
    struct buf name = {0};
    buf_printf(&name, "%s: header", st->name);
    int rc =
        json_parse(&st->header, (const char *)bytes + LENGTH_BYTES, (size_t)len, name.data, err);
    buf_clear(&name);
    if (rc == ERR_OK && !json_is_object(json_root(st->header))) {
        err_set(err, ERR_FORMAT, "%s: its header is not a JSON object", st->name);
        rc = damaged(err);
    }
    return rc;
}

static int bad_entry(const struct safetensors *st, struct err *err, const char *tensor,
                     const char *why)
{
    err_set(err, ERR_FORMAT, "%s: tensor '%.100s': %s", st->name, tensor, why);
    return damaged(err);
}

static int parse_dtype(struct tensor *t, const struct safetensors *st, const struct json *entry,
                       struct err *err)
{
    const char *name = json_string(json_get(entry, "dtype"));
    if (!name)
        return bad_entry(st, err, t->name, "its dtype is missing");
    for (int d = DTYPE_F32; d <= DTYPE_U8; d++) {
        if (strcmp(name, dtype_name((enum dtype)d)) == 0) {
            t->dtype = (enum dtype)d;
            return ERR_OK;
        }
    }
    err_set(err, ERR_UNSUPPORTED, "%s: tensor '%.100s': is stored as %.32s, which is not read here",
            st->name, t->name, name);
    err_hint(err, "Use weights stored as BF16, F16 or F32.");
    return ERR_UNSUPPORTED;
}

/* A number that JSON can carry exactly and size_t can hold. */
static bool to_size(size_t *out, const struct json *v)
{
    double d = json_number(v);
    if (!json_is_number(v) || !(d >= 0 && d <= 0x1p53) || d > (double)(SIZE_MAX / 2))
        return false;
    *out = (size_t)d;
    return (double)*out == d;
}

static int parse_shape(struct tensor *t, const struct safetensors *st, const struct json *entry,
                       struct err *err)
{
    const struct json *shape = json_get(entry, "shape");
    if (!json_is_array(shape))
        return bad_entry(st, err, t->name, "its shape is missing");
    for (const struct json *v = json_first(shape); v; v = json_next(v)) {
        if (t->n_dims == TENSOR_MAX_DIMS)
            return err_set(err, ERR_UNSUPPORTED, "%s: tensor '%.100s': has more than %d dimensions",
                           st->name, t->name, TENSOR_MAX_DIMS);
        if (!to_size(&t->shape[t->n_dims++], v))
            return bad_entry(st, err, t->name, "its shape is not a list of whole numbers");
    }
    return ERR_OK;
}

static int parse_offsets(struct tensor *t, const struct safetensors *st, const struct json *entry,
                         struct err *err)
{
    const struct json *offsets = json_get(entry, "data_offsets");
    size_t begin, end;
    if (!json_is_array(offsets) || json_size(offsets) != 2 ||
        !to_size(&begin, json_first(offsets)) || !to_size(&end, json_next(json_first(offsets))) ||
        begin > end)
        return bad_entry(st, err, t->name, "its data_offsets are not a range");
    if (end > st->data_len) {
        err_set(err, ERR_FORMAT, "%s: tensor '%.100s': ends at byte %zu of the data, which has %zu",
                st->name, t->name, end, st->data_len);
        return damaged(err);
    }
    t->data = st->data + begin;
    t->n_bytes = end - begin;
    return ERR_OK;
}

static int parse_entry(struct tensor *t, const struct safetensors *st, const struct json *entry,
                       struct err *err)
{
    *t = (struct tensor){.name = json_key(entry)};
    int rc = parse_dtype(t, st, entry, err);
    if (rc == ERR_OK)
        rc = parse_shape(t, st, entry, err);
    if (rc == ERR_OK)
        rc = parse_offsets(t, st, entry, err);
    if (rc != ERR_OK)
        return rc;
    size_t n, bytes;
    if (tensor_n_elements(&n, t, NULL) != ERR_OK || !size_mul(&bytes, n, dtype_size(t->dtype)))
        return bad_entry(st, err, t->name, "its shape is larger than any memory");
    if (bytes != t->n_bytes) {
        err_set(err, ERR_SHAPE,
                "%s: tensor '%.100s': its shape needs %zu bytes, its data_offsets hold "
                "%zu",
                st->name, t->name, bytes, t->n_bytes);
        damaged(err);
        return ERR_SHAPE;
    }
    return ERR_OK;
}

static int parse_entries(struct safetensors *st, struct err *err)
{
    const struct json *root = json_root(st->header);
    size_t n = json_size(root);
    st->tensors = mem_alloc(n, sizeof *st->tensors);
    for (const struct json *entry = json_first(root); entry; entry = json_next(entry)) {
        if (strcmp(json_key(entry), METADATA_KEY) == 0)
            continue;
        int rc = parse_entry(&st->tensors[st->n], st, entry, err);
        if (rc != ERR_OK)
            return rc;
        st->n++;
    }
    return ERR_OK;
}

/* The format only promises alignment for files by careful writers: others cost a copy. */
static int align_data(struct safetensors *st, struct err *err)
{
    st->copies = mem_zalloc(st->n, sizeof *st->copies);
    for (size_t i = 0; i < st->n; i++) {
        struct tensor *t = &st->tensors[i];
        if (t->n_bytes == 0 || (uintptr_t)t->data % dtype_size(t->dtype) == 0)
            continue;
        st->copies[i] = mem_try_alloc(t->n_bytes, 1);
        if (!st->copies[i])
            return err_set(err, ERR_NOMEM,
                           "%s: no memory for an aligned copy of '%.100s' (%zu bytes)", st->name,
                           t->name, t->n_bytes);
        t->data = memcpy(st->copies[i], t->data, t->n_bytes);
    }
    return ERR_OK;
}

/* --- interface --- */

static int parse(struct safetensors *st, const void *bytes, size_t size, struct err *err)
{
    int rc = parse_header(st, bytes, size, err);
    if (rc == ERR_OK)
        rc = parse_entries(st, err);
    if (rc == ERR_OK)
        rc = tensor_index_init(&st->by_name, st->tensors, st->n, st->name, err);
    if (rc == ERR_OK)
        rc = align_data(st, err);
    return err_hint_missing(err, rc,
                            rc == ERR_NOMEM ? "Close other programs to free memory."
                                            : "Check that this is a model's file.");
}

int safetensors_parse(struct safetensors **out, const void *bytes, size_t size, const char *name,
                      struct err *err)
{
    struct safetensors *st = mem_zalloc(1, sizeof *st);
    st->name = mem_strdup(name);
    int rc = parse(st, bytes, size, err);
    if (rc != ERR_OK) {
        safetensors_close(st);
        st = NULL;
    }
    *out = st;
    return rc;
}

int safetensors_open(struct safetensors **out, const char *path, struct err *err)
{
    *out = NULL;
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc == ERR_OK)
        rc = safetensors_parse(out, map.data, map.size, path, err);
    if (rc == ERR_OK)
        (*out)->map = map;
    else
        file_unmap(&map);
    return rc;
}

void safetensors_close(struct safetensors *st)
{
    if (!st)
        return;
    for (size_t i = 0; st->copies && i < st->n; i++)
        free(st->copies[i]);
    free(st->copies);
    tensor_index_clear(&st->by_name);
    free(st->tensors);
    json_close(st->header);
    free(st->name);
    file_unmap(&st->map);
    free(st);
}

size_t safetensors_count(const struct safetensors *st)
{
    return st->n;
}

const struct tensor *safetensors_at(const struct safetensors *st, size_t i)
{
    return i < st->n ? &st->tensors[i] : NULL;
}

const struct tensor *safetensors_find(const struct safetensors *st, const char *name)
{
    return tensor_index_find(&st->by_name, name);
}

const char *safetensors_metadata(const struct safetensors *st, const char *key)
{
    return json_string(json_get(json_get(json_root(st->header), METADATA_KEY), key));
}
