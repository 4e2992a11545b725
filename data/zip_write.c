/* Stored entries, their sizes in both headers. */
#include "data/bytes.h"
#include "data/zip.h"
#include "data/zip_internal.h"

#define ALIGNMENT 64
#define FLAG_UTF8 0x0800
#define DATE_1980 0x0021 /* 1 January: bytes do not depend on the clock */

static void put_bytes(struct zip_writer *w, const void *bytes, size_t len)
{
    if (len)
        fwrite(bytes, 1, len, w->stream); /* file_commit looks at the stream's error flag */
    w->at += len;
}

/* Bytes of an extra field, at least its header or none, that align the data behind it. */
static size_t padding(const struct zip_writer *w, size_t name_len)
{
    size_t n = (ALIGNMENT - (w->at + LOCAL_SIZE + name_len) % ALIGNMENT) % ALIGNMENT;
    return n > 0 && n < 4 ? n + ALIGNMENT : n;
}

/* What local and central headers share, from "version needed" to the length of the name. */
static void put_common(struct buf *b, uint32_t crc, size_t size, size_t name_len)
{
    buf_add_u16(b, 20); /* version 2.0 */
    buf_add_u16(b, FLAG_UTF8);
    buf_add_u16(b, 0); /* stored */
    buf_add_u16(b, 0); /* midnight */
    buf_add_u16(b, DATE_1980);
    buf_add_u32(b, crc);
    buf_add_u32(b, size);
    buf_add_u32(b, size);
    buf_add_u16(b, name_len);
}

void zip_write_entry(struct zip_writer *w, const char *name, const void *bytes, size_t size)
{
    struct buf path = {0}, header = {0};
    buf_printf(&path, "%s/%s", w->folder, name);
    uint32_t crc = zip_checksum(bytes, size);
    size_t offset = w->at, n_padding = padding(w, path.len);

    buf_add_u32(&header, LOCAL_SIGNATURE);
    put_common(&header, crc, size, path.len);
    buf_add_u16(&header, n_padding);
    buf_add(&header, path.data, path.len);
    if (n_padding) { /* torch's own kind of extra field */
        buf_str(&header, "FB");
        buf_add_u16(&header, n_padding - 4);
        for (size_t i = 4; i < n_padding; i++)
            buf_char(&header, 'Z');
    }
    put_bytes(w, header.data, header.len);
    put_bytes(w, bytes, size);

    buf_add_u32(&w->directory, CENTRAL_SIGNATURE);
    buf_add_u16(&w->directory, 20);
    put_common(&w->directory, crc, size, path.len);
    for (int i = 0; i < 3; i++) /* extra, comment, disk, attributes */
        buf_add_u32(&w->directory, 0);
    buf_add_u32(&w->directory, offset);
    buf_add(&w->directory, path.data, path.len);
    w->n++;
    buf_clear(&header);
    buf_clear(&path);
}

void zip_write_end(struct zip_writer *w)
{
    struct buf end = {0};
    buf_add_u32(&end, END_SIGNATURE);
    buf_add_u32(&end, 0);
    buf_add_u16(&end, w->n);
    buf_add_u16(&end, w->n);
    buf_add_u32(&end, w->directory.len);
    buf_add_u32(&end, w->at);
    buf_add_u16(&end, 0);
    put_bytes(w, w->directory.data, w->directory.len);
    put_bytes(w, end.data, end.len);
    buf_clear(&end);
    buf_clear(&w->directory);
}
