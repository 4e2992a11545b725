/* axscope info: what is loaded, its shapes and sizes, what memory it will take. */
#include "core/isa.h"
#include "core/pool.h"
#include "data/memory.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"
#include "tui/version.h"

#include <string.h>

/* The types that the matrices are stored in: a bit per enum dtype. */
static unsigned stored_types(const struct model *model)
{
    unsigned types = 1u << model->embed.dtype;
    for (int l = 0; l < model->config.n_layers; l++) {
        const struct layer *y = &model->layers[l];
        const struct matrix *all[] = {&y->wq,     &y->wk,   &y->wv,    &y->wo,
                                      &y->w_gate, &y->w_up, &y->w_down};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            types |= 1u << all[i]->dtype;
    }
    return types;
}

/* Everything that the options concern, the whole model being used. */
struct forecast {
    struct memory_plan use;
    struct memory_need need;
    size_t available; /* 0: unknown */
};

static struct forecast make_forecast(const struct scope *scope, const struct scope_options *options)
{
    struct forecast f = {.use = scope_memory_plan(scope, options, 0),
                         .available = memory_available()};
    memory_need(&f.need, &f.use);
    return f;
}

static size_t whole(const struct forecast *f)
{
    return f->need.heap + f->need.mapped;
}

/* --- JSON --- */

static void json_model_shape(struct json_writer *w, const struct model *model)
{
    const struct model_config *c = &model->config;
    const struct {
        const char *key;
        long long value;
    } numbers[] = {{"n_layers", c->n_layers},
                   {"d_model", c->d_model},
                   {"n_heads", c->n_heads},
                   {"n_kv_heads", c->n_kv_heads},
                   {"d_head", c->d_head},
                   {"d_ff", c->d_ff},
                   {"n_vocab", c->n_vocab},
                   {"n_ctx", c->n_ctx},
                   {"window", model->layers[0].config.window},
                   {"weight_bytes", (long long)model->n_weight_bytes}};
    jw_key(w, "shape");
    jw_object(w);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        jw_key(w, numbers[i].key), jw_int(w, numbers[i].value);
    jw_key(w, "dtype"), jw_string(w, dtype_name(model->embed.dtype));
    jw_key(w, "dtypes");
    jw_array(w);
    for (unsigned types = stored_types(model), d = 0; types >> d; d++)
        if (types >> d & 1)
            jw_string(w, dtype_name((enum dtype)d));
    jw_array_end(w);
    jw_object_end(w);
    json_ids(w, "stop_ids", c->stop_ids, (size_t)c->n_stop_ids);
}

static void json_dictionary_shape(struct json_writer *w, const struct dictionary *dict)
{
    jw_key(w, "directions");
    jw_object(w);
    jw_key(w, "n_concepts"), jw_int(w, (long long)dict->n_concepts);
    jw_key(w, "d_model"), jw_int(w, (long long)dict->d_model);
    jw_key(w, "dtype"), jw_string(w, dtype_name(dict->directions.dtype));
    jw_key(w, "kind"), jw_string(w, dictionary_kind(dict));
    jw_key(w, "bytes"), jw_int(w, (long long)dictionary_bytes(dict));
    jw_key(w, "encoder_bytes"), jw_int(w, (long long)dictionary_encoder_bytes(dict));
    jw_key(w, "heap_bytes"), jw_int(w, (long long)dictionary_heap_bytes(dict));
    jw_key(w, "has_act_max"), jw_bool(w, dict->act_max != NULL);
    jw_key(w, "has_threshold"), jw_bool(w, dict->threshold != NULL);
    jw_object_end(w);
}

static void json_memory(struct json_writer *w, const struct scope *scope, const struct forecast *f)
{
    jw_key(w, "memory");
    jw_object(w);
    if (scope->model) {
        jw_key(w, "weight_bytes"), jw_int(w, (long long)f->need.weights);
        jw_key(w, "bytes_per_token"), jw_int(w, (long long)f->need.per_token);
    }
    jw_key(w, "forecast_tokens"), jw_int(w, MEMORY_NEED_TOKENS);
    jw_key(w, "forecast_bytes"), jw_int(w, (long long)whole(f));
    jw_key(w, "heap_bytes"), jw_int(w, (long long)f->need.heap);
    jw_key(w, "available_bytes"), jw_int(w, (long long)f->available);
    jw_object_end(w);
}

static void print_json(const struct scope *scope, const struct forecast *f)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    jw_key(&w, "version"), jw_string(&w, version_string());
    json_scope(&w, scope);
    if (scope->model)
        json_model_shape(&w, scope->model);
    if (scope->dict)
        json_dictionary_shape(&w, scope->dict);
    jw_key(&w, "hook_layer"), jw_int(&w, scope->hook_layer);
    jw_key(&w, "has_tokenizer"), jw_bool(&w, scope->tokenizer != NULL);
    jw_key(&w, "is_chat"), jw_bool(&w, scope->is_chat);
    jw_key(&w, "is_demo"), jw_bool(&w, scope->is_demo);
    json_memory(&w, scope, f);
    jw_key(&w, "isa"), jw_string(&w, isa_name(isa_current()));
    jw_key(&w, "threads"), jw_int(&w, pool_threads());
    jw_object_end(&w);
    putchar('\n');
}

/* --- text --- */

static void print_size(const char *name, size_t bytes)
{
    printf("  %-14s %.1f MB\n", name, (double)bytes / 1e6);
}

static void print_path(const struct paint *p, const char *title, const char *name, const char *path)
{
    paint_bold(p, true);
    printf("%s  ", title);
    paint_text(p, name, strlen(name));
    paint_bold(p, false);
    printf("\n  %-14s ", "path");
    paint_text(p, path, strlen(path));
    putchar('\n');
}

static void print_model(const struct paint *p, const struct scope *scope, const struct forecast *f)
{
    const struct model *model = scope->model;
    const struct model_config *c = &model->config;
    print_path(p, "model", model->name, model->path);
    printf("  %-14s %d layers, d_model %d, d_ff %d\n", "shape", c->n_layers, c->d_model, c->d_ff);
    printf("  %-14s %d heads, %d key/value heads, d_head %d\n", "attention", c->n_heads,
           c->n_kv_heads, c->d_head);
    printf("  %-14s %d tokens, local window %d\n", "context", c->n_ctx,
           model->layers[0].config.window);
    printf("  %-14s %d tokens, %s\n", "vocabulary", c->n_vocab,
           scope->tokenizer ? (scope->is_chat ? "tokenizer and chat template" : "tokenizer")
                            : "no tokenizer (tokenizer.json, tokenizer.model): --ids only");
    printf("  %-14s", "stored as");
    for (unsigned types = stored_types(model), d = 0; types >> d; d++)
        if (types >> d & 1)
            printf(" %s", dtype_name((enum dtype)d));
    putchar('\n');
    print_size("weights", model->n_weight_bytes);
    if (f->use.is_q8)
        print_size("in 8 bits", f->need.weights);
    printf("  %-14s %.1f MB more for each 1000 tokens\n", "text",
           (double)(1000 * f->need.per_token) / 1e6);
}

static void print_dictionary(const struct paint *p, const struct scope *scope)
{
    const struct dictionary *dict = scope->dict;
    print_path(p, "dictionary", dict->name, dict->path);
    printf("  %-14s %zu concepts x %zu, layer %d\n", "shape", dict->n_concepts, dict->d_model,
           scope->hook_layer);
    printf("  %-14s %s, %s\n", "statistics", dict->act_max ? "act_max" : "no act_max",
           dict->threshold ? "thresholds" : "no thresholds");
    printf("  %-14s %s\n", "stored as", dtype_name(dict->directions.dtype));
    if (dict->sae)
        printf("  %-14s %s autoencoder\n", "kind", dictionary_kind(dict));
    print_size(dict->sae ? "weights" : "directions", dictionary_bytes(dict));
    if (dictionary_heap_bytes(dict) > 0)
        print_size("of them heap", dictionary_heap_bytes(dict));
}

static void print_memory(const struct forecast *f)
{
    printf("memory        %.1f MB with a text of %d tokens: %.1f MB heap, the rest mapped files\n",
           (double)whole(f) / 1e6, MEMORY_NEED_TOKENS, (double)f->need.heap / 1e6);
    if (f->available > 0)
        printf("  %-14s %.1f MB: %s\n", "available", (double)f->available / 1e6,
               whole(f) <= f->available ? "it fits" : "it does not fit");
}

static void print_text(const struct scope *scope, const struct forecast *f)
{
    struct paint p;
    paint_init(&p, stdout);
    if (scope->is_demo)
        puts("the bundled demo\n");
    if (scope->model)
        print_model(&p, scope, f);
    else
        puts("model       none (--model)");
    if (scope->dict)
        print_dictionary(&p, scope);
    else
        puts("dictionary  none (--dict)");
    print_memory(f);
    printf("arithmetic    %s, %d threads\n", isa_name(isa_current()), pool_threads());
    printf("version       %s\n", version_string());
}

int cli_info(const struct args *args, struct err *err)
{
    struct scope scope;
    bool dict_alone = args->scope.dict && !args->scope.model;
    int need = SCOPE_DICT_IF_ANY | SCOPE_AS_STORED | (dict_alone ? 0 : SCOPE_MODEL);
    int rc = job_open_scope(&scope, args, need, err);
    if (rc != ERR_OK)
        return rc;
    struct forecast f = make_forecast(&scope, &args->scope);
    if (args->json)
        print_json(&scope, &f);
    else
        print_text(&scope, &f);
    scope_close(&scope);
    return rc;
}
