/* Checks of a model and a dictionary on the user's own machine.
 *
 * Where values for the pair are published (AXBENCH.md 5.2 and 7.1: gemma-2-2b-it with the ReFT-r1
 * dictionary of layer 20, gemma-2-2b with Gemma Scope's layer 20, 16k, l0 71) they are compared one
 * by one; for any pair what must agree with itself: cached with uncached, batched with single,
 * token by token with prefill, and so on. Every check is a line with a verdict. */
#ifndef CORE_SELFTEST_H
#define CORE_SELFTEST_H

#include "core/scope.h"

#include <stdbool.h>
#include <stddef.h>

enum selftest_status { SELFTEST_PASS, SELFTEST_FAIL, SELFTEST_SKIP };

struct selftest_line {
    enum selftest_status status;
    char name[80];
    char text[160]; /* what was found, and what was wanted */
};

struct selftest {
    struct selftest_line *lines; /* [n] owned */
    size_t n, cap, n_failed;
    void (*shown)(void *data, const struct selftest_line *line); /* after each; may be NULL */
    void *data;
};
void selftest_clear(struct selftest *t);

/* --- verdicts --- */

void selftest_add(struct selftest *t, enum selftest_status status, const char *name,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* How far a value may be off: |got - want| <= rel |want| + abs. */
struct tolerance {
    double rel, abs;
};

/* Passes within `exact`, which float32 arithmetic keeps, or within `coarse`, which bfloat16 or
 * quantised weights do; the line says which. A NaN fails. */
void selftest_number(struct selftest *t, const char *name, double got, double want,
                     struct tolerance exact, struct tolerance coarse);

/* Passes if the largest |got - want| is at most `allowed` times the largest |want|. Without a
 * number, or with one that is not finite, it fails. */
void selftest_floats(struct selftest *t, const char *name, const float *got, const float *want,
                     size_t n, double allowed);
void selftest_ints(struct selftest *t, const char *name, const int *got, size_t n_got,
                   const int *want, size_t n_want);

/* --- the checks --- */

/* Runs all that applies. An error is something that kept a check from being made; a check that
 * fails is a line. scope: with a model; tokenizer and dictionary if there are any. */
int selftest_run(struct selftest *t, const struct scope *scope, struct err *err) ERR_CHECK;

/* core/selftest_published.c: the published values; adds nothing if there are none for this pair. */
int selftest_published(struct selftest *t, const struct scope *scope, struct err *err) ERR_CHECK;

/* --- the published readings, for tests too --- */

#define PUBLISHED_TOKENS 22

/* Of ReFT-r1 2B, row 1795, on the wormhole prompt; position 0 (BOS) is not compared. */
struct published_token {
    int id;
    double act;    /* of row 1795 */
    size_t argmax; /* row with the largest latent */
    int n_above;   /* rows whose latent is above 1 */
};
extern const struct published_token published_reft[PUBLISHED_TOKENS];

/* Of Gemma Scope 2B, layer 20, 16k, l0 71, on the same text without the template; BOS included. */
#define PUBLISHED_BARE 14
extern const struct published_token published_scope[PUBLISHED_BARE]; /* act is not published */
void selftest_compare_scope(struct selftest *t, const float *acts, size_t n_concepts);

/* acts [PUBLISHED_TOKENS, n_concepts], rectified; n_concepts > every row named above. */
void selftest_compare_reft(struct selftest *t, const float *acts, size_t n_concepts);

#endif
