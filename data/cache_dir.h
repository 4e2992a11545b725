/* Where the program keeps what it can compute again: $XDG_CACHE_HOME/axscope, else
 * ~/.cache/axscope. Safe to delete at any time. */
#ifndef DATA_CACHE_DIR_H
#define DATA_CACHE_DIR_H

#include "data/err.h"

/* The path of a file in there, `folder`/`name`; nothing is created. NULL without a home. The
 * caller frees. */
char *cache_file(const char *folder, const char *name);

/* The same, and its folders are made where they are missing. ERR_IO: there is no home, or a
 * folder cannot be made. */
int cache_file_new(char **out, const char *folder, const char *name, struct err *err) ERR_CHECK;

#endif
