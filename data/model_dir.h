/* A model folder in Hugging Face layout: config.json, safetensors (one file or an index of
 * shards), generation_config.json and chat template. Reports what the files say; core/model.h
 * judges whether that is a Gemma 2. Hugging Face's tensor names appear in model_dir.c only. Of a
 * folder of another family than gemma2 only the architecture is read: its keys mean other things.
 */
#ifndef DATA_MODEL_DIR_H
#define DATA_MODEL_DIR_H

#include "data/err.h"
#include "data/model_numbers.h"
#include "data/tensor.h"
#include "data/weight_role.h"

#include <stddef.h>

struct model_dir;

int model_dir_open(struct model_dir **out, const char *path, struct err *err) ERR_CHECK;
void model_dir_close(struct model_dir *dir);
const struct model_numbers *model_dir_numbers(const struct model_dir *dir);
const char *model_dir_path(const struct model_dir *dir);

/* A tensor by name over all shards, or NULL; its bytes are valid until model_dir_close. */
const struct tensor *model_dir_tensor(const struct model_dir *dir, const char *name);
/* Hugging Face's name of a tensor; name: [WEIGHT_NAME_SIZE]. */
void model_dir_tensor_name(char *name, enum weight_role role, int layer);
size_t model_dir_bytes(const struct model_dir *dir); /* size of all tensors */

/* The chat template (data/chat_template.h), or NULL. */
const char *model_dir_chat_template(const struct model_dir *dir);

#endif
