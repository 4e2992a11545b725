/* Zip archives as torch and numpy write them: entries stored or deflated, zip64 where large.
 * Only the central directory is believed (torch leaves zeros in local headers). Every offset is
 * checked; entries that overlap, are encrypted or repeat a name are refused. */
#ifndef DATA_ZIP_H
#define DATA_ZIP_H

#include "data/err.h"
#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct zip_entry {
    char *name; /* owned by the archive */
    bool deflated;
    uint32_t crc;
    const uint8_t *packed; /* borrowed from the archive's bytes: where they lie if stored */
    size_t packed_size;
    size_t size; /* unpacked; equals packed_size if stored */
    void *owned; /* private: what zip_bytes had to unpack or move, or NULL */
};

struct zip {
    struct zip_entry *entries; /* [n] sorted by name */
    size_t n;
    size_t n_owned; /* bytes that zip_bytes put on the heap */
};

/* bytes are borrowed until zip_clear; `name` is what errors call the archive. */
int zip_parse(struct zip *out, const void *bytes, size_t size, const char *name,
              struct err *err) ERR_CHECK;
void zip_clear(struct zip *zip);
const struct zip_entry *zip_find(const struct zip *zip, const char *name); /* or NULL */

/* Unpacks an entry into dst [entry->size]; a deflated one must have its length and checksum. A
 * stored one's checksum is not looked at: torch can be told not to compute it. */
int zip_unpack(void *dst, const struct zip_entry *entry, const char *name,
               struct err *err) ERR_CHECK;

/* The bytes of an entry, which must be one of this archive's; valid until zip_clear. A stored entry
 * that begins at a multiple of `alignment` stays where it lies (1: anywhere); others are unpacked
 * or moved to the heap once. ERR_LIMIT when all of those together pass 2 GiB. */
int zip_bytes(const uint8_t **out, struct zip *zip, const struct zip_entry *entry, size_t alignment,
              const char *name, struct err *err) ERR_CHECK;

/* Reads the whole of a stored entry to compare its checksum. */
int zip_verify(const struct zip_entry *entry, const char *name, struct err *err) ERR_CHECK;

/* Writes an archive of stored entries below 4 GiB in all: begin with {.stream, .folder}, then
 * entries FOLDER/name, then the end. Failures are left in the stream's error flag. Data begins at
 * multiples of 64; the bytes depend on the entries alone, not on the time. */
struct zip_writer {
    FILE *stream;
    const char *folder;
    size_t at;            /* bytes written */
    struct buf directory; /* of the entries so far */
    unsigned n;
};
void zip_write_entry(struct zip_writer *w, const char *name, const void *bytes, size_t size);
void zip_write_end(struct zip_writer *w);

#endif
