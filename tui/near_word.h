/* The word that was probably meant. */
#ifndef TUI_NEAR_WORD_H
#define TUI_NEAR_WORD_H

/* Insertions, deletions, replacements and exchanges of neighbours that turn a into b, at most
 * `limit` + 1. Letters count as they are. */
int near_word_distance(const char *a, const char *b, int limit);

/* How many of these may lie between a mistyped word and the one that was meant: 1 up to four
 * letters, else 2, so that not every short English word is near. */
int near_word_limit(const char *meant);

#endif
