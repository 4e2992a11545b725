#include "data/fuzzy_match.h"

#include "data/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCORE_CHAR = 16,       /* a character that matches */
    SCORE_WORD_START = 10, /* and begins a word */
    SCORE_FIRST = 4,       /* and begins term and word at once */
    SCORE_JOINED = 10,     /* and follows the one before directly */
    COST_GAP = 3,          /* the first character that is skipped between two */
    COST_GAP_MORE = 1,     /* every further one */
    NO_MATCH = INT16_MIN / 2,
};

/* Lower case of Latin, Greek and Cyrillic letters; other scripts are compared as they are. */
static uint32_t lower(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    return c >= 0x400 && c <= 0x40f ? c + 0x50 : c;
}

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c >= 0x80;
}

static uint32_t letter_bit(uint32_t c)
{
    c = lower(c);
    return c >= 'a' && c <= 'z' ? 1u << (c - 'a') : c >= '0' && c <= '9' ? 1u << (26 + c % 6) : 0;
}

uint32_t fuzzy_letters(const char *text, size_t len)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < len; i++)
        letters |= letter_bit((unsigned char)text[i]);
    return letters;
}

void fuzzy_pattern_set(struct fuzzy_pattern *out, const char *pattern)
{
    size_t len = strlen(pattern);
    int n = 0;
    out->n_terms = out->starts[0] = 0;
    out->letters = 0;
    out->case_sensitive = false;
    for (size_t i = 0; i < len && n < FUZZY_PATTERN_MAX;) {
        uint32_t c;
        int used = utf8_decode(&c, pattern + i, len - i);
        i += used ? (size_t)used : 1;
        if (c == ' ' && n > out->starts[out->n_terms])
            out->starts[++out->n_terms] = n;
        if (c == ' ' || !used)
            continue;
        out->case_sensitive |= lower(c) != c;
        out->letters |= letter_bit(c);
        out->chars[n++] = c;
    }
    if (n > out->starts[out->n_terms])
        out->starts[++out->n_terms] = n;
    for (uint32_t c = 0; c < 128; c++)
        out->folded[c] = (unsigned char)(out->case_sensitive ? c : lower(c));
    for (int i = 0; i < n && !out->case_sensitive; i++)
        out->chars[i] = lower(out->chars[i]);
}

/* Most texts end here: do the terms' ASCII characters lie in the text in order? */
static bool may_match(const struct fuzzy_pattern *p, const char *text, size_t len)
{
    for (int t = 0; t < p->n_terms; t++) {
        int k = p->starts[t], end = p->starts[t + 1];
        for (size_t i = 0; i < len && k < end; i++) {
            while (k < end && p->chars[k] >= 0x80)
                k++;
            unsigned char c = (unsigned char)text[i];
            k += k < end && c < 0x80 && p->folded[c] == p->chars[k];
        }
        while (k < end && p->chars[k] >= 0x80)
            k++;
        if (k < end)
            return false;
    }
    return true;
}

/* Characters of the text; bad bytes become what no pattern holds. */
static int decode(struct fuzzy_pattern *p, const char *text, size_t len)
{
    int n = 0;
    bool in_word = false;
    size_t at = 0;
    for (; at < len && n < FUZZY_TEXT_MAX; n++) {
        uint32_t c = (unsigned char)text[at];
        int used = c < 0x80 ? 1 : utf8_decode(&c, text + at, len - at);
        p->offsets[n] = at;
        p->text[n] = c < 0x80            ? p->folded[c]
                     : !used             ? UINT32_MAX
                     : p->case_sensitive ? c
                                         : lower(c);
        p->starts_word[n] = is_word(c) && !in_word;
        in_word = is_word(c);
        at += used ? (size_t)used : 1;
    }
    p->offsets[n] = at;
    return n;
}

/* The first and the last place of each character in any match of the term; false: there is none. */
static bool find_places(struct fuzzy_pattern *p, const uint32_t *term, int n_term, int n_text)
{
    int k = 0;
    for (int i = 0; i < n_text && k < n_term; i++)
        if (p->text[i] == term[k])
            p->left[k++] = i;
    if (k < n_term)
        return false;
    for (int i = n_text - 1; k > 0; i--)
        if (p->text[i] == term[k - 1])
            p->right[--k] = i;
    return true;
}

static int value_of(const struct fuzzy_pattern *p, int k, int i)
{
    int value = SCORE_CHAR;
    if (p->starts_word[i])
        value += SCORE_WORD_START + (k == 0 ? SCORE_FIRST : 0);
    return value;
}

static void fill_first_row(struct fuzzy_pattern *p, uint32_t c)
{
    for (int i = p->left[0]; i <= p->right[0]; i++)
        p->best[0][i] = p->text[i] == c ? (int16_t)value_of(p, 0, i) : NO_MATCH;
}

/* The row of the term's k-th character. apart: best score of the characters before it, the last of
 * them not right before, less what is skipped in between. */
static void fill_row(struct fuzzy_pattern *p, uint32_t c, int k)
{
    int apart = NO_MATCH;
    for (int i = p->left[k - 1] + 1; i <= p->right[k]; i++) {
        int before = i - 1 <= p->right[k - 1] ? p->best[k - 1][i - 1] : NO_MATCH;
        int joined = before + SCORE_JOINED;
        int from = joined >= apart ? joined : apart;
        bool matches = p->text[i] == c && from > NO_MATCH / 2;
        p->best[k][i] = matches ? (int16_t)(from + value_of(p, k, i)) : NO_MATCH;
        p->is_joined[k][i] = joined >= apart;
        /* for the next position: a gap goes on, or begins after i - 1 */
        apart -= COST_GAP_MORE;
        apart = before - COST_GAP > apart ? before - COST_GAP : apart;
        apart = apart < NO_MATCH ? NO_MATCH : apart;
    }
}

/* Where the character before that at i lies in the best match, if not right before it. */
static int place_before(const struct fuzzy_pattern *p, int k, int i)
{
    int best = NO_MATCH, at = i - 1;
    int last = i - 2 < p->right[k - 1] ? i - 2 : p->right[k - 1];
    for (int j = last; j >= p->left[k - 1]; j--) {
        int value = p->best[k - 1][j] - COST_GAP - COST_GAP_MORE * (i - 2 - j);
        if (value > best) {
            best = value;
            at = j;
        }
    }
    return at;
}

static bool match_term(int *score, bool *marked, struct fuzzy_pattern *p, const uint32_t *term,
                       int n_term, int n_text)
{
    int last = n_term - 1;
    if (!find_places(p, term, n_term, n_text))
        return false;
    fill_first_row(p, term[0]);
    for (int k = 1; k < n_term; k++)
        fill_row(p, term[k], k);
    int end = p->left[last];
    for (int i = end + 1; i <= p->right[last]; i++)
        if (p->best[last][i] > p->best[last][end])
            end = i;
    *score += p->best[last][end];
    for (int k = last, i = end; k >= 0; k--) {
        marked[i] = true;
        if (k > 0)
            i = p->is_joined[k][i] ? i - 1 : place_before(p, k, i);
    }
    return true;
}

int fuzzy_match(int *score, struct span *spans, struct fuzzy_pattern *p, const char *text,
                size_t len)
{
    bool marked[FUZZY_TEXT_MAX];
    *score = 0;
    if (!may_match(p, text, len))
        return -1;
    int n_text = decode(p, text, len), n_spans = 0;
    memset(marked, 0, (size_t)n_text * sizeof *marked);
    for (int t = 0; t < p->n_terms; t++)
        if (!match_term(score, marked, p, p->chars + p->starts[t], p->starts[t + 1] - p->starts[t],
                        n_text))
            return -1;
    for (int i = 0; i < n_text; i++) {
        if (!marked[i])
            continue;
        if (i > 0 && marked[i - 1])
            spans[n_spans - 1].end = p->offsets[i + 1];
        else
            spans[n_spans++] = (struct span){p->offsets[i], p->offsets[i + 1]};
    }
    return n_spans;
}
