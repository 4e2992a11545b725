#include "data/bytes.h"
#include "data/file.h"
#include "data/torch_file.h"
#include "data/torch_internal.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* --- the pickle: one call of _rebuild_tensor_v2, protocol 2 --- */

static void put_u32(struct buf *b, size_t v)
{
    uint8_t bytes[4];
    store_u32(bytes, (uint32_t)v);
    buf_add(b, bytes, sizeof bytes);
}

static void put_u16(struct buf *b, size_t v)
{
    uint8_t bytes[2];
    store_u16(bytes, (uint16_t)v);
    buf_add(b, bytes, sizeof bytes);
}

static void put_string(struct buf *b, const char *s)
{
    buf_char(b, 'X'); /* BINUNICODE */
    put_u32(b, strlen(s));
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
        put_u32(b, v);
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
    put_global(b, "collections OrderedDict");
    buf_str(b, ")RtR."); /* no hooks; call; STOP */
}

/* --- the archive: stored entries, sizes in both headers --- */

#define ALIGNMENT 64
#define LOCAL_SIZE 30
#define FLAG_UTF8 0x0800
#define DATE_1980 0x0021 /* 1 January: bytes do not depend on the clock */

struct archive {
    FILE *stream;
    size_t at; /* bytes written */
    const char *folder;
    struct buf directory;
    unsigned n;
};

static void put_bytes(struct archive *a, const void *bytes, size_t len)
{
    if (len)
        fwrite(bytes, 1, len, a->stream); /* file_commit looks at the stream's error flag */
    a->at += len;
}

/* Bytes of an extra field, at least its header or none, that align the data behind it. */
static size_t padding(const struct archive *a, size_t name_len)
{
    size_t n = (ALIGNMENT - (a->at + LOCAL_SIZE + name_len) % ALIGNMENT) % ALIGNMENT;
    return n > 0 && n < 4 ? n + ALIGNMENT : n;
}

/* What local and central headers share, from "version needed" to the length of the name. */
static void put_common(struct buf *b, uint32_t crc, size_t size, size_t name_len)
{
    put_u16(b, 20); /* version 2.0 */
    put_u16(b, FLAG_UTF8);
    put_u16(b, 0); /* stored */
    put_u16(b, 0); /* midnight */
    put_u16(b, DATE_1980);
    put_u32(b, crc);
    put_u32(b, size);
    put_u32(b, size);
    put_u16(b, name_len);
}

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t done = 0; done < size;) {
        uInt n = size - done < UINT_MAX ? (uInt)(size - done) : UINT_MAX;
        crc = crc32(crc, bytes + done, n);
        done += n;
    }
    return (uint32_t)crc;
}

static void add_entry(struct archive *a, const char *name, const void *bytes, size_t size)
{
    struct buf path = {0}, header = {0};
    buf_printf(&path, "%s/%s", a->folder, name);
    uint32_t crc = checksum(bytes, size);
    size_t offset = a->at, n_padding = padding(a, path.len);

    put_u32(&header, 0x04034b50);
    put_common(&header, crc, size, path.len);
    put_u16(&header, n_padding);
    buf_add(&header, path.data, path.len);
    if (n_padding) { /* torch's own kind of extra field */
        buf_str(&header, "FB");
        put_u16(&header, n_padding - 4);
        for (size_t i = 4; i < n_padding; i++)
            buf_char(&header, 'Z');
    }
    put_bytes(a, header.data, header.len);
    put_bytes(a, bytes, size);

    put_u32(&a->directory, 0x02014b50);
    put_u16(&a->directory, 20);
    put_common(&a->directory, crc, size, path.len);
    for (int i = 0; i < 3; i++) /* extra, comment, disk, attributes */
        put_u32(&a->directory, 0);
    put_u32(&a->directory, offset);
    buf_add(&a->directory, path.data, path.len);
    a->n++;
    buf_clear(&header);
    buf_clear(&path);
}

static void add_directory(struct archive *a)
{
    struct buf end = {0};
    put_u32(&end, 0x06054b50);
    put_u32(&end, 0);
    put_u16(&end, a->n);
    put_u16(&end, a->n);
    put_u32(&end, a->directory.len);
    put_u32(&end, a->at);
    put_u16(&end, 0);
    put_bytes(a, a->directory.data, a->directory.len);
    put_bytes(a, end.data, end.len);
    buf_clear(&end);
    buf_clear(&a->directory);
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
    struct archive a = {.stream = w.stream, .folder = folder};
    struct buf pickle = {0};
    build_pickle(&pickle, tensor, n);
    add_entry(&a, "data.pkl", pickle.data, pickle.len);
    add_entry(&a, "byteorder", "little", 6);
    add_entry(&a, "data/0", tensor->data, tensor->n_bytes);
    add_entry(&a, "version", "3\n", 2);
    add_directory(&a);
    buf_clear(&pickle);
    free(folder);
    return file_commit(&w, err);
}
