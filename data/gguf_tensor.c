/* The tensors of a GGUF file: how they are stored, what the header says of them, where they lie. */
#include "data/gguf_internal.h"
#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

uint32_t gguf_type_of_dtype(enum dtype dtype)
{
    uint32_t type = 0;
    while (type < N_STORAGE_TYPES && storage_types[type].dtype != (int)dtype)
        type++;
    assert(type < N_STORAGE_TYPES);
    return type;
}

int gguf_check_types(const struct gguf *g, struct err *err)
{
    if (!g->unread_tensor)
        return ERR_OK;
    err_set(err, ERR_UNSUPPORTED, "%s: tensor '%.100s': is stored as %s, which is not read here",
            g->name, g->unread_tensor, g->unread_type);
    err_hint(err, "Use a file in Q8_0, Q6_K, Q5_K, Q4_K, Q4_0, BF16, F16 or F32.");
    return ERR_UNSUPPORTED;
}

/* --- reading the list --- */

/* One tensor as the header describes it, before its data is known to be there. */
struct description {
    char *name; /* owned */
    int n_dims;
    size_t shape[TENSOR_MAX_DIMS]; /* outermost first */
    uint32_t type;
    uint64_t offset; /* from the start of the data */
};

static int read_shape(struct description *d, struct gguf_cursor *c)
{
    uint32_t n_dims;
    if (!gguf_take_u32(&n_dims, c))
        return gguf_cut_off(c, "its list of tensors");
    if (n_dims > TENSOR_MAX_DIMS)
        return err_set(c->err, ERR_UNSUPPORTED, "%s: tensor '%.100s': has %u dimensions, not %d",
                       c->g->name, d->name, (unsigned)n_dims, TENSOR_MAX_DIMS);
    d->n_dims = (int)n_dims;
    for (uint32_t i = 0; i < n_dims; i++) {
        uint64_t size;
        if (!gguf_take_u64(&size, c))
            return gguf_cut_off(c, "its list of tensors");
        if (size > SIZE_MAX / 2)
            return err_set(c->err, ERR_SHAPE, "%s: tensor '%.100s': its shape is too large",
                           c->g->name, d->name);
        d->shape[n_dims - 1 - i] = (size_t)size;
    }
    return ERR_OK;
}

static int read_description(struct description *d, struct gguf_cursor *c)
{
    int rc = gguf_take_name(&d->name, c, "a tensor's name");
    if (rc == ERR_OK)
        rc = read_shape(d, c);
    if (rc == ERR_OK && (!gguf_take_u32(&d->type, c) || !gguf_take_u64(&d->offset, c)))
        rc = gguf_cut_off(c, "its list of tensors");
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

int gguf_read_tensors(struct gguf *g, struct gguf_cursor *c, uint64_t n, uint64_t **offsets)
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

int gguf_place_tensors(struct gguf *g, const uint8_t *data, size_t size, size_t alignment,
                       const uint64_t *offsets, struct err *err)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        struct tensor *t = &g->tensors[i];
        if (offsets[i] % alignment != 0) {
            err_set(err, ERR_FORMAT, "%s: tensor '%.100s': its offset is not a multiple of %zu",
                    g->name, t->name, alignment);
            return gguf_damaged(err);
        }
        if (offsets[i] > size || t->n_bytes > size - (size_t)offsets[i]) {
            err_set(err, ERR_FORMAT,
                    "%s: tensor '%.100s': its %zu bytes from %llu on exceed the data of %zu",
                    g->name, t->name, t->n_bytes, (unsigned long long)offsets[i], size);
            return gguf_damaged(err);
        }
        t->data = data + offsets[i];
    }
    return ERR_OK;
}

/* --- by number and name --- */

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
    return tensor_index_find(&g->by_name, name);
}
