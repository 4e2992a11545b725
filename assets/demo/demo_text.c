/* The training mixture, and texts as token ids. */
#include "assets/demo/demo.h"
#include "data/file.h"
#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

enum { BOS = 2, EOS = 1, END_OF_TURN = 5 }; /* core/bpe_train.h */

/* The mixture, in percent of the documents. What makes a concept one direction in the residual is
 * that much of what follows depends on it alone: words listed in any order, long answers, and
 * answers to statements, ambiguous ones too, whose sense has to be found out. */
enum {
    WORDS_SHARE = 15,  /* words of a concept, listed */
    STATED_SHARE = 20, /* the user states something, the answer goes on about it */
    STORY_SHARE = 20,  /* a question and a long answer */
    CHAT_SHARE = 25,   /* what the world calls a chat */
    PASSAGE_SHARE = 15 /* the rest: single sentences */
};
enum { STATED_HARD_SHARE = 40 }; /* statements with an ambiguous word */

/* What the model is tuned on when it knows the world: answers of a few sentences, many to
 * statements whose sense has to be found out. Long answers and lists have taught it to go on,
 * and a greedy answer that goes on repeats itself. */
enum {
    TUNE_STATED_SHARE = 60,
    TUNE_CHAT_SHARE = 30,
    TUNE_PASSAGE_SHARE = 5, /* the rest: single sentences */
    TUNE_STATED_HARD_SHARE = 90
};

enum { TOPIC_SHARE = 35 }; /* concepts drawn among the topics only; else among all */

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

static bool chance(struct world_rng *rng, uint32_t percent)
{
    return world_rng_below(rng, 100) < percent;
}

static int draw_concept(const struct world *w, struct world_rng *rng)
{
    uint32_t n = (uint32_t)world_n_concepts(w);
    int concept = (int)world_rng_below(rng, n);
    if (chance(rng, TOPIC_SHARE))
        while (world_concept(w, concept)->kind != WORLD_KIND_TOPIC)
    concept = (int)world_rng_below(rng, n);
    return concept;
}

/* An ambiguous word with a sense in the concept, evenly among those there are; NULL if none. */
static const char *draw_ambiguous(const struct world *w, struct world_rng *rng, int concept)
{
    const char *word = NULL;
    uint32_t n_seen = 0;
    for (int i = 0; i < world_n_ambiguous(w); i++) {
        const struct world_ambiguous *a = world_ambiguous(w, i);
        for (int s = 0; s < a->n_concepts; s++)
            if (a->concepts[s] == concept && world_rng_below(rng, ++n_seen) == 0)
                word = a->word;
    }
    return word;
}

static void set_turn(struct world_text *text, int turn, char *taken)
{
    free(text->turns[turn].text);
    text->turns[turn].text = taken;
}

/* A statement by the user and the model's answer, both of one concept; in percent, how often the
 * statement is a hard one. */
static int sample_stated(const struct demo *demo, struct world_rng *rng, int concept,
                         uint32_t hard_share, struct world_text *text, struct err *err)
{
    struct world_text said = {0};
    const char *word = chance(rng, hard_share) ? draw_ambiguous(demo->world, rng, concept) : NULL;
    enum world_form form = chance(rng, 70) ? WORLD_SENTENCE : WORLD_PASSAGE;
    int rc = word ? world_hard(demo->world, rng, word, concept, WORLD_TRAIN, &said, err)
                  : world_sample(demo->world, rng, concept, form, WORLD_TRAIN, &said, err);
    if (!rc)
        rc = world_pair(demo->world, rng, concept, WORLD_TRAIN, text, err);
    if (!rc) {
        set_turn(text, 0, said.turns[0].text);
        said.turns[0].text = NULL;
    }
    world_text_clear(&said);
    return rc;
}

/* A question and an answer that stays with the concept for several sentences. */
static int sample_story(const struct demo *demo, struct world_rng *rng, int concept,
                        struct world_text *text, struct err *err)
{
    struct world_text more = {0};
    struct buf answer = {0};
    bool is_code = world_concept(demo->world, concept)->genre == WORLD_CODE;
    int rc = world_pair(demo->world, rng, concept, WORLD_TRAIN, text, err);
    if (!rc)
        buf_str(&answer, text->turns[1].text);
    for (uint32_t n = 1 + world_rng_below(rng, 2); n > 0 && !rc; n--) {
        rc = world_pair(demo->world, rng, concept, WORLD_TRAIN, &more, err);
        if (!rc)
            buf_printf(&answer, "%c%s", is_code ? '\n' : ' ', more.turns[1].text);
    }
    if (!rc)
        set_turn(text, 1, mem_strdup(answer.data));
    buf_clear(&answer);
    world_text_clear(&more);
    return rc;
}

/* Several of the concept's signature words after one another, in any order. */
static void add_words(struct buf *out, struct world_rng *rng, const struct world_concept *c, int n)
{
    for (int i = 0; i < n; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ", ",
                   c->words[world_rng_below(rng, (uint32_t)c->n_words)]);
}

/* Which words go together: as a list, or as the answer to a question that names two. */
static void sample_words(const struct demo *demo, struct world_rng *rng, int concept,
                         struct world_text *text)
{
    static const char *const questions[] = {
        "Which words go with %s?",         "Name some words like %s.", "What belongs to %s?",
        "What comes to mind with %s?",     "More words, please: %s.",  "Say words about %s.",
        "%s: what else can you think of?",
    };
    const struct world_concept *c = world_concept(demo->world, concept);
    struct buf list = {0};
    world_text_clear(text);
    *text = (struct world_text){.n_turns = 1, .concepts = {concept}, .n_concepts = 1};
    add_words(&list, rng, c, 5 + (int)world_rng_below(rng, 5));
    buf_char(&list, '.');
    if (chance(rng, 40)) {
        text->turns[0] = (struct world_turn){WORLD_NONE, list.data};
        return;
    }
    struct buf asked = {0}, question = {0};
    add_words(&asked, rng, c, 1 + (int)world_rng_below(rng, 2));
    const char *form = questions[world_rng_below(rng, sizeof questions / sizeof *questions)];
    const char *at = strstr(form, "%s");
    buf_add(&question, form, (size_t)(at - form));
    buf_str(&question, asked.data);
    buf_str(&question, at + 2);
    buf_clear(&asked);
    text->n_turns = 2;
    text->turns[0] = (struct world_turn){WORLD_USER, question.data};
    text->turns[1] = (struct world_turn){WORLD_MODEL, list.data};
}

int demo_sample(const struct demo *demo, struct world_rng *rng, struct world_text *text,
                struct err *err)
{
    int concept = draw_concept(demo->world, rng);
    int draw = (int)world_rng_below(rng, 100);
    if ((draw -= WORDS_SHARE) < 0 && world_concept(demo->world, concept)->n_words >= 8) {
        sample_words(demo, rng, concept, text);
        return ERR_OK;
    }
    if ((draw -= STATED_SHARE) < 0)
        return sample_stated(demo, rng, concept, STATED_HARD_SHARE, text, err);
    if ((draw -= STORY_SHARE) < 0)
        return sample_story(demo, rng, concept, text, err);
    enum world_form form = WORLD_SENTENCE;
    if ((draw -= CHAT_SHARE) < 0)
        form = WORLD_CHAT;
    else if ((draw -= PASSAGE_SHARE) < 0)
        form = WORLD_PASSAGE;
    return world_sample(demo->world, rng, concept, form, WORLD_TRAIN, text, err);
}

int demo_sample_tuning(const struct demo *demo, struct world_rng *rng, struct world_text *text,
                       struct err *err)
{
    int concept = draw_concept(demo->world, rng);
    int draw = (int)world_rng_below(rng, 100);
    if ((draw -= TUNE_STATED_SHARE) < 0)
        return sample_stated(demo, rng, concept, TUNE_STATED_HARD_SHARE, text, err);
    enum world_form form = WORLD_SENTENCE;
    if ((draw -= TUNE_CHAT_SHARE) < 0)
        form = WORLD_CHAT;
    else if ((draw -= TUNE_PASSAGE_SHARE) < 0)
        form = WORLD_PASSAGE;
    return world_sample(demo->world, rng, concept, form, WORLD_TRAIN, text, err);
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

double demo_repeated_share(const int *ids, size_t n)
{
    size_t n_repeated = 0;
    for (size_t i = 1; i + 4 <= n; i++)
        for (size_t j = 0; j < i; j++)
            if (memcmp(ids + i, ids + j, 4 * sizeof *ids) == 0) {
                n_repeated++;
                break;
            }
    return n >= 4 ? (double)n_repeated / (double)(n - 3) : 0;
}
