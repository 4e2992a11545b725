/* UTF-8, display width and safe text. Bytes from files and models are never trusted: whatever
 * is no valid character, and every control character, is made visible instead of passed on. */
#ifndef DATA_TEXT_H
#define DATA_TEXT_H

#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one character. Returns its length in bytes (1..4), or 0 if s[0..len) does not begin
 * with a whole, valid, shortest-form character (surrogates are invalid). Needs len >= 1. */
int utf8_decode(uint32_t *cp, const char *s, size_t len);

/* Encodes cp (<= 0x10FFFF; a surrogate becomes U+FFFD). Returns the number of bytes, 1..4. */
int utf8_encode(char out[4], uint32_t cp);

/* Length of the longest prefix of s that ends on a character boundary: what can be shown while
 * more bytes may follow. Bytes that can never become valid count as whole. */
size_t utf8_complete_len(const char *s, size_t len);

/* Where the first byte of s[0..len) lies that is no valid UTF-8; len if all of it is. */
size_t utf8_invalid_at(const char *s, size_t len);

/* Length of the byte order mark that s begins with: 3, or 0 if there is none. */
size_t text_bom_len(const char *s, size_t len);

/* Is there nothing but blanks, tabs and line breaks? */
bool text_is_blank(const char *s, size_t len);

/* Does s end with the suffix? It may be the suffix and nothing else. */
bool text_ends_with(const char *s, const char *suffix);

/* Columns of one character: 0 (combining, zero-width), 1 or 2; -1 for control characters.
 * From this file's own table, so that it does not depend on the locale. */
int text_width_char(uint32_t cp);

#define TEXT_ESCAPE_WIDTH 6 /* columns of <0xNN> */

/* Columns of a string of valid or invalid UTF-8 as text_safe shows it: an invalid byte or a
 * control character counts TEXT_ESCAPE_WIDTH. The sum over characters: joined emoji are not
 * taken together, since terminals differ on them. */
int text_width(const char *s, size_t len);

/* Bytes of the first row of a text that is wrapped at blanks to `width` columns: up to a blank,
 * or as many characters as fit where a word is longer than that; at least one. */
size_t text_wrap(const char *text, int width);

/* Appends s with invalid bytes as <0xNN>; valid characters, control ones too, pass unchanged.
 * The result is valid UTF-8: for JSON strings. */
void text_valid(struct buf *out, const char *s, size_t len);

/* Appends s so that a terminal can show it: invalid bytes as <0xNN>, control characters (C0, DEL,
 * C1) as <0xNN> too, except newline and tab where `keep_layout`. */
void text_safe(struct buf *out, const char *s, size_t len, bool keep_layout);

#endif
