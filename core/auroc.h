/* AUROC: the probability that a positive scores above a negative, ties counting one half. */
#ifndef CORE_AUROC_H
#define CORE_AUROC_H

#include <stddef.h>

/* scores [n], labels [n] (0 or 1). NaN when one class is empty. O(n log n). */
double auroc(const float *scores, const int *labels, size_t n);

#endif
