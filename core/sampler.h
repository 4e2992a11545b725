/* The choice of the next token. Greedy, or Gumbel-max with noise keyed by (seed, position, token
 * id): branches that share a seed share their randomness and differ by steering only, and a run
 * is reproducible on any number of threads. */
#ifndef CORE_SAMPLER_H
#define CORE_SAMPLER_H

#include <stdint.h>

struct sampler {
    float temperature; /* 0: greedy */
    int top_k;         /* 0: all */
    float top_p;       /* 1: all; smallest set of tokens whose probability reaches it */
    uint64_t seed;
};

/* logits [n_vocab]; pos: absolute position of the token to choose. Ties: lowest id. */
int sampler_choose(const struct sampler *sampler, const float *logits, int n_vocab, int pos);

/* KL(p || q) in nats of the distributions softmax(p_logits), softmax(q_logits). */
double logits_kl(const float *p_logits, const float *q_logits, int n_vocab);

#endif
