/* figures.json and the model card. */
#include "assets/demo/demo_figures.h"
#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[] = {"topic", "style", "code", "math"};

static double rounded(double v)
{
    return (double)(long)(v * 10000 + (v < 0 ? -0.5 : 0.5)) / 10000;
}

static void put(struct json_writer *w, const char *key, double value)
{
    jw_key(w, key);
    jw_double(w, rounded(value));
}

static void put_list(struct json_writer *w, const char *key, const double *values, int n)
{
    jw_key(w, key);
    jw_array(w);
    for (int i = 0; i < n; i++)
        jw_double(w, rounded(values[i]));
    jw_array_end(w);
}

static void put_by_kind(struct json_writer *w, const char *key, const double *values)
{
    jw_key(w, key);
    jw_object(w);
    for (int k = 0; k < 4; k++)
        put(w, kinds[k], values[k]);
    jw_object_end(w);
}

static void put_steering(struct json_writer *w, const struct steering_figures *s)
{
    jw_key(w, "steering");
    jw_object(w);
    jw_key(w, "questions");
    jw_int(w, s->n_questions);
    put(w, "factor", s->factor);
    put(w, "success", s->steered);
    put(w, "unsteered", s->unsteered);
    put(w, "repeated_4grams", s->steered_repeated);
    put(w, "repeated_4grams_unsteered", s->unsteered_repeated);
    put_list(w, "tried_factors", s->tried, N_FACTORS);
    put_list(w, "tried_success", s->success, N_FACTORS);
    put_list(w, "tried_repeated_4grams", s->repeated, N_FACTORS);
    put_by_kind(w, "latent_over_threshold", s->latent_steered);
    put_by_kind(w, "latent_over_threshold_unsteered", s->latent_unsteered);
    put_by_kind(w, "bag_of_words", s->bow_steered);
    put_by_kind(w, "bag_of_words_unsteered", s->bow_unsteered);
    jw_object_end(w);
}

static void put_concepts(struct json_writer *w, const struct demo_figures *f,
                         const struct world *world)
{
    jw_key(w, "concepts");
    jw_array(w);
    for (int c = 0; c < f->n_concepts; c++) {
        const struct world_concept *concept = world_concept(world, c);
        jw_object(w);
        jw_key(w, "row");
        jw_int(w, c);
        jw_key(w, "name");
        jw_string(w, concept->slug);
        jw_key(w, "kind");
        jw_string(w, kinds[concept->kind]);
        put(w, "auroc", f->auroc[c]);
        put(w, "top5", f->sampled.top5[c]);
        put(w, "written_top5", f->written.top5[c]);
        if (concept->kind == WORLD_KIND_TOPIC)
            put(w, "steered", f->steering.by_concept[c]);
        jw_object_end(w);
    }
    jw_array_end(w);
}

int demo_write_figures(const struct demo_figures *f, const struct demo *demo, struct err *err)
{
    struct buf out = {0};
    struct json_writer w;
    json_writer_init(&w, NULL, &out);
    jw_object(&w);
    jw_key(&w, "layer");
    jw_int(&w, f->layer);
    put(&w, "macro_auroc", f->macro_auroc);
    put(&w, "worst_auroc", f->worst_auroc);
    put(&w, "prompts_top5", f->sampled.mean);
    put(&w, "concepts_top5_two_of_three", f->sampled.good);
    put(&w, "written_prompts_top5", f->written.mean);
    put(&w, "written_concepts_top5_two_of_three", f->written.good);
    jw_key(&w, "hard_negatives");
    jw_object(&w);
    jw_key(&w, "words");
    jw_int(&w, f->hard.n_words);
    jw_key(&w, "sentences");
    jw_int(&w, f->hard.n_texts);
    put(&w, "dictionary", f->hard.dictionary);
    put(&w, "bag_of_words", f->hard.bow);
    put(&w, "bag_of_words_offset", f->hard.bow_offset);
    jw_object_end(&w);
    put_steering(&w, &f->steering);
    put_concepts(&w, f, demo->world);
    jw_object_end(&w);
    buf_char(&out, '\n');
    char *path = demo_path(demo, "figures.json");
    int rc = file_write(path, out.data, out.len, err);
    free(path);
    buf_clear(&out);
    return rc;
}

/* --- the card --- */

static double mean_of_kind(const struct demo_figures *f, const struct world *w, int kind,
                           const double *values)
{
    double sum = 0;
    for (int c = 0; c < f->n_concepts; c++)
        sum += (int)world_concept(w, c)->kind == kind ? values[c] : 0;
    return sum / (f->n_kind[kind] ? f->n_kind[kind] : 1);
}

static void card_intro(struct buf *b, const struct demo_figures *f, const struct world *w,
                       long n_steps)
{
    buf_printf(
        b,
        "# The bundled demo: a small real Gemma 2 and its concept dictionary\n\n"
        "This folder holds a language model with Gemma 2's architecture, about 3 million\n"
        "weights, trained from scratch by this project's own C code on texts that this\n"
        "project generates, and a DiffMean dictionary of %d concepts for it, in the file\n"
        "formats of the real downloads. It shows what axscope does without a network. It is\n"
        "no chat model: it knows only the small world it was trained on (%d different words),\n"
        "and what it says about concepts says nothing about Gemma. For real insight use\n"
        "gemma-2-2b-it and a dictionary made for it.\n\n",
        f->n_concepts, world_n_words(w));
    buf_str(b, "| file | what |\n| --- | --- |\n"
               "| world/*.txt | word lists and sentence patterns, for people to read and extend |\n"
               "| tokenizer.json, tokenizer_config.json | byte-fallback BPE, 4096 pieces; chat "
               "template |\n"
               "| config.json, generation_config.json, model.safetensors | the model, bf16 |\n");
    buf_printf(b,
               "| l%d/weight.pt, metadata.jsonl, acts.json | directions (residual after layer %d), "
               "labels, maxima and thresholds |\n"
               "| examples.txt | the prompts shown at the start |\n"
               "| words.txt | the words of the world, to tell unknown ones in a prompt |\n"
               "| prompts.txt | prompts about every concept, to measure with |\n"
               "| figures.json | every figure below, and each concept's |\n\n",
               f->layer, f->layer);
    buf_printf(
        b,
        "## How it was made\n\n"
        "`make demo-model` makes all of it again from world/ with fixed seeds; every stage can\n"
        "be run alone (`build/release/make_demo`). Weights do not depend on the number of\n"
        "threads; the training's arithmetic is written to give the same bits on every "
        "processor.\n\n"
        "- Model: 6 layers, d_model 192, 4 heads and 2 key/value heads of 48, d_ff 512, window\n"
        "  64 on every other layer, both soft-caps, context 512.\n"
        "- Training: %ld steps of AdamW, cosine schedule with warm-up, batches of 16 x 128 tokens\n"
        "  (%.1f million in all). Chats, passages and sentences; documents are packed and do not\n"
        "  see each other. Then %d steps at a third of the rate on short answers, most of them\n"
        "  to statements with an ambiguous word; documents that repeat themselves are left out.\n"
        "- Held-out texts: a sentence belongs to the held-out split if its hash is divisible by\n"
        "  8; training never sees one. Sentences whose pattern has no slot to fill are all for\n"
        "  training: what they say is said nowhere else. All figures are measured on held-out\n"
        "  sentences.\n"
        "- Dictionary: DiffMean as AxBench defines it: chat template, the four tokens of the\n"
        "  prefix dropped, mean over all tokens of the positive pairs minus the mean over pairs\n"
        "  of other concepts of the same genre, unit norm. The hook layer is the one of layers\n"
        "  2 to 4 that detects best. act_max and thresholds (Youden's rule) come from held-out\n"
        "  pairs.\n\n",
        n_steps, (double)(n_steps + DEMO_TUNE_STEPS) * DEMO_BATCH / 1e6, DEMO_TUNE_STEPS);
}

static void card_detection(struct buf *b, const struct demo_figures *f, const struct world *w)
{
    buf_printf(
        b,
        "## Detection\n\n"
        "Macro AUROC %.3f, the worst concept %.3f: per concept 36 positive pairs against 360\n"
        "negatives in AxBench's mix of genres, by the largest latent of a pair.\n\n"
        "| kind | concepts | mean AUROC | in the top 5: written prompts | held-out sentences |\n"
        "| --- | --- | --- | --- | --- |\n",
        f->macro_auroc, f->worst_auroc);
    for (int k = 0; k < 4; k++)
        buf_printf(b, "| %s | %d | %.3f | %.0f %% | %.0f %% |\n", kinds[k], f->n_kind[k],
                   mean_of_kind(f, w, k, f->auroc), 100 * mean_of_kind(f, w, k, f->written.top5),
                   100 * mean_of_kind(f, w, k, f->sampled.top5));
    buf_printf(
        b,
        "\nThe last columns are shares of prompts, read in the chat form and ranked as the "
        "program\n"
        "ranks them: %d prompts of prompts.txt, three about each concept, written by hand from\n"
        "the labels without knowledge of the word lists, and %d held-out sentences. **%.0f %%** "
        "of\n"
        "the concepts are in the top 5 of at least two of their three written prompts, and %.0f "
        "%%\n"
        "in that of two thirds of their sentences.\n\n",
        f->written.n_prompts, f->sampled.n_prompts, 100 * f->written.good, 100 * f->sampled.good);
    buf_printf(
        b,
        "Ambiguous words (%d words, %d senses, %d comparisons of held-out sentences): which of\n"
        "two senses is meant is told apart with accuracy **%.3f** by the difference of the two\n"
        "rows' latents (%s, with the offset that is best on sentences of\n"
        "the training split), and with **%.3f** by a bag-of-words classifier trained on the same\n"
        "pairs as the rows (%.3f if it is given such an offset as well). Each sentence also names\n"
        "a thing of the other sense.\n\n",
        f->hard.n_words, f->hard.n_senses, f->hard.n_texts, f->hard.dictionary,
        demo_read_name(f->hard.read), f->hard.bow, f->hard.bow_offset);
}

static void card_steering(struct buf *b, const struct demo_figures *f)
{
    const struct steering_figures *s = &f->steering;
    buf_printf(
        b,
        "## Steering\n\n"
        "Neutral questions, greedy answers of at most %d tokens, every topic. The factor (times\n"
        "act_max) was chosen on %d questions; on %d others, at factor %.1f, **%.0f %%** of the\n"
        "answers hold a signature word of the concept, unsteered %.0f %%. Share of repeated\n"
        "4-grams: %.1f %%, unsteered %.1f %%.\n\n"
        "| factor (first half) | answers with the concept's words | repeated 4-grams |\n"
        "| --- | --- | --- |\n"
        "| 0 | %.0f %% | %.1f %% |\n",
        N_ANSWER, s->n_questions, s->n_questions, s->factor, 100 * s->steered, 100 * s->unsteered,
        100 * s->steered_repeated, 100 * s->unsteered_repeated, 100 * s->first_unsteered,
        100 * s->first_unsteered_repeated);
    for (int i = 0; i < N_FACTORS; i++)
        buf_printf(b, "| %.1f | %.0f %% | %.1f %% |\n", s->tried[i], 100 * s->success[i],
                   100 * s->repeated[i]);
    buf_str(
        b,
        "\nOther kinds have no signature words that count. Their answers are read again without\n"
        "steering: the share whose latent is over the concept's threshold, and the share that a\n"
        "bag-of-words classifier (trained on the concept's pairs) takes for the concept, both\n"
        "steered / unsteered.\n\n"
        "| kind | latent over threshold | bag of words |\n| --- | --- | --- |\n");
    for (int k = 0; k < 4; k++)
        buf_printf(b, "| %s | %.0f %% / %.0f %% | %.0f %% / %.0f %% |\n", kinds[k],
                   100 * s->latent_steered[k], 100 * s->latent_unsteered[k],
                   100 * s->bow_steered[k], 100 * s->bow_unsteered[k]);
}

int demo_write_card(const struct demo_figures *f, const struct demo *demo, struct err *err)
{
    struct buf out = {0};
    card_intro(&out, f, demo->world, demo->n_steps);
    card_detection(&out, f, demo->world);
    card_steering(&out, f);
    char *path = demo_path(demo, "README.md");
    int rc = file_write(path, out.data, out.len, err);
    free(path);
    buf_clear(&out);
    return rc;
}
