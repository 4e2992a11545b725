/* Labels for the rows of a dictionary from whatever holds them: metadata.jsonl, Neuronpedia's
 * explanations (a file of either form, or the folder of a source with its batches), or a text file
 * with one label on each line. */
#ifndef DATA_LABEL_FILE_H
#define DATA_LABEL_FILE_H

#include "data/err.h"
#include "data/labels.h"

#include <stddef.h>

/* Reads labels for n rows. What a file is: a name that ends in .txt is lines; else its first bytes
 * say. Lines and metadata.jsonl must have n rows (ERR_SHAPE tells both numbers; empty lines become
 * "feature N"). Explanations are joined by index: the first description of each counts, the other
 * rows become "feature N", and an index beyond the rows is ERR_SHAPE.
 * A byte order mark is skipped; UTF-16 is refused.
 *
 * Out: *source  of explanations, "gemma-2-2b/20-gemmascope-res-16k", else NULL; the caller frees. A
 *               file that names two sources is refused with both. */
int label_file_read(struct labels *out, char **source, const char *path, size_t n,
                    struct err *err) ERR_CHECK;

/* The label file that lies beside an autoencoder or a matrix, or NULL: WEIGHTS without its
 * extension and with .labels.txt; else in the folder explanations (a folder), explanations.jsonl,
 * explanations.jsonl.gz, explanations.json, metadata.jsonl. The caller frees. */
char *label_file_beside(const char *weights, const char *dir);

#endif
