/* One walk over every alternative of every pattern, when the world is opened: proves that every
 * slot names a list, and collects the words that texts can hold. */
#include "assets/demo/world_internal.h"
#include "data/text.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_letter(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
           (cp >= 0xC0 && cp <= 0x24F && cp != 0xD7 && cp != 0xF7);
}

static uint32_t lower(uint32_t cp)
{
    bool capital = (cp >= 'A' && cp <= 'Z') || (cp >= 0xC0 && cp <= 0xDE && cp != 0xD7);
    return capital ? cp + 32 : cp;
}

/* Sorts and drops doubles; strings stay owned by the world. */
static void strings_unique(struct world_strings *v)
{
    if (v->n > 0) {
        qsort(v->items, v->n, sizeof *v->items, compare);
    }
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (n == 0 || strcmp(v->items[n - 1], v->items[i]) != 0) {
            v->items[n++] = v->items[i];
        }
    }
    v->n = n;
}

/* Adds the words of a text, as they are, to a list of words without doubles. */
static void collect_words(struct world *w, const char *text, size_t len)
{
    struct world_strings fresh = {0};
    struct buf word = {0};
    for (size_t i = 0; i <= len;) {
        uint32_t cp = 0;
        int n = i < len ? utf8_decode(&cp, text + i, len - i) : 0;
        if (n > 0 && is_letter(cp)) {
            char bytes[4];
            buf_add(&word, bytes, (size_t)utf8_encode(bytes, lower(cp)));
        } else if (word.len > 0) {
            const char *key = word.data;
            if (!w->known.n || !bsearch(&key, w->known.items, w->known.n, sizeof key, compare)) {
                world_strings_add(&fresh, world_keep(w, word.data, word.len));
            }
            word.len = 0;
        }
        i += n > 0 ? (size_t)n : 1;
    }
    for (size_t i = 0; i < fresh.n; i++) {
        world_strings_add(&w->known, fresh.items[i]);
    }
    if (fresh.n > 0) {
        strings_unique(&w->known);
    }
    free(fresh.items);
    buf_clear(&word);
}

static int check_patterns(struct world *w, const struct world_block *b,
                          const struct world_patterns *patterns, struct buf *text, struct err *err)
{
    for (size_t i = 0; i < patterns->n; i++) {
        const struct world_pattern *p = &patterns->items[i];
        for (int k = 0; k < p->n_parts; k++) {
            struct err why = {0};
            struct world_expansion x = {.w = w, .block = b, .err = &why};
            int rc = world_expand(&x, text, p->parts[k], p->literal);
            if (rc != ERR_OK) {
                return err_set(err, why.code, "%s:%d: %s", p->file, p->line, why.message);
            }
            buf_char(text, '\n');
        }
    }
    return ERR_OK;
}

int world_check(struct world *w, struct err *err)
{
    for (size_t i = 0; i < w->n_blocks; i++) {
        const struct world_block *b = &w->blocks[i];
        struct buf text = {0};
        int rc = check_patterns(w, b, &b->sentences, &text, err);
        rc = rc != ERR_OK ? rc : check_patterns(w, b, &b->chats, &text, err);
        rc = rc != ERR_OK ? rc : check_patterns(w, b, &b->hards, &text, err);
        collect_words(w, buf_cstr(&text), text.len);
        buf_clear(&text);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

int world_n_words(const struct world *w)
{
    return (int)w->known.n;
}

const char *world_word(const struct world *w, int i)
{
    return w->known.items[i];
}

bool world_knows_word(const struct world *w, const char *word)
{
    struct buf key = {0};
    size_t len = strlen(word);
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char bytes[4];
        int n = utf8_decode(&cp, word + i, len - i);
        if (n == 0) {
            break;
        }
        buf_add(&key, bytes, (size_t)utf8_encode(bytes, lower(cp)));
        i += (size_t)n;
    }
    const char *s = buf_cstr(&key);
    bool known = w->known.n && bsearch(&s, w->known.items, w->known.n, sizeof s, compare);
    buf_clear(&key);
    return known;
}
