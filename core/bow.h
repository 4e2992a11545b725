/* Bag-of-words classifier (AXBENCH.md 2.2): counts of words, L2 logistic regression. The baseline
 * that a dictionary has to beat where context decides. */
#ifndef CORE_BOW_H
#define CORE_BOW_H

#include <stddef.h>

struct bow;

/* Minimises c * sum of log losses + |w|²/2 (the bias is free). Words are runs of two or more
 * letters, digits or underscores, in lower case. texts [n], labels [n] (0 or 1). */
void bow_train(struct bow **out, const char *const *texts, const int *labels, size_t n, double c);
void bow_free(struct bow *bow);

/* The log odds that the text is a positive; words not seen in training do not count. */
double bow_score(const struct bow *bow, const char *text);

#endif
