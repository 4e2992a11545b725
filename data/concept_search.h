/* Search over concept labels by regular expression (PCRE2 with JIT). Sole user of PCRE2.
 *
 * Case-insensitive unless the pattern holds an upper-case letter outside an escape (\S, \W and
 * \P{L} do not count). Match limits bound the time of any pattern. One index may be used by one
 * thread at a time; it borrows the labels. */
#ifndef DATA_CONCEPT_SEARCH_H
#define DATA_CONCEPT_SEARCH_H

#include "data/err.h"
#include "data/labels.h"

#include <stdbool.h>
#include <stddef.h>

struct concept_search;

struct span {
    size_t start, end; /* half-open byte range in the label */
};

struct concept_match {
    size_t row;
    size_t first_span; /* into matches.spans */
    size_t n_spans;    /* >= 0: a pattern that matches only empty strings has no spans */
};

struct concept_matches {
    struct concept_match *rows; /* [n] in row order */
    size_t n;
    struct span *spans; /* every non-empty match of every row, in order */
    size_t n_spans;
};

int concept_search_new(struct concept_search **out, const struct labels *labels,
                       struct err *err) ERR_CHECK;
void concept_search_free(struct concept_search *search);

/* All rows whose label matches. On a bad pattern: ERR_ARG, PCRE2's message and the 1-based
 * column in characters. On a pattern that runs into the match limit: ERR_LIMIT. */
int concept_search_regex(struct concept_matches *out, struct concept_search *search,
                         const char *pattern, bool case_sensitive, struct err *err) ERR_CHECK;
void concept_matches_clear(struct concept_matches *m);

#endif
