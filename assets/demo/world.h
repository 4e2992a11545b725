/* The demo's world: concepts, word lists and sentence patterns in plain text files, and texts
 * drawn from them.
 *
 * The files (assets/demo/world, format in its 00-shared.txt) are read once; after that the world
 * is constant, and every text is a function of (world, seed). Any thread may sample, each with
 * its own world_rng and world_text.
 *
 *     struct world *world;
 *     struct world_rng rng;
 *     struct world_text text = {0};
 *     world_open(&world, "assets/demo/world", err);
 *     world_rng_seed(&rng, 1);
 *     world_sample(world, &rng, -1, WORLD_PASSAGE, WORLD_TRAIN, &text, err);
 *     world_text_clear(&text);
 *     world_close(world);
 *
 * Concepts are numbered in the order of file names, then of position in the file: the number is
 * the dictionary's row.
 *
 * Held-out texts. What one pattern expands to (one sentence, sometimes two; in a chat pattern one
 * answer) belongs to the held-out split if its hash is divisible by 8, else to the training
 * split, where all patterns without slots are as well. A text drawn for a split holds only
 * sentences of that split. What the user asks is a prompt, not evidence: both splits ask the same
 * questions. */
#ifndef ASSETS_DEMO_WORLD_H
#define ASSETS_DEMO_WORLD_H

#include "data/err.h"

#include <stdbool.h>
#include <stdint.h>

struct world;

enum world_genre { WORLD_TEXT, WORLD_CODE, WORLD_MATH };
enum world_kind { WORLD_KIND_TOPIC, WORLD_KIND_STYLE, WORLD_KIND_CODE, WORLD_KIND_MATH };
enum world_form { WORLD_SENTENCE, WORLD_PASSAGE, WORLD_CHAT };
enum world_split { WORLD_TRAIN, WORLD_HELD_OUT, WORLD_BOTH };
enum world_role { WORLD_NONE, WORLD_USER, WORLD_MODEL }; /* WORLD_NONE: plain text, no chat */

/* One dictionary row. Strings are the world's, valid until world_close. */
struct world_concept {
    const char *slug;  /* "bread" */
    const char *label; /* "references to baking bread and dough" */
    enum world_genre genre;
    enum world_kind kind;
    const char *const *words; /* [n_words] signature words, to measure steering */
    int n_words;
    const int *related; /* [n_related] concepts that are no fair negatives for this one */
    int n_related;
    int n_patterns; /* sentences, without chat and hard patterns */
    int n_chats;
};

/* A word with a sense in two or more concepts. */
struct world_ambiguous {
    const char *word;    /* "bank" */
    const int *concepts; /* [n_concepts] one for each sense */
    int n_concepts;
};

/* splitmix64; the whole state is the number. */
struct world_rng {
    uint64_t state;
};

enum { WORLD_N_TURNS = 8, WORLD_N_USED = 16 }; /* bounds of one text */

struct world_turn {
    enum world_role role;
    char *text; /* owned by the world_text; UTF-8, no markers of a chat template */
};

/* One text. Start with {0}; the functions below overwrite it and reuse nothing. */
struct world_text {
    struct world_turn turns[WORLD_N_TURNS]; /* user and model alternate; plain text is one turn */
    int n_turns;
    int concepts[WORLD_N_USED]; /* every concept a sentence or word list was drawn from; the first
                                   is the one asked for */
    int n_concepts;
};

/* Reads all *.txt of a folder. Fails with ERR_IO, or with ERR_FORMAT and "file:line: ..." (an
 * unknown slot, a slug used twice, a concept without label or patterns). */
int world_open(struct world **out, const char *dir, struct err *err) ERR_CHECK;
void world_close(struct world *w); /* NULL is fine */

int world_n_concepts(const struct world *w);
const struct world_concept *world_concept(const struct world *w, int concept);
int world_find(const struct world *w, const char *slug); /* -1 if there is none */

int world_n_ambiguous(const struct world *w);
const struct world_ambiguous *world_ambiguous(const struct world *w, int i);

/* Questions that no concept owns ("What is on your mind?"); those marked '>!' are kept for the
 * evaluation of steering. They are asked in training like the others. */
int world_n_neutral(const struct world *w);
const char *world_neutral(const struct world *w, int i, bool *for_evaluation);

/* The prompts shown by the program at its start, in file order. */
int world_n_examples(const struct world *w);
const char *world_example(const struct world *w, int i);

/* Distinct words (runs of letters, lower case) that some text can hold. */
int world_n_words(const struct world *w);
const char *world_word(const struct world *w, int i); /* in the order of bytes */
bool world_knows_word(const struct world *w, const char *word);

void world_rng_seed(struct world_rng *rng, uint64_t seed);
uint32_t world_rng_below(struct world_rng *rng, uint32_t n); /* 0 .. n-1; needs n >= 1 */

void world_text_clear(struct world_text *text);

/* One text of a form. concept -1 draws one uniformly. A SENTENCE is one sentence of the concept
 * (one in eight a hard one); a PASSAGE 2-6 sentences, mostly of one concept, sometimes of two,
 * sometimes of a topic and a style; a CHAT 1-3 questions with answers of 1-4 sentences.
 * Fails: ERR_LIMIT if no sentence of the split turns up in a bounded number of draws. */
int world_sample(const struct world *w, struct world_rng *rng, int concept, enum world_form form,
                 enum world_split split, struct world_text *out, struct err *err) ERR_CHECK;

/* A positive example of a concept as AxBench has them: two turns, an instruction (one of the
 * concept's questions, a request about it, or a neutral question) and an answer of 1-3 sentences
 * with the concept. No other concept is mixed in, and no hard sentence: what is learned from
 * pairs, by a dictionary or by a bag of words, has seen the ambiguous words in plain sentences
 * only. Fails like world_sample. */
int world_pair(const struct world *w, struct world_rng *rng, int concept, enum world_split split,
               struct world_text *out, struct err *err) ERR_CHECK;

/* A negative example: a pair of another concept of `genre` that neither is related to `concept`
 * nor draws on its lists. Fails like world_sample. */
int world_negative(const struct world *w, struct world_rng *rng, int concept,
                   enum world_genre genre, enum world_split split, struct world_text *out,
                   struct err *err) ERR_CHECK;

/* One sentence (one turn, WORLD_NONE) that uses an ambiguous word in the sense it has in
 * `concept`. It also names a thing of the other sense and, mostly, one of its own, so that only
 * the words around the ambiguous one tell; what decides mostly stands before it, so its sense can
 * be read at the word's last token. Fails: ERR_ARG if the concept has no pattern for the word;
 * else like world_sample. */
int world_hard(const struct world *w, struct world_rng *rng, const char *word, int concept,
               enum world_split split, struct world_text *out, struct err *err) ERR_CHECK;

#endif
