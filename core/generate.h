/* Generation of several branches in lockstep. */
#ifndef CORE_GENERATE_H
#define CORE_GENERATE_H

#include "core/sampler.h"
#include "core/session.h"

#include <stdbool.h>

/* A token was chosen for a branch, as its answer's token number `index`; it is not appended yet.
 * Also called for the stop id that ends a branch (model_is_stop tells), which is never appended.
 * logits [n_vocab]: what it was chosen from, valid during the call. Returning false stops the
 * whole generation with ERR_CANCELLED; the token is not appended then. */
typedef bool generate_token_fn(void *data, int branch, int index, int id, const float *logits);

enum generate_stop { GENERATE_RUNNING, GENERATE_EOS, GENERATE_LENGTH };

/* Continues every branch in mask from where it stands until it chooses a stop id (not appended)
 * or has max_tokens answer tokens or fills the context. stop [SESSION_MAX_BRANCHES] tells how each
 * ended. Branches that ended drop out of the batch. fn may be NULL. */
int generate(enum generate_stop *stop, struct session *session, const struct model *model,
             unsigned mask, const struct sampler *sampler, int max_tokens, generate_token_fn *fn,
             void *data, struct err *err) ERR_CHECK;

#endif
