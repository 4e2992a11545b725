#include "core/bow.h"

#include "data/hash_map.h"
#include "data/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct bow {
    struct string_map ids;
    char **words; /* [n_words] owned: the map's keys */
    size_t n_words, cap_words;
    double *weights; /* [n_words] */
    double bias;
};

/* The words of one text: ids into bow.words, repeated as often as they occur. */
struct bag {
    int *ids;
    size_t n, cap;
};

static int word_id(struct bow *bow, const char *word, size_t len)
{
    int id = string_map_get(&bow->ids, word, len);
    if (id >= 0)
        return id;
    char *copy = mem_strndup(word, len);
    bow->words = mem_grow(bow->words, &bow->cap_words, bow->n_words + 1, sizeof *bow->words);
    bow->words[bow->n_words] = copy;
    *string_map_at(&bow->ids, copy, len) = (int)bow->n_words;
    return (int)bow->n_words++;
}

static void bag_add(struct bag *bag, int id)
{
    bag->ids = mem_grow(bag->ids, &bag->cap, bag->n + 1, sizeof *bag->ids);
    bag->ids[bag->n++] = id;
}

/* `learning`: unknown words get an id. */
static struct bag read_bag(struct bow *bow, const char *text, bool learning)
{
    struct bag bag = {0};
    char word[64];
    while (*text) {
        size_t len = 0;
        for (; isalnum((unsigned char)*text) || *text == '_'; text++)
            if (len < sizeof word)
                word[len++] = (char)tolower((unsigned char)*text);
        int id = -1;
        if (len >= 2)
            id = learning ? word_id(bow, word, len) : string_map_get(&bow->ids, word, len);
        if (id >= 0)
            bag_add(&bag, id);
        text += *text && !isalnum((unsigned char)*text) && *text != '_';
    }
    return bag;
}

static double odds(const struct bow *bow, const struct bag *bag)
{
    double sum = bow->bias;
    for (size_t i = 0; i < bag->n; i++)
        sum += bow->weights[bag->ids[i]];
    return sum;
}

/* Full-batch AdaGrad; the loss is convex and the sums are small. */
static void fit(struct bow *bow, const struct bag *bags, const int *labels, size_t n, double c)
{
    enum { ROUNDS = 300 };
    size_t n_weights = bow->n_words + 1; /* the last is the bias */
    double *grad = mem_alloc(n_weights, sizeof *grad);
    double *square = mem_zalloc(n_weights, sizeof *square);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t j = 0; j < bow->n_words; j++)
            grad[j] = bow->weights[j];
        grad[bow->n_words] = 0;
        for (size_t i = 0; i < n; i++) {
            double off = c * (1 / (1 + exp(-odds(bow, &bags[i]))) - labels[i]);
            for (size_t j = 0; j < bags[i].n; j++)
                grad[bags[i].ids[j]] += off;
            grad[bow->n_words] += off;
        }
        for (size_t j = 0; j < n_weights; j++) {
            double *w = j < bow->n_words ? &bow->weights[j] : &bow->bias;
            square[j] += grad[j] * grad[j];
            *w -= square[j] > 0 ? 0.3 * grad[j] / sqrt(square[j]) : 0;
        }
    }
    free(grad);
    free(square);
}

void bow_train(struct bow **out, const char *const *texts, const int *labels, size_t n, double c)
{
    struct bow *bow = mem_zalloc(1, sizeof *bow);
    struct bag *bags = mem_alloc(n, sizeof *bags);
    for (size_t i = 0; i < n; i++)
        bags[i] = read_bag(bow, texts[i], true);
    bow->weights = mem_zalloc(bow->n_words, sizeof *bow->weights);
    fit(bow, bags, labels, n, c);
    for (size_t i = 0; i < n; i++)
        free(bags[i].ids);
    free(bags);
    *out = bow;
}

void bow_free(struct bow *bow)
{
    if (!bow)
        return;
    for (size_t i = 0; i < bow->n_words; i++)
        free(bow->words[i]);
    free(bow->words);
    free(bow->weights);
    string_map_clear(&bow->ids);
    free(bow);
}

double bow_score(const struct bow *bow, const char *text)
{
    /* reading without learning changes nothing */
    struct bow view = *bow;
    struct bag bag = read_bag(&view, text, false);
    double score = odds(bow, &bag);
    free(bag.ids);
    return score;
}
