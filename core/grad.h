/* The backward pass of Gemma 2: cross-entropy and its gradient, down to the embedding (training)
 * or to the hook layer only, with frozen weights of any stored type (ReFT-r1).
 *
 * Works on whole sequences; keeps the activations it needs in a tape that is allocated once.
 * Single-threaded: training runs one tape per worker thread. */
#ifndef CORE_GRAD_H
#define CORE_GRAD_H

#include "core/model.h"
#include "data/err.h"

/* Gradients of the weights, all f32, same shapes as in struct model. */
struct layer_grads {
    float *wq, *wk, *wv, *wo, *w_gate, *w_up, *w_down;
    float *norm_attn_in, *norm_attn_out, *norm_ffw_in, *norm_ffw_out;
};
struct model_grads {
    float *embed;               /* [n_vocab, d_model]: input and output use together */
    struct layer_grads *layers; /* [n_layers] */
    float *norm_final;
    float *block; /* one allocation behind all of them */
    size_t n_params;
};
int model_grads_new(struct model_grads *out, const struct model *model, struct err *err) ERR_CHECK;
void model_grads_free(struct model_grads *g);
void model_grads_zero(struct model_grads *g);

struct tape;

/* Room for batches of n_seqs sequences of up to n_tokens each, running layers first_layer.. (0
 * for whole-model training; hook + 1 when the residual at the hook is given). */
int tape_new(struct tape **out, const struct model *model, int first_layer, int n_seqs,
             int n_tokens, struct err *err) ERR_CHECK;
void tape_free(struct tape *tape);

/* Packed documents: starts [n_seqs, n_tokens], for each position that of the first token of its
 * document; attention does not look before it and positions count from it. Borrowed until the
 * next call; NULL: every sequence is one document. */
void tape_set_starts(struct tape *tape, const int *starts);

/* Forward over a batch. ids [n_seqs, n_tokens] row-major; targets [n_seqs, n_tokens]: the id that
 * each position should predict, or -1 where it does not count. resid_in: NULL (start from the
 * embedding; first_layer is 0) or [n_seqs, n_tokens, d_model], the edited residual that enters
 * first_layer. Returns the sum of the negative log-likelihoods in nats over *n_counted targets. */
double tape_forward(struct tape *tape, const int *ids, const int *targets, const float *resid_in,
                    int n_seqs, int n_tokens, long *n_counted);

/* Backward of scale * (that sum), once per tape_forward. grads: accumulated into, or NULL for
 * frozen weights. d_resid_in: NULL, or [n_seqs, n_tokens, d_model], overwritten with the gradient
 * at the input. */
void tape_backward(struct tape *tape, float scale, struct model_grads *grads, float *d_resid_in);

#endif
