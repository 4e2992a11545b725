/* NumPy's .npz archives: a zip (data/zip.h) of NAME.npy entries (data/npy.h), stored or deflated,
 * with the zip64 local headers that numpy writes. Stored entries stay mapped where they lie, at any
 * address. Checksums: deflated entries always; stored ones up to 1 MiB when the archive is opened,
 * larger ones not, because that would read a file of hundreds of MB that may be needed in part. */
#ifndef DATA_NPZ_H
#define DATA_NPZ_H

#include "data/err.h"
#include "data/tensor.h"

#include <stddef.h>

struct npz;

int npz_open(struct npz **out, const char *path, struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing); bytes are borrowed until close. */
int npz_parse(struct npz **out, const void *bytes, size_t size, const char *name,
              struct err *err) ERR_CHECK;
void npz_close(struct npz *npz);

/* The arrays in the order of their names; entries that are not called NAME.npy are left out. */
size_t npz_count(const struct npz *npz);
const struct tensor *npz_at(const struct npz *npz, size_t i);           /* NULL past the end */
const struct tensor *npz_find(const struct npz *npz, const char *name); /* or NULL */
size_t npz_heap_bytes(const struct npz *npz); /* unpacked or reordered, so not mapped */

#endif
