/* A model whose weights are f32 arrays in memory: what training changes. It runs like any other
 * model; it is freed here and not by model_close. */
#ifndef CORE_MODEL_MEMORY_H
#define CORE_MODEL_MEMORY_H

#include "core/grad.h"
#include "core/model.h"

struct model_memory {
    struct model model;        /* its matrices and norms point into params */
    struct model_grads params; /* the weights themselves, laid out like their gradients; norms as
                                  they multiply (1 + stored) */
};

/* Zero weights. layers [config.n_layers]: what differs between them. */
int model_memory_new(struct model_memory **out, const struct model_config *config,
                     const struct layer_config *layers, struct err *err) ERR_CHECK;
/* The weights of an opened model, as f32. */
int model_memory_from(struct model_memory **out, const struct model *model,
                      struct err *err) ERR_CHECK;
void model_memory_free(struct model_memory *m);

/* Random weights from a seed: matrices normal with standard deviation `scale` over the square root
 * of their input width (the embedding: of d_model), norms 1. The same bits on every processor. */
void model_memory_randomise(struct model_memory *m, unsigned long long seed, float scale);

#endif
