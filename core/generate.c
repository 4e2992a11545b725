#include "core/generate.h"

#include "data/mem.h"

#include <stdlib.h>

/* The branches of mask that may go on; the others get their reason. */
static unsigned running(enum generate_stop *stop, const struct session *session,
                        const struct model *model, unsigned mask, int max_tokens)
{
    unsigned left = 0;
    for (int b = 0; b < SESSION_MAX_BRANCHES; b++) {
        if (!(mask >> b & 1) || stop[b] != GENERATE_RUNNING)
            continue;
        int n = session_n_answer(session, b);
        if (n >= max_tokens || session_n_prompt(session) + n >= model->config.n_ctx)
            stop[b] = GENERATE_LENGTH;
        else
            left |= 1u << b;
    }
    return left;
}

static int choose_for_branch(enum generate_stop *stop, struct session *session,
                             const struct model *model, int branch, const float *logits,
                             const struct sampler *sampler, generate_token_fn *fn, void *data,
                             struct err *err)
{
    int index = session_n_answer(session, branch);
    int pos = session_n_prompt(session) + index;
    int id = sampler_choose(sampler, logits, model->config.n_vocab, pos);
    if (fn && !fn(data, branch, index, id, logits))
        return err_set(err, ERR_CANCELLED, "generation was stopped");
    if (!model_is_stop(model, id))
        return session_append(session, branch, id, err);
    stop[branch] = GENERATE_EOS;
    return ERR_OK;
}

int generate(enum generate_stop *stop, struct session *session, const struct model *model,
             unsigned mask, const struct sampler *sampler, int max_tokens, generate_token_fn *fn,
             void *data, struct err *err)
{
    size_t n_vocab = (size_t)model->config.n_vocab;
    size_t n_rows = 0;
    for (int b = 0; b < SESSION_MAX_BRANCHES; b++) {
        stop[b] = GENERATE_RUNNING;
        n_rows += mask >> b & 1;
    }
    float *logits = mem_try_alloc(n_rows * n_vocab, sizeof *logits);
    if (!logits)
        return err_set(err, ERR_NOMEM, "no memory for the logits of %zu branches (%zu bytes)",
                       n_rows, n_rows * n_vocab * sizeof *logits);
    int rc = ERR_OK;
    for (unsigned left; rc == ERR_OK && (left = running(stop, session, model, mask, max_tokens));) {
        rc = session_logits(session, left, logits, err);
        const float *row = logits;
        for (int b = 0; b < SESSION_MAX_BRANCHES && rc == ERR_OK; b++) {
            if (!(left >> b & 1))
                continue;
            rc = choose_for_branch(stop, session, model, b, row, sampler, fn, data, err);
            row += n_vocab;
        }
    }
    free(logits);
    return rc;
}
