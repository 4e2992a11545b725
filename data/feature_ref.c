#include "data/feature_ref.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a row is about. */
struct feature {
    const char *source; /* "gemma-2-2b/20-gemmascope-res-16k", or NULL: layer and width tell */
    size_t source_len;
    int layer; /* -1: not known */
    size_t width;
    size_t index;
};

static bool read_digits(size_t *out, const char *text, size_t len)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (size_t)(text[i] - '0');
    }
    return len > 0 && len < 10;
}

/* The last three parts of a URL: MODEL/LAYER-SET/INDEX. */
static bool read_ref(struct feature *out, const char *ref)
{
    const char *last = strrchr(ref, '/'), *at = last;
    if (!last || !read_digits(&out->index, last + 1, strlen(last + 1)))
        return false;
    for (int n_slashes = 0; at > ref; at--) {
        n_slashes += at[-1] == '/';
        if (n_slashes == 2)
            break;
    }
    out->source = at;
    out->source_len = (size_t)(last - at);
    return memchr(at, '/', out->source_len) != NULL;
}

static bool feature_of(struct feature *out, const struct dictionary *dict, size_t row)
{
    *out = (struct feature){.layer = -1};
    if (*dict->labels.rows[row].ref)
        return read_ref(out, dict->labels.rows[row].ref);
    out->index = row;
    out->layer = dict->hook_layer;
    out->width = dict->n_concepts;
    out->source = dict->source;
    out->source_len = dict->source ? strlen(dict->source) : 0;
    return dict->sae != NULL;
}

/* "16k" names 16384 features: thousands, or millions, rounded down. */
static bool is_width(const char *text, size_t len, size_t width)
{
    size_t number, unit = len == 0               ? 1
                          : text[len - 1] == 'k' ? 1000
                          : text[len - 1] == 'm' ? 1000000
                                                 : 1;
    return read_digits(&number, text, len - (unit > 1)) && width / unit == number;
}

/* Does "gemma-2-2b/20-gemmascope-res-16k" describe an autoencoder of this layer and width? */
static bool describes(const struct feature *named, const struct feature *unnamed)
{
    const char *end = named->source + named->source_len;
    const char *set = memchr(named->source, '/', named->source_len), *dash = end;
    size_t layer, len = 0;
    set++;
    while (set + len < end && set[len] >= '0' && set[len] <= '9')
        len++;
    while (dash > set && dash[-1] != '-')
        dash--;
    return read_digits(&layer, set, len) && unnamed->layer >= 0 &&
           layer == (size_t)unnamed->layer && is_width(dash, (size_t)(end - dash), unnamed->width);
}

static bool is_same(const struct feature *a, const struct feature *b)
{
    if (a->index != b->index)
        return false;
    if (a->source && b->source)
        return a->source_len == b->source_len && memcmp(a->source, b->source, a->source_len) == 0;
    if (!a->source && !b->source)
        return false;
    return a->source ? describes(a, b) : describes(b, a);
}

size_t feature_links(size_t *rows, size_t max, const struct dictionary *dict, size_t row,
                     const struct dictionary *other)
{
    struct feature wanted, f;
    size_t n = 0;
    if (!feature_of(&wanted, dict, row))
        return 0;
    for (size_t i = 0; i < other->n_concepts && n < max; i++)
        if (feature_of(&f, other, i) && is_same(&wanted, &f))
            rows[n++] = i;
    return n;
}
