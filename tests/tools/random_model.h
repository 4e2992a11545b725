/* A model of a real size whose weights are noise: the shape decides speed and memory, not the
 * values. Every weight is a stretch of one run of noise, so that all formats hold the same ones. */
#ifndef TESTS_TOOLS_RANDOM_MODEL_H
#define TESTS_TOOLS_RANDOM_MODEL_H

#include "data/err.h"
#include "data/weight_role.h"

#include <stddef.h>
#include <stdint.h>

struct shape {
    const char *name;
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_ff, n_vocab, query_scalar;
    int hook, n_concepts; /* of the dictionary */
};

struct weight {
    enum weight_role role;
    int layer;             /* -1: the model's */
    size_t n_rows, n_cols; /* n_rows 1: a norm, stored as Hugging Face does, without its 1 */
    const uint16_t *bf16;  /* [n_rows, n_cols] borrowed from the noise */
};

enum { MAX_WEIGHTS = 2 + 11 * 42, N_CTX = 8192, WINDOW = 4096, BOS = 2, EOS = 1 };

struct random_model {
    const struct shape *shape;
    uint16_t *noise; /* [n_noise] owned */
    size_t n_noise;
    struct weight weights[MAX_WEIGHTS];
    size_t n_weights;
};

/* Writes it as a GGUF file with a tokenizer of made-up pieces, which this program, llama.cpp and
 * its forks can read. format: "bf16", "q8_0", "q4_0" or "q4_k_m", each mixed as llama.cpp's
 * quantize tool mixes it for Gemma 2. */
int random_gguf_write(const char *path, const struct random_model *m, const char *format,
                      struct err *err) ERR_CHECK;

#endif
