/* What the evaluation measures, on held-out texts only; written as figures.json and into the
 * model card. */
#ifndef ASSETS_DEMO_DEMO_FIGURES_H
#define ASSETS_DEMO_DEMO_FIGURES_H

#include "assets/demo/demo_scores.h"

enum { N_FACTORS = 8, N_ANSWER = 40 };

/* Prompts about a concept, in the chat form: is it in the top 5, ranked as the program ranks? */
struct prompt_figures {
    int n_prompts; /* in all */
    double *top5;  /* [n_concepts] share of the concept's prompts, owned */
    double mean;   /* over the prompts */
    double good;   /* share of concepts with at least two thirds of theirs */
};

struct hard_figures {
    int n_words, n_senses, n_texts; /* ambiguous words, (word, concept) pairs, sentences */
    int read;                       /* where latents were read; chosen on the training split */
    double dictionary, bow;         /* accuracy */
    double bow_offset;              /* the classifier with an offset chosen like the dictionary's */
};

struct steering_figures {
    int n_questions;                                                  /* in each half */
    double factor;                                                    /* chosen on the first half */
    double tried[N_FACTORS], success[N_FACTORS], repeated[N_FACTORS]; /* first half */
    double first_unsteered, first_unsteered_repeated;
    double steered, unsteered;                   /* second half: answers with a concept's words */
    double steered_repeated, unsteered_repeated; /* share of 4-grams seen before in the answer */
    double *by_concept; /* [n_concepts] success in the second half; owned */
    /* styles, code, mathematics: share of answers over the concept's own threshold when read
     * again without steering, and share that a bag-of-words classifier takes for the concept */
    double latent_steered[4], latent_unsteered[4], bow_steered[4], bow_unsteered[4];
};

struct demo_figures {
    int layer, n_concepts, n_kind[4];
    double macro_auroc, worst_auroc;
    double *auroc;                 /* [n_concepts], owned */
    struct prompt_figures sampled; /* prompts are held-out sentences */
    struct prompt_figures written; /* prompts.txt */
    struct hard_figures hard;
    struct steering_figures steering;
};

int demo_measure_sampled(struct prompt_figures *f, const struct demo *demo, struct demo_model *m,
                         struct err *err) ERR_CHECK;
/* From <out>/prompts.txt: slug, tab, prompt, where \n is a newline; '#' begins a comment. */
int demo_measure_written(struct prompt_figures *f, const struct demo *demo, struct demo_model *m,
                         struct err *err) ERR_CHECK;
int demo_measure_hard(struct hard_figures *f, const struct demo *demo, struct demo_model *m,
                      struct err *err) ERR_CHECK;
const char *demo_read_name(int read);
int demo_measure_steering(struct steering_figures *f, const struct demo *demo, struct demo_model *m,
                          struct err *err) ERR_CHECK;
int demo_write_figures(const struct demo_figures *f, const struct demo *demo,
                       struct err *err) ERR_CHECK;
int demo_write_card(const struct demo_figures *f, const struct demo *demo,
                    struct err *err) ERR_CHECK;

/* A classifier that tells texts of a concept from negatives in its genre, or, with other >= 0,
 * from texts of that concept: from as many training pairs as the dictionary's rows had. Caller
 * frees. */
struct bow;
int demo_train_bow(struct bow **out, const struct demo *demo, int concept, int other,
                   struct err *err) ERR_CHECK;

/* Does the text hold one of the concept's signature words? */
bool demo_has_signature(const struct world_concept *concept, const char *text);

#endif
