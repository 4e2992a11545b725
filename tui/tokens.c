#include "tui/tokens.h"

#include "data/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void tokens_init(struct tokens *t, size_t n_concepts)
{
    *t = (struct tokens){.n_concepts = n_concepts};
}

void tokens_clear(struct tokens *t)
{
    free(t->ids);
    free(t->ends);
    free(t->special);
    free(t->counted);
    free(t->acts);
    lazy_acts_free(t->lazy);
    buf_clear(&t->text);
    *t = (struct tokens){.n_concepts = t->n_concepts};
}

static void grow(struct tokens *t)
{
    if ((size_t)t->n < t->cap)
        return;
    t->cap = t->cap ? 2 * t->cap : 64;
    t->ids = mem_realloc(t->ids, t->cap, sizeof *t->ids);
    t->ends = mem_realloc(t->ends, t->cap, sizeof *t->ends);
    t->special = mem_realloc(t->special, t->cap, sizeof *t->special);
    t->counted = mem_realloc(t->counted, t->cap, sizeof *t->counted);
}

void tokens_add(struct tokens *t, int id, const char *bytes, size_t len, bool special, bool counted)
{
    grow(t);
    buf_add(&t->text, bytes, len);
    t->ids[t->n] = id;
    t->ends[t->n] = t->text.len;
    t->special[t->n] = special;
    t->counted[t->n] = counted;
    t->n++;
}

void tokens_add_acts(struct tokens *t, const float *acts)
{
    assert(t->n_read < t->n);
    if (t->n_concepts == 0) {
        t->n_read++;
        return;
    }
    if ((size_t)t->n_read >= t->acts_cap) {
        t->acts_cap = t->acts_cap ? 2 * t->acts_cap : 16;
        t->acts = mem_realloc(t->acts, t->acts_cap * t->n_concepts, sizeof *t->acts);
    }
    memcpy(t->acts + (size_t)t->n_read * t->n_concepts, acts, t->n_concepts * sizeof *acts);
    t->n_read++;
}

void tokens_take_lazy(struct tokens *t, struct lazy_acts *lazy)
{
    t->lazy = lazy;
    t->n_read = t->n;
}

const float *tokens_acts(const struct tokens *t, int i)
{
    assert(i >= 0 && i < t->n_read);
    return t->lazy ? lazy_acts_token(t->lazy, (size_t)i) : t->acts + (size_t)i * t->n_concepts;
}

float tokens_act(const struct tokens *t, int i, size_t row)
{
    if (i < 0 || i >= t->n_read || row >= t->n_concepts)
        return 0;
    if (t->lazy)
        return lazy_acts_at(t->lazy, (size_t)i, row);
    return t->acts[(size_t)i * t->n_concepts + row];
}

int tokens_peak(const struct tokens *t, size_t row)
{
    int peak = -1;
    float best = 0;
    for (int i = 0; i < t->n_read; i++) {
        float act = tokens_act(t, i, row);
        if (t->counted[i] && act > best) {
            best = act;
            peak = i;
        }
    }
    return peak;
}

float tokens_act_max(const struct tokens *t, size_t row)
{
    int peak = tokens_peak(t, row);
    return peak >= 0 ? tokens_act(t, peak, row) : 0;
}

/* The end of the character that spans byte `at`, or `at` itself on a boundary. */
static size_t boundary_after(const struct buf *text, size_t at)
{
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        size_t start = at - back;
        uint32_t cp;
        int n = utf8_decode(&cp, text->data + start, text->len - start);
        if (n > 0)
            return start + (size_t)n > at ? start + (size_t)n : at;
    }
    return at;
}

void tokens_range(const struct tokens *t, int i, size_t *start, size_t *end)
{
    assert(i >= 0 && i < t->n);
    *start = i > 0 ? boundary_after(&t->text, t->ends[i - 1]) : 0;
    *end = boundary_after(&t->text, t->ends[i]);
}

int tokens_first_difference(const struct tokens *a, const struct tokens *b)
{
    for (int i = 0; i < a->n && i < b->n; i++)
        if (a->ids[i] != b->ids[i])
            return i;
    return -1;
}
