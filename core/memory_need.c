#include "core/memory_need.h"

#include "core/forward.h"
#include "core/kv_cache.h"
#include "core/model_quantise.h"

#define TOKENS_OF_LATENTS 128         /* that are kept while a text is shown */
#define TOKENIZER_BYTES_PER_PIECE 100 /* measured: 25 MB for Gemma 2's 256,000 pieces */

/* Weights of all matrices that take part. On the heap even those that do not are converted. */
static size_t weight_bytes(const struct memory_plan *use)
{
    const struct model *model = use->model;
    if (use->is_q8 && !use->is_cached)
        return model_quantised_bytes(model);
    size_t bytes = 0;
    for (int layer = 0; layer < use->n_layers; layer++)
        for (int role = WEIGHT_QUERY; role <= WEIGHT_DOWN; role++)
            bytes += model_matrix_bytes(model, (enum weight_role)role, layer, use->is_q8);
    if (use->has_logits)
        bytes += model_matrix_bytes(model, WEIGHT_EMBED, 0, use->is_q8);
    return bytes;
}

static size_t bytes_per_token(const struct memory_plan *use)
{
    const struct model_config *c = &use->model->config;
    size_t kv = kv_cache_bytes(use->model, 1, use->kv) / (size_t)c->n_layers;
    size_t n_resid = use->dict ? 2 : 1; /* the session's, and what the latents are made from */
    return (size_t)(use->n_layers + use->n_upper) * kv +
           n_resid * (size_t)c->d_model * sizeof(float);
}

void memory_need(struct memory_need *out, const struct memory_plan *use)
{
    *out = (struct memory_need){0};
    if (use->dict) {
        out->heap = dictionary_heap_bytes(use->dict);
        size_t all = dictionary_bytes(use->dict);
        out->mapped = all > out->heap ? all - out->heap : 0;
    }
    if (!use->model)
        return;
    out->weights = weight_bytes(use);
    *(use->is_q8 && !use->is_cached ? &out->heap : &out->mapped) += out->weights;
    out->per_token = bytes_per_token(use);
    if (use->dict)
        out->heap += TOKENS_OF_LATENTS * use->dict->n_concepts * sizeof(float);
    out->heap += MEMORY_NEED_TOKENS * out->per_token +
                 FORWARD_MAX_ROWS * forward_row_bytes(use->model) +
                 TOKENIZER_BYTES_PER_PIECE * use->n_pieces;
}

static double gb(size_t bytes)
{
    return (double)bytes / 1e9;
}

/* What to do: weights in 8 bits, if those would fit. */
static void advise(const struct memory_plan *use, size_t available, struct err *err)
{
    struct memory_plan smaller = *use;
    struct memory_need need;
    smaller.is_q8 = true;
    memory_need(&need, &smaller);
    if (!use->is_q8 && need.heap + need.mapped <= available)
        err_hint(err, "--weights q8 takes %.1f GB. Or close other programs, or use --force.",
                 gb(need.heap + need.mapped));
    else
        err_hint(err, "Close other programs, take a smaller model or a GGUF file of fewer bits, or "
                      "read it on another machine and use axscope open. --force tries all the "
                      "same.");
}

int memory_need_check(const struct memory_plan *use, size_t available, struct err *err)
{
    struct memory_need need;
    memory_need(&need, use);
    if (available == 0 || need.heap + need.mapped <= available)
        return ERR_OK;
    err_set(err, ERR_NOMEM,
            "%s: takes %.1f GB of memory (weights %.1f GB, %d tokens and the rest %.1f GB), and "
            "%.1f GB are available%s",
            use->model->name, gb(need.heap + need.mapped), gb(need.weights), MEMORY_NEED_TOKENS,
            gb(need.heap + need.mapped - need.weights), gb(available),
            need.heap <= available ? ": every token would read weights from the disk again" : "");
    advise(use, available, err);
    return ERR_NOMEM;
}
