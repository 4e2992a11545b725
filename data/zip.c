#include "data/zip.h"

#include "data/bytes.h"
#include "data/mem.h"
#include "data/zip_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define EXTRA_ZIP64 1
#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define FLAG_ENCRYPTED 1
#define MAX_OWNED ((size_t)1 << 31) /* all entries on the heap together */
#define DEFLATE_MAX_RATIO 1032      /* zlib's technical notes: no stream expands more */

struct archive {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    struct err *err;
};

static int damaged(const struct archive *a, size_t at, const char *what)
{
    err_set(a->err, ERR_FORMAT, "%s: damaged zip archive: %s at byte %zu", a->name, what, at);
    err_hint(a->err, "The file is incomplete or damaged; download or copy it again.");
    return ERR_FORMAT;
}

/* --- where the central directory is --- */

struct directory {
    uint64_t offset, size, n;
};

/* The end record is the last thing in the file but for its comment. */
static bool find_end(size_t *out, const struct archive *a)
{
    if (a->size < END_SIZE)
        return false;
    size_t last = a->size - END_SIZE;
    size_t first = last > END_COMMENT_MAX ? last - END_COMMENT_MAX : 0;
    for (size_t at = last + 1; at-- > first;) {
        const uint8_t *p = a->bytes + at;
        if (load_u32(p) == END_SIGNATURE && load_u16(p + 20) == last - at) {
            *out = at;
            return true;
        }
    }
    return false;
}

/* The zip64 record, which takes over where the old fields are too narrow. */
static int read_end64(struct directory *dir, const struct archive *a, size_t end)
{
    if (end < LOCATOR_SIZE || load_u32(a->bytes + end - LOCATOR_SIZE) != LOCATOR_SIGNATURE)
        return ERR_OK;
    uint64_t at = load_u64(a->bytes + end - LOCATOR_SIZE + 8);
    if (at > end || end - at < END64_SIZE || load_u32(a->bytes + at) != END64_SIGNATURE)
        return damaged(a, end - LOCATOR_SIZE, "no zip64 end record");
    const uint8_t *p = a->bytes + at;
    *dir = (struct directory){load_u64(p + 48), load_u64(p + 40), load_u64(p + 32)};
    return ERR_OK;
}

static int find_directory(struct directory *dir, const struct archive *a)
{
    size_t end;
    if (!find_end(&end, a)) {
        err_set(a->err, ERR_FORMAT,
                "%s: is not a whole zip archive: its %zu bytes hold no end record", a->name,
                a->size);
        err_hint(a->err, "The file is incomplete or of another kind; download or copy it again.");
        return ERR_FORMAT;
    }
    const uint8_t *p = a->bytes + end;
    *dir = (struct directory){load_u32(p + 16), load_u32(p + 12), load_u16(p + 10)};
    int rc = read_end64(dir, a, end);
    if (rc != ERR_OK)
        return rc;
    if (dir->offset > end || dir->size > end - dir->offset || dir->n > dir->size / CENTRAL_SIZE)
        return damaged(a, end, "a central directory outside the file");
    return ERR_OK;
}

/* --- entries --- */

struct fields {
    uint64_t size, packed_size, offset;
};

/* Takes 64-bit values for those of the three fields that are all ones, in this order. */
static bool read_zip64(struct fields *f, const uint8_t *extra, size_t len)
{
    uint64_t *wide[] = {&f->size, &f->packed_size, &f->offset};
    while (len >= 4) {
        unsigned id = load_u16(extra);
        size_t n = load_u16(extra + 2);
        if (n > len - 4)
            return true; /* torch pads with extra fields that need not be well-formed */
        const uint8_t *p = extra + 4, *end = p + n;
        for (size_t i = 0; id == EXTRA_ZIP64 && i < 3; i++) {
            if (*wide[i] != UINT32_MAX)
                continue;
            if (end - p < 8)
                return false;
            *wide[i] = load_u64(p);
            p += 8;
        }
        extra += 4 + n;
        len -= 4 + n;
    }
    return true;
}

/* Checks the local header and finds the data behind it. */
static int locate_data(struct zip_entry *e, const struct archive *a, const struct fields *f,
                       const uint8_t *name, size_t name_len)
{
    if (f->offset > a->size || a->size - f->offset < LOCAL_SIZE)
        return damaged(a, (size_t)f->offset, "an entry beyond the end of the file");
    size_t at = (size_t)f->offset, left = a->size - at - LOCAL_SIZE;
    const uint8_t *p = a->bytes + at;
    size_t skip = (size_t)load_u16(p + 26) + load_u16(p + 28);
    if (load_u32(p) != LOCAL_SIGNATURE || load_u16(p + 26) != name_len || skip > left ||
        memcmp(p + LOCAL_SIZE, name, name_len) != 0)
        return damaged(a, at, "a local header that differs from the directory");
    if (f->packed_size > left - skip)
        return damaged(a, at, "an entry longer than the file");
    e->packed = p + LOCAL_SIZE + skip;
    e->packed_size = (size_t)f->packed_size;
    return ERR_OK;
}

static int check_method(struct zip_entry *e, const struct archive *a, const uint8_t *p,
                        uint64_t size)
{
    unsigned method = load_u16(p + 10);
    if ((load_u16(p + 8) & FLAG_ENCRYPTED) ||
        (method != METHOD_STORED && method != METHOD_DEFLATED)) {
        err_set(a->err, ERR_UNSUPPORTED, "%s: entry '%.100s' is encrypted or packed by method %u",
                a->name, e->name, method);
        err_hint(a->err, "Save the file again with torch.save.");
        return ERR_UNSUPPORTED;
    }
    e->deflated = method == METHOD_DEFLATED;
    size_t most = e->packed_size;
    if (e->deflated && !size_mul(&most, most, DEFLATE_MAX_RATIO))
        most = SIZE_MAX;
    if (e->deflated ? size > most : size != most)
        return damaged(a, (size_t)(e->packed - a->bytes), "an entry whose sizes contradict");
    e->size = (size_t)size;
    e->crc = load_u32(p + 16);
    return ERR_OK;
}

/* Reads the directory record at `at`; *next is the one behind it. */
static int read_entry(struct zip_entry *e, size_t *next, const struct archive *a, size_t at,
                      size_t end)
{
    const uint8_t *p = a->bytes + at;
    if (end - at < CENTRAL_SIZE || load_u32(p) != CENTRAL_SIGNATURE)
        return damaged(a, at, "no directory record");
    size_t name_len = load_u16(p + 28), extra_len = load_u16(p + 30);
    size_t tail = name_len + extra_len + load_u16(p + 32), left = end - at - CENTRAL_SIZE;
    if (tail > left)
        return damaged(a, at, "a directory record that is cut short");
    const uint8_t *name = p + CENTRAL_SIZE;
    struct fields f = {load_u32(p + 24), load_u32(p + 20), load_u32(p + 42)};
    if (!read_zip64(&f, name + name_len, extra_len))
        return damaged(a, at, "a zip64 field that is cut short");
    if (memchr(name, '\0', name_len))
        return damaged(a, at, "a NUL byte in a name");
    e->name = mem_strndup((const char *)name, name_len);
    *next = at + CENTRAL_SIZE + tail;
    int rc = locate_data(e, a, &f, name, name_len);
    return rc == ERR_OK ? check_method(e, a, p, f.size) : rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct zip_entry *)a)->name, ((const struct zip_entry *)b)->name);
}

static int compare_places(const void *a, const void *b)
{
    const struct zip_entry *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->packed, q = (uintptr_t)y->packed;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->packed_size > y->packed_size) - (x->packed_size < y->packed_size);
}

/* Overlapping entries are how a small file unpacks to a huge one. */
static int check_all(struct zip *zip, const struct archive *a)
{
    if (zip->n == 0)
        return ERR_OK;
    struct zip_entry *e = zip->entries;
    qsort(e, zip->n, sizeof *e, compare_places);
    for (size_t i = 1; i < zip->n; i++)
        if (e[i].packed < e[i - 1].packed + e[i - 1].packed_size)
            return damaged(a, (size_t)(e[i].packed - a->bytes), "two entries overlap");
    qsort(e, zip->n, sizeof *e, compare_names);
    for (size_t i = 1; i < zip->n; i++)
        if (strcmp(e[i].name, e[i - 1].name) == 0)
            return damaged(a, (size_t)(e[i].packed - a->bytes), "a second entry of the same name");
    return ERR_OK;
}

static int read_entries(struct zip *zip, const struct archive *a)
{
    struct directory dir;
    int rc = find_directory(&dir, a);
    if (rc != ERR_OK)
        return rc;
    zip->entries = mem_zalloc((size_t)dir.n, sizeof *zip->entries);
    size_t at = (size_t)dir.offset, end = at + (size_t)dir.size;
    for (; zip->n < dir.n && rc == ERR_OK; zip->n++)
        rc = read_entry(&zip->entries[zip->n], &at, a, at, end);
    return rc == ERR_OK ? check_all(zip, a) : rc;
}

/* --- interface --- */

int zip_parse(struct zip *out, const void *bytes, size_t size, const char *name, struct err *err)
{
    const struct archive a = {bytes, size, name, err};
    *out = (struct zip){0};
    int rc = read_entries(out, &a);
    if (rc != ERR_OK)
        zip_clear(out);
    return rc;
}

void zip_clear(struct zip *zip)
{
    for (size_t i = 0; i < zip->n; i++)
        free(zip->entries[i].name), free(zip->entries[i].owned);
    free(zip->entries);
    *zip = (struct zip){0};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    size_t low = 0, high = zip->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, zip->entries[middle].name);
        if (order == 0)
            return &zip->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static uInt chunk(size_t n)
{
    return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

/* Inflates a raw stream of known length; false if it is anything else. zlib counts in 32 bits, so
 * long entries go in chunks. */
static bool inflate_exactly(uint8_t *dst, size_t size, const uint8_t *src, size_t len)
{
    z_stream z = {0};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    uint8_t none; /* zlib wants an address even for no bytes */
    size_t n_in = 0, n_out = 0;
    int rc = Z_OK;
    while (rc == Z_OK) {
        union {
            const uint8_t *in;
            Bytef *out;
        } next = {src + n_in};
        z.next_in = next.out;
        z.avail_in = chunk(len - n_in);
        z.next_out = size ? dst + n_out : &none;
        z.avail_out = chunk(size - n_out);
        uInt in_before = z.avail_in, out_before = z.avail_out;
        rc = inflate(&z, Z_NO_FLUSH);
        n_in += in_before - z.avail_in;
        n_out += out_before - z.avail_out;
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END && n_out == size;
}

uint32_t zip_checksum(const uint8_t *bytes, size_t size)
{
    uLong crc = crc32(0, NULL, 0);
    while (size > 0) {
        uInt n = chunk(size);
        crc = crc32(crc, bytes, n);
        bytes += n;
        size -= n;
    }
    return (uint32_t)crc;
}

static int refuse_content(const struct zip_entry *entry, const char *name, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: entry '%.100s' does not unpack to what was packed", name,
            entry->name);
    err_hint(err, "The file is damaged; download or copy it again.");
    return ERR_FORMAT;
}

int zip_unpack(void *dst, const struct zip_entry *entry, const char *name, struct err *err)
{
    if (!entry->deflated) {
        if (entry->size)
            memcpy(dst, entry->packed, entry->size);
        return ERR_OK;
    }
    if (inflate_exactly(dst, entry->size, entry->packed, entry->packed_size) &&
        zip_checksum(dst, entry->size) == entry->crc)
        return ERR_OK;
    return refuse_content(entry, name, err);
}

int zip_bytes(const uint8_t **out, struct zip *zip, const struct zip_entry *entry, size_t alignment,
              const char *name, struct err *err)
{
    struct zip_entry *e = &zip->entries[entry - zip->entries];
    *out = e->owned ? e->owned : e->packed;
    if (e->owned || (!e->deflated && (uintptr_t)e->packed % alignment == 0))
        return ERR_OK;
    if (e->size > MAX_OWNED - zip->n_owned) {
        err_set(err, ERR_LIMIT, "%s: entry '%.100s' unpacks to %zu bytes, beyond the limit of %zu",
                name, e->name, e->size, MAX_OWNED);
        err_hint(err, "Save it again uncompressed, so that it can be used where it lies.");
        return ERR_LIMIT;
    }
    void *block = mem_try_alloc(e->size, 1);
    if (!block) {
        err_set(err, ERR_NOMEM, "%s: no memory for entry '%.100s' (%zu bytes)", name, e->name,
                e->size);
        err_hint(err, "Close other programs to free memory.");
        return ERR_NOMEM;
    }
    int rc = zip_unpack(block, e, name, err);
    if (rc != ERR_OK) {
        free(block);
        return rc;
    }
    zip->n_owned += e->size;
    *out = e->owned = block;
    return ERR_OK;
}

int zip_verify(const struct zip_entry *entry, const char *name, struct err *err)
{
    if (entry->deflated || zip_checksum(entry->packed, entry->size) == entry->crc)
        return ERR_OK;
    return refuse_content(entry, name, err);
}
