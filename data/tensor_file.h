/* Named tensors from any of the files that hold them: .safetensors, torch's .pt, numpy's .npy and
 * .npz. Which one a file is, its first bytes say, not its name. */
#ifndef DATA_TENSOR_FILE_H
#define DATA_TENSOR_FILE_H

#include "data/err.h"
#include "data/tensor.h"

#include <stddef.h>

struct tensor_file;

int tensor_file_open(struct tensor_file **out, const char *path, struct err *err) ERR_CHECK;
void tensor_file_close(struct tensor_file *f);

/* The one array of a .npy file and a single pickled tensor are called "". */
size_t tensor_file_count(const struct tensor_file *f);
const struct tensor *tensor_file_at(const struct tensor_file *f, size_t i); /* NULL past the end */
const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name); /* or NULL */

/* Bytes that are on the heap instead of mapped: entries that were compressed or in an order or at
 * an address that cannot be used. */
size_t tensor_file_heap_bytes(const struct tensor_file *f);

#endif
