/* axscope calibrate: how every row behaves on neutral text, kept in the cache for z scores. */
#include "core/calibrate.h"
#include "core/latents.h"
#include "data/cache_dir.h"
#include "data/file.h"
#include "data/hash.h"
#include "tui/cli_json.h"
#include "tui/clock.h"
#include "tui/commands.h"
#include "tui/interrupt.h"
#include "tui/job.h"
#include "tui/paint.h"
#include "tui/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TEXTS_BYTES ((size_t)64 << 20)
#define MAX_PASSAGE_BYTES 2000
#define SAVE_EVERY 5.0  /* seconds of work that a kill may cost */
#define SAVE_SHARE 0.05 /* of the time goes into saving at most */
#define N_DENSEST 10

struct calibrating {
    const struct args *args;
    struct scope scope;
    struct calibration_key key;
    char *path, *partial; /* owned */
    char *texts_path;     /* owned */
    struct buf text;
    struct passages passages;
    struct calibration_sums *sums;
    struct calibration *cal;
    bool is_old; /* it was there already */
    size_t n_resumed;
    struct progress progress;
    double saved; /* clock_seconds of the last saving */
    double wait;  /* seconds from then to the next */
};

static int save(struct calibrating *c, const struct calibration_sums *s, struct err *err)
{
    double start = clock_seconds();
    int rc = calibration_sums_save(s, c->partial, err);
    c->saved = clock_seconds();
    double took = c->saved - start;
    c->wait = took / SAVE_SHARE > SAVE_EVERY ? took / SAVE_SHARE : SAVE_EVERY;
    return rc;
}

static int after_passages(void *data, const struct calibration_sums *s, size_t done, size_t total,
                          struct err *err)
{
    struct calibrating *c = data;
    return done < total && clock_seconds() - c->saved > c->wait ? save(c, s, err) : ERR_OK;
}

static bool while_reading(void *data, long done, long total)
{
    struct calibrating *c = data;
    long before = (long)c->n_resumed * CALIBRATE_PARTS;
    progress_step(&c->progress, done - before, total - before);
    return interrupt_came();
}

/* What was read in full is not lost. */
static int put_away(struct calibrating *c, struct err *err)
{
    size_t done = c->sums->n_passages;
    int rc = done > c->n_resumed ? save(c, c->sums, err) : ERR_OK;
    if (rc != ERR_OK)
        return rc;
    err_set(err, ERR_CANCELLED, "interrupted after %zu of %zu passages", done, c->passages.n);
    err_hint(err, "The same command goes on from there.");
    return ERR_CANCELLED;
}

static int read_texts(struct calibrating *c, struct err *err)
{
    static const char bundled[] = "calibration.txt";
    const struct args *args = c->args;
    c->texts_path =
        args->texts ? mem_strdup(args->texts) : scope_find_bundled(bundled, args->scope.argv0);
    if (!c->texts_path) {
        err_set(err, ERR_IO, "the bundled text %s was not found", bundled);
        err_hint(err, "Give a text with --texts FILE, or set AXSCOPE_DATA to the folder that "
                      "holds it.");
        return ERR_IO;
    }
    int rc = file_read(&c->text, c->texts_path, MAX_TEXTS_BYTES, err);
    if (rc != ERR_OK)
        return rc;
    passages_split(&c->passages, buf_cstr(&c->text), c->text.len, MAX_PASSAGE_BYTES);
    if (c->passages.n > 0)
        return ERR_OK;
    err_set(err, ERR_FORMAT, "%s: holds no text", c->texts_path);
    err_hint(err, "Write some hundred passages, separated by blank lines.");
    return ERR_FORMAT;
}

/* Mean and spread of a handful of tokens say nothing about a concept, and would take the place of
 * numbers that do. Template tokens are not counted. */
static int check_size(const struct calibrating *c, struct err *err)
{
    size_t n = 0, wanted = (size_t)c->args->min_tokens;
    for (size_t i = 0; i < c->passages.n && n < wanted; i++) {
        struct token_ids ids = {0};
        const struct passage *p = &c->passages.items[i];
        int rc = tokenizer_encode(&ids, c->scope.tokenizer, p->text, p->len, err);
        n += ids.n;
        token_ids_clear(&ids);
        if (rc != ERR_OK)
            return rc;
    }
    if (n >= wanted)
        return ERR_OK;
    err_set(err, ERR_LIMIT, "%s: has %zu tokens, too few to know a concept by; %zu are wanted",
            c->texts_path, n, wanted);
    err_hint(err,
             "Give more text, leave --texts out for the bundled one, or say that so few will "
             "do: --min-tokens %zu.",
             n);
    return ERR_LIMIT;
}

static int find_places(struct calibrating *c, struct err *err)
{
    int rc = scope_calibration_key(&c->key, &c->scope, c->scope.model->path, err);
    if (rc != ERR_OK)
        return rc;
    char *name = calibration_path(&c->key);
    const char *slash = name ? strrchr(name, '/') : NULL;
    rc = cache_file_new(&c->path, "calibration", slash ? slash + 1 : "", err);
    free(name);
    if (rc == ERR_OK)
        c->partial = calibration_sums_path(&c->key);
    return rc;
}

/* What an earlier run left behind of the same text; a damaged file counts as none. */
static int begin(struct calibrating *c, struct err *err)
{
    uint64_t texts_hash = hash_bytes(0, buf_cstr(&c->text), c->text.len);
    bool again = c->args->again, is_same = false;
    if (calibration_open(&c->cal, c->path, NULL) == ERR_OK) {
        is_same =
            c->cal->texts_hash == texts_hash && c->cal->n_concepts == c->scope.dict->n_concepts;
        if (!is_same)
            job_note("this replaces the calibration over %zu tokens of %zu passages",
                     c->cal->n_tokens, c->cal->passages.n);
    }
    if (is_same && !again) {
        c->is_old = true;
        return ERR_OK;
    }
    calibration_close(c->cal);
    c->cal = NULL;
    const struct dictionary *dict = c->scope.dict;
    if (!again && calibration_sums_open(&c->sums, c->partial, NULL) == ERR_OK &&
        c->sums->texts_hash == texts_hash && c->sums->n_concepts == dict->n_concepts &&
        c->sums->n_passages <= c->passages.n && !c->sums->above == !calibrate_thresholds(dict)) {
        c->n_resumed = c->sums->n_passages;
        return ERR_OK;
    }
    calibration_sums_free(c->sums);
    int rc =
        calibration_sums_new(&c->sums, dict->n_concepts, calibrate_thresholds(dict) != NULL, err);
    if (rc == ERR_OK)
        c->sums->texts_hash = texts_hash;
    return rc;
}

static int compute(struct calibrating *c, struct err *err)
{
    struct interrupt interrupt;
    c->wait = SAVE_EVERY;
    c->saved = clock_seconds();
    interrupt_catch(&interrupt);
    progress_start(&c->progress, "calibrating");
    struct calibrate_watcher watcher = {after_passages, while_reading, c};
    int rc = calibrate_texts(c->sums, &c->scope, &c->passages, &watcher, err);
    if (rc == ERR_CANCELLED)
        rc = put_away(c, err);
    if (rc == ERR_OK)
        rc = calibrate_finish(&c->cal, c->sums, &c->passages, err);
    if (rc == ERR_OK)
        rc = calibration_save(c->cal, c->path, err);
    if (rc == ERR_OK)
        unlink(c->partial);
    progress_end(&c->progress);
    interrupt_release(&interrupt);
    return rc;
}

static void print_json(const struct calibrating *c)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    json_scope(&w, &c->scope);
    jw_key(&w, "path"), jw_string(&w, c->path);
    jw_key(&w, "texts"), jw_string(&w, c->texts_path);
    jw_key(&w, "n_passages"), jw_int(&w, (long long)c->passages.n);
    jw_key(&w, "n_tokens"), jw_int(&w, (long long)c->cal->n_tokens);
    jw_key(&w, "n_resumed"), jw_int(&w, (long long)c->n_resumed);
    jw_key(&w, "was_done"), jw_bool(&w, c->is_old);
    jw_key(&w, "rows");
    jw_array(&w);
    for (size_t row = 0; row < c->cal->n_concepts; row++) {
        jw_object(&w);
        jw_key(&w, "row"), jw_int(&w, (long long)row);
        json_calibration_row(&w, c->cal, row);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    putchar('\n');
}

/* The rows that are above their threshold most often: what a list by raw activation is full of. */
static void print_densest(const struct calibrating *c)
{
    const struct dictionary *dict = c->scope.dict;
    struct paint p;
    struct ranked top[N_DENSEST];
    size_t n = rank_token(top, N_DENSEST, c->cal->density, c->cal->n_concepts);
    paint_init(&p, stdout);
    puts("\nAbove their threshold most often");
    for (size_t i = 0; i < n; i++) {
        const struct label *label = &dict->labels.rows[top[i].row];
        printf("%9.3f %% %7zu  ", 100 * top[i].act, top[i].row);
        paint_text(&p, label->text, label->text_len);
        putchar('\n');
    }
}

static void print_text(const struct calibrating *c)
{
    printf("%s on %s, layer %d: %zu rows over %zu tokens of %zu passages%s\n", c->scope.dict->name,
           c->scope.model->name, c->scope.hook_layer, c->cal->n_concepts, c->cal->n_tokens,
           c->passages.n, c->is_old ? " (done before; --again repeats it)" : "");
    if (c->n_resumed > 0)
        printf("%zu passages were read before the interruption\n", c->n_resumed);
    printf("%s\n", c->path);
    if (c->cal->density)
        print_densest(c);
    puts("\naxscope read --unit z, show, and U on the screens use it from now on.");
}

static int calibrate(struct calibrating *c, struct err *err)
{
    int rc = job_open_scope(&c->scope, c->args,
                            SCOPE_MODEL | SCOPE_DICT | SCOPE_TOKENIZER | SCOPE_READS, err);
    if (rc == ERR_OK)
        rc = read_texts(c, err);
    if (rc == ERR_OK)
        rc = check_size(c, err);
    if (rc == ERR_OK)
        rc = find_places(c, err);
    if (rc == ERR_OK)
        rc = begin(c, err);
    if (rc == ERR_OK && !c->is_old)
        rc = compute(c, err);
    if (rc != ERR_OK)
        return rc;
    if (c->args->json)
        print_json(c);
    else
        print_text(c);
    return ERR_OK;
}

int cli_calibrate(const struct args *args, struct err *err)
{
    struct calibrating c = {.args = args};
    int rc = calibrate(&c, err);
    calibration_sums_free(c.sums);
    calibration_close(c.cal);
    passages_clear(&c.passages);
    buf_clear(&c.text);
    free(c.texts_path);
    free(c.partial);
    free(c.path);
    scope_close(&c.scope);
    return rc;
}
