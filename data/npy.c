#include "data/npy.h"

#include "data/bytes.h"
#include "data/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define MAX_HEADER 65536 /* numpy itself refuses more than 10000 unless told otherwise */
#define DESCR_SIZE 16

/* The header's text and what it says. */
struct header {
    const char *at, *end;
    const char *name;
    struct err *err;
    char descr[DESCR_SIZE];
    bool fortran_order;
    bool has_descr, has_order, has_shape;
    int n_dims;
    size_t shape[TENSOR_MAX_DIMS];
};

static int damaged(const char *name, struct err *err, const char *what)
{
    err_set(err, ERR_FORMAT, "%s: %s", name, what);
    err_hint(err, "The file is incomplete or damaged; download or copy it again.");
    return ERR_FORMAT;
}

static int unsupported(struct err *err)
{
    err_hint(err, "Save it again with numpy.save(path, array.astype('float32')).");
    return ERR_UNSUPPORTED;
}

/* --- the header's text --- */

static void skip_blanks(struct header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
        h->at++;
}

static bool take(struct header *h, char c)
{
    skip_blanks(h);
    if (h->at == h->end || *h->at != c)
        return false;
    h->at++;
    return true;
}

static bool take_word(struct header *h, const char *word)
{
    size_t len = strlen(word);
    skip_blanks(h);
    if ((size_t)(h->end - h->at) < len || memcmp(h->at, word, len) != 0)
        return false;
    h->at += len;
    return true;
}

/* A quoted string without escapes, which is all that numpy writes. */
static bool take_string(char *out, size_t size, struct header *h)
{
    skip_blanks(h);
    if (h->at == h->end || (*h->at != '\'' && *h->at != '"'))
        return false;
    char quote = *h->at++;
    const char *start = h->at;
    while (h->at < h->end && *h->at != quote && *h->at != '\\')
        h->at++;
    size_t len = (size_t)(h->at - start);
    if (h->at == h->end || *h->at != quote || len >= size)
        return false;
    memcpy(out, start, len);
    out[len] = '\0';
    h->at++;
    return true;
}

static bool take_size(size_t *out, struct header *h)
{
    skip_blanks(h);
    const char *start = h->at;
    *out = 0;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
        if (!size_mul(out, *out, 10) || !size_add(out, *out, (size_t)(*h->at - '0')))
            return false;
    return h->at > start;
}

static int refuse_dims(struct header *h)
{
    err_set(h->err, ERR_UNSUPPORTED, "%s: has more than %d dimensions", h->name, TENSOR_MAX_DIMS);
    return unsupported(h->err);
}

/* A tuple: (), (3,), (3, 4) */
static int take_shape(struct header *h)
{
    bool more = take(h, '(');
    if (!more)
        return damaged(h->name, h->err, "its header has a shape that is no tuple");
    while (more && !take(h, ')')) {
        if (h->n_dims == TENSOR_MAX_DIMS)
            return refuse_dims(h);
        if (!take_size(&h->shape[h->n_dims++], h))
            return damaged(h->name, h->err, "its header has a shape that is no list of sizes");
        more = take(h, ',');
        if (!more && !take(h, ')'))
            return damaged(h->name, h->err, "its header has a shape that does not end");
    }
    h->has_shape = true;
    return ERR_OK;
}

static int take_descr(struct header *h)
{
    h->has_descr = take_string(h->descr, sizeof h->descr, h);
    if (h->has_descr)
        return ERR_OK;
    err_set(h->err, ERR_UNSUPPORTED, "%s: holds records or numbers of an unknown kind", h->name);
    return unsupported(h->err);
}

static int take_item(struct header *h)
{
    char key[DESCR_SIZE];
    if (!take_string(key, sizeof key, h) || !take(h, ':'))
        return damaged(h->name, h->err, "its header is not the dictionary that numpy writes");
    if (strcmp(key, "descr") == 0 && !h->has_descr)
        return take_descr(h);
    if (strcmp(key, "shape") == 0 && !h->has_shape)
        return take_shape(h);
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->fortran_order = take_word(h, "True");
        h->has_order = h->fortran_order || take_word(h, "False");
        if (h->has_order)
            return ERR_OK;
    }
    return damaged(h->name, h->err, "its header is not the dictionary that numpy writes");
}

static int read_header(struct header *h)
{
    bool more = take(h, '{');
    while (more && !take(h, '}')) {
        int rc = take_item(h);
        if (rc != ERR_OK)
            return rc;
        more = take(h, ',');
        if (!more && !take(h, '}'))
            return damaged(h->name, h->err, "its header does not end");
    }
    skip_blanks(h);
    if (h->at != h->end || !h->has_descr || !h->has_order || !h->has_shape)
        return damaged(h->name, h->err, "its header is not the dictionary that numpy writes");
    return ERR_OK;
}

/* Finds the header's text; *data is where the numbers begin. */
static int find_header(struct header *h, size_t *data, const uint8_t *bytes, size_t size)
{
    if (size < MAGIC_SIZE + 4 || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
        return damaged(h->name, h->err, "does not begin as numpy's files do");
    unsigned version = bytes[MAGIC_SIZE];
    size_t start = version == 1 ? MAGIC_SIZE + 4 : MAGIC_SIZE + 6;
    if (version < 1 || version > 3) {
        err_set(h->err, ERR_UNSUPPORTED, "%s: is of version %u of numpy's format, 1 to 3 are read",
                h->name, version);
        return unsupported(h->err);
    }
    if (size < start)
        return damaged(h->name, h->err, "ends in its header");
    size_t len = version == 1 ? load_u16(bytes + 8) : load_u32(bytes + 8);
    if (len > MAX_HEADER || len > size - start)
        return damaged(h->name, h->err, "its header is longer than the file or than 64 KiB");
    h->at = (const char *)bytes + start;
    h->end = h->at + len;
    *data = start + len;
    return ERR_OK;
}

/* --- the numbers --- */

static const struct {
    const char *descr;
    enum dtype dtype;
} kinds[] = {{"<f4", DTYPE_F32}, {"<f2", DTYPE_F16}, {"<f8", DTYPE_F64}, {"<i8", DTYPE_I64},
             {"<i4", DTYPE_I32}, {"|u1", DTYPE_U8},  {"|b1", DTYPE_U8}};

static int find_dtype(enum dtype *out, const struct header *h)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(h->descr, kinds[i].descr) != 0)
            continue;
        *out = kinds[i].dtype;
        return ERR_OK;
    }
    err_set(h->err, ERR_UNSUPPORTED, "%s: holds numbers of kind '%s'", h->name, h->descr);
    return unsupported(h->err);
}

/* Copies a Fortran-order array (first index fastest) into row-major order. */
static void reorder(unsigned char *dst, const unsigned char *src, const struct tensor *t, size_t n)
{
    size_t size = dtype_size(t->dtype), stride[TENSOR_MAX_DIMS], index[TENSOR_MAX_DIMS] = {0};
    size_t step = 1, from = 0;
    for (int i = 0; i < t->n_dims; i++) {
        stride[i] = step;
        step *= t->shape[i];
    }
    for (size_t at = 0; at < n; at++) {
        memcpy(dst + at * size, src + from * size, size);
        for (int i = t->n_dims - 1; i >= 0; i--) {
            from += stride[i];
            if (++index[i] < t->shape[i])
                break;
            from -= stride[i] * t->shape[i];
            index[i] = 0;
        }
    }
}

static int read_array(struct npy *out, const struct header *h, const uint8_t *bytes, size_t size)
{
    struct tensor *t = &out->tensor;
    size_t n;
    *t = (struct tensor){.name = "", .n_dims = h->n_dims, .data = bytes};
    memcpy(t->shape, h->shape, sizeof t->shape);
    int rc = find_dtype(&t->dtype, h);
    if (rc != ERR_OK)
        return rc;
    if (tensor_n_elements(&n, t, NULL) != ERR_OK ||
        !size_mul(&t->n_bytes, n, dtype_size(t->dtype)) || t->n_bytes != size) {
        err_set(h->err, ERR_SHAPE, "%s: its shape and its %zu bytes of numbers contradict", h->name,
                size);
        err_hint(h->err, "The file is incomplete or damaged; download or copy it again.");
        return ERR_SHAPE;
    }
    if (!h->fortran_order || t->n_dims < 2)
        return ERR_OK;
    t->data = out->owned = mem_try_alloc(t->n_bytes, 1);
    if (!out->owned) {
        err_set(h->err, ERR_NOMEM, "%s: no memory to reorder %zu bytes", h->name, t->n_bytes);
        err_hint(h->err, "Save it again with numpy.ascontiguousarray: it is used where it lies.");
        return ERR_NOMEM;
    }
    reorder(out->owned, bytes, t, n);
    return ERR_OK;
}

int npy_parse(struct npy *out, const void *bytes, size_t size, const char *name, struct err *err)
{
    struct header h = {.name = name, .err = err};
    size_t data;
    *out = (struct npy){0};
    int rc = find_header(&h, &data, bytes, size);
    if (rc == ERR_OK)
        rc = read_header(&h);
    if (rc == ERR_OK)
        rc = read_array(out, &h, (const uint8_t *)bytes + data, size - data);
    return rc;
}

void npy_clear(struct npy *npy)
{
    free(npy->owned);
    *npy = (struct npy){0};
}
