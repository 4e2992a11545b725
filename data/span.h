/* A part of a text. */
#ifndef DATA_SPAN_H
#define DATA_SPAN_H

#include <stddef.h>

struct span {
    size_t start, end; /* half-open byte range */
};

#endif
