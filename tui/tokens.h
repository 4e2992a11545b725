/* A run of tokens with all that is shown about them: ids, text, flags, activations.
 *
 * A reading (the prompt) is built by the worker and then never changes; an answer is owned and
 * extended by the UI as pieces arrive. Not shared while it is written. */
#ifndef TUI_TOKENS_H
#define TUI_TOKENS_H

#include "data/mem.h"
#include "tui/lazy_acts.h"

#include <stdbool.h>
#include <stddef.h>

struct tokens {
    int n;
    int n_read;             /* the first n_read rows of acts are known */
    size_t n_concepts;      /* columns of acts */
    int *ids;               /* [n] */
    size_t *ends;           /* [n] token t is text[ends[t - 1], ends[t]) in bytes */
    bool *special;          /* [n] template and control tokens */
    bool *counted;          /* [n] positions of the user's own text */
    struct buf text;        /* bytes of all tokens, not necessarily valid UTF-8 */
    float *acts;            /* [n_read, n_concepts] >= 0 */
    struct lazy_acts *lazy; /* owned: in place of acts, or NULL */
    size_t cap, acts_cap;
};

void tokens_init(struct tokens *t, size_t n_concepts);
void tokens_clear(struct tokens *t);
void tokens_add(struct tokens *t, int id, const char *bytes, size_t len, bool special,
                bool counted);
/* Appends one row of activations, acts [n_concepts]. Needs n_read < n. */
void tokens_add_acts(struct tokens *t, const float *acts);
/* Gives up the activations of all its tokens to t. */
void tokens_take_lazy(struct tokens *t, struct lazy_acts *lazy);

/* All rows at token i < n_read: [n_concepts], valid until any activation is asked for. */
const float *tokens_acts(const struct tokens *t, int i);
/* Activation of a row at token i; 0 where it is not known (yet). */
float tokens_act(const struct tokens *t, int i, size_t row);
float tokens_act_max(const struct tokens *t, size_t row); /* over counted positions */
int tokens_peak(const struct tokens *t, size_t row);      /* where that is; -1: nowhere above 0 */

/* Byte range of token i in t->text, moved to character boundaries: a character that several tokens
 * spell belongs to the first of them. */
void tokens_range(const struct tokens *t, int i, size_t *start, size_t *end);

/* Index of the first token that differs, or -1 if one is a prefix of the other. */
int tokens_first_difference(const struct tokens *a, const struct tokens *b);

#endif
