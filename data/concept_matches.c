#include "data/concept_matches.h"

#include "data/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void concept_matches_clear(struct concept_matches *m)
{
    free(m->rows);
    free(m->spans);
    *m = (struct concept_matches){0};
}

const char *concept_order_name(enum concept_order order)
{
    static const char *const names[] = {"row", "label", "act_max", "relevance"};
    assert(order < N_CONCEPT_ORDERS);
    return names[order];
}

/* What is compared lies in the items: qsort has no room for the labels. */
struct item {
    struct concept_match match;
    long long key; /* smaller first */
    const char *text;
    size_t text_len;
};

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

static int compare_texts(const struct item *x, const struct item *y)
{
    for (size_t i = 0; i < x->text_len && i < y->text_len; i++) {
        int difference = lower(x->text[i]) - lower(y->text[i]);
        if (difference)
            return difference;
    }
    return x->text_len < y->text_len ? -1 : x->text_len > y->text_len;
}

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    int difference = x->text ? compare_texts(x, y) : 0;
    if (difference)
        return difference;
    return x->match.row < y->match.row ? -1 : x->match.row > y->match.row;
}

/* A float's bits, turned so that they order like the number. */
static long long key_of_float(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? -(long long)(bits & INT32_MAX) : bits;
}

void concept_matches_sort(struct concept_matches *m, enum concept_order order,
                          const struct labels *labels, const float *act_max)
{
    assert(order < N_CONCEPT_ORDERS);
    if (m->n == 0)
        return;
    struct item *items = mem_alloc(m->n, sizeof *items);
    for (size_t i = 0; i < m->n; i++) {
        const struct label *label = &labels->rows[m->rows[i].row];
        items[i] = (struct item){.match = m->rows[i]};
        if (order == ORDER_LABEL) {
            items[i].text = label->text;
            items[i].text_len = label->text_len;
        } else if (order == ORDER_ACT_MAX) {
            items[i].key = act_max ? -key_of_float(act_max[m->rows[i].row]) : 0;
        } else if (order == ORDER_RELEVANCE && m->rows[i].score != 0) {
            long long len = label->text_len < 1 << 20 ? (long long)label->text_len : 1 << 20;
            items[i].key = -((long long)m->rows[i].score << 21) + len;
        }
    }
    qsort(items, m->n, sizeof *items, by_key);
    for (size_t i = 0; i < m->n; i++)
        m->rows[i] = items[i].match;
    free(items);
}

void concept_matches_keep_genre(struct concept_matches *m, enum genre genre,
                                const struct labels *labels)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (labels->rows[m->rows[i].row].genre == genre)
            m->rows[n++] = m->rows[i];
    m->n = n;
}
