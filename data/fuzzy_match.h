/* Fuzzy matching of short texts: the characters of a pattern in order, with anything between them.
 *
 * A pattern is split at blanks into terms that all have to match, in any order. Among the ways a
 * term can match, the one with the best score is taken: every character counts, more at the start
 * of a word and right after the one before, and what is skipped between two of them costs. Case
 * counts only if the pattern has an upper-case letter.
 *
 *     fuzzy_pattern_set(&pattern, "wed cake");
 *     n = fuzzy_match(&score, spans, &pattern, text, len);
 *
 * A pattern holds the scratch of its matches: one thread at a time. */
#ifndef DATA_FUZZY_MATCH_H
#define DATA_FUZZY_MATCH_H

#include "data/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FUZZY_PATTERN_MAX = 64, /* characters of a pattern; more are ignored */
    FUZZY_TEXT_MAX = 512,   /* characters of a text; a match lies within these */
};

struct fuzzy_pattern {
    uint32_t chars[FUZZY_PATTERN_MAX]; /* of all terms, one after the other */
    int starts[FUZZY_PATTERN_MAX + 1]; /* [n_terms + 1] of each term in chars */
    int n_terms;                       /* 0: matches everything with score 0 */
    bool case_sensitive;
    uint32_t letters; /* of a to z and digits, the ones that a text needs, as fuzzy_letters */

    unsigned char folded[128]; /* ASCII as it is compared */

    /* the text being matched, a row per character of a term */
    uint32_t text[FUZZY_TEXT_MAX];
    size_t offsets[FUZZY_TEXT_MAX + 1]; /* of each character in bytes */
    bool starts_word[FUZZY_TEXT_MAX];
    int left[FUZZY_PATTERN_MAX], right[FUZZY_PATTERN_MAX]; /* where the character can lie */
    int16_t best[FUZZY_PATTERN_MAX][FUZZY_TEXT_MAX];   /* score of matches that end exactly here */
    bool is_joined[FUZZY_PATTERN_MAX][FUZZY_TEXT_MAX]; /* and continue the character before */
};

void fuzzy_pattern_set(struct fuzzy_pattern *out, const char *pattern);

/* Set of the letters and digits in a text, to leave texts out quickly: one that lacks a bit of
 * pattern.letters does not match. */
uint32_t fuzzy_letters(const char *text, size_t len);

/* Matches text[0, len), UTF-8 (bad bytes match nothing). Writes the best score and the bytes that
 * matched as half-open spans in rising order, joined where they touch, at most FUZZY_PATTERN_MAX.
 * Returns how many, -1 if the text does not match. */
int fuzzy_match(int *score, struct span *spans, struct fuzzy_pattern *pattern, const char *text,
                size_t len);

#endif
