/* The training mixture, and texts as token ids. */
#include "assets/demo/demo.h"
#include "data/file.h"

#include <stdlib.h>
#include <string.h>

enum { BOS = 2, EOS = 1, END_OF_TURN = 5 }; /* core/bpe_train.h */

/* Shares, in percent. STATED: the user makes a statement of a concept and the answer goes on about
 * it, because that is what people type. */
enum { CHAT_SHARE = 45, STATED_SHARE = 20, PASSAGE_SHARE = 20 }; /* the rest: single sentences */

char *demo_path(const struct demo *demo, const char *name)
{
    return path_join(demo->out, name);
}

int demo_open_tokenizer(struct tokenizer **out, const struct demo *demo, struct err *err)
{
    char *path = demo_path(demo, "tokenizer.json");
    int rc = tokenizer_open(out, path, err);
    free(path);
    return rc;
}

struct world_rng demo_rng(const struct demo *demo, enum demo_stream stream, uint64_t number)
{
    struct world_rng rng;
    world_rng_seed(&rng, demo->seed * 0x9E3779B97F4A7C15u + (uint64_t)stream);
    rng.state += (uint64_t)world_rng_below(&rng, UINT32_MAX) << 32;
    rng.state ^= number * 0xD1342543DE82EF95u;
    world_rng_below(&rng, 2);
    return rng;
}

/* A statement by the user and the model's answer, both of one concept. */
static int sample_stated(const struct demo *demo, struct world_rng *rng, struct world_text *text,
                         struct err *err)
{
    struct world_text said = {0};
    int concept = (int)world_rng_below(rng, (uint32_t)world_n_concepts(demo->world));
    enum world_form form = world_rng_below(rng, 3) ? WORLD_SENTENCE : WORLD_PASSAGE;
    int rc = world_sample(demo->world, rng, concept, form, WORLD_TRAIN, &said, err);
    if (!rc)
        rc = world_pair(demo->world, rng, concept, WORLD_TRAIN, text, err);
    if (!rc && text->n_turns > 0 && text->turns[0].role == WORLD_USER) {
        free(text->turns[0].text);
        text->turns[0].text = said.turns[0].text;
        said.turns[0].text = NULL;
    }
    world_text_clear(&said);
    return rc;
}

int demo_sample(const struct demo *demo, struct world_rng *rng, struct world_text *text,
                struct err *err)
{
    int draw = (int)world_rng_below(rng, 100);
    enum world_form form = WORLD_SENTENCE;
    if (draw < STATED_SHARE)
        return sample_stated(demo, rng, text, err);
    if (draw < STATED_SHARE + CHAT_SHARE)
        form = WORLD_CHAT;
    else if (draw < STATED_SHARE + CHAT_SHARE + PASSAGE_SHARE)
        form = WORLD_PASSAGE;
    return world_sample(demo->world, rng, -1, form, WORLD_TRAIN, text, err);
}

static int encode_chat(struct token_ids *ids, const struct tokenizer *tok,
                       const struct world_text *text, struct err *err)
{
    struct chat_turn turns[WORLD_N_TURNS];
    struct chat_prompt prompt;
    for (int i = 0; i < text->n_turns; i++)
        turns[i] = (struct chat_turn){text->turns[i].role == WORLD_USER ? CHAT_USER : CHAT_MODEL,
                                      text->turns[i].text, strlen(text->turns[i].text)};
    int rc = chat_render(&prompt, tok, BOS, turns, (size_t)text->n_turns, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < prompt.ids.n; i++)
        token_ids_add(ids, prompt.ids.ids[i]);
    token_ids_add(ids, END_OF_TURN);
    chat_prompt_clear(&prompt);
    return ERR_OK;
}

int demo_encode(struct token_ids *ids, const struct tokenizer *tok, const struct world_text *text,
                struct err *err)
{
    if (text->turns[0].role != WORLD_NONE)
        return encode_chat(ids, tok, text, err);
    token_ids_add(ids, BOS);
    int rc = tokenizer_encode(ids, tok, text->turns[0].text, strlen(text->turns[0].text), err);
    token_ids_add(ids, EOS);
    return rc;
}
