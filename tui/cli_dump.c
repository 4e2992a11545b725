/* axscope dump: residuals, logits and latents of a text as a safetensors file. */
#include "data/safetensors.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 32 /* "resid." and a layer, "latents." and a dictionary */

struct dump {
    const struct args *args;
    struct job *job;
    int *layers; /* [n_layers] owned */
    size_t n_layers;
    int64_t *ids;             /* [n_tokens] owned */
    uint8_t *counted;         /* [n_tokens] owned */
    float **resid;            /* [n_layers] owned, each [n_tokens, d_model] owned */
    float *logits;            /* [1 or n_tokens, n_vocab] owned, or NULL */
    size_t n_dicts;           /* whose latents are written */
    float **acts;             /* [n_dicts] owned, each [n_tokens, n_concepts] owned */
    struct tensor *tensors;   /* [n_tensors] owned */
    char (*names)[NAME_SIZE]; /* [n_layers + n_dicts] owned */
    size_t n_tensors;
};

static void add_layer(struct dump *d, int layer)
{
    for (size_t i = 0; i < d->n_layers; i++)
        if (d->layers[i] == layer)
            return;
    d->layers[d->n_layers++] = layer;
}

/* Those of --layers, else where the dictionaries are read. */
static int choose_layers(struct dump *d, struct err *err)
{
    const struct dict_set *set = &d->job->set;
    int n_model_layers = d->job->scope.model->config.n_layers;
    d->layers = mem_alloc(d->args->n_layers + set->n + 1, sizeof *d->layers);
    for (size_t i = 0; i < d->args->n_layers; i++) {
        int layer = d->args->layers[i];
        if (layer >= n_model_layers) {
            err_set(err, ERR_LIMIT, "layer %d is out of range: %s has %d layers", layer,
                    d->job->scope.model->name, n_model_layers);
            err_hint(err, "Use layers from 0 to %d.", n_model_layers - 1);
            return ERR_LIMIT;
        }
        add_layer(d, layer);
    }
    for (size_t k = 0; k < set->n && d->args->n_layers == 0; k++)
        add_layer(d, set->layers[k]);
    if (d->n_layers == 0)
        add_layer(d, d->job->scope.hook_layer);
    return ERR_OK;
}

static int allocate(struct dump *d, struct err *err)
{
    const struct model_config *config = &d->job->scope.model->config;
    size_t n_tokens = d->job->prompt.ids.n, n_vocab = (size_t)config->n_vocab;
    bool complete = true;
    d->resid = mem_zalloc(d->n_layers, sizeof *d->resid);
    for (size_t i = 0; i < d->n_layers; i++) {
        d->resid[i] = mem_try_floats(n_tokens, (size_t)config->d_model);
        complete = complete && d->resid[i];
    }
    if (d->args->logits != DUMP_NO_LOGITS) {
        d->logits = mem_try_floats(d->args->logits == DUMP_ALL_LOGITS ? n_tokens : 1, n_vocab);
        complete = complete && d->logits;
    }
    if (complete)
        return ERR_OK;
    err_set(err, ERR_NOMEM, "no memory for the dump of %zu tokens", n_tokens);
    err_hint(err, "Ask for fewer layers, for --logits last, or split the text.");
    return ERR_NOMEM;
}

/* Latents are read at their dictionary's layer, which need not be among the residuals. */
static void note_steering(const struct dump *d)
{
    int *layers = mem_alloc(d->n_layers + d->n_dicts, sizeof *layers);
    memcpy(layers, d->layers, d->n_layers * sizeof *layers);
    for (size_t k = 0; k < d->n_dicts; k++)
        layers[d->n_layers + k] = d->job->set.layers[k];
    job_note_unsteered(d->job, layers, d->n_layers + d->n_dicts, d->logits);
    free(layers);
}

static int compute(struct dump *d, struct err *err)
{
    struct job *job = d->job;
    int rc = choose_layers(d, err);
    if (rc == ERR_OK)
        rc = allocate(d, err);
    d->n_dicts = d->args->latents ? job->set.n : 0;
    if (rc == ERR_OK)
        note_steering(d);
    d->acts = mem_zalloc(d->n_dicts + 1, sizeof *d->acts);
    for (size_t k = 0; k < d->n_dicts && rc == ERR_OK; k++)
        rc = job_latents(&d->acts[k], job, k, d->args->is_signed, err);
    if (rc == ERR_OK)
        rc = session_dump(job->session, job->steered, d->layers, (int)d->n_layers, d->resid,
                          d->logits, d->args->logits == DUMP_ALL_LOGITS, err);
    return rc;
}

static void add_tensor(struct dump *d, const char *name, enum dtype dtype, const void *data,
                       size_t rows, size_t columns)
{
    struct tensor *t = &d->tensors[d->n_tensors++];
    *t = (struct tensor){.name = name, .dtype = dtype, .n_dims = columns ? 2 : 1, .data = data};
    t->shape[0] = rows;
    t->shape[1] = columns;
    t->n_bytes = rows * (columns ? columns : 1) * dtype_size(dtype);
}

/* WHAT, or WHAT.D of one of several dictionaries. */
static void name_of_dict(char out[NAME_SIZE], const char *what, size_t d, size_t n_dicts)
{
    if (n_dicts > 1)
        snprintf(out, NAME_SIZE, "%s.%zu", what, d);
    else
        snprintf(out, NAME_SIZE, "%s", what);
}

static void list_tensors(struct dump *d)
{
    const struct scope *scope = &d->job->scope;
    const struct prompt *prompt = &d->job->prompt;
    size_t n_tokens = prompt->ids.n, n_vocab = (size_t)scope->model->config.n_vocab;
    d->tensors = mem_zalloc(d->n_layers + d->n_dicts + 3, sizeof *d->tensors);
    d->names = mem_zalloc(d->n_layers + d->n_dicts, sizeof *d->names);
    d->ids = mem_alloc(n_tokens, sizeof *d->ids);
    d->counted = mem_alloc(n_tokens, sizeof *d->counted);
    for (size_t t = 0; t < n_tokens; t++) {
        d->ids[t] = prompt->ids.ids[t];
        d->counted[t] = prompt->counted[t];
    }
    add_tensor(d, "ids", DTYPE_I64, d->ids, n_tokens, 0);
    for (size_t i = 0; i < d->n_layers; i++) {
        snprintf(d->names[i], sizeof d->names[i], "resid.%d", d->layers[i]);
        add_tensor(d, d->names[i], DTYPE_F32, d->resid[i], n_tokens,
                   (size_t)scope->model->config.d_model);
    }
    if (d->logits)
        add_tensor(d, "logits", DTYPE_F32, d->logits,
                   d->args->logits == DUMP_ALL_LOGITS ? n_tokens : 1, n_vocab);
    for (size_t k = 0; k < d->n_dicts; k++) {
        char *name = d->names[d->n_layers + k];
        name_of_dict(name, "latents", k, d->n_dicts);
        add_tensor(d, name, DTYPE_F32, d->acts[k], n_tokens, d->job->set.dicts[k]->n_concepts);
    }
    add_tensor(d, "counted", DTYPE_U8, d->counted, n_tokens, 0);
}

/* "model", "version", and for every dictionary its name and layer: "dictionary" and "hook_layer",
 * with several "dictionary.D" and "hook_layer.D". */
static int write_file(const struct dump *d, struct err *err)
{
    const struct dict_set *set = &d->job->set;
    struct entry {
        char keys[2][NAME_SIZE], layer[16];
    } *entries = mem_zalloc(set->n + 1, sizeof *entries);
    const char *(*metadata)[2] = mem_alloc(2 * set->n + 4, sizeof *metadata);
    size_t n = 0;
    metadata[n][0] = "model", metadata[n++][1] = d->job->scope.model->name;
    metadata[n][0] = "version", metadata[n++][1] = version_string();
    for (size_t k = 0; k < set->n; k++) {
        struct entry *e = &entries[k];
        name_of_dict(e->keys[0], "dictionary", k, set->n);
        name_of_dict(e->keys[1], "hook_layer", k, set->n);
        snprintf(e->layer, sizeof e->layer, "%d", set->layers[k]);
        metadata[n][0] = e->keys[0], metadata[n++][1] = set->dicts[k]->name;
        metadata[n][0] = e->keys[1], metadata[n++][1] = e->layer;
    }
    int rc = safetensors_write(d->args->out, d->tensors, d->n_tensors,
                               (const char *const(*)[2])metadata, n, err);
    free(metadata);
    free(entries);
    return rc;
}

static void print_json(const struct dump *d)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    jw_key(&w, "path"), jw_string(&w, d->args->out);
    json_scope(&w, &d->job->scope);
    json_further(&w, &d->job->set);
    jw_key(&w, "tensors");
    jw_array(&w);
    for (size_t i = 0; i < d->n_tensors; i++) {
        const struct tensor *t = &d->tensors[i];
        jw_object(&w);
        jw_key(&w, "name"), jw_string(&w, t->name);
        jw_key(&w, "dtype"), jw_string(&w, dtype_name(t->dtype));
        jw_key(&w, "shape");
        jw_array(&w);
        for (int k = 0; k < t->n_dims; k++)
            jw_int(&w, (long long)t->shape[k]);
        jw_array_end(&w);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    putchar('\n');
}

static void print_text(const struct dump *d)
{
    printf("%s\n", d->args->out);
    for (size_t i = 0; i < d->n_tensors; i++) {
        const struct tensor *t = &d->tensors[i];
        printf("  %-10s %-4s [%zu", t->name, dtype_name(t->dtype), t->shape[0]);
        if (t->n_dims > 1)
            printf(", %zu", t->shape[1]);
        puts("]");
    }
}

static void dump_clear(struct dump *d)
{
    for (size_t i = 0; d->resid && i < d->n_layers; i++)
        free(d->resid[i]);
    free(d->resid);
    free(d->layers);
    free(d->ids);
    free(d->counted);
    free(d->logits);
    for (size_t k = 0; k < d->n_dicts; k++)
        free(d->acts[k]);
    free(d->acts);
    free(d->tensors);
    free(d->names);
}

int cli_dump(const struct args *args, struct err *err)
{
    struct job job;
    int rc = job_open(&job, args, args->latents ? SCOPE_DICT : 0, 1, err);
    if (rc != ERR_OK)
        return rc;
    struct dump d = {.args = args, .job = &job};
    rc = compute(&d, err);
    if (rc == ERR_OK) {
        list_tensors(&d);
        job_quiet(&job);
        rc = write_file(&d, err);
    }
    if (rc == ERR_OK) {
        if (args->json)
            print_json(&d);
        else
            print_text(&d);
    }
    dump_clear(&d);
    job_close(&job);
    return rc;
}
