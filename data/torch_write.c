#include "data/bytes.h"
#include "data/file.h"
#include "data/pickle.h"
#include "data/torch_file.h"
#include "data/torch_internal.h"
#include "data/zip.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* --- the pickle: one call of _rebuild_tensor_v2, protocol 2 --- */

static void put_string(struct buf *b, const char *s)
{
    buf_char(b, 'X'); /* BINUNICODE */
    buf_add_u32(b, strlen(s));
    buf_str(b, s);
}

/* full: "module name" */
static void put_global(struct buf *b, const char *full)
{
    const char *blank = strchr(full, ' ');
    buf_char(b, 'c'); /* GLOBAL */
    buf_add(b, full, (size_t)(blank - full));
    buf_printf(b, "\n%s\n", blank + 1);
}

static void put_int(struct buf *b, size_t v)
{
    uint8_t bytes[8];
    if (v <= INT_MAX) {
        buf_char(b, 'J'); /* BININT, signed */
        buf_add_u32(b, v);
        return;
    }
    store_u64(bytes, v);
    buf_str(b, "\x8a\x08"); /* LONG1 of 8 bytes */
    buf_add(b, bytes, sizeof bytes);
}

static void put_shape(struct buf *b, const struct tensor *t)
{
    buf_char(b, '('); /* MARK */
    for (int i = 0; i < t->n_dims; i++)
        put_int(b, t->shape[i]);
    buf_char(b, 't'); /* TUPLE */
}

/* Row-major; torch counts an empty dimension as one element wide. */
static void put_strides(struct buf *b, const struct tensor *t)
{
    buf_char(b, '(');
    for (int i = 0; i < t->n_dims; i++) {
        size_t stride = 1;
        for (int j = i + 1; j < t->n_dims; j++)
            stride *= t->shape[j] ? t->shape[j] : 1;
        put_int(b, stride);
    }
    buf_char(b, 't');
}

static void build_pickle(struct buf *b, const struct tensor *t, size_t n)
{
    buf_str(b, "\x80\x02"); /* PROTO 2 */
    put_global(b, TORCH_REBUILD_TENSOR);
    buf_str(b, "(("); /* arguments, persistent id */
    put_string(b, "storage");
    put_global(b, torch_storage_class(t->dtype));
    put_string(b, "0");
    put_string(b, "cpu");
    put_int(b, n);
    buf_str(b, "tQ");
    put_int(b, 0);
    put_shape(b, t);
    put_strides(b, t);
    buf_char(b, (char)0x89); /* requires_grad: NEWFALSE */
    put_global(b, PICKLE_ORDERED_DICT);
    buf_str(b, ")RtR."); /* no hooks; call; STOP */
}

/* "weight" of ".../weight.pt" */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return mem_strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

int torch_write(const char *path, const struct tensor *tensor, struct err *err)
{
    size_t n;
    int rc = tensor_n_elements(&n, tensor, err);
    if (rc != ERR_OK)
        return rc;
    assert(n * dtype_size(tensor->dtype) == tensor->n_bytes);
    if (tensor->n_bytes > UINT32_MAX - ((size_t)1 << 20))
        return err_hint_missing(err,
                                err_set(err, ERR_LIMIT,
                                        "%s: %zu bytes are too large for this kind of file", path,
                                        tensor->n_bytes),
                                "Store fewer rows or a narrower type.");
    struct file_writer w;
    rc = file_create(&w, path, err);
    if (rc != ERR_OK)
        return rc;
    char *folder = stem(path);
    struct zip_writer zip = {.stream = w.stream, .folder = folder};
    struct buf pickle = {0};
    build_pickle(&pickle, tensor, n);
    zip_write_entry(&zip, "data.pkl", pickle.data, pickle.len);
    zip_write_entry(&zip, "byteorder", "little", 6);
    zip_write_entry(&zip, "data/0", tensor->data, tensor->n_bytes);
    zip_write_entry(&zip, "version", "3\n", 2);
    zip_write_end(&zip);
    buf_clear(&pickle);
    free(folder);
    return file_commit(&w, err);
}
