#include "assets/demo/demo_model.h"

#include "core/latents.h"
#include "data/file.h"
#include "data/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_OF_TURN = 4, END_OF_TURN = 5, NEWLINE = 6 }; /* core/bpe_train.h */

char *demo_layer_path(const struct demo *demo, int layer, const char *name)
{
    char folder[16];
    snprintf(folder, sizeof folder, "l%d", layer);
    char *dir = demo_path(demo, folder), *path = name ? path_join(dir, name) : NULL;
    if (!name)
        return dir;
    free(dir);
    return path;
}

int demo_model_open(struct demo_model *m, const struct demo *demo, int layer, struct err *err)
{
    *m = (struct demo_model){.layer = layer};
    int rc = model_open(&m->model, demo->out, err);
    if (!rc)
        rc = demo_open_tokenizer(&m->tok, demo, err);
    if (!rc)
        rc = session_new(&m->session, m->model, layer, SESSION_MAX_BRANCHES, err);
    return rc;
}

int demo_model_open_dictionary(struct demo_model *m, const struct demo *demo, struct err *err)
{
    char *path = demo_layer_path(demo, m->layer, NULL);
    dictionary_close(m->dict);
    m->dict = NULL;
    int rc = dictionary_open(&m->dict, path, m->layer, NULL, NULL, err);
    free(path);
    return rc;
}

void demo_model_close(struct demo_model *m)
{
    dictionary_close(m->dict);
    session_free(m->session);
    tokenizer_free(m->tok);
    model_close(m->model);
    *m = (struct demo_model){0};
}

static int render(struct token_ids *ids, const struct demo_model *m, const struct world_text *text,
                  enum demo_view view, struct err *err)
{
    struct chat_turn turns[WORLD_N_TURNS];
    struct chat_prompt prompt;
    int n = view == VIEW_PROMPT ? 1 : text->n_turns;
    for (int i = 0; i < n; i++)
        turns[i] = (struct chat_turn){i % 2 ? CHAT_MODEL : CHAT_USER, text->turns[i].text,
                                      strlen(text->turns[i].text)};
    int rc = chat_render(&prompt, m->tok, m->model->config.bos_id, turns, (size_t)n, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < prompt.ids.n; i++)
        if (view != VIEW_PROMPT || i < N_PREFIX || prompt.counted[i])
            token_ids_add(ids, prompt.ids.ids[i]);
    if (view == VIEW_TRAIN) {
        token_ids_add(ids, END_OF_TURN);
        token_ids_add(ids, NEWLINE);
        token_ids_add(ids, START_OF_TURN);
    }
    chat_prompt_clear(&prompt);
    return ERR_OK;
}

int demo_residual(const float **resid, size_t *n_tokens, struct token_ids *ids,
                  struct demo_model *m, const struct world_text *text, enum demo_view view,
                  struct err *err)
{
    struct token_ids own = {0}, *sequence = ids ? ids : &own;
    sequence->n = 0;
    int rc = render(sequence, m, text, view, err);
    if (!rc)
        rc = session_set_prompt(m->session, sequence->ids, (int)sequence->n, err);
    if (!rc)
        rc = session_read(m->session, err);
    if (!rc) {
        *resid = session_resid(m->session) + N_PREFIX * (size_t)m->model->config.d_model;
        *n_tokens = sequence->n - N_PREFIX;
    }
    token_ids_clear(&own);
    return rc;
}

int demo_max_acts(float *max, struct demo_model *m, const struct world_text *text,
                  enum demo_view view, struct err *err)
{
    const float *resid;
    size_t n_tokens, n = m->dict->n_concepts;
    int rc = demo_residual(&resid, &n_tokens, NULL, m, text, view, err);
    if (rc)
        return rc;
    float *acts = mem_alloc(n_tokens * n, sizeof *acts);
    rc =
        latents_encode(acts, m->dict, resid, n_tokens, (size_t)m->model->config.d_model, true, err);
    for (size_t c = 0; c < n && !rc; c++) {
        max[c] = -INFINITY;
        for (size_t t = 0; t < n_tokens; t++)
            max[c] = fmaxf(max[c], rintf(acts[t * n + c] * 1000) / 1000);
    }
    free(acts);
    return rc;
}

bool demo_touches(const struct world *w, const struct world_text *text, int concept)
{
    const struct world_concept *c = world_concept(w, concept);
    for (int i = 0; i < text->n_concepts; i++) {
        if (text->concepts[i] == concept)
            return true;
        for (int j = 0; j < c->n_related; j++)
            if (text->concepts[i] == c->related[j])
                return true;
    }
    return false;
}

float demo_youden(const float *scores, const int *labels, size_t n)
{
    double n_pos = 0, best = -1;
    float threshold = 0;
    for (size_t i = 0; i < n; i++)
        n_pos += labels[i];
    for (size_t i = 0; i < n; i++) {
        if (!labels[i])
            continue;
        double kept = 0, passed = 0;
        float below = -INFINITY;
        for (size_t j = 0; j < n; j++) {
            if (scores[j] < scores[i])
                below = fmaxf(below, scores[j]);
            else
                *(labels[j] ? &kept : &passed) += 1;
        }
        double share = kept / n_pos - passed / ((double)n - n_pos);
        if (share > best) {
            best = share;
            threshold = isfinite(below) ? (scores[i] + below) / 2 : scores[i];
        }
    }
    return threshold;
}
