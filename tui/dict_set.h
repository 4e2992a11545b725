/* Several dictionaries of one model, seen as one: their rows stand one after the other, those of
 * the first --dict first. With several, a row is written D:ROW, D counting the --dict flags from 0.
 */
#ifndef TUI_DICT_SET_H
#define TUI_DICT_SET_H

#include "core/scope.h"

/* A row of one of several dictionaries. */
struct concept_ref {
    size_t dict; /* which --dict, from 0 */
    size_t row;
};

struct dict_set {
    struct dictionary **dicts; /* [n]; the first is borrowed, the others are owned */
    int *layers;               /* [n] hook layers */
    size_t *first;             /* [n + 1] first row of each in the whole, then the number of rows */
    size_t n;                  /* 0: none is open */
    struct dictionary all; /* labels, act_max and threshold of all rows, no directions. A statistic
                              that one of them lacks is NULL: scores need one unit. Its name is the
                              first one's, with how many more there are */
};

/* Opens the further dictionaries beside the first, each with its own --acts, --labels and --layer.
 */
int dict_set_open(struct dict_set *out, struct dictionary *first, const struct scope_options *more,
                  size_t n_more, struct err *err) ERR_CHECK;
void dict_set_close(struct dict_set *set);

/* The scope with dictionary d in the place of its own; borrowed. */
struct scope dict_set_scope(const struct dict_set *set, const struct scope *scope, size_t d);

/* Checks the further dictionaries against the scope's model, if it has one, and gives them what was
 * stored of their behaviour on neutral text with the model at model_path (NULL: nothing). */
int dict_set_fit(struct dict_set *set, const struct scope *scope, const char *model_path,
                 struct err *err) ERR_CHECK;

/* Mean and spread of all rows, for set->all; NULL if a dictionary lacks them. The caller closes. */
struct calibration *dict_set_calibration(const struct dict_set *set);

/* The row of the whole that is meant. ERR_LIMIT: there is no such dictionary or row. */
int dict_set_row(size_t *out, const struct dict_set *set, struct concept_ref ref,
                 struct err *err) ERR_CHECK;
struct concept_ref dict_set_ref(const struct dict_set *set, size_t row);

/* Appends ROW, or D:ROW where there are several dictionaries. */
void dict_set_row_name(struct buf *out, const struct dict_set *set, struct concept_ref ref);

int dict_set_lowest_layer(const struct dict_set *set);
bool dict_set_is_one_layer(const struct dict_set *set);

#endif
