/* A model folder in Hugging Face layout: config.json, safetensors (one file or an index of
 * shards), generation_config.json, and where its tokenizer files are. Reports what the files
 * say; core/model.h judges whether that is a Gemma 2. Hugging Face's key names appear in
 * model_numbers.c only, its tensor names in model_dir.c. A key that is absent has the default of
 * Hugging Face's Gemma2Config. Of a folder of another family than gemma2 only the architecture is
 * read: its keys mean other things. */
#ifndef DATA_MODEL_DIR_H
#define DATA_MODEL_DIR_H

#include "data/err.h"
#include "data/tensor.h"
#include "data/weight_role.h"

#include <stdbool.h>
#include <stddef.h>

#define MODEL_MAX_STOP_IDS 16

struct model_numbers {
    char architecture[64]; /* model_type, else by the class in architectures: "gemma2" */
    char activation[64];   /* hidden_activation, else hidden_act; Gemma's "gelu" is the tanh one */
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff, n_vocab, n_ctx;
    int window; /* keys a sliding layer sees; 0: null in the file, all of them */
    double query_pre_attn_scalar;
    double attn_softcap, final_softcap; /* 0: none (null in the file) */
    double rope_theta, rms_eps;
    bool tied_embeddings, attention_bias;
    int bos_id, pad_id;               /* -1: none */
    int stop_ids[MODEL_MAX_STOP_IDS]; /* eos of generation_config.json and config.json, united */
    int n_stop_ids;
};

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

/* Parses a config.json text alone (tests, fuzzing). */
int model_numbers_parse(struct model_numbers *out, const char *text, size_t len, const char *name,
                        struct err *err) ERR_CHECK;

#endif
