/* A reader for the pickles inside torch's files: a small subset of Python's pickle, protocol 2.
 * Nothing is executed: classes and functions stay names, calls stay (name, arguments) pairs, and
 * both are refused unless the caller lists them. Attributes that a dict has besides its items are
 * dropped. Time and memory are linear in the input. */
#ifndef DATA_PICKLE_H
#define DATA_PICKLE_H

#include "data/err.h"

#include <stddef.h>
#include <stdint.h>

/* Called without arguments, which is how torch makes one, it becomes a PICKLE_DICT. */
#define PICKLE_ORDERED_DICT "collections OrderedDict"

enum pickle_kind {
    PICKLE_INT,        /* number */
    PICKLE_BOOL,       /* number: 0 or 1 */
    PICKLE_STRING,     /* text */
    PICKLE_TUPLE,      /* items */
    PICKLE_DICT,       /* items: key, value, key, value, ... */
    PICKLE_GLOBAL,     /* text: "module name" */
    PICKLE_PERSISTENT, /* items: the one value that identifies it */
    PICKLE_CALL,       /* items: the global, the tuple of arguments */
};

struct pickle_value {
    enum pickle_kind kind;
    int64_t number;
    char *text; /* owned; NUL-terminated */
    size_t text_len;
    struct pickle_value **items; /* [n_items]; values may be shared, a dict may hold itself */
    size_t n_items, cap_items;
};

struct pickle {
    struct pickle_value *root;
    struct pickle_value **values; /* [n_values] all of them; private */
    size_t n_values, cap_values;
};

/* globals: NULL-terminated list of the "module name" that may occur. name: for errors. */
int pickle_parse(struct pickle *out, const void *bytes, size_t size, const char *const *globals,
                 const char *name, struct err *err) ERR_CHECK;
void pickle_clear(struct pickle *pickle);

#endif
