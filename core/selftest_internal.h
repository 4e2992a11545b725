/* What the checks of a model and of a dictionary share. For core/selftest*.c. */
#ifndef CORE_SELFTEST_INTERNAL_H
#define CORE_SELFTEST_INTERNAL_H

#include "core/selftest.h"
#include "core/session.h"

#define N_ANSWER 6     /* tokens that are generated */
#define SUM_ORDER 1e-4 /* what another order of float32 sums may change over a whole model */

struct tester {
    struct selftest *t;
    const struct scope *scope;
    int *ids; /* [n] owned: the prompt */
    int n;
    size_t d_model, n_vocab;
    float *resid;     /* [n, d_model] owned: read in one piece */
    double sum_order; /* what is allowed between two ways through the model */
};

/* A session with the first n tokens of the prompt. session_free it also after an error. */
int tester_session(struct session **out, const struct tester *s, int n_branches, int n,
                   struct err *err) ERR_CHECK;

/* core/selftest_dictionary.c: the checks of a dictionary, or a line that says there is none. Needs
 * s->resid. */
int tester_check_dictionary(struct tester *s, struct err *err) ERR_CHECK;

#endif
