/* Search over concept labels by regular expression (PCRE2 with JIT), sole user of PCRE2, or fuzzy.
 *
 * Case-insensitive unless the pattern holds an upper-case letter outside an escape (\S, \W and
 * \P{L} do not count). Match limits bound the time of any pattern. One index may be used by one
 * thread at a time; it borrows the labels. */
#ifndef DATA_CONCEPT_SEARCH_H
#define DATA_CONCEPT_SEARCH_H

#include "data/concept_matches.h"
#include "data/err.h"
#include "data/labels.h"

#include <stdbool.h>
#include <stddef.h>

struct concept_search;

int concept_search_new(struct concept_search **out, const struct labels *labels,
                       struct err *err) ERR_CHECK;
void concept_search_free(struct concept_search *search);
/* Processor time after which a search over regular expressions gives up; 1 second at first. */
void concept_search_set_limit(struct concept_search *search, double seconds);

/* All rows whose label matches, in row order; their score is the share of the label that the spans
 * cover, in thousandths. On a bad pattern: ERR_ARG, PCRE2's message and the 1-based
 * column in characters. On a pattern that runs into the match limit: ERR_LIMIT. */
int concept_search_regex(struct concept_matches *out, struct concept_search *search,
                         const char *pattern, bool case_sensitive, struct err *err) ERR_CHECK;

/* All rows that fuzzy_match finds, in row order, with its score; an empty query finds every row. */
void concept_search_fuzzy(struct concept_matches *out, struct concept_search *search,
                          const char *query);

#endif
