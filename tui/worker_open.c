/* Opening: the dictionary first, so that labels can be browsed while the model loads. */
#include "tui/worker_internal.h"

#include "data/file.h"
#include "data/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EXAMPLES = 100, MAX_EXAMPLES_BYTES = 1 << 16, MAX_WORDS_BYTES = 1 << 24 };

/* A small text file beside the model, if there is one. */
static bool read_beside(struct buf *out, const char *dir, const char *name, size_t max_bytes)
{
    char *path = path_join(dir, name);
    bool ok = file_exists(path) && file_read(out, path, max_bytes, NULL) == ERR_OK;
    free(path);
    return ok;
}

/* The rows of "ROW,ROW"; what is out of range is the reader's to drop. */
static void parse_pins(struct example *e, const char *at, const char *end)
{
    while (at < end && isdigit((unsigned char)*at) && e->n_pins < EXAMPLE_PINS) {
        char *after;
        e->pins[e->n_pins++] = strtoul(at, &after, 10);
        at = *after == ',' ? after + 1 : after;
    }
}

static const char *field_end(const char *at, const char *end)
{
    while (at < end && *at != '\t')
        at++;
    return at;
}

/* TEXT, or TEXT<tab>ROW,ROW, or TEXT<tab>ROW,ROW<tab>FACTOR. */
static struct example parse_example(const char *line, size_t len)
{
    struct example e = {.factor = FACTOR_FIRST};
    struct buf text = {0};
    const char *end = line + len, *text_end = field_end(line, end);
    text_valid(&text, line, (size_t)(text_end - line));
    e.text = mem_strdup(buf_cstr(&text));
    buf_clear(&text);
    if (text_end == end)
        return e;
    const char *pins_end = field_end(text_end + 1, end);
    parse_pins(&e, text_end + 1, pins_end);
    if (pins_end < end && isdigit((unsigned char)pins_end[1]))
        e.factor = strtof(pins_end + 1, NULL);
    if (!(e.factor <= FACTOR_MAX))
        e.factor = FACTOR_FIRST;
    return e;
}

/* One example per line; '#' begins a remark. */
static void read_examples(struct event *e, const char *dir)
{
    struct buf text = {0};
    if (!read_beside(&text, dir, "examples.txt", MAX_EXAMPLES_BYTES))
        return;
    e->opened.examples = mem_zalloc(MAX_EXAMPLES, sizeof *e->opened.examples);
    const char *at = buf_cstr(&text);
    while (*at && e->opened.n_examples < MAX_EXAMPLES) {
        size_t len = strcspn(at, "\r\n");
        if (len > 0 && at[0] != '#')
            e->opened.examples[e->opened.n_examples++] = parse_example(at, len);
        at += len;
        at += strspn(at, "\r\n");
    }
    buf_clear(&text);
}

static void read_words(struct worker *w, const char *dir)
{
    struct buf text = {0};
    w->has_words = read_beside(&text, dir, "words.txt", MAX_WORDS_BYTES) && text.len > 0;
    if (w->has_words)
        words_parse(&w->words, text.data, text.len);
    buf_clear(&text);
}

static int open_dictionaries(struct worker *w, struct err *err)
{
    int rc = scope_open(&w->labels, &w->options.scope, SCOPE_DICT, err);
    return rc == ERR_OK ? dict_set_open(&w->set, w->labels.dict, w->options.more_dicts,
                                        w->options.n_more_dicts, err)
                        : rc;
}

static int open_labels(struct worker *w, struct err *err)
{
    struct scope_paths paths;
    int rc = scope_find(&paths, &w->options.scope, err);
    if (rc != ERR_OK)
        return rc;
    struct event *e = worker_event(w, EVENT_OPENED);
    if (paths.dict)
        rc = open_dictionaries(w, err);
    if (rc == ERR_OK && paths.model && !w->options.dump) {
        read_examples(e, paths.model);
        read_words(w, paths.model);
    }
    w->model_path = paths.model;
    paths.model = NULL;
    scope_paths_clear(&paths);
    if (rc != ERR_OK) {
        event_clear(e);
        free(e);
        return rc;
    }
    e->opened.set = w->set.n > 0 ? &w->set : NULL;
    e->opened.dict = w->set.n > 0 ? &w->set.all : NULL;
    worker_post(w, e);
    return ERR_OK;
}

/* Dictionaries are opened once. Their calibration takes reading all of them, so that comes after
 * the labels; the UI has set.all by then, so a copy gets it, which shares the rest. */
static int share_dictionaries(struct worker *w, struct err *err)
{
    if (w->set.n == 0)
        return ERR_OK;
    w->scope.dict = w->labels.dict;
    int rc = scope_check(&w->scope, w->options.scope.layer, err);
    if (rc == ERR_OK && w->model_path)
        rc = scope_open_calibration(&w->scope, w->model_path, err);
    if (rc == ERR_OK)
        rc = dict_set_fit(&w->set, &w->scope, w->model_path, err);
    if (rc != ERR_OK)
        return rc;
    w->median_norms = mem_zalloc(w->set.n, sizeof *w->median_norms);
    w->all = w->set.all;
    w->all.calibration = dict_set_calibration(&w->set);
    return ERR_OK;
}

/* The screens have one line for it: what is wrong with the files goes first. */
static char *warning_of(const struct worker *w)
{
    char *warning = scope_warning(&w->scope);
    for (size_t d = 1; d < w->set.n && !warning; d++) {
        struct scope pair = dict_set_scope(&w->set, &w->scope, d);
        warning = scope_warning(&pair);
    }
    const char *notice = w->scope.model->notice;
    return warning || !notice ? warning : mem_strdup(notice);
}

static int open_session(struct worker *w, struct err *err)
{
    const struct dict_set *set = &w->set;
    int hook = set->n > 0 ? dict_set_lowest_layer(set) : w->scope.hook_layer;
    int rc = session_new(&w->session, w->scope.model, hook, N_BRANCHES, err);
    if (rc != ERR_OK)
        return rc;
    session_set_kv(w->session, w->scope.kv);
    return session_keep_layers(w->session, set->layers, (int)set->n, err);
}

static void post_model(struct worker *w)
{
    const struct model_config *c = &w->scope.model->config;
    struct event *e = worker_event(w, EVENT_MODEL);
    e->model = (struct model_info){.name = mem_strdup(w->scope.model->name),
                                   .warning = warning_of(w),
                                   .n_layers = c->n_layers,
                                   .d_model = c->d_model,
                                   .n_ctx = c->n_ctx,
                                   .hook_layer = w->scope.hook_layer,
                                   .is_chat = w->scope.is_chat,
                                   .is_demo = w->scope.is_demo,
                                   .has_tokenizer = w->scope.tokenizer != NULL,
                                   .dict = w->set.n > 0 ? &w->all : NULL};
    worker_post(w, e);
}

static int open_dump(struct worker *w, struct err *err)
{
    int rc = scope_open(&w->scope, &w->options.scope,
                        SCOPE_TOKENIZER_IF_ANY | (w->labels.dict ? 0 : SCOPE_DICT), err);
    if (rc == ERR_OK)
        rc = share_dictionaries(w, err);
    if (rc == ERR_OK)
        rc = dump_file_open(&w->dump, w->options.dump, err);
    if (rc != ERR_OK)
        return rc;
    const char *slash = strrchr(w->options.dump, '/');
    struct event *e = worker_event(w, EVENT_MODEL);
    e->model = (struct model_info){.name = mem_strdup(slash ? slash + 1 : w->options.dump),
                                   .d_model = (int)dump_file_d_model(w->dump),
                                   .hook_layer = w->scope.hook_layer,
                                   .is_dump = true,
                                   .has_tokenizer = w->scope.tokenizer != NULL,
                                   .dict = w->set.n > 0 ? &w->all : NULL};
    worker_post(w, e);
    return ERR_OK;
}

int worker_open(struct worker *w, struct err *err)
{
    int rc = open_labels(w, err);
    if (rc == ERR_OK && w->options.dump)
        return open_dump(w, err);
    if (rc == ERR_OK)
        rc = scope_open(&w->scope, &w->options.scope, SCOPE_MODEL, err);
    if (rc == ERR_OK)
        rc = share_dictionaries(w, err);
    if (rc == ERR_OK)
        rc = open_session(w, err);
    if (rc != ERR_OK)
        return rc;
    size_t n_vocab = (size_t)w->scope.model->config.n_vocab;
    for (int b = 0; b < N_BRANCHES; b++)
        w->logits[b] = mem_alloc(n_vocab, sizeof *w->logits[b]);
    post_model(w);
    return ERR_OK;
}

void worker_close(struct worker *w)
{
    session_free(w->session);
    dump_file_close(w->dump);
    prompt_clear(&w->prompt);
    for (int b = 0; b < N_BRANCHES; b++)
        free(w->logits[b]);
    words_clear(&w->words);
    free(w->median_norms);
    calibration_close(w->all.calibration);
    dict_set_close(&w->set);
    w->scope.dict = NULL; /* it belongs to labels */
    scope_close(&w->scope);
    scope_close(&w->labels);
    free(w->model_path);
}
