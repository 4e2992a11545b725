/* A text seen as passages: its paragraphs, which are separated by blank lines. */
#ifndef DATA_PASSAGES_H
#define DATA_PASSAGES_H

#include <stddef.h>

struct passage {
    const char *text; /* borrowed: not NUL-terminated */
    size_t len;       /* bytes; no blanks at either end */
};

struct passages {
    struct passage *items; /* [n] owned */
    size_t n;
};

/* The paragraphs of text[0..len), which must outlive them. One of more than max_bytes is cut into
 * parts of at most that, behind a blank where there is one and never inside a UTF-8 character.
 * max_bytes >= 4. */
void passages_split(struct passages *out, const char *text, size_t len, size_t max_bytes);
void passages_clear(struct passages *p);

#endif
