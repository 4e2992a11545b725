#include "tui/words.h"

#include "data/text.h"

#include <stdint.h>
#include <string.h>

void words_parse(struct words *out, const char *text, size_t len)
{
    *out = (struct words){0};
    buf_add(&out->text, text, len);
    const char *at = buf_cstr(&out->text), *end = at + len;
    while (at < end) {
        size_t n = strcspn(at, "\r\n");
        if (n > 0)
            *string_map_at(&out->map, at, n) = 1;
        at += n + 1;
    }
}

void words_clear(struct words *words)
{
    string_map_clear(&words->map);
    buf_clear(&words->text);
}

static bool is_between(uint32_t cp, uint32_t first, uint32_t last)
{
    return cp >= first && cp <= last;
}

/* Latin letters exactly; of other scripts everything that is no known block of signs. */
static bool is_letter(uint32_t cp)
{
    if (cp < 0xc0)
        return is_between(cp, 'a', 'z') || is_between(cp, 'A', 'Z');
    return cp != 0xd7 && cp != 0xf7 && !is_between(cp, 0x2000, 0x2bff) &&
           !is_between(cp, 0x3000, 0x303f) && !is_between(cp, 0xe000, 0xf8ff) &&
           !is_between(cp, 0xff00, 0xff20) && cp < 0x1f000;
}

static uint32_t lower(uint32_t cp)
{
    return is_between(cp, 'A', 'Z') || (is_between(cp, 0xc0, 0xde) && cp != 0xd7) ? cp + 32 : cp;
}

static void end_word(int *n_words, int *n_unseen, const struct words *words, struct buf *word)
{
    if (word->len == 0)
        return;
    ++*n_words;
    if (string_map_get(&words->map, word->data, word->len) < 0)
        ++*n_unseen;
    word->len = 0;
}

void words_count(int *n_words, int *n_unseen, const struct words *words, const char *text,
                 size_t len)
{
    struct buf word = {0};
    *n_words = *n_unseen = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char bytes[4];
        int n = utf8_decode(&cp, text + i, len - i);
        if (n > 0 && is_letter(cp))
            buf_add(&word, bytes, (size_t)utf8_encode(bytes, lower(cp)));
        else
            end_word(n_words, n_unseen, words, &word);
        i += n > 0 ? (size_t)n : 1;
    }
    end_word(n_words, n_unseen, words, &word);
    buf_clear(&word);
}
