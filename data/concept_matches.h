/* What a search over concept labels found: rows with the spans that matched and a score, and the
 * orders such a list can be shown in. */
#ifndef DATA_CONCEPT_MATCHES_H
#define DATA_CONCEPT_MATCHES_H

#include "data/labels.h"
#include "data/span.h"

#include <stddef.h>

struct concept_match {
    size_t row;
    size_t first_span; /* into matches.spans */
    size_t n_spans;    /* >= 0: a pattern that matches only empty strings has no spans */
    int score;         /* relevance, higher is better: see the search that made it */
};

struct concept_matches {
    struct concept_match *rows; /* [n] in row order; owned */
    size_t n;
    struct span
        *spans; /* byte ranges in labels: every non-empty match of every row, in order; owned */
    size_t n_spans;
};
void concept_matches_clear(struct concept_matches *m);

enum concept_order {
    ORDER_ROW,
    ORDER_LABEL,     /* by the label's letters, case aside */
    ORDER_ACT_MAX,   /* largest first; rows without one as 0 */
    ORDER_RELEVANCE, /* by score, then shorter labels first; score 0, of an empty pattern, by row */
    N_CONCEPT_ORDERS
};
const char *concept_order_name(enum concept_order order); /* "row", "label", "act_max", ... */

/* Reorders rows; what is equal stays in row order. act_max [labels->n] or NULL. */
void concept_matches_sort(struct concept_matches *m, enum concept_order order,
                          const struct labels *labels, const float *act_max);

/* Leaves out the rows of other genres. */
void concept_matches_keep_genre(struct concept_matches *m, enum genre genre,
                                const struct labels *labels);

#endif
