/* The error value that every function which can fail takes as its last argument.
 *
 * It lives on the caller's stack and owns no memory. The message says what failed and why, for
 * the user ("model.safetensors: header of 812 bytes exceeds the file"); the hint says what to do
 * about it. Lower layers name the file and the key; upper layers do not prefix again. */
#ifndef DATA_ERR_H
#define DATA_ERR_H

enum err_code {
    ERR_OK = 0,
    ERR_IO = -1,          /* the operating system refused: missing file, disk full */
    ERR_FORMAT = -2,      /* bytes that are not what the format says */
    ERR_SHAPE = -3,       /* sizes that do not fit together */
    ERR_UNSUPPORTED = -4, /* valid, but not something this program handles */
    ERR_LIMIT = -5,       /* longer or larger than a stated bound */
    ERR_NOMEM = -6,
    ERR_CANCELLED = -7,
    ERR_ARG = -8, /* known to be wrong from the arguments alone: exit status 2 */
};

struct err {
    enum err_code code;
    char message[384]; /* what and why; no final newline */
    char hint[320];    /* what to do; may be empty */
};

#define ERR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ERR_CHECK __attribute__((warn_unused_result))

/* Records a failure and returns `code`, so that failing is one line:
 *     return err_set(err, ERR_FORMAT, "%s: ...", path);
 * Clears the hint. Control characters and invalid UTF-8 in the text become "?", so that a name from
 * a file may be quoted. `err` may be NULL. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Adds what the user can do about it. `err` may be NULL. */
void err_hint(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

/* For the end of a loader: adds `hint` to a failure that has none yet. Returns `code`. */
int err_hint_missing(struct err *err, int code, const char *hint);

#endif
