/* SAELens' cfg.json: which sparse autoencoder the weights beside it are, and where it reads.
 * Both forms are read: that of version 6 (a "metadata" object) and the flat one before it, with its
 * other names (hook_point, activation_fn_str, normalize_activations as true or false). */
#ifndef DATA_SAE_CONFIG_H
#define DATA_SAE_CONFIG_H

#include "data/err.h"

#include <stdbool.h>
#include <stddef.h>

enum sae_kind { SAE_STANDARD, SAE_JUMPRELU, SAE_TOPK, SAE_GATED };

/* What is done to a residual row x before it is encoded. expected_average_only_in is none of them:
 * its factor was meant to be folded into the weights, and SAELens itself applies nothing. */
enum sae_norm {
    SAE_NORM_NONE,
    SAE_NORM_CONSTANT, /* x * sqrt(d) / |x| */
    SAE_NORM_LAYER,    /* (x - mean) / (std + 1e-5), std with d - 1 */
};

struct sae_config {
    enum sae_kind kind;
    enum sae_norm norm;
    bool subtract_b_dec;        /* apply_b_dec_to_input */
    bool rescale_by_norms;      /* topk: rescale_acts_by_decoder_norm */
    bool is_finetuned;          /* finetuning_scaling_factor: the decoder takes scaled features */
    size_t k;                   /* topk */
    size_t d_model, n_features; /* 0: not said */
    int hook_layer;             /* residual after this layer; -1: not said */
    char *source; /* owned; Neuronpedia's "gemma-2-2b/20-gemmascope-res-16k", or NULL */
};

/* ERR_UNSUPPORTED names the architecture, the hook or the option that is not read; ERR_FORMAT names
 * both values of records that contradict. */
int sae_config_open(struct sae_config *out, const char *path, struct err *err) ERR_CHECK;
int sae_config_parse(struct sae_config *out, const char *text, size_t len, const char *name,
                     struct err *err) ERR_CHECK;
void sae_config_clear(struct sae_config *config);

const char *sae_kind_name(enum sae_kind kind); /* "standard", "jumprelu", "topk", "gated" */

#endif
