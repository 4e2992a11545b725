/* What a user of a model waits for: reading a prompt, reading it again after an edit, the first
 * token after a slider moved, tokens of one and of several branches. */
#ifndef CORE_BENCH_MODEL_H
#define CORE_BENCH_MODEL_H

#include "core/bench.h"
#include "core/scope.h"

struct bench_subject {
    const struct scope *scope; /* without a dictionary no latents are part of the figures */
    const int *ids;            /* [n_ids] prompts are made of these, repeated; n_ids 0: random */
    size_t n_ids;
    unsigned long long seed; /* of random ids */
};

/* "read_T": a prompt of T tokens and the latents of all its positions, nothing kept from before. */
void bench_read(struct bench *b, const struct bench_subject *s, const int *lengths, int n);
/* "batch_NxT": N prompts of T tokens, each with its latents, that go through the layers together;
 * in units of the figure `alone` (static), that of one such prompt. */
void bench_batch(struct bench *b, const struct bench_subject *s, int n_prompts, int n_tokens,
                 const char *alone);
/* "edit_T": the same again after the last token changed. */
void bench_edit(struct bench *b, const struct bench_subject *s, int n_tokens);
/* "slider_T": from another strength of a direction to the steered branch's next logits. */
void bench_slider(struct bench *b, const struct bench_subject *s, int n_tokens);
/* "decode_B" for each number of branches: one step, a token for every branch, latents not read. */
void bench_decode(struct bench *b, const struct bench_subject *s, const int *branches, int n);

#endif
