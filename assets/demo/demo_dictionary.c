/* The stage after the model's: the DiffMean dictionary. Directions from training texts as
 * AXBENCH.md 2.1 and 2.2 give them; maxima and thresholds from held-out texts; the layer that
 * detects best. */
#include "assets/demo/demo_model.h"
#include "assets/demo/demo_scores.h"
#include "core/diffmean.h"
#include "data/file.h"
#include "data/json.h"
#include "data/mem.h"
#include "data/torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N_POSITIVE = 72, LAYER_FIRST = 2, LAYER_LAST = 4 };

/* Sums over the tokens of the training texts. The negatives of a concept are the other texts of
 * its genre, less those that touch it. */
struct sums {
    struct diffmean *own;  /* [n_concepts] sum_pos: its positives */
    struct diffmean *used; /* [n_concepts] sum_pos: others' positives, same genre, that touch it */
    struct diffmean genre[3];
};

static void sums_init(struct sums *s, int n, size_t d)
{
    s->own = mem_zalloc((size_t)n, sizeof *s->own);
    s->used = mem_zalloc((size_t)n, sizeof *s->used);
    for (int c = 0; c < n; c++) {
        diffmean_init(&s->own[c], d);
        diffmean_init(&s->used[c], d);
    }
    for (int g = 0; g < 3; g++)
        diffmean_init(&s->genre[g], d);
}

static void sums_clear(struct sums *s, int n)
{
    for (int c = 0; c < n; c++) {
        diffmean_clear(&s->own[c]);
        diffmean_clear(&s->used[c]);
    }
    for (int g = 0; g < 3; g++)
        diffmean_clear(&s->genre[g]);
    free(s->own);
    free(s->used);
}

static void sums_add(struct sums *s, const struct world *w, const struct world_text *text,
                     int concept, const float *resid, size_t n_tokens)
{
    enum world_genre genre = world_concept(w, concept)->genre;
    diffmean_add(&s->own[concept], resid, n_tokens, true);
    diffmean_add(&s->genre[genre], resid, n_tokens, true);
    for (int c = 0; c < world_n_concepts(w); c++)
        if (c != concept && world_concept(w, c)->genre == genre && demo_touches(w, text, c))
            diffmean_add(&s->used[c], resid, n_tokens, true);
}

static int collect(struct sums *s, const struct demo *demo, struct demo_model *m, struct err *err)
{
    struct world_text text = {0};
    int rc = ERR_OK;
    for (int c = 0; c < world_n_concepts(demo->world) && !rc; c++) {
        struct world_rng rng = demo_rng(demo, STREAM_POSITIVE, (uint64_t)c);
        for (int i = 0; i < N_POSITIVE && !rc; i++) {
            const float *resid;
            size_t n_tokens;
            rc = world_pair(demo->world, &rng, c, WORLD_TRAIN, &text, err);
            if (!rc)
                rc = demo_residual(&resid, &n_tokens, NULL, m, &text, VIEW_TRAIN, err);
            if (!rc)
                sums_add(s, demo->world, &text, c, resid, n_tokens);
        }
    }
    world_text_clear(&text);
    return rc;
}

/* The direction of one concept from the sums. */
static void finish(float *direction, const struct sums *s, const struct world *w, int c)
{
    const struct diffmean *own = &s->own[c], *used = &s->used[c];
    const struct diffmean *genre = &s->genre[world_concept(w, c)->genre];
    struct diffmean d;
    diffmean_init(&d, own->d_model);
    d.n_pos = own->n_pos;
    d.n_neg = genre->n_pos - own->n_pos - used->n_pos;
    for (size_t i = 0; i < d.d_model; i++) {
        d.sum_pos[i] = own->sum_pos[i];
        d.sum_neg[i] = genre->sum_pos[i] - own->sum_pos[i] - used->sum_pos[i];
    }
    diffmean_finish(direction, &d);
    diffmean_clear(&d);
}

/* --- files --- */

static int write_weight(const char *path, const float *directions, size_t n, size_t d,
                        struct err *err)
{
    uint16_t *bits = mem_alloc(n * d, sizeof *bits);
    for (size_t i = 0; i < n * d; i++)
        bits[i] = f32_to_bf16(directions[i]);
    struct tensor tensor = {.name = "",
                            .dtype = DTYPE_BF16,
                            .n_dims = 2,
                            .shape = {n, d},
                            .data = bits,
                            .n_bytes = n * d * sizeof *bits};
    int rc = torch_write(path, &tensor, err);
    free(bits);
    return rc;
}

static int write_metadata(const char *path, const struct world *w, struct err *err)
{
    static const char *const genres[] = {"text", "code", "math"};
    struct buf out = {0};
    for (int c = 0; c < world_n_concepts(w); c++) {
        const struct world_concept *concept = world_concept(w, c);
        struct json_writer jw;
        struct buf ref = {0};
        buf_printf(&ref, "assets/demo/world#%s", concept->slug);
        json_writer_init(&jw, NULL, &out);
        jw_object(&jw);
        jw_key(&jw, "concept_id");
        jw_int(&jw, c);
        jw_key(&jw, "concept");
        jw_string(&jw, concept->label);
        jw_key(&jw, "ref");
        jw_string(&jw, ref.data);
        jw_key(&jw, "concept_genres_map");
        jw_object(&jw);
        jw_key(&jw, concept->label);
        jw_array(&jw);
        jw_string(&jw, genres[concept->genre]);
        jw_array_end(&jw);
        jw_object_end(&jw);
        jw_object_end(&jw);
        buf_char(&out, '\n');
        buf_clear(&ref);
    }
    int rc = file_write(path, out.data, out.len, err);
    buf_clear(&out);
    return rc;
}

static void write_row_numbers(struct json_writer *w, const char *key, const float *values, int n)
{
    char row[16];
    jw_key(w, key);
    jw_object(w);
    for (int c = 0; c < n; c++) {
        snprintf(row, sizeof row, "%d", c);
        jw_key(w, row);
        jw_float(w, values[c]);
    }
    jw_object_end(w);
}

static int write_acts(const char *path, const struct demo_scores *scores, struct err *err)
{
    struct buf out = {0};
    struct json_writer w;
    float *threshold = mem_alloc((size_t)scores->n_concepts, sizeof *threshold);
    float *act_max = mem_alloc((size_t)scores->n_concepts, sizeof *act_max);
    for (int c = 0; c < scores->n_concepts; c++) {
        threshold[c] = demo_scores_threshold(scores, c);
        act_max[c] = demo_scores_max(scores, c);
    }
    json_writer_init(&w, NULL, &out);
    jw_object(&w);
    write_row_numbers(&w, "max_act", act_max, scores->n_concepts);
    write_row_numbers(&w, "thresholds", threshold, scores->n_concepts);
    jw_object_end(&w);
    buf_char(&out, '\n');
    int rc = file_write(path, out.data, out.len, err);
    free(threshold);
    free(act_max);
    buf_clear(&out);
    return rc;
}

/* --- one layer --- */

static int write_directions(const struct demo *demo, struct demo_model *m, struct err *err)
{
    int n = world_n_concepts(demo->world);
    size_t d = (size_t)m->model->config.d_model;
    struct sums sums;
    sums_init(&sums, n, d);
    int rc = collect(&sums, demo, m, err);
    float *directions = mem_alloc((size_t)n * d, sizeof *directions);
    for (int c = 0; c < n && !rc; c++)
        finish(directions + (size_t)c * d, &sums, demo->world, c);
    char *dir = demo_layer_path(demo, m->layer, NULL);
    char *weight = path_join(dir, "weight.pt"), *metadata = path_join(dir, "metadata.jsonl");
    char *acts = path_join(dir, "acts.json");
    mkdir(dir, 0777); /* one that exists is fine: what fails is writing into it */
    remove(acts);     /* of an earlier run: its maxima are not these */
    if (!rc)
        rc = write_weight(weight, directions, (size_t)n, d, err);
    if (!rc)
        rc = write_metadata(metadata, demo->world, err);
    free(directions);
    free(dir);
    free(weight);
    free(metadata);
    free(acts);
    sums_clear(&sums, n);
    return rc;
}

/* Learns the dictionary of one layer and tells how well it detects. */
static int learn_layer(double *quality, const struct demo *demo, int layer, struct err *err)
{
    struct demo_model m;
    struct demo_scores scores = {0};
    int rc = demo_model_open(&m, demo, layer, err);
    if (!rc)
        rc = write_directions(demo, &m, err);
    if (!rc)
        rc = demo_model_open_dictionary(&m, demo, err);
    if (!rc)
        rc = demo_scores_collect(&scores, demo, &m, err);
    if (!rc) {
        char *acts = demo_layer_path(demo, layer, "acts.json");
        rc = write_acts(acts, &scores, err);
        free(acts);
    }
    if (!rc) {
        double worst, macro = demo_scores_macro(&scores, &worst);
        *quality = macro + 0.1 * worst;
        printf("dictionary: layer %d, macro AUROC %.4f, worst %.3f\n", layer, macro, worst);
        fflush(stdout);
    }
    demo_scores_clear(&scores);
    demo_model_close(&m);
    return rc;
}

static void remove_layer(const struct demo *demo, int layer)
{
    const char *const files[] = {"weight.pt", "metadata.jsonl", "acts.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = demo_layer_path(demo, layer, files[i]);
        remove(path);
        free(path);
    }
    char *dir = demo_layer_path(demo, layer, NULL);
    remove(dir);
    free(dir);
}

int demo_dictionary(const struct demo *demo, struct err *err)
{
    int first = demo->layer >= 0 ? demo->layer : LAYER_FIRST;
    int last = demo->layer >= 0 ? demo->layer : LAYER_LAST, best = first;
    double best_quality = -1;
    for (int l = LAYER_FIRST; l <= LAYER_LAST; l++)
        remove_layer(demo, l);
    for (int l = first; l <= last; l++) {
        double quality;
        int rc = learn_layer(&quality, demo, l, err);
        if (rc)
            return rc;
        if (quality > best_quality) {
            best_quality = quality;
            best = l;
        }
    }
    for (int l = first; l <= last; l++)
        if (l != best)
            remove_layer(demo, l);
    return ERR_OK;
}
