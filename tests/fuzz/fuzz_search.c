/* Label search: the first line is a pattern, every further line a label, valid UTF-8 or not. */
#include "data/concept_search.h"
#include "data/mem.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LABELS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct concept_matches *m, const struct labels *labels)
{
    size_t n_spans = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct concept_match *match = &m->rows[i];
        if (match->row >= labels->n || match->first_span != n_spans)
            __builtin_trap();
        size_t at = 0;
        for (size_t k = 0; k < match->n_spans; k++) {
            struct span span = m->spans[n_spans + k];
            if (span.start < at || span.start >= span.end ||
                span.end > labels->rows[match->row].text_len)
                __builtin_trap();
            at = span.end;
        }
        n_spans += match->n_spans;
    }
    if (n_spans != m->n_spans)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct label rows[MAX_LABELS] = {{0}};
    struct labels labels = {.rows = rows};
    char *text = mem_strndup(size ? (const char *)data : "", size);
    char *next = strchr(text, '\n');
    while (next && labels.n < MAX_LABELS) {
        *next = '\0';
        rows[labels.n].text = next + 1;
        next = strchr(next + 1, '\n');
        if (next)
            *next = '\0';
        rows[labels.n].text_len = strlen(rows[labels.n].text);
        labels.n++;
    }
    struct err err;
    struct concept_search *search;
    struct concept_matches m;
    if (concept_search_new(&search, &labels, &err) == ERR_OK) {
        if (concept_search_regex(&m, search, text, size % 2, &err) == ERR_OK)
            check(&m, &labels);
        concept_matches_clear(&m);
        concept_search_fuzzy(&m, search, text);
        check(&m, &labels);
        concept_matches_clear(&m);
        concept_search_free(search);
    }
    free(text);
    return 0;
}
