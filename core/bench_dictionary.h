/* What a dictionary alone costs: its product with one residual, and a search over its labels. */
#ifndef CORE_BENCH_DICTIONARY_H
#define CORE_BENCH_DICTIONARY_H

#include "core/bench.h"
#include "data/dictionary.h"

/* "latents_1": all latents of one position, as while an answer is written. */
void bench_latents(struct bench *b, const struct dictionary *dict);
/* "search": one regular expression over all labels. Patterns from plain words to alternations with
 * wildcards; a value is the median time of one of them. */
void bench_search(struct bench *b, const struct dictionary *dict);

#endif
