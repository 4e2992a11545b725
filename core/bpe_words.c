#include "core/bpe_words.h"

#include "data/mem.h"
#include "data/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORD_BYTES 64

/* Characters of one class may be merged with each other, never with those of another. */
enum char_class {
    CHAR_LETTER,
    CHAR_DIGIT,
    CHAR_SIGN,
    CHAR_TAB,
    CHAR_SPACE,
    CHAR_NEWLINE,
    CHAR_CONTROL
};

static enum char_class char_class(uint32_t cp)
{
    if (cp == '\n')
        return CHAR_NEWLINE;
    if (cp == ' ' || cp == 0x2581)
        return CHAR_SPACE;
    if (cp == '\t')
        return CHAR_TAB;
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        return CHAR_CONTROL;
    if (cp >= '0' && cp <= '9')
        return CHAR_DIGIT;
    if ((cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z'))
        return CHAR_LETTER;
    /* Latin-1 signs, general punctuation to arrows and symbols, CJK punctuation, emoji */
    bool sign = cp < 0xc0 || cp == 0xd7 || cp == 0xf7 || (cp >= 0x2000 && cp < 0x2c00) ||
                (cp >= 0x3000 && cp < 0x3040) || (cp >= 0xfe10 && cp < 0xff10) || cp >= 0x1f000;
    return sign ? CHAR_SIGN : CHAR_LETTER;
}

/* A position in a text: its next character, U+FFFD for a byte that is none. */
static size_t next_char(uint32_t *cp, const char *s, size_t len)
{
    int n = utf8_decode(cp, s, len);
    if (n == 0)
        *cp = 0xfffd;
    return n ? (size_t)n : 1;
}

void bpe_words_count(struct bpe_words *words, const char *word, size_t len, long count)
{
    int item = string_map_get(&words->index, word, len);
    if (item < 0) {
        words->items = mem_grow(words->items, &words->cap, words->n + 1, sizeof *words->items);
        item = (int)words->n++;
        char *text = mem_strndup(word, len);
        words->items[item] = (struct bpe_word){.text = text, .len = len};
        *string_map_at(&words->index, text, len) = item;
    }
    words->items[item].count += count;
}

/* Length of the run of characters of `class` at s, and the number of its characters. */
static size_t run_len(size_t *n_chars, enum char_class class, const char *s, size_t len)
{
    size_t i = 0;
    for (*n_chars = 0; i < len; ++*n_chars) {
        uint32_t cp;
        size_t n = next_char(&cp, s + i, len - i);
        if (char_class(cp) != class)
            break;
        i += n;
    }
    return i;
}

/* A space with no word after it to belong to is a word of its own. */
static void end_space(struct bpe_words *words, bool *spaced)
{
    if (*spaced)
        bpe_words_count(words, BPE_SPACE, strlen(BPE_SPACE), 1);
    *spaced = false;
}

/* Counts the word at s, with a space before it if `spaced`; returns how far it goes. */
static size_t add_word(struct bpe_words *words, bool spaced, const char *s, size_t len)
{
    char word[MAX_WORD_BYTES + 8];
    size_t n = 0, i = 0;
    uint32_t cp;
    size_t step = next_char(&cp, s, len);
    enum char_class class = char_class(cp);
    bool joins_space = class == CHAR_LETTER || class == CHAR_SIGN;
    if (!joins_space)
        end_space(words, &spaced);
    if (spaced) {
        memcpy(word, BPE_SPACE, strlen(BPE_SPACE));
        n = strlen(BPE_SPACE);
    }
    bool single = class == CHAR_DIGIT || class == CHAR_CONTROL;
    do {
        n += (size_t)utf8_encode(word + n, cp);
        i += step;
        if (i >= len || single)
            break;
        step = next_char(&cp, s + i, len - i);
    } while (char_class(cp) == class && n < MAX_WORD_BYTES);
    bpe_words_count(words, word, n, 1);
    return i;
}

static size_t skip_len(const char *const *skip, size_t n_skip, const char *s, size_t len)
{
    for (size_t k = 0; k < n_skip; k++) {
        size_t n = strlen(skip[k]);
        if (n <= len && memcmp(s, skip[k], n) == 0)
            return n;
    }
    return 0;
}

static void count_run(long *runs, size_t n)
{
    runs[n < BPE_MAX_RUN ? n : BPE_MAX_RUN]++;
}

void bpe_words_add(struct bpe_words *words, const char *text, size_t len, const char *const *skip,
                   size_t n_skip)
{
    bool spaced = false;
    for (size_t i = 0, n, n_chars; i < len; i += n) {
        const char *s = text + i;
        if ((n = skip_len(skip, n_skip, s, len - i)) > 0) {
            end_space(words, &spaced);
        } else if ((n = run_len(&n_chars, CHAR_NEWLINE, s, len - i)) > 0) {
            end_space(words, &spaced);
            count_run(words->newline_runs, n_chars);
        } else if ((n = run_len(&n_chars, CHAR_SPACE, s, len - i)) > 0) {
            count_run(words->space_runs, n_chars);
            spaced = n_chars == 1;
        } else {
            n = add_word(words, spaced, s, len - i);
            spaced = false;
        }
    }
    end_space(words, &spaced);
}

void bpe_words_clear(struct bpe_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        free(words->items[i].text);
    free(words->items);
    string_map_clear(&words->index);
    *words = (struct bpe_words){0};
}
