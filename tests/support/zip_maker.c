#include "tests/support/zip_maker.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void add16(struct buf *b, unsigned v)
{
    buf_char(b, (char)(v & 0xff));
    buf_char(b, (char)(v >> 8 & 0xff));
}

static void add32(struct buf *b, size_t v)
{
    add16(b, (unsigned)(v & 0xffff));
    add16(b, (unsigned)(v >> 16 & 0xffff));
}

static size_t deflate_raw(unsigned char **out, const void *data, size_t size)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t cap = deflateBound(&z, size);
    unsigned char *in = mem_alloc(size, 1);
    if (size)
        memcpy(in, data, size);
    *out = mem_alloc(cap, 1);
    z.next_in = in;
    z.avail_in = (uInt)size;
    z.next_out = *out;
    z.avail_out = (uInt)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    free(in);
    return z.total_out;
}

void zip_maker_add(struct zip_maker *m, const char *name, const void *data, size_t size,
                   bool deflate)
{
    size_t offset = m->bytes.len, name_len = strlen(name), packed_size = size;
    unsigned char *packed = NULL;
    if (deflate)
        packed_size = deflate_raw(&packed, data, size);
    add32(&m->bytes, 0x04034b50);
    add16(&m->bytes, 0);
    add16(&m->bytes, 0x0808);
    add16(&m->bytes, deflate ? 8 : 0);
    for (int i = 0; i < 4; i++) /* time, date, checksum, sizes */
        add32(&m->bytes, 0);
    size_t data_at = m->bytes.len + 4 + name_len;
    size_t padding = (64 - data_at % 64) % 64;
    add16(&m->bytes, (unsigned)name_len);
    add16(&m->bytes, (unsigned)padding);
    buf_str(&m->bytes, name);
    for (size_t i = 0; i < padding; i++)
        buf_char(&m->bytes, 'Z');
    buf_add(&m->bytes, deflate ? packed : data, packed_size);
    free(packed);

    add32(&m->directory, 0x02014b50);
    add16(&m->directory, 0);
    add16(&m->directory, 0);
    add16(&m->directory, 0x0808);
    add16(&m->directory, deflate ? 8 : 0);
    add32(&m->directory, 0);
    add32(&m->directory, crc32(0, data, (uInt)size));
    add32(&m->directory, packed_size);
    add32(&m->directory, size);
    add16(&m->directory, (unsigned)name_len);
    for (int i = 0; i < 3; i++) /* extra + comment, disk + attributes, attributes */
        add32(&m->directory, 0);
    add32(&m->directory, offset);
    buf_str(&m->directory, name);
    m->n++;
}

void zip_maker_end(struct zip_maker *m)
{
    size_t offset = m->bytes.len;
    if (m->n)
        buf_add(&m->bytes, m->directory.data, m->directory.len);
    add32(&m->bytes, 0x06054b50);
    add32(&m->bytes, 0);
    add16(&m->bytes, m->n);
    add16(&m->bytes, m->n);
    add32(&m->bytes, m->directory.len);
    add32(&m->bytes, offset);
    add16(&m->bytes, 0);
}

void zip_maker_clear(struct zip_maker *m)
{
    buf_clear(&m->bytes);
    buf_clear(&m->directory);
    m->n = 0;
}
