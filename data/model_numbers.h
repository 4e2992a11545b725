/* What a model's files say of its sizes and constants, in either layout. Hugging Face's key names
 * appear in model_numbers.c only, GGUF's in model_gguf.c. A key that config.json leaves out has the
 * default of Hugging Face's Gemma2Config. */
#ifndef DATA_MODEL_NUMBERS_H
#define DATA_MODEL_NUMBERS_H

#include "data/err.h"
#include "data/json.h"

#include <stdbool.h>
#include <stddef.h>

#define MODEL_MAX_STOP_IDS 16
#define MODEL_MAX_SIZE (1L << 24) /* of any one dimension: products of two stay in range */

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

/* The numbers of a parsed config.json. */
int model_numbers_from(struct model_numbers *out, const struct json_doc *doc,
                       struct err *err) ERR_CHECK;
/* The same from its text (tests, fuzzing). */
int model_numbers_parse(struct model_numbers *out, const char *text, size_t len, const char *name,
                        struct err *err) ERR_CHECK;

/* Unites the document's eos_token_id (number, list, null or absent) with the stop ids so far. */
int model_numbers_add_stops(struct model_numbers *n, const struct json_doc *doc,
                            struct err *err) ERR_CHECK;

#endif
