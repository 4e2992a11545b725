/* The metadata of a GGUF file: reading it, and what its values say. */
#include "data/bytes.h"
#include "data/gguf_internal.h"
#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ARRAY_DEPTH 4 /* arrays in arrays: none are known, the format allows them */

/* --- reading them --- */

static int bad_type(const struct gguf_cursor *c, uint32_t type)
{
    err_set(c->err, ERR_FORMAT, "%s: a metadata value is of type %u, which does not exist",
            c->g->name, (unsigned)type);
    return gguf_damaged(c->err);
}

static int skip_items(struct gguf_cursor *c, uint32_t type, uint64_t n, int depth);

static int skip_array(struct gguf_cursor *c, int depth)
{
    uint32_t type;
    uint64_t n;
    if (!gguf_take_u32(&type, c) || !gguf_take_u64(&n, c))
        return gguf_cut_off(c, "an array of its metadata");
    if (depth == MAX_ARRAY_DEPTH)
        return err_set(c->err, ERR_LIMIT, "%s: its metadata has arrays more than %d deep",
                       c->g->name, MAX_ARRAY_DEPTH);
    return skip_items(c, type, n, depth + 1);
}

/* Moves behind n values of a type. */
static int skip_items(struct gguf_cursor *c, uint32_t type, uint64_t n, int depth)
{
    size_t size = gguf_type_size(type);
    if (size > 0)
        return n <= c->left / size && gguf_take(c, (size_t)n * size)
                   ? ERR_OK
                   : gguf_cut_off(c, "its metadata");
    if (type != GGUF_STRING && type != GGUF_ARRAY)
        return bad_type(c, type);
    int rc = ERR_OK;
    for (uint64_t i = 0; i < n && rc == ERR_OK; i++) { /* every turn takes 8 bytes at least */
        const char *text;
        size_t len;
        if (type == GGUF_ARRAY)
            rc = skip_array(c, depth);
        else if (!gguf_take_string(&text, &len, c))
            rc = gguf_cut_off(c, "a string of its metadata");
    }
    return rc;
}

static int read_value_body(struct gguf_value *v, struct gguf_cursor *c)
{
    uint32_t type, item_type = 0;
    uint64_t n = 1;
    if (!gguf_take_u32(&type, c))
        return gguf_cut_off(c, "its metadata");
    if (type == GGUF_ARRAY && (!gguf_take_u32(&item_type, c) || !gguf_take_u64(&n, c)))
        return gguf_cut_off(c, "an array of its metadata");
    v->bytes = c->at;
    int rc = skip_items(c, type == GGUF_ARRAY ? item_type : type, n, 1);
    if (rc != ERR_OK)
        return rc;
    v->type = (enum gguf_type)type;
    v->item_type = (enum gguf_type)item_type;
    v->n = (size_t)n; /* its elements lie in the file */
    return ERR_OK;
}

int gguf_read_values(struct gguf *g, struct gguf_cursor *c, uint64_t n)
{
    int rc = ERR_OK;
    for (uint64_t i = 0; i < n && rc == ERR_OK; i++) {
        char *key = NULL;
        rc = gguf_take_name(&key, c, "a metadata key");
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

int gguf_index_values(struct gguf *g, struct err *err)
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
            return gguf_damaged(err);
        }
    return ERR_OK;
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

/* --- what they say; their bytes are known to be there --- */

size_t gguf_type_size(uint32_t type)
{
    static const unsigned char sizes[] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
        [GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
        [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
    };
    return type < sizeof sizes ? sizes[type] : 0;
}

static bool read_int(int64_t *out, const uint8_t *p, enum gguf_type type)
{
    switch (type) {
    case GGUF_U8:
    case GGUF_BOOL:
        return *out = *p, true;
    case GGUF_I8:
        return *out = (int8_t)*p, true;
    case GGUF_U16:
        return *out = load_u16(p), true;
    case GGUF_I16:
        return *out = (int16_t)load_u16(p), true;
    case GGUF_U32:
        return *out = load_u32(p), true;
    case GGUF_I32:
        return *out = (int32_t)load_u32(p), true;
    case GGUF_U64:
        return *out = (int64_t)load_u64(p), *out >= 0;
    case GGUF_I64:
        return *out = (int64_t)load_u64(p), true;
    default:
        return false;
    }
}

static bool read_real(double *out, const uint8_t *p, enum gguf_type type)
{
    float f;
    if (type == GGUF_F32)
        return memcpy(&f, p, sizeof f), *out = (double)f, true;
    return type == GGUF_F64 && (memcpy(out, p, sizeof *out), true);
}

bool gguf_int(int64_t *out, const struct gguf_value *v)
{
    return v && read_int(out, v->bytes, v->type);
}

bool gguf_real(double *out, const struct gguf_value *v)
{
    return v && read_real(out, v->bytes, v->type);
}

const char *gguf_string(size_t *len, const struct gguf_value *v)
{
    if (!v || v->type != GGUF_STRING)
        return NULL;
    const uint8_t *at = v->bytes;
    return gguf_next_string(len, &at);
}

bool gguf_string_is(const struct gguf_value *v, const char *wanted)
{
    size_t len;
    const char *text = gguf_string(&len, v);
    return text && len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

double gguf_item_real(const struct gguf_value *v, size_t i)
{
    const uint8_t *p = v->bytes + i * gguf_type_size(v->item_type);
    double real = 0;
    int64_t whole = 0;
    if (read_real(&real, p, v->item_type))
        return real;
    read_int(&whole, p, v->item_type);
    return (double)whole;
}

const char *gguf_next_string(size_t *len, const uint8_t **at)
{
    *len = (size_t)load_u64(*at);
    const char *text = (const char *)*at + 8;
    *at += 8 + *len;
    return text;
}
