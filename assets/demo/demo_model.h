/* The trained demo opened as any model is, and its residuals of texts. */
#ifndef ASSETS_DEMO_DEMO_MODEL_H
#define ASSETS_DEMO_DEMO_MODEL_H

#include "assets/demo/demo.h"
#include "core/model.h"
#include "core/session.h"
#include "data/dictionary.h"

enum { N_PREFIX = 4 }; /* template tokens that AxBench drops */

struct demo_model {
    struct model *model;
    struct tokenizer *tok;
    struct session *session; /* hooked at `layer`, SESSION_MAX_BRANCHES branches */
    struct dictionary *dict; /* NULL until demo_model_open_dictionary */
    int layer;
};

int demo_model_open(struct demo_model *m, const struct demo *demo, int layer,
                    struct err *err) ERR_CHECK;
int demo_model_open_dictionary(struct demo_model *m, const struct demo *demo,
                               struct err *err) ERR_CHECK;
void demo_model_close(struct demo_model *m);

/* The folder lN of a layer; caller frees. */
char *demo_layer_path(const struct demo *demo, int layer, const char *name);

/* How a text becomes a sequence: a pair as AxBench scores it (ending with the answer's last
 * token), as AxBench trains on it (with the opening of the next turn), or the first turn alone as
 * a user's prompt. */
enum demo_view { VIEW_SCORE, VIEW_TRAIN, VIEW_PROMPT };

/* The residual after the hook layer from the first counted position on: *resid [*n_tokens,
 * d_model], valid until the next call. ids: NULL, or receives the sequence (cleared by caller). */
int demo_residual(const float **resid, size_t *n_tokens, struct token_ids *ids,
                  struct demo_model *m, const struct world_text *text, enum demo_view view,
                  struct err *err) ERR_CHECK;

/* max [n_concepts]: for each concept the largest h.w over those tokens, each rounded to three
 * decimals before (AxBench's rule). */
int demo_max_acts(float *max, struct demo_model *m, const struct world_text *text,
                  enum demo_view view, struct err *err) ERR_CHECK;

/* Is the text about the concept, or about one declared related to it? Such texts are no fair
 * negatives. */
bool demo_touches(const struct world *w, const struct world_text *text, int concept);

/* Best threshold by Youden's rule (largest share of positives kept minus share of negatives let
 * through), in the middle of the gap. scores, labels [n]. */
float demo_youden(const float *scores, const int *labels, size_t n);

#endif
