#include "data/gguf.h"

#include "data/bytes.h"
#include "data/file.h"
#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "GGUF"
#define DEFAULT_ALIGNMENT 32
#define MAX_ALIGNMENT ((size_t)1 << 20)
#define MAX_NAME ((size_t)1 << 16)
#define MAX_ARRAY_DEPTH 4 /* arrays in arrays: none are known, the format allows them */

struct gguf {
    struct file_map map; /* empty when parsed from memory */
    char *name;
    struct gguf_value *values; /* [n_values] in file order */
    size_t n_values, cap_values;
    const struct gguf_value **values_by_key; /* [n_values] sorted */
    struct tensor *tensors;                  /* [n_tensors] in file order */
    size_t n_tensors, cap_tensors;
    const struct tensor **tensors_by_name; /* [n_tensors] sorted */
    char *unread_tensor;                   /* the first of a type that is not read, or NULL */
    const char *unread_type;
};

/* What is read next. Nothing moves beyond the end. */
struct cursor {
    const uint8_t *at;
    size_t left;
    const struct gguf *g;
    struct err *err;
};

static int damaged(struct err *err)
{
    err_hint(err, "The file is incomplete or damaged; download or copy it again.");
    return ERR_FORMAT;
}

static int cut_off(const struct cursor *c, const char *what)
{
    err_set(c->err, ERR_FORMAT, "%s: ends in the middle of %s", c->g->name, what);
    return damaged(c->err);
}

static const uint8_t *take(struct cursor *c, size_t n)
{
    if (n > c->left)
        return NULL;
    const uint8_t *p = c->at;
    c->at += n;
    c->left -= n;
    return p;
}

static bool take_u32(uint32_t *out, struct cursor *c)
{
    const uint8_t *p = take(c, 4);
    *out = p ? load_u32(p) : 0;
    return p;
}

static bool take_u64(uint64_t *out, struct cursor *c)
{
    const uint8_t *p = take(c, 8);
    *out = p ? load_u64(p) : 0;
    return p;
}

/* A string in the file; *text is not terminated. */
static bool take_string(const char **text, size_t *len, struct cursor *c)
{
    uint64_t n;
    if (!take_u64(&n, c) || n > c->left)
        return false;
    *len = (size_t)n;
    *text = (const char *)take(c, *len);
    return true;
}

/* A name that is compared as a C string: short, not empty, without NUL. Caller frees. */
static int take_name(char **out, struct cursor *c, const char *what)
{
    const char *text;
    size_t len;
    if (!take_string(&text, &len, c))
        return cut_off(c, what);
    if (len == 0 || len > MAX_NAME || memchr(text, '\0', len)) {
        err_set(c->err, ERR_FORMAT, "%s: has %s that is empty, too long or holds a NUL byte",
                c->g->name, what);
        return damaged(c->err);
    }
    *out = mem_strndup(text, len);
    return ERR_OK;
}

/* --- metadata --- */

static int bad_type(const struct cursor *c, uint32_t type)
{
    err_set(c->err, ERR_FORMAT, "%s: a metadata value is of type %u, which does not exist",
            c->g->name, (unsigned)type);
    return damaged(c->err);
}

static int skip_items(struct cursor *c, uint32_t type, uint64_t n, int depth);

static int skip_array(struct cursor *c, int depth)
{
    uint32_t type;
    uint64_t n;
    if (!take_u32(&type, c) || !take_u64(&n, c))
        return cut_off(c, "an array of its metadata");
    if (depth == MAX_ARRAY_DEPTH)
        return err_set(c->err, ERR_LIMIT, "%s: its metadata has arrays more than %d deep",
                       c->g->name, MAX_ARRAY_DEPTH);
    return skip_items(c, type, n, depth + 1);
}

/* Moves behind n values of a type. */
static int skip_items(struct cursor *c, uint32_t type, uint64_t n, int depth)
{
    size_t size = gguf_type_size(type);
    if (size > 0)
        return n <= c->left / size && take(c, (size_t)n * size) ? ERR_OK
                                                                : cut_off(c, "its metadata");
    if (type != GGUF_STRING && type != GGUF_ARRAY)
        return bad_type(c, type);
    int rc = ERR_OK;
    for (uint64_t i = 0; i < n && rc == ERR_OK; i++) { /* every turn takes 8 bytes at least */
        const char *text;
        size_t len;
        if (type == GGUF_ARRAY)
            rc = skip_array(c, depth);
        else if (!take_string(&text, &len, c))
            rc = cut_off(c, "a string of its metadata");
    }
    return rc;
}

static int read_value_body(struct gguf_value *v, struct cursor *c)
{
    uint32_t type, item_type = 0;
    uint64_t n = 1;
    if (!take_u32(&type, c))
        return cut_off(c, "its metadata");
    if (type == GGUF_ARRAY && (!take_u32(&item_type, c) || !take_u64(&n, c)))
        return cut_off(c, "an array of its metadata");
    v->bytes = c->at;
    int rc = skip_items(c, type == GGUF_ARRAY ? item_type : type, n, 1);
    if (rc != ERR_OK)
        return rc;
    v->type = (enum gguf_type)type;
    v->item_type = (enum gguf_type)item_type;
    v->n = (size_t)n; /* its elements lie in the file */
    return ERR_OK;
}

static int read_values(struct gguf *g, struct cursor *c, uint64_t n)
{
    int rc = ERR_OK;
    for (uint64_t i = 0; i < n && rc == ERR_OK; i++) {
        char *key = NULL;
        rc = take_name(&key, c, "a metadata key");
        if (rc != ERR_OK)
            return rc;
        g->values = mem_grow(g->values, &g->cap_values, g->n_values + 1, sizeof *g->values);
        struct gguf_value *v = &g->values[g->n_values++];
        *v = (struct gguf_value){.key = key};
        rc = read_value_body(v, c);
    }
    return rc;
}

static int compare_keys(const void *a, const void *b)
{
    const struct gguf_value *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static int index_values(struct gguf *g, struct err *err)
{
    g->values_by_key = mem_alloc(g->n_values, sizeof(struct gguf_value *));
    for (size_t i = 0; i < g->n_values; i++)
        g->values_by_key[i] = &g->values[i];
    if (g->n_values > 0)
        qsort(g->values_by_key, g->n_values, sizeof *g->values_by_key, compare_keys);
    for (size_t i = 1; i < g->n_values; i++)
        if (compare_keys(&g->values_by_key[i - 1], &g->values_by_key[i]) == 0) {
            err_set(err, ERR_FORMAT, "%s: the metadata key '%.100s' occurs twice", g->name,
                    g->values_by_key[i]->key);
            return damaged(err);
        }
    return ERR_OK;
}

/* --- tensors --- */

/* ggml's numbers of storage types; those without a dtype are known by name only. */
static const struct {
    const char *name;
    int dtype; /* or -1 */
} storage_types[] = {
    {"F32", DTYPE_F32},   {"F16", DTYPE_F16},   {"Q4_0", DTYPE_Q4_0}, {"Q4_1", -1},
    {"Q4_2", -1},         {"Q4_3", -1},         {"Q5_0", -1},         {"Q5_1", -1},
    {"Q8_0", DTYPE_Q8_0}, {"Q8_1", -1},         {"Q2_K", -1},         {"Q3_K", -1},
    {"Q4_K", DTYPE_Q4_K}, {"Q5_K", DTYPE_Q5_K}, {"Q6_K", DTYPE_Q6_K}, {"Q8_K", -1},
    {"IQ2_XXS", -1},      {"IQ2_XS", -1},       {"IQ3_XXS", -1},      {"IQ1_S", -1},
    {"IQ4_NL", -1},       {"IQ3_S", -1},        {"IQ2_S", -1},        {"IQ4_XS", -1},
    {"I8", -1},           {"I16", -1},          {"I32", DTYPE_I32},   {"I64", DTYPE_I64},
    {"F64", DTYPE_F64},   {"IQ1_M", -1},        {"BF16", DTYPE_BF16},
};
#define N_STORAGE_TYPES (sizeof storage_types / sizeof *storage_types)

/* One tensor as the header describes it, before its data is known to be there. */
struct description {
    char *name; /* owned */
    int n_dims;
    size_t shape[TENSOR_MAX_DIMS]; /* outermost first */
    uint32_t type;
    uint64_t offset; /* from the start of the data */
};

static int read_shape(struct description *d, struct cursor *c)
{
    uint32_t n_dims;
    if (!take_u32(&n_dims, c))
        return cut_off(c, "its list of tensors");
    if (n_dims > TENSOR_MAX_DIMS)
        return err_set(c->err, ERR_UNSUPPORTED, "%s: tensor '%.100s': has %u dimensions, not %d",
                       c->g->name, d->name, (unsigned)n_dims, TENSOR_MAX_DIMS);
    d->n_dims = (int)n_dims;
    for (uint32_t i = 0; i < n_dims; i++) {
        uint64_t size;
        if (!take_u64(&size, c))
            return cut_off(c, "its list of tensors");
        if (size > SIZE_MAX / 2)
            return err_set(c->err, ERR_SHAPE, "%s: tensor '%.100s': its shape is too large",
                           c->g->name, d->name);
        d->shape[n_dims - 1 - i] = (size_t)size;
    }
    return ERR_OK;
}

static int read_description(struct description *d, struct cursor *c)
{
    int rc = take_name(&d->name, c, "a tensor's name");
    if (rc == ERR_OK)
        rc = read_shape(d, c);
    if (rc == ERR_OK && (!take_u32(&d->type, c) || !take_u64(&d->offset, c)))
        rc = cut_off(c, "its list of tensors");
    return rc;
}

/* Appends what is described, its data still an offset; the name moves into the list. */
static int add_tensor(struct gguf *g, struct description *d, struct err *err)
{
    const char *type = d->type < N_STORAGE_TYPES ? storage_types[d->type].name : "an unknown type";
    if (d->type >= N_STORAGE_TYPES || storage_types[d->type].dtype < 0) {
        if (!g->unread_tensor) {
            g->unread_tensor = mem_strdup(d->name);
            g->unread_type = type;
        }
        return ERR_OK;
    }
    struct tensor t = {
        .name = d->name, .dtype = (enum dtype)storage_types[d->type].dtype, .n_dims = d->n_dims};
    memcpy(t.shape, d->shape, sizeof t.shape);
    size_t n, row = t.n_dims > 0 ? t.shape[t.n_dims - 1] : 1;
    if (tensor_n_elements(&n, &t, NULL) != ERR_OK ||
        !size_mul(&t.n_bytes, n / dtype_block(t.dtype), dtype_size(t.dtype)))
        return err_set(err, ERR_SHAPE, "%s: tensor '%.100s': its shape is larger than any memory",
                       g->name, d->name);
    if (row % dtype_block(t.dtype) != 0)
        return err_set(err, ERR_SHAPE,
                       "%s: tensor '%.100s': its rows of %zu are not whole blocks of %s", g->name,
                       d->name, row, type);
    g->tensors = mem_grow(g->tensors, &g->cap_tensors, g->n_tensors + 1, sizeof *g->tensors);
    g->tensors[g->n_tensors++] = t;
    d->name = NULL;
    return ERR_OK;
}

/* offsets: [n_tensors] grows along; the caller frees. */
static int read_tensors(struct gguf *g, struct cursor *c, uint64_t n, uint64_t **offsets)
{
    int rc = ERR_OK;
    size_t cap = 0;
    for (uint64_t i = 0; i < n && rc == ERR_OK; i++) {
        struct description d = {0};
        rc = read_description(&d, c);
        if (rc == ERR_OK) {
            *offsets = mem_grow(*offsets, &cap, g->n_tensors + 1, sizeof **offsets);
            (*offsets)[g->n_tensors] = d.offset;
            rc = add_tensor(g, &d, c->err);
        }
        free(d.name);
    }
    return rc;
}

static int get_alignment(size_t *out, const struct gguf *g, struct err *err)
{
    *out = DEFAULT_ALIGNMENT;
    const struct gguf_value *v = gguf_find_value(g, "general.alignment");
    if (!v)
        return ERR_OK;
    int64_t n;
    if (!gguf_int(&n, v) || n < 8 || n > (int64_t)MAX_ALIGNMENT || (n & (n - 1)) != 0) {
        err_set(err, ERR_FORMAT, "%s: general.alignment is not a power of two from 8 on", g->name);
        return damaged(err);
    }
    *out = (size_t)n;
    return ERR_OK;
}

/* Finds the tensors' bytes in the data, which begins at `data`. */
static int place_tensors(struct gguf *g, const uint8_t *data, size_t size, size_t alignment,
                         const uint64_t *offsets, struct err *err)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        struct tensor *t = &g->tensors[i];
        if (offsets[i] % alignment != 0) {
            err_set(err, ERR_FORMAT, "%s: tensor '%.100s': its offset is not a multiple of %zu",
                    g->name, t->name, alignment);
            return damaged(err);
        }
        if (offsets[i] > size || t->n_bytes > size - (size_t)offsets[i]) {
            err_set(err, ERR_FORMAT,
                    "%s: tensor '%.100s': its %zu bytes from %llu on exceed the data of %zu",
                    g->name, t->name, t->n_bytes, (unsigned long long)offsets[i], size);
            return damaged(err);
        }
        t->data = data + offsets[i];
    }
    return ERR_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int compare_places(const void *a, const void *b)
{
    const struct tensor *const *x = a, *const *y = b;
    uintptr_t p = (uintptr_t)(*x)->data, q = (uintptr_t)(*y)->data;
    if (p != q)
        return p < q ? -1 : 1;
    return ((*x)->n_bytes > (*y)->n_bytes) - ((*x)->n_bytes < (*y)->n_bytes);
}

static int index_tensors(struct gguf *g, struct err *err)
{
    const struct tensor **t = g->tensors_by_name = mem_alloc(g->n_tensors, sizeof(struct tensor *));
    for (size_t i = 0; i < g->n_tensors; i++)
        t[i] = &g->tensors[i];
    if (g->n_tensors == 0)
        return ERR_OK;
    qsort(t, g->n_tensors, sizeof *t, compare_places);
    for (size_t i = 1; i < g->n_tensors; i++)
        if ((const uint8_t *)t[i]->data < (const uint8_t *)t[i - 1]->data + t[i - 1]->n_bytes) {
            err_set(err, ERR_FORMAT, "%s: tensors '%.100s' and '%.100s' overlap", g->name,
                    t[i - 1]->name, t[i]->name);
            return damaged(err);
        }
    qsort(t, g->n_tensors, sizeof *t, compare_names);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (compare_names(&t[i - 1], &t[i]) == 0) {
            err_set(err, ERR_FORMAT, "%s: tensor '%.100s' occurs twice", g->name, t[i]->name);
            return damaged(err);
        }
    return ERR_OK;
}

/* --- the file --- */

static int read_version(struct cursor *c)
{
    const uint8_t *magic = take(c, 4);
    uint32_t version;
    if (!magic || memcmp(magic, MAGIC, 4) != 0 || !take_u32(&version, c)) {
        err_set(c->err, ERR_FORMAT, "%s: is not a GGUF file: it does not begin with GGUF",
                c->g->name);
        err_hint(c->err,
                 "A file fetched without git-lfs holds only a pointer; download the file itself.");
        return ERR_FORMAT;
    }
    if (version == 2 || version == 3)
        return ERR_OK;
    bool is_swapped = version != 0 && (version & 0xffff) == 0;
    err_set(c->err, ERR_UNSUPPORTED,
            is_swapped ? "%s: is a big-endian GGUF file"
                       : "%s: is GGUF version %u; 2 and 3 are read",
            c->g->name, (unsigned)version);
    err_hint(c->err, "Convert the model again with a recent llama.cpp, or download a newer file.");
    return ERR_UNSUPPORTED;
}

static int read_data(struct gguf *g, struct cursor *c, const uint64_t *offsets, size_t n_before)
{
    size_t alignment;
    int rc = get_alignment(&alignment, g, c->err);
    if (rc != ERR_OK)
        return rc;
    size_t padding = (alignment - n_before % alignment) % alignment;
    if (g->n_tensors > 0 && !take(c, padding))
        return cut_off(c, "the padding before its data");
    rc = place_tensors(g, c->at, c->left, alignment, offsets, c->err);
    return rc == ERR_OK ? index_tensors(g, c->err) : rc;
}

static int parse(struct gguf *g, const void *bytes, size_t size, struct err *err)
{
    struct cursor c = {bytes, size, g, err};
    uint64_t n_tensors, n_values, *offsets = NULL;
    int rc = read_version(&c);
    if (rc != ERR_OK)
        return rc;
    if (!take_u64(&n_tensors, &c) || !take_u64(&n_values, &c))
        return cut_off(&c, "its header");
    rc = read_values(g, &c, n_values);
    if (rc == ERR_OK)
        rc = index_values(g, err);
    if (rc == ERR_OK)
        rc = read_tensors(g, &c, n_tensors, &offsets);
    if (rc == ERR_OK)
        rc = read_data(g, &c, offsets, size - c.left);
    free(offsets);
    return rc;
}

int gguf_parse(struct gguf **out, const void *bytes, size_t size, const char *name, struct err *err)
{
    struct gguf *g = mem_zalloc(1, sizeof *g);
    g->name = mem_strdup(name);
    int rc = parse(g, bytes, size, err);
    if (rc != ERR_OK) {
        gguf_close(g);
        g = NULL;
    }
    *out = g;
    return err_hint_missing(err, rc, "Check that this is a model's file.");
}

int gguf_open(struct gguf **out, const char *path, struct err *err)
{
    *out = NULL;
    struct file_map map;
    int rc = file_map(&map, path, err);
    if (rc != ERR_OK)
        return rc;
    rc = gguf_parse(out, map.data, map.size, path, err);
    if (rc == ERR_OK)
        (*out)->map = map;
    else
        file_unmap(&map);
    return rc;
}

void gguf_close(struct gguf *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n_values; i++)
        free((char *)(uintptr_t)g->values[i].key);
    for (size_t i = 0; i < g->n_tensors; i++)
        free((char *)(uintptr_t)g->tensors[i].name);
    free(g->values);
    free(g->values_by_key);
    free(g->tensors);
    free(g->tensors_by_name);
    free(g->unread_tensor);
    free(g->name);
    file_unmap(&g->map);
    free(g);
}

const char *gguf_name(const struct gguf *g)
{
    return g->name;
}

/* --- values by number and key --- */

size_t gguf_n_values(const struct gguf *g)
{
    return g->n_values;
}

const struct gguf_value *gguf_value_at(const struct gguf *g, size_t i)
{
    return i < g->n_values ? &g->values[i] : NULL;
}

const struct gguf_value *gguf_find_value(const struct gguf *g, const char *key)
{
    const struct gguf_value wanted = {.key = key}, *at = &wanted;
    const struct gguf_value **found =
        g->n_values == 0
            ? NULL
            : bsearch(&at, g->values_by_key, g->n_values, sizeof *g->values_by_key, compare_keys);
    return found ? *found : NULL;
}

/* --- tensors by number and name --- */

size_t gguf_n_tensors(const struct gguf *g)
{
    return g->n_tensors;
}

const struct tensor *gguf_tensor_at(const struct gguf *g, size_t i)
{
    return i < g->n_tensors ? &g->tensors[i] : NULL;
}

const struct tensor *gguf_find_tensor(const struct gguf *g, const char *name)
{
    const struct tensor wanted = {.name = name}, *at = &wanted;
    const struct tensor **found = g->n_tensors == 0
                                      ? NULL
                                      : bsearch(&at, g->tensors_by_name, g->n_tensors,
                                                sizeof *g->tensors_by_name, compare_names);
    return found ? *found : NULL;
}

/* --- writing --- */

static void write_string(struct buf *out, const char *text)
{
    buf_add_u64(out, strlen(text));
    buf_str(out, text);
}

static uint32_t storage_type(enum dtype dtype)
{
    uint32_t type = 0;
    while (type < N_STORAGE_TYPES && storage_types[type].dtype != (int)dtype)
        type++;
    assert(type < N_STORAGE_TYPES);
    return type;
}

size_t gguf_padding(size_t n_bytes)
{
    return (DEFAULT_ALIGNMENT - n_bytes % DEFAULT_ALIGNMENT) % DEFAULT_ALIGNMENT;
}

void gguf_write_head(struct buf *out, const char *const (*texts)[2], size_t n_texts,
                     const struct tensor *tensors, size_t n_tensors)
{
    const size_t start = out->len;
    uint64_t offset = 0;
    buf_str(out, MAGIC);
    buf_add_u32(out, 3);
    buf_add_u64(out, n_tensors);
    buf_add_u64(out, n_texts);
    for (size_t i = 0; i < n_texts; i++) {
        write_string(out, texts[i][0]);
        buf_add_u32(out, GGUF_STRING);
        write_string(out, texts[i][1]);
    }
    for (size_t i = 0; i < n_tensors; i++) {
        const struct tensor *t = &tensors[i];
        write_string(out, t->name);
        buf_add_u32(out, (uint32_t)t->n_dims);
        for (int k = t->n_dims; k-- > 0;)
            buf_add_u64(out, t->shape[k]);
        buf_add_u32(out, storage_type(t->dtype));
        buf_add_u64(out, offset);
        offset += t->n_bytes + gguf_padding(t->n_bytes);
    }
    for (size_t n = gguf_padding(out->len - start); n > 0; n--)
        buf_char(out, '\0');
}

/* --- types --- */

int gguf_check_types(const struct gguf *g, struct err *err)
{
    if (!g->unread_tensor)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "%s: tensor '%.100s': is stored as %s, which is not read here",
            g->name, g->unread_tensor, g->unread_type);
    err_hint(err, "Use a file in Q8_0, Q6_K, Q5_K, Q4_K, Q4_0, BF16, F16 or F32.");
    return ERR_UNSUPPORTED;
}
