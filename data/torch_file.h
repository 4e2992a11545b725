/* PyTorch's .pt files: a zip archive with a pickle that names raw tensor entries (data/zip.h,
 * data/pickle.h). Only those opcodes and globals are understood; anything else is
 * refused by name and nothing is ever executed. Stored entries stay mapped where they lie. */
#ifndef DATA_TORCH_FILE_H
#define DATA_TORCH_FILE_H

#include "data/err.h"
#include "data/tensor.h"

#include <stddef.h>

struct torch_file;

int torch_open(struct torch_file **out, const char *path, struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing); bytes are borrowed until close. */
int torch_parse(struct torch_file **out, const void *bytes, size_t size, const char *name,
                struct err *err) ERR_CHECK;
void torch_close(struct torch_file *f);

/* A single pickled tensor has the name "" and count 1; a dict has one tensor per key. */
size_t torch_count(const struct torch_file *f);
const struct tensor *torch_at(const struct torch_file *f, size_t i);
const struct tensor *torch_find(const struct torch_file *f, const char *name);
size_t torch_heap_bytes(const struct torch_file *f); /* unpacked or moved, so not mapped */

/* Writes one tensor atomically, as torch.save would, so that torch.load reads it. The archive's
 * folder is the file's name without extension; data starts on a 64-byte boundary. The bytes are
 * the same for the same tensor and name. ERR_LIMIT from 4 GiB on. */
int torch_write(const char *path, const struct tensor *tensor, struct err *err) ERR_CHECK;

#endif
