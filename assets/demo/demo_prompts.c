/* Prompts about a concept: held-out sentences, and prompts written by hand. */
#include "assets/demo/demo_figures.h"
#include "core/latents.h"
#include "data/file.h"
#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

enum { N_SAMPLED = 12, TOP = 5, PROMPTS_MAX = 1 << 20 };

/* How many rows rank before the concept's, by the score that the program ranks with. */
static int rank_of(const struct dictionary *dict, const float *max, int concept)
{
    float own = score_of(dict, (size_t) concept, max[concept]);
    int before = 0;
    for (size_t c = 0; c < dict->n_concepts; c++)
        before += max[c] > 0 && score_of(dict, c, max[c]) > own;
    return max[concept] > 0 ? before : (int)dict->n_concepts;
}

struct tally {
    int *n, *found; /* [n_concepts] owned */
    float *max;     /* [n_concepts] scratch, owned */
};

static struct tally tally_new(const struct world *w)
{
    size_t n = (size_t)world_n_concepts(w);
    return (struct tally){mem_zalloc(n, sizeof(int)), mem_zalloc(n, sizeof(int)),
                          mem_zalloc(n, sizeof(float))};
}

static int tally_add(struct tally *t, struct demo_model *m, const struct world_text *text,
                     int concept, struct err *err)
{
    int rc = demo_max_acts(t->max, m, text, VIEW_PROMPT, err);
    t->n[concept]++;
    t->found[concept] += !rc && rank_of(m->dict, t->max, concept) < TOP;
    return rc;
}

static void tally_finish(struct prompt_figures *f, struct tally *t, const struct world *w)
{
    int n = world_n_concepts(w), n_found = 0, n_good = 0, n_with = 0;
    for (int c = 0; c < n; c++) {
        f->top5[c] = t->n[c] > 0 ? t->found[c] / (double)t->n[c] : 0;
        f->n_prompts += t->n[c];
        n_found += t->found[c];
        n_with += t->n[c] > 0;
        n_good += t->n[c] > 0 && 3 * t->found[c] >= 2 * t->n[c];
    }
    f->mean = f->n_prompts > 0 ? n_found / (double)f->n_prompts : 0;
    f->good = n_with > 0 ? n_good / (double)n_with : 0;
    free(t->n);
    free(t->found);
    free(t->max);
}

int demo_measure_sampled(struct prompt_figures *f, const struct demo *demo, struct demo_model *m,
                         struct err *err)
{
    struct world_text text = {0};
    struct tally tally = tally_new(demo->world);
    int rc = ERR_OK;
    for (int c = 0; c < world_n_concepts(demo->world) && !rc; c++) {
        struct world_rng rng = demo_rng(demo, STREAM_PROMPT, (uint64_t)c);
        for (int i = 0; i < N_SAMPLED && !rc; i++) {
            rc = world_sample(demo->world, &rng, c, WORLD_SENTENCE, WORLD_HELD_OUT, &text, err);
            if (!rc)
                rc = tally_add(&tally, m, &text, c, err);
        }
    }
    tally_finish(f, &tally, demo->world);
    world_text_clear(&text);
    return rc;
}

static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        bool newline = s[0] == '\\' && s[1] == 'n';
        *to++ = newline ? '\n' : *s;
        s += newline;
    }
    *to = '\0';
}

static int measure_line(struct tally *tally, const struct demo *demo, struct demo_model *m,
                        char *line, const char *path, struct err *err)
{
    char *prompt = strchr(line, '\t');
    if (line[0] == '#' || !prompt)
        return ERR_OK;
    *prompt++ = '\0';
    unescape(prompt);
    int concept = world_find(demo->world, line);
    if (concept < 0)
        return err_set(err, ERR_FORMAT, "%s: the world has no concept \"%s\"", path, line);
    struct world_text text = {.n_turns = 1};
    text.turns[0] = (struct world_turn){WORLD_USER, mem_strdup(prompt)};
    int rc = tally_add(tally, m, &text, concept, err);
    world_text_clear(&text);
    return rc;
}

int demo_measure_written(struct prompt_figures *f, const struct demo *demo, struct demo_model *m,
                         struct err *err)
{
    struct buf text = {0};
    struct tally tally = tally_new(demo->world);
    char *path = demo_path(demo, "prompts.txt"), *rest = NULL;
    int rc = file_read(&text, path, PROMPTS_MAX, err);
    for (char *line = rc ? NULL : strtok_r(text.data, "\n", &rest); line && !rc;
         line = strtok_r(NULL, "\n", &rest))
        rc = measure_line(&tally, demo, m, line, path, err);
    tally_finish(f, &tally, demo->world);
    buf_clear(&text);
    free(path);
    return rc;
}
