/* The dictionaries of one command, seen as one: their rows stand one after the other, those of the
 * first --dict first. With several, a row is written D:ROW, D counting the --dict flags from 0. */
#ifndef TUI_DICT_SET_H
#define TUI_DICT_SET_H

#include "core/scope.h"
#include "tui/args.h"

struct dict_set {
    struct dictionary **dicts; /* [n]; the first is the scope's, the others are owned */
    int *layers;               /* [n] hook layers */
    size_t *first;             /* [n + 1] first row of each in the whole, then the number of rows */
    size_t n;
    struct dictionary all; /* labels, act_max, threshold and baseline of all rows, no directions. A
                              statistic that one of them lacks is NULL: scores need one unit */
};

/* Opens the further dictionaries of args beside the scope's own, each with its own --acts, --labels
 * and --layer. */
int dict_set_open(struct dict_set *out, const struct scope *scope, const struct args *args,
                  struct err *err) ERR_CHECK;
void dict_set_close(struct dict_set *set);

/* The row of the whole that is meant. ERR_LIMIT: there is no such dictionary or row. */
int dict_set_row(size_t *out, const struct dict_set *set, struct concept_ref ref,
                 struct err *err) ERR_CHECK;
struct concept_ref dict_set_ref(const struct dict_set *set, size_t row);

/* Appends ROW, or D:ROW where there are several dictionaries. */
void dict_set_row_name(struct buf *out, const struct dict_set *set, struct concept_ref ref);

int dict_set_lowest_layer(const struct dict_set *set);

#endif
