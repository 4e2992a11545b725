/* How much memory a program may still take without pushing others, or its own files' pages, out. */
#ifndef DATA_MEMORY_H
#define DATA_MEMORY_H

#include <stddef.h>

/* Bytes, pages of files that can be read again counted as free: the system's MemAvailable, or less
 * where a control group (v2 or v1) allows less. Without /proc all that is built in; 0: unknown. */
size_t memory_available(void);

/* The same from files below a folder that stands for / (tests). */
size_t memory_available_below(const char *root);

#endif
