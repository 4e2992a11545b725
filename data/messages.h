/* A conversation as chat programs write it down: a JSON list of {"role", "content"}, or an object
 * with that list under "messages". A content is a string, or a list of parts {"type": "text",
 * "text"}, which are joined. Roles are user and assistant (or model), in turn, the user
 * first; system is refused, because Gemma 2's chat form has no place for it. */
#ifndef DATA_MESSAGES_H
#define DATA_MESSAGES_H

#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>

struct message {
    bool is_model;
    char *text; /* [len] owned; any bytes */
    size_t len;
};

struct messages {
    struct message *items; /* [n] owned; at least one */
    size_t n;
};

/* "-" reads standard input. Fails: ERR_FORMAT, naming the message by its number from 1;
 * ERR_UNSUPPORTED for the role system and for parts that are not text. */
int messages_read(struct messages *out, const char *path, struct err *err) ERR_CHECK;
int messages_parse(struct messages *out, const char *text, size_t len, const char *name,
                   struct err *err) ERR_CHECK;
void messages_clear(struct messages *messages);

#endif
