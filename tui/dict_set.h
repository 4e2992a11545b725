/* The dictionaries of one reading, seen as one: their rows stand one after the other, those of the
 * first --dict first. With several, a row is written D:ROW, D counting the --dict flags from 0. */
#ifndef TUI_DICT_SET_H
#define TUI_DICT_SET_H

#include "tui/job.h"

struct dict_set {
    struct dictionary **dicts; /* [n]; the first is the scope's, the others are owned */
    int *layers;               /* [n] hook layers */
    size_t *first;             /* [n + 1] first row of each in the whole, then the number of rows */
    size_t n;
    struct dictionary all; /* labels, act_max, threshold and baseline of all rows, no directions. A
                              statistic that one of them lacks is NULL: scores need one unit */
};

/* Opens the further dictionaries of args beside the scope's own. */
int dict_set_open(struct dict_set *out, const struct scope *scope, const struct args *args,
                  struct err *err) ERR_CHECK;
void dict_set_close(struct dict_set *set);

/* Latents of all rows at every prompt position, [n_prompt, all.n_concepts], each dictionary at its
 * own hook layer; the caller frees *acts. */
int dict_set_latents(float **acts, const struct dict_set *set, struct job *job, bool is_signed,
                     struct err *err) ERR_CHECK;

/* The row of the whole that is meant. ERR_LIMIT: there is no such dictionary or row. */
int dict_set_row(size_t *out, const struct dict_set *set, struct concept_ref ref,
                 struct err *err) ERR_CHECK;
struct concept_ref dict_set_ref(const struct dict_set *set, size_t row);

#endif
