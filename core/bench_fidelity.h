/* How far the latents of one file of a model are from those of another, of quantised weights from
 * the ones they were made of. */
#ifndef CORE_BENCH_FIDELITY_H
#define CORE_BENCH_FIDELITY_H

#include "core/bench_model.h"

/* Reads n_tokens of the subject's prompt with both and adds, over its positions but the first (BOS
 * has a residual of its own kind): "fidelity_cosine" of the two rows of signed latents, and
 * "fidelity_top10", how many of the ten largest they share, as a fraction. reference: a model with
 * the same vocabulary, left as it is; the subject's scope must have a dictionary. */
void bench_fidelity(struct bench *b, const struct bench_subject *s, struct model *reference,
                    int n_tokens);

#endif
