/* Inside of labels: rows are added one by one while the strings' arena still moves. */
#ifndef DATA_LABELS_INTERNAL_H
#define DATA_LABELS_INTERNAL_H

#include "data/labels.h"
#include "data/mem.h"

struct label_builder {
    struct label *rows; /* [n] without their strings */
    size_t *texts;      /* [n] where in the arena they begin */
    size_t *refs;       /* [n] */
    size_t n, cap_rows, cap_texts, cap_refs;
    struct buf arena;
};

/* text and ref are made valid UTF-8; ref NULL: none. */
void label_builder_add(struct label_builder *b, long id, const char *text, size_t len,
                       const char *ref, enum genre genre);
/* The row that nobody has described: "feature N", N its number. */
void label_builder_add_unnamed(struct label_builder *b, const char *ref);
/* Moves what was added into *out. */
void label_builder_end(struct labels *out, struct label_builder *b);

#endif
