/* A text that remembers, through every replacement, which bytes of the original each of its bytes
 * stands for: tokens can then be traced back to what was typed. */
#ifndef CORE_TRACED_TEXT_H
#define CORE_TRACED_TEXT_H

#include "data/mem.h"

#include <stddef.h>

struct traced_text {
    struct buf bytes;  /* owned */
    size_t *origin;    /* [bytes.len + 1] owned; offset in the original, never falling */
    size_t cap_origin; /* private */
};

/* Appends bytes that all stand for the original from `origin` on. */
void traced_add(struct traced_text *text, const char *bytes, size_t len, size_t origin);

/* Appends bytes [start, end) of another text, with what they stand for. */
void traced_add_part(struct traced_text *text, const struct traced_text *other, size_t start,
                     size_t end);

/* Says where the original ends; after the last traced_add. */
void traced_end(struct traced_text *text, size_t origin);

/* Appends s[0..len), the original from `origin` on, byte by byte; what is no valid UTF-8 becomes
 * U+FFFD, one for each byte. */
void traced_add_valid(struct traced_text *text, const char *s, size_t len, size_t origin);

/* Replaces every occurrence of `from` by `to`, from left to right. */
void traced_replace(struct traced_text *text, const char *from, size_t from_len, const char *to,
                    size_t to_len);

/* Puts `to` in front of a text that is not empty. */
void traced_prepend(struct traced_text *text, const char *to, size_t to_len);
void traced_clear(struct traced_text *text);

#endif
