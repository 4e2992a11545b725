/* Concept labels: one record per line of metadata.jsonl. The ROW (0-based line number) is the
 * key everywhere; concept_id has gaps and labels repeat (AXBENCH.md 0.1, 1.2). */
#ifndef DATA_LABELS_H
#define DATA_LABELS_H

#include "data/err.h"

#include <stddef.h>

enum genre { GENRE_TEXT, GENRE_CODE, GENRE_MATH, GENRE_OTHER };

struct label {
    long id;          /* concept_id as stored: shown, never used as an index */
    const char *text; /* valid UTF-8, NUL-terminated; owned by the labels */
    size_t text_len;  /* bytes */
    enum genre genre;
    const char *ref; /* URL or "" */
};

struct labels {
    struct label *rows; /* [n] */
    size_t n;
    char *arena; /* all strings; private */
};

int labels_open(struct labels *out, const char *path, struct err *err) ERR_CHECK;
int labels_parse(struct labels *out, const char *bytes, size_t size, const char *name,
                 struct err *err) ERR_CHECK;
/* n labels "feature 0", "feature 1", ... for rows that nobody has described; id = row. */
void labels_unnamed(struct labels *out, size_t n);
void labels_close(struct labels *labels);
const char *genre_name(enum genre genre); /* "text", "code", "math", "other" */

#endif
