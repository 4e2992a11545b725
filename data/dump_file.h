/* A dump: residuals of a text as a safetensors file, written by `axscope dump` or by a few lines
 * of PyTorch on another machine.
 *
 *   "resid.L"  [n_tokens, d_model] f32, bf16 or f16: the residual after layer L; one or more
 *   "ids"      [n_tokens] i64 or i32, optional: token ids
 *   "counted"  [n_tokens] u8, optional: 1 where a position belongs to the text itself
 *
 * A leading dimension of 1 (a batch of one) is allowed everywhere; other tensors are ignored.
 * Read-only once opened. */
#ifndef DATA_DUMP_FILE_H
#define DATA_DUMP_FILE_H

#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>

struct dump_file;

int dump_file_open(struct dump_file **out, const char *path, struct err *err) ERR_CHECK;
/* The same from memory (tests, fuzzing); bytes are borrowed until close. */
int dump_file_parse(struct dump_file **out, const void *bytes, size_t size, const char *name,
                    struct err *err) ERR_CHECK;
void dump_file_close(struct dump_file *dump);

const char *dump_file_name(const struct dump_file *dump);  /* its path as given */
const char *dump_file_model(const struct dump_file *dump); /* "model" of the metadata, or NULL */
size_t dump_file_n_tokens(const struct dump_file *dump);   /* >= 1 */
size_t dump_file_d_model(const struct dump_file *dump);
const int *dump_file_ids(const struct dump_file *dump);      /* [n_tokens] or NULL */
const bool *dump_file_counted(const struct dump_file *dump); /* [n_tokens] or NULL */

/* Picks a layer: `wanted`, or with -1 the only one there is. what: whose layer is wanted, for the
 * message. ERR_SHAPE: the dump has other layers, which are named; or several, and none was named.
 */
int dump_file_layer(int *out, const struct dump_file *dump, int wanted, const char *what,
                    struct err *err) ERR_CHECK;

/* resid.layer as f32, [n_tokens, d_model]; the caller frees. ERR_FORMAT: a number is not finite. */
int dump_file_resid(float **out, const struct dump_file *dump, int layer,
                    struct err *err) ERR_CHECK;

#endif
