/* Encoding by a sparse autoencoder (AXBENCH.md 7.1, 7.2; SAELens):
 *
 *     x'  = norm(x) - b_dec where the autoencoder says so
 *     pre = x' W_enc + b_enc               a gated one: x' (W_enc exp(r_mag)) + b_mag
 *     act = relu(pre)                      standard
 *           relu(pre) where pre > threshold                      jumprelu
 *           relu(pre) of the k largest pre, by pre then row      topk
 *           relu(pre) where x' W_enc + b_gate > 0                gated
 *
 * and the decoder's side of one feature, for clamping it. */
#ifndef CORE_SAE_H
#define CORE_SAE_H

#include "data/sae_params.h"

#include <stdbool.h>
#include <stddef.h>

/* out[t, f] = x' W_enc + b_enc (b_gate of a gated one): [n_tokens, n_features], overwritten. W_enc
 * is used as stored: one product for all rows. resid [n_tokens, d_model]. */
void sae_project(float *out, const struct sae_params *sae, const float *resid, size_t n_tokens);

/* Turns what sae_project gave, which must be finite, into activations in place, or with `is_signed`
 * into pre-activations. */
void sae_activate(float *acts, const struct sae_params *sae, size_t n_tokens, bool is_signed);

/* Column `feature` of the encoder as f32: dst [d_model]. */
void sae_encoder_column(float *dst, const struct sae_params *sae, size_t feature);

/* The activation of one feature at one residual row h [d_model]; column: sae_encoder_column. A topk
 * autoencoder has to encode all features for it. */
float sae_feature_act(const struct sae_params *sae, size_t feature, const float *column,
                      const float *h);

/* How much the reconstruction at h grows along the decoder's row when the feature's activation
 * grows by 1: the norm that is undone on output times the feature's scale. */
float sae_feature_gain(const struct sae_params *sae, size_t feature, const float *h);

#endif
