#include "core/memory_need.h"

#include "core/forward.h"
#include "core/kv_cache.h"
#include "core/model_quantise.h"

#define TOKENS_OF_LATENTS 128         /* that are kept while a text is shown */
#define TOKENIZER_BYTES_PER_PIECE 100 /* measured: 25 MB for Gemma 2's 256,000 pieces */

/* Weights of all matrices that take part. On the heap even those that do not are converted. */
static size_t weight_bytes(const struct memory_plan *plan)
{
    const struct model *model = plan->model;
    if (plan->is_q8 && !plan->is_cached)
        return model_quantised_bytes(model);
    size_t bytes = 0;
    for (int layer = 0; layer < plan->n_layers; layer++)
        for (int role = WEIGHT_QUERY; role <= WEIGHT_DOWN; role++)
            bytes += model_matrix_bytes(model, (enum weight_role)role, layer, plan->is_q8);
    if (plan->has_logits)
        bytes += model_matrix_bytes(model, WEIGHT_EMBED, 0, plan->is_q8);
    return bytes;
}

static size_t bytes_per_token(const struct memory_plan *plan)
{
    const struct model_config *c = &plan->model->config;
    size_t kv = kv_cache_bytes(plan->model, 1, plan->kv) / (size_t)c->n_layers;
    size_t n_resid = plan->dict ? 2 : 1; /* the session's, and what the latents are made from */
    return (size_t)(plan->n_layers + plan->n_upper) * kv +
           n_resid * (size_t)c->d_model * sizeof(float);
}

void memory_need(struct memory_need *out, const struct memory_plan *plan)
{
    *out = (struct memory_need){0};
    if (plan->dict) {
        out->heap = dictionary_heap_bytes(plan->dict);
        size_t all = dictionary_bytes(plan->dict);
        out->mapped = all > out->heap ? all - out->heap : 0;
    }
    if (!plan->model)
        return;
    out->weights = weight_bytes(plan);
    *(plan->is_q8 && !plan->is_cached ? &out->heap : &out->mapped) += out->weights;
    out->per_token = bytes_per_token(plan);
    if (plan->dict)
        out->heap += TOKENS_OF_LATENTS * plan->dict->n_concepts * sizeof(float);
    out->heap += MEMORY_NEED_TOKENS * out->per_token +
                 FORWARD_MAX_ROWS * forward_row_bytes(plan->model) +
                 TOKENIZER_BYTES_PER_PIECE * plan->n_pieces;
}

static double gb(size_t bytes)
{
    return (double)bytes / 1e9;
}

/* What to do: weights in 8 bits, if those would fit. */
static void advise(const struct memory_plan *plan, size_t available, struct err *err)
{
    struct memory_plan smaller = *plan;
    struct memory_need need;
    smaller.is_q8 = true;
    memory_need(&need, &smaller);
    if (!plan->is_q8 && need.heap + need.mapped <= available)
        err_hint(err, "--weights q8 takes %.1f GB. Or close other programs, or use --force.",
                 gb(need.heap + need.mapped));
    else
        err_hint(err, "Close other programs, take a smaller model or a GGUF file of fewer bits, or "
                      "read it on another machine and use axscope open. --force tries all the "
                      "same.");
}

int memory_need_check(const struct memory_plan *plan, size_t available, struct err *err)
{
    struct memory_need need;
    memory_need(&need, plan);
    if (available == 0 || need.heap + need.mapped <= available)
        return ERR_OK;
    err_set(err, ERR_NOMEM,
            "%s: takes %.1f GB of memory (weights %.1f GB, %d tokens and the rest %.1f GB), and "
            "%.1f GB are available%s",
            plan->model->name, gb(need.heap + need.mapped), gb(need.weights), MEMORY_NEED_TOKENS,
            gb(need.heap + need.mapped - need.weights), gb(available),
            need.heap <= available ? ": every token would read weights from the disk again" : "");
    advise(plan, available, err);
    return ERR_NOMEM;
}
