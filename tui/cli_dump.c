/* axscope dump: residuals, logits and latents of a text as a safetensors file. */
#include "core/latents.h"
#include "data/safetensors.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/version.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE 24 /* "resid." and a layer number */

struct dump {
    const struct args *args;
    struct job *job;
    int *layers; /* [n_layers] owned */
    size_t n_layers;
    int64_t *ids;             /* [n_tokens] owned */
    uint8_t *counted;         /* [n_tokens] owned */
    float **resid;            /* [n_layers] owned, each [n_tokens, d_model] owned */
    float *logits;            /* [1 or n_tokens, n_vocab] owned, or NULL */
    float *acts;              /* [n_tokens, n_concepts] owned, or NULL */
    struct tensor *tensors;   /* [n_tensors] owned */
    char (*names)[NAME_SIZE]; /* [n_layers] owned */
    size_t n_tensors;
};

static int choose_layers(struct dump *d, struct err *err)
{
    int n_model_layers = d->job->scope.model->config.n_layers;
    d->n_layers = d->args->n_layers ? d->args->n_layers : 1;
    d->layers = mem_alloc(d->n_layers, sizeof *d->layers);
    d->layers[0] = d->job->scope.hook_layer;
    for (size_t i = 0; i < d->args->n_layers; i++) {
        d->layers[i] = d->args->layers[i];
        if (d->layers[i] < n_model_layers)
            continue;
        err_set(err, ERR_LIMIT, "layer %d is out of range: %s has %d layers", d->layers[i],
                d->job->scope.model->name, n_model_layers);
        err_hint(err, "Use layers from 0 to %d.", n_model_layers - 1);
        return ERR_LIMIT;
    }
    return ERR_OK;
}

static float *try_floats(size_t rows, size_t columns)
{
    size_t n;
    return size_mul(&n, rows, columns) ? mem_try_alloc(n, sizeof(float)) : NULL;
}

static int allocate(struct dump *d, struct err *err)
{
    const struct model_config *config = &d->job->scope.model->config;
    size_t n_tokens = d->job->prompt.ids.n, n_vocab = (size_t)config->n_vocab;
    bool complete = true;
    d->resid = mem_zalloc(d->n_layers, sizeof *d->resid);
    for (size_t i = 0; i < d->n_layers; i++) {
        d->resid[i] = try_floats(n_tokens, (size_t)config->d_model);
        complete = complete && d->resid[i];
    }
    if (d->args->logits != DUMP_NO_LOGITS) {
        d->logits = try_floats(d->args->logits == DUMP_ALL_LOGITS ? n_tokens : 1, n_vocab);
        complete = complete && d->logits;
    }
    if (complete)
        return ERR_OK;
    err_set(err, ERR_NOMEM, "no memory for the dump of %zu tokens", n_tokens);
    err_hint(err, "Ask for fewer layers, for --logits last, or split the text.");
    return ERR_NOMEM;
}

static int compute(struct dump *d, struct err *err)
{
    struct job *job = d->job;
    int rc = choose_layers(d, err);
    if (rc == ERR_OK)
        rc = allocate(d, err);
    if (rc == ERR_OK)
        rc = session_set_steering(job->session, 0, &job->steering, err);
    if (rc == ERR_OK && d->args->latents)
        rc = job_latents(&d->acts, job, d->args->is_signed, err);
    if (rc == ERR_OK)
        rc = session_dump(job->session, 0, d->layers, (int)d->n_layers, d->resid, d->logits,
                          d->args->logits == DUMP_ALL_LOGITS, err);
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

static void list_tensors(struct dump *d)
{
    const struct scope *scope = &d->job->scope;
    const struct prompt *prompt = &d->job->prompt;
    size_t n_tokens = prompt->ids.n, n_vocab = (size_t)scope->model->config.n_vocab;
    d->tensors = mem_zalloc(d->n_layers + 4, sizeof *d->tensors);
    d->names = mem_zalloc(d->n_layers, sizeof *d->names);
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
    if (d->acts)
        add_tensor(d, "latents", DTYPE_F32, d->acts, n_tokens, scope->dict->n_concepts);
    add_tensor(d, "counted", DTYPE_U8, d->counted, n_tokens, 0);
}

static int write_file(const struct dump *d, struct err *err)
{
    const struct scope *scope = &d->job->scope;
    char layer[16];
    snprintf(layer, sizeof layer, "%d", scope->hook_layer);
    const char *const metadata[][2] = {
        {"model", scope->model->name},
        {"dictionary", scope->dict ? scope->dict->name : ""},
        {"hook_layer", layer},
        {"version", version_string()},
    };
    return safetensors_write(d->args->out, d->tensors, d->n_tensors, metadata,
                             sizeof metadata / sizeof *metadata, err);
}

static void print_json(const struct dump *d)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    jw_key(&w, "path"), jw_string(&w, d->args->out);
    json_scope(&w, &d->job->scope);
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
