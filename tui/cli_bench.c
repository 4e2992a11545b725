/* axscope bench: how fast this machine is with these files, and how fast it could be. */
#include "core/bench_dictionary.h"
#include "core/bench_fidelity.h"
#include "core/bench_machine.h"
#include "core/bench_memory.h"
#include "core/isa.h"
#include "core/pool.h"
#include "tui/bench_start.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"
#include "tui/version.h"

#include <string.h>
#include <unistd.h>

enum {
    N_TOKENS = 128,
    N_PROMPTS = 16,
    USUAL_TOKENS = 21,
    LONG_TOKENS = 2048,
    MB = 1 << 20,
    NEED = SCOPE_MODEL | SCOPE_DICT_IF_ANY
};

struct bench_job {
    const struct args *args;
    struct scope scope;
    struct bench bench;
};

static bool is_wanted(const struct bench_job *job, const char *group)
{
    return !job->args->only || strcmp(job->args->only, group) == 0;
}

static void show_progress(void *data, const char *text)
{
    (void)data;
    fprintf(stderr, "\r%60s\r%s ...", "", text);
    fflush(stderr);
}

static void wipe_progress(const struct bench *b)
{
    if (b->progress)
        fprintf(stderr, "\r%60s\r", "");
}

/* --- the groups --- */

struct load {
    const struct args *args;
    const char *path; /* of the model */
    struct scope scope;
    struct model *model;
};

static int unload(void *data, int run, struct err *err)
{
    struct load *l = data;
    (void)run, (void)err;
    scope_close(&l->scope);
    model_close(l->model);
    l->scope = (struct scope){0};
    l->model = NULL;
    return ERR_OK;
}

static int load_model(void *data, int run, struct err *err)
{
    struct load *l = data;
    (void)run;
    return model_open(&l->model, l->path, err);
}

static int load_all(void *data, int run, struct err *err)
{
    struct load *l = data;
    (void)run;
    return scope_open(&l->scope, &l->args->scope, NEED, err);
}

static void measure_load(struct bench_job *job)
{
    struct load l = {.args = job->args, .path = job->scope.model->path};
    struct bench_work work = {.prepare = unload, .run = load_model, .data = &l};
    bench_measure(&job->bench, "load", "load_model", "open the model", &work);
    work.run = load_all;
    bench_measure(&job->bench, "load", "load", "open model, tokenizer, dictionary", &work);
    unload(&l, 0, NULL);
}

static void measure_reads(struct bench_job *job, const struct bench_subject *s)
{
    static const int usual[] = {USUAL_TOKENS, 32, N_TOKENS, 512};
    static const int all[] = {USUAL_TOKENS, 32, 64, N_TOKENS, 256, 512, 1024, LONG_TOKENS, 4096};
    const struct args *args = job->args;
    if (args->n_lengths > 0)
        bench_read(&job->bench, s, args->lengths, (int)args->n_lengths);
    else if (args->is_long)
        bench_read(&job->bench, s, all, (int)(sizeof all / sizeof *all));
    else
        bench_read(&job->bench, s, usual, (int)(sizeof usual / sizeof *usual));
}

static void no_dictionary(struct bench *b, const char *group, const char *name, const char *text)
{
    bench_add_missing(b, group, name, text, "s", "no dictionary was given");
}

/* Against the latents of the same dictionary on another file of the model. */
static void measure_fidelity(struct bench_job *job, const struct bench_subject *s)
{
    static const char name[] = "fidelity_cosine", text[] = "latents against the reference";
    struct scope_options options = job->args->scope;
    struct scope reference;
    struct err err = {0};
    options.model = job->args->reference;
    options.weights = WEIGHTS_STORED;
    if (!job->scope.dict) {
        no_dictionary(&job->bench, "fidelity", name, text);
    } else if (scope_open(&reference, &options, SCOPE_MODEL, &err) == ERR_OK) {
        bench_fidelity(&job->bench, s, reference.model, N_TOKENS);
        scope_close(&reference);
    } else {
        bench_add_missing(&job->bench, "fidelity", name, text, "cosine", err.message);
    }
}

/* Of the lengths that are asked for the last. */
static int memory_tokens(const struct args *args)
{
    if (args->n_lengths > 0)
        return args->lengths[args->n_lengths - 1];
    return args->is_long ? LONG_TOKENS : args->quick ? N_TOKENS : 512;
}

/* What figures of the group are compared with, where it is not measured anyway. */
static void measure_compared(struct bench_job *job, const struct bench_subject *s)
{
    static const int n_tokens = N_TOKENS, n_usual = USUAL_TOKENS, one = 1;
    const char *only = job->args->only ? job->args->only : "";
    if (strcmp(only, "edit") == 0 || strcmp(only, "slider") == 0)
        bench_read(&job->bench, s, &n_tokens, 1);
    if (strcmp(only, "batch") == 0)
        bench_read(&job->bench, s, &n_usual, 1);
    if (strcmp(only, "latents") == 0)
        bench_decode(&job->bench, s, &one, 1);
}

static void measure_model(struct bench_job *job)
{
    static const int branches[] = {1, 2, 5};
    struct bench *b = &job->bench;
    const struct args *args = job->args;
    const struct bench_subject s = {&job->scope, args->ids, args->n_ids, args->seed};
    const struct dictionary *dict = job->scope.dict;
    measure_compared(job, &s);
    if (is_wanted(job, "load"))
        measure_load(job);
    if (is_wanted(job, "read"))
        measure_reads(job, &s);
    if (is_wanted(job, "batch"))
        bench_batch(b, &s, N_PROMPTS, USUAL_TOKENS, "read_21");
    if (is_wanted(job, "edit"))
        bench_edit(b, &s, N_TOKENS);
    if (is_wanted(job, "slider"))
        bench_slider(b, &s, N_TOKENS);
    if (is_wanted(job, "decode"))
        bench_decode(b, &s, branches, (int)(sizeof branches / sizeof *branches));
    if (is_wanted(job, "latents") && dict)
        bench_latents(b, dict);
    else if (is_wanted(job, "latents"))
        no_dictionary(b, "latents", "latents_1", "all latents of one position");
    if (is_wanted(job, "search") && dict)
        bench_search(b, dict);
    else if (is_wanted(job, "search"))
        no_dictionary(b, "search", "search", "a regular expression over all labels");
    if (is_wanted(job, "memory"))
        bench_memory(b, &s, memory_tokens(args));
    if (is_wanted(job, "fidelity") && args->reference)
        measure_fidelity(job, &s);
}

/* Other processes first: a fork is cheapest while this one is small. */
static int measure_all(struct bench_job *job, struct err *err)
{
    const struct args *args = job->args;
    if (is_wanted(job, "start"))
        bench_start(&job->bench, args);
    pool_set_threads(args->threads);
    bench_machine(&job->bench, (size_t)(args->quick ? 64 : 512) * MB);
    int rc = job_open_scope(&job->scope, args, NEED, err);
    if (rc == ERR_OK)
        measure_model(job);
    wipe_progress(&job->bench);
    return rc;
}

/* --- JSON --- */

static void json_value(struct json_writer *w, const char *key, double value, bool is_known)
{
    jw_key(w, key);
    if (is_known)
        jw_double(w, value);
    else
        jw_null(w);
}

static double tokens_per_second(const struct bench_figure *f)
{
    return f->n > 0 && f->n_tokens > 0 && strcmp(f->unit, "s") == 0 ? f->n_tokens / f->median : 0;
}

static void json_figure(struct json_writer *w, const struct bench_figure *f)
{
    const double rate = tokens_per_second(f);
    jw_key(w, f->name);
    jw_object(w);
    json_value(w, "median", f->median, f->n > 0);
    json_value(w, "low", f->low, f->n > 0);
    json_value(w, "high", f->high, f->n > 0);
    jw_key(w, "unit"), jw_string(w, f->unit);
    jw_key(w, "runs"), jw_int(w, f->n);
    json_value(w, "tokens_per_s", rate, rate > 0);
    jw_key(w, "ceiling"), jw_string(w, f->ceiling);
    json_value(w, "share", f->share, f->ceiling != NULL);
    jw_key(w, "compared_with"), jw_string(w, f->compared);
    json_value(w, "ratio", f->ratio, f->ratio > 0);
    jw_key(w, "not_measured"), jw_string(w, f->n > 0 ? NULL : f->why);
    jw_key(w, "group"), jw_string(w, f->group);
    jw_key(w, "text"), jw_string(w, f->text);
    jw_object_end(w);
}

static void print_json(const struct bench_job *job)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    jw_key(&w, "version"), jw_string(&w, version_string());
    json_scope(&w, &job->scope);
    jw_key(&w, "isa"), jw_string(&w, isa_name(isa_current()));
    jw_key(&w, "threads"), jw_int(&w, pool_threads());
    jw_key(&w, "weight_bytes"), jw_int(&w, (long long)job->scope.model->n_weight_bytes);
    jw_key(&w, "figures");
    jw_object(&w);
    for (size_t i = 0; i < job->bench.n; i++)
        json_figure(&w, &job->bench.figures[i]);
    jw_object_end(&w);
    jw_object_end(&w);
    putchar('\n');
}

/* --- the table --- */

/* Seconds as the unit that suits the median, so that the columns of a row agree. */
struct scale {
    double factor;
    const char *unit;
};

static struct scale scale_of(const struct bench_figure *f)
{
    if (strcmp(f->unit, "s") != 0)
        return (struct scale){1, f->unit};
    return f->median >= 1        ? (struct scale){1, "s"}
           : f->median >= 0.0001 ? (struct scale){1e3, "ms"}
                                 : (struct scale){1e6, "us"};
}

static void print_figure(const struct paint *p, const struct bench_figure *f)
{
    const struct scale scale = scale_of(f);
    const double rate = tokens_per_second(f);
    paint_padded(p, f->text, strlen(f->text), 40);
    if (f->n == 0) {
        fputs("not measured: ", stdout);
        paint_text(p, f->why, strlen(f->why));
        putchar('\n');
        return;
    }
    printf("%8.4g %-7s %8.4g .. %-8.4g %4d", f->median * scale.factor, scale.unit,
           f->low * scale.factor, f->high * scale.factor, f->n);
    if (rate > 0)
        printf("  %.4g tokens/s", rate);
    if (f->ceiling)
        printf("  %.0f %% of %s", 100 * f->share, f->ceiling);
    if (f->ratio > 0)
        printf("  %.3g x %s", f->ratio, f->compared);
    putchar('\n');
}

static void print_table(const struct bench_job *job)
{
    struct paint p;
    const struct model *model = job->scope.model;
    paint_init(&p, stdout);
    paint_text(&p, model->name, strlen(model->name));
    printf(", %.2f GB, %s, %d thread%s\n\n", (double)model->n_weight_bytes / 1e9,
           isa_name(isa_current()), pool_threads(), pool_threads() == 1 ? "" : "s");
    paint_bold(&p, true);
    printf("%-40s%8s %-7s %8s .. %-8s %4s\n", "", "median", "", "least", "largest", "runs");
    paint_bold(&p, false);
    for (size_t i = 0; i < job->bench.n; i++)
        print_figure(&p, &job->bench.figures[i]);
}

int cli_bench(const struct args *args, struct err *err)
{
    struct bench_job job = {.args = args};
    job.bench.n_runs = args->runs > 0 ? args->runs : args->quick ? 2 : 5;
    job.bench.max_seconds = args->quick ? 0.2 : 20;
    if (isatty(STDERR_FILENO))
        job.bench.progress = show_progress;
    int rc = measure_all(&job, err);
    if (rc == ERR_OK && args->json)
        print_json(&job);
    else if (rc == ERR_OK)
        print_table(&job);
    bench_clear(&job.bench);
    scope_close(&job.scope);
    return rc;
}
