#include "data/gguf_internal.h"
#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ALIGNMENT ((size_t)1 << 20)

static int read_version(struct gguf_cursor *c)
{
    const uint8_t *magic = gguf_take(c, 4);
    uint32_t version;
    if (!magic || memcmp(magic, GGUF_MAGIC, 4) != 0 || !gguf_take_u32(&version, c)) {
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

static int get_alignment(size_t *out, const struct gguf *g, struct err *err)
{
    *out = GGUF_DEFAULT_ALIGNMENT;
    const struct gguf_value *v = gguf_find_value(g, "general.alignment");
    if (!v)
        return ERR_OK;
    int64_t n;
    if (!gguf_int(&n, v) || n < 8 || n > (int64_t)MAX_ALIGNMENT || (n & (n - 1)) != 0) {
        err_set(err, ERR_FORMAT, "%s: general.alignment is not a power of two from 8 on", g->name);
        return gguf_damaged(err);
    }
    *out = (size_t)n;
    return ERR_OK;
}

static int read_data(struct gguf *g, struct gguf_cursor *c, const uint64_t *offsets,
                     size_t n_before)
{
    size_t alignment;
    int rc = get_alignment(&alignment, g, c->err);
    if (rc != ERR_OK)
        return rc;
    size_t padding = (alignment - n_before % alignment) % alignment;
    if (g->n_tensors > 0 && !gguf_take(c, padding))
        return gguf_cut_off(c, "the padding before its data");
    rc = gguf_place_tensors(g, c->at, c->left, alignment, offsets, c->err);
    return rc == ERR_OK ? tensor_index_init(&g->by_name, g->tensors, g->n_tensors, g->name, c->err)
                        : rc;
}

static int parse(struct gguf *g, const void *bytes, size_t size, struct err *err)
{
    struct gguf_cursor c = {bytes, size, g, err};
    uint64_t n_tensors, n_values, *offsets = NULL;
    int rc = read_version(&c);
    if (rc != ERR_OK)
        return rc;
    if (!gguf_take_u64(&n_tensors, &c) || !gguf_take_u64(&n_values, &c))
        return gguf_cut_off(&c, "its header");
    rc = gguf_read_values(g, &c, n_values);
    if (rc == ERR_OK)
        rc = gguf_index_values(g, err);
    if (rc == ERR_OK)
        rc = gguf_read_tensors(g, &c, n_tensors, &offsets);
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
    tensor_index_clear(&g->by_name);
    free(g->unread_tensor);
    free(g->name);
    file_unmap(&g->map);
    free(g);
}

const char *gguf_name(const struct gguf *g)
{
    return g->name;
}
