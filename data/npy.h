/* NumPy's .npy format, versions 1 to 3: one array. The header is a Python dictionary in text:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (2304, 16384), }. Little-endian numbers of
 * the kinds of data/tensor.h are read; other kinds are refused by their descr. */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "data/err.h"
#include "data/tensor.h"

#include <stddef.h>

struct npy {
    struct tensor tensor; /* called ""; its data may lie at any address */
    void *owned;          /* the row-major copy of an array in Fortran order, else NULL */
};

/* bytes are borrowed until npy_clear; `name` is what errors call the array. */
int npy_parse(struct npy *out, const void *bytes, size_t size, const char *name,
              struct err *err) ERR_CHECK;
void npy_clear(struct npy *npy);

#endif
