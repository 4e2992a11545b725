/* Byte pair encoding as it is defined, slowly: what the fast one is held against. */
#ifndef TESTS_SUPPORT_PLAIN_MERGE_H
#define TESTS_SUPPORT_PLAIN_MERGE_H

#include "data/vocab.h"

/* Merges ids[0..n) in place: of all neighbours the pair of the lowest rank, leftmost first, until
 * none is left. Returns the number of ids that remain. */
size_t merge_plainly(int *ids, size_t n, const struct vocab *v);

#endif
