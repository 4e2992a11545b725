/* The parts that work is cut into. */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include <stddef.h>

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Parts of at most `size` that n make up: n / size, rounded up. */
static inline size_t n_parts(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

#endif
