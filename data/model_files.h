/* The files of a model, in either of the two layouts its users have: a folder as on the Hugging
 * Face hub (data/model_dir.h), or a GGUF file as llama.cpp writes it (data/model_gguf.h). Tensors
 * are asked for by what they do; the names they have in a file are the layouts' own matter. */
#ifndef DATA_MODEL_FILES_H
#define DATA_MODEL_FILES_H

#include "data/err.h"
#include "data/model_numbers.h"
#include "data/tensor.h"
#include "data/weight_role.h"

#include <stdbool.h>
#include <stddef.h>

struct model_files;

/* A folder is one of Hugging Face's, a file is a GGUF. */
int model_files_open(struct model_files **out, const char *path, struct err *err) ERR_CHECK;
void model_files_close(struct model_files *files);

const struct model_numbers *model_files_numbers(const struct model_files *files);
const char *model_files_path(const struct model_files *files);

/* A layer's tensor (layer is ignored where a role is the model's), or NULL; its bytes are valid
 * until model_files_close. name [WEIGHT_NAME_SIZE] gets its name in these files. */
const struct tensor *model_files_tensor(const struct model_files *files, enum weight_role role,
                                        int layer, char *name);

/* What is to be added to norm weights as they are stored: Hugging Face stores them minus 1. */
float model_files_norm_offset(const struct model_files *files);

size_t model_files_bytes(const struct model_files *files);              /* size of all tensors */
const char *model_files_chat_template(const struct model_files *files); /* or NULL */

#endif
