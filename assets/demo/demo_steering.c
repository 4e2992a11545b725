/* Steering on neutral questions: does a steered answer hold the concept? One factor for all,
 * chosen on half of the questions and reported on the other half. */
#include "assets/demo/demo_figures.h"
#include "core/bow.h"
#include "core/generate.h"
#include "core/steering.h"
#include "data/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_QUESTIONS = 10 };
static const double factors[N_FACTORS] = {0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};

struct answer {
    char *text; /* owned */
    double repeated;
};

static void answer_clear(struct answer *a)
{
    free(a->text);
    *a = (struct answer){0};
}

/* --- measures of one answer --- */

static bool word_at(const char *text, size_t at, const char *word)
{
    size_t len = strlen(word);
    if (at > 0 && isalnum((unsigned char)text[at - 1]) && isalnum((unsigned char)word[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (tolower((unsigned char)text[at + i]) != tolower((unsigned char)word[i]))
            return false;
    return !isalnum((unsigned char)text[at + len]) || !isalnum((unsigned char)word[len - 1]);
}

bool demo_has_signature(const struct world_concept *concept, const char *text)
{
    for (int w = 0; w < concept->n_words; w++)
        for (size_t at = 0; text[at]; at++)
            if (word_at(text, at, concept->words[w]))
                return true;
    return false;
}

/* --- answers --- */

static int set_prompt(struct demo_model *m, const char *question, struct err *err)
{
    struct chat_turn turn = {CHAT_USER, question, strlen(question)};
    struct chat_prompt prompt;
    int rc = chat_render(&prompt, m->tok, m->model->config.bos_id, &turn, 1, err);
    if (rc)
        return rc;
    rc = session_set_prompt(m->session, prompt.ids.ids, (int)prompt.ids.n, err);
    chat_prompt_clear(&prompt);
    return rc;
}

static int steer_branch(struct demo_model *m, int branch, int concept, double factor,
                        struct err *err)
{
    struct steering steering = {0};
    float strength;
    if (factor == 0)
        return session_set_steering(m->session, branch, NULL, err);
    int rc = steering_strength(&strength, m->dict, (size_t) concept, (float)factor, err);
    struct intervention what = {INTERVENTION_ADD, (size_t) concept, strength};
    if (!rc)
        rc = steering_add(&steering, m->dict, what, err);
    if (!rc)
        rc = session_set_steering(m->session, branch, &steering, err);
    steering_clear(&steering);
    return rc;
}

/* Answers the question once for each of n <= SESSION_MAX_BRANCHES concepts. */
static int answer_batch(struct answer *out, struct demo_model *m, const char *question,
                        const int *concepts, int n, double factor, struct err *err)
{
    enum generate_stop stop[SESSION_MAX_BRANCHES];
    struct sampler greedy = {.temperature = 0, .top_p = 1};
    int rc = set_prompt(m, question, err);
    for (int b = 0; b < n && !rc; b++) {
        session_truncate(m->session, b, 0);
        rc = steer_branch(m, b, concepts[b], factor, err);
    }
    if (!rc)
        rc =
            generate(stop, m->session, m->model, (1u << n) - 1, &greedy, N_ANSWER, NULL, NULL, err);
    for (int b = 0; b < n && !rc; b++) {
        struct buf text = {0};
        int len = session_n_answer(m->session, b);
        const int *ids = session_answer(m->session, b);
        tokenizer_decode(&text, m->tok, ids, (size_t)len, true);
        out[b] =
            (struct answer){mem_strdup(buf_cstr(&text)), demo_repeated_share(ids, (size_t)len)};
        buf_clear(&text);
    }
    return rc;
}

static int answer_all(struct answer *out, struct demo_model *m, const char *question,
                      const int *concepts, int n, double factor, struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; i < n && !rc; i += SESSION_MAX_BRANCHES) {
        int here = n - i < SESSION_MAX_BRANCHES ? n - i : SESSION_MAX_BRANCHES;
        rc = answer_batch(out + i, m, question, concepts + i, here, factor, err);
    }
    return rc;
}

/* --- topics: signature words --- */

struct run {
    const struct demo *demo;
    struct demo_model *m;
    const char *questions[N_QUESTIONS];
    int *topics, n_topics;
    struct answer *answers; /* [n_topics] */
};

/* Mean success and repetition over questions [from, from + n); by_concept may be NULL. */
static int measure_half(double *success, double *repeated, double *by_concept, struct run *run,
                        int from, int n, double factor, struct err *err)
{
    double cases = (double)n * run->n_topics;
    *success = *repeated = 0;
    for (int q = from; q < from + n; q++) {
        int rc = answer_all(run->answers, run->m, run->questions[q], run->topics, run->n_topics,
                            factor, err);
        if (rc)
            return rc;
        for (int i = 0; i < run->n_topics; i++) {
            int c = run->topics[i];
            bool found =
                demo_has_signature(world_concept(run->demo->world, c), run->answers[i].text);
            *success += found / cases;
            *repeated += run->answers[i].repeated / cases;
            if (by_concept)
                by_concept[c] += found / (double)n;
            answer_clear(&run->answers[i]);
        }
    }
    return ERR_OK;
}

static int measure_topics(struct steering_figures *f, struct run *run, struct err *err)
{
    int half = N_QUESTIONS / 2;
    int rc =
        measure_half(&f->first_unsteered, &f->first_unsteered_repeated, NULL, run, 0, half, 0, err);
    double best = -1;
    for (int i = 0; i < N_FACTORS && !rc; i++) {
        f->tried[i] = factors[i];
        rc = measure_half(&f->success[i], &f->repeated[i], NULL, run, 0, half, factors[i], err);
        /* fluent first: repetition beyond ten points over the unsteered rules a factor out */
        double over = f->repeated[i] - f->first_unsteered_repeated - 0.08;
        double score = f->success[i] - (over > 0 ? 10 * over : 0);
        if (score > best) {
            best = score;
            f->factor = factors[i];
        }
    }
    if (!rc)
        rc = measure_half(&f->unsteered, &f->unsteered_repeated, NULL, run, half, half, 0, err);
    if (!rc)
        rc = measure_half(&f->steered, &f->steered_repeated, f->by_concept, run, half, half,
                          f->factor, err);
    f->n_questions = half;
    return rc;
}

/* --- the other kinds: read again, and a bag of words --- */

static int judge_answer(double *latent, double *by_words, struct run *run, const struct bow *bow,
                        int concept, const char *question, const char *answer, float *max,
                        struct err *err)
{
    struct world_text text = {.n_turns = 2};
    text.turns[0] = (struct world_turn){WORLD_USER, mem_strdup(question)};
    text.turns[1] = (struct world_turn){WORLD_MODEL, mem_strdup(answer)};
    int rc = demo_max_acts(max, run->m, &text, VIEW_SCORE, err);
    *latent += !rc && max[concept] > run->m->dict->threshold[concept];
    *by_words += bow_score(bow, answer) > 0;
    world_text_clear(&text);
    return rc;
}

static int measure_concept(struct steering_figures *f, struct run *run, int c, double cases,
                           struct err *err)
{
    int kind = (int)world_concept(run->demo->world, c)->kind, half = N_QUESTIONS / 2;
    float *max = mem_alloc(run->m->dict->n_concepts, sizeof *max);
    struct bow *bow = NULL;
    double latent[2] = {0}, words[2] = {0};
    int rc = demo_train_bow(&bow, run->demo, c, -1, err);
    for (int q = half; q < N_QUESTIONS && !rc; q++)
        for (int steered = 0; steered < 2 && !rc; steered++) {
            struct answer answer = {0};
            rc = answer_batch(&answer, run->m, run->questions[q], &c, 1, steered ? f->factor : 0,
                              err);
            if (!rc)
                rc = judge_answer(&latent[steered], &words[steered], run, bow, c, run->questions[q],
                                  answer.text, max, err);
            answer_clear(&answer);
        }
    f->latent_unsteered[kind] += latent[0] / cases;
    f->latent_steered[kind] += latent[1] / cases;
    f->bow_unsteered[kind] += words[0] / cases;
    f->bow_steered[kind] += words[1] / cases;
    bow_free(bow);
    free(max);
    return rc;
}

static int measure_kinds(struct steering_figures *f, struct run *run, struct err *err)
{
    const struct world *w = run->demo->world;
    int n_kind[4] = {0}, rc = ERR_OK;
    for (int c = 0; c < world_n_concepts(w); c++)
        n_kind[world_concept(w, c)->kind]++;
    for (int c = 0; c < world_n_concepts(w) && !rc; c++) {
        int kind = (int)world_concept(w, c)->kind;
        rc = measure_concept(f, run, c, (double)n_kind[kind] * (N_QUESTIONS / 2), err);
    }
    return rc;
}

int demo_measure_steering(struct steering_figures *f, const struct demo *demo, struct demo_model *m,
                          struct err *err)
{
    struct run run = {.demo = demo, .m = m};
    int n = world_n_concepts(demo->world), n_questions = 0;
    run.topics = mem_alloc((size_t)n, sizeof *run.topics);
    run.answers = mem_zalloc((size_t)n, sizeof *run.answers);
    for (int c = 0; c < n; c++)
        if (world_concept(demo->world, c)->kind == WORLD_KIND_TOPIC)
            run.topics[run.n_topics++] = c;
    for (int i = 0; i < world_n_neutral(demo->world) && n_questions < N_QUESTIONS; i++) {
        bool kept;
        const char *question = world_neutral(demo->world, i, &kept);
        if (kept)
            run.questions[n_questions++] = question;
    }
    int rc = n_questions < N_QUESTIONS
                 ? err_set(err, ERR_FORMAT, "the world marks %d questions '>!'; %d are needed",
                           n_questions, N_QUESTIONS)
                 : measure_topics(f, &run, err);
    if (!rc)
        rc = measure_kinds(f, &run, err);
    free(run.topics);
    free(run.answers);
    return rc;
}
