/* The weights of a sparse autoencoder, checked to fit together. The encoding itself is
 * core/sae.h; the decoder's rows are the directions of the dictionary that holds this. */
#ifndef DATA_SAE_PARAMS_H
#define DATA_SAE_PARAMS_H

#include "data/err.h"
#include "data/sae_config.h"
#include "data/tensor.h"
#include "data/tensor_file.h"

#include <stdbool.h>
#include <stddef.h>

struct sae_params {
    struct sae_config config;
    struct matrix w_enc;  /* [d_model, n_features] as stored: pre-activations are x W, not x Wᵀ */
    struct matrix w_dec;  /* [n_features, d_model] */
    float *b_dec;         /* [d_model] */
    float *b_enc;         /* [n_features]; b_gate of a gated one */
    float *threshold;     /* [n_features] jumprelu, else NULL */
    float *b_mag, *r_mag; /* [n_features] each: gated, else NULL */
    float *out_scale;     /* [n_features] what a feature is multiplied with before it is decoded, or
                             NULL: 1. A finetuning_scaling_factor, or 1 / |w_dec| where topk rescales
                             by norms */
    float *owned_enc, *owned_dec; /* f32 copies of matrices stored as f64, or NULL */
};

/* Does a file hold an autoencoder (W_enc and W_dec)? */
bool sae_is_in(const struct tensor_file *f);

/* `name` is what errors call the file; the tensors are borrowed until sae_params_close.
 * config_path: SAELens' cfg.json, or NULL for Gemma Scope's form (jumprelu; b_dec is not
 * subtracted). Small tensors with a NaN or infinity are refused; the matrices are not searched. */
int sae_params_open(struct sae_params **out, const struct tensor_file *f, const char *name,
                    const char *config_path, struct err *err) ERR_CHECK;
void sae_params_close(struct sae_params *sae);

/* Bytes on the heap for matrices that cannot be used as stored. */
size_t sae_heap_bytes(const struct sae_params *sae);

#endif
