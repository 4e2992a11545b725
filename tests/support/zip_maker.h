/* Builds zip archives in memory the way torch does: nothing but names in local headers, sizes and
 * checksums in the central directory. For tests that then damage them. */
#ifndef TESTS_SUPPORT_ZIP_MAKER_H
#define TESTS_SUPPORT_ZIP_MAKER_H

#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct zip_maker {
    struct buf bytes; /* the archive; whole after zip_maker_end */
    struct buf directory;
    unsigned n;
};

void zip_maker_add(struct zip_maker *m, const char *name, const void *data, size_t size,
                   bool deflate);
void zip_maker_end(struct zip_maker *m);
void zip_maker_clear(struct zip_maker *m);

#endif
