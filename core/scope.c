#include "core/scope.h"

#include "core/model_quantise.h"
#include "data/chat_template.h"
#include "data/file.h"
#include "data/hub_cache.h"
#include "data/memory.h"
#include "data/model_gguf.h"

#include <stdlib.h>
#include <string.h>

static int refuse_no_dictionary(const struct scope_paths *paths, struct err *err)
{
    err_set(err, ERR_IO,
            "%s: no concept dictionary: the folder holds no lN folder with weight.pt, "
            "and the hub cache no dictionary for this model",
            paths->model);
    err_hint(err, "Give one with --dict DIR, or get one: hf download "
                  "pyvene/gemma-reft-r1-2b-it-res (for gemma-2-2b-it).");
    return ERR_IO;
}

static int check_need(const struct scope_paths *paths, int need, struct err *err)
{
    if (need & (SCOPE_MODEL | SCOPE_TOKENIZER) && !paths->model) {
        err_set(err, ERR_ARG, "this needs a model, and --dict alone names none");
        err_hint(err, "Add --model DIR.");
        return ERR_ARG;
    }
    return need & SCOPE_DICT && !paths->dict ? refuse_no_dictionary(paths, err) : ERR_OK;
}

/* tokenizer.json is what Hugging Face reads where both are there. */
static char *tokenizer_path(const char *model)
{
    char *path = path_join(model, "tokenizer.json");
    if (file_exists(path))
        return path;
    free(path);
    path = path_join(model, "tokenizer.model");
    if (file_exists(path))
        return path;
    free(path);
    return NULL;
}

/* A GGUF file holds its tokenizer. */
static int open_gguf_tokenizer(struct scope *scope, const char *model, int need, struct err *err)
{
    struct vocab *vocab;
    int rc = model_gguf_vocab(&vocab, model, err);
    if (rc == ERR_OK && vocab)
        return tokenizer_new(&scope->tokenizer, vocab, err);
    if (rc == ERR_OK && need & SCOPE_TOKENIZER) {
        rc = err_set(err, ERR_IO, "%s: holds no tokenizer", model);
        err_hint(err, "Use a file converted with its vocabulary; without it only --ids works.");
    }
    return rc;
}

static int open_tokenizer(struct scope *scope, const char *model, int need, struct err *err)
{
    if (!file_is_dir(model))
        return open_gguf_tokenizer(scope, model, need, err);
    int rc = ERR_OK;
    char *path = tokenizer_path(model);
    if (path) {
        rc = tokenizer_open(&scope->tokenizer, path, err);
    } else if (need & SCOPE_TOKENIZER) {
        rc = err_set(err, ERR_IO, "%s: no tokenizer.json or tokenizer.model in this folder", model);
        char *repo = hub_repo_of(model);
        if (repo)
            hub_hint_download(err, "The download is not complete:", repo);
        else
            err_hint(err, "Copy one there from the model's page; without it only --ids works.");
        free(repo);
    }
    free(path);
    return rc;
}

/* <end_of_turn> ends an answer even where config.json forgets to say so. */
static void add_end_of_turn(struct scope *scope)
{
    static const char piece[] = "<end_of_turn>";
    struct model_config *config = &scope->model->config;
    int id =
        scope->tokenizer ? vocab_id(tokenizer_vocab(scope->tokenizer), piece, strlen(piece)) : -1;
    if (id >= 0 && !model_is_stop(scope->model, id) && config->n_stop_ids < MODEL_MAX_STOP_IDS)
        config->stop_ids[config->n_stop_ids++] = id;
}

/* A model is a chat model when its files carry a template that this program can render. */
static void judge_chat_form(struct scope *scope, const char *template)
{
    scope->chat_lacks = template ? chat_template_lacks(template) : NULL;
    scope->is_chat =
        template && !scope->chat_lacks && scope->tokenizer && chat_supported(scope->tokenizer);
}

/* The template of files whose weights are not opened. */
static int read_unopened_form(struct scope *scope, const char *model, struct err *err)
{
    struct model_files *files;
    char *template;
    if (file_is_dir(model)) {
        int rc = chat_template_read(&template, model, err);
        judge_chat_form(scope, template);
        free(template);
        return rc;
    }
    int rc = model_files_open(&files, model, err);
    if (rc == ERR_OK)
        judge_chat_form(scope, model_files_chat_template(files));
    model_files_close(files);
    return rc;
}

static int read_chat_form(struct scope *scope, const char *model, struct err *err)
{
    if (!scope->model)
        return read_unopened_form(scope, model, err);
    const struct model_files *files = scope->model->files;
    judge_chat_form(scope, files ? model_files_chat_template(files) : NULL);
    return ERR_OK;
}

static int choose_hook_layer(struct scope *scope, int layer, struct err *err)
{
    const struct dictionary *dict = scope->dict;
    int n_layers = scope->model ? scope->model->config.n_layers : 0;
    scope->hook_layer = layer >= 0 ? layer : dict ? dict->hook_layer : n_layers - 1;
    if (!scope->model)
        return ERR_OK;
    if (scope->hook_layer < 0) {
        err_set(err, ERR_FORMAT, "%s: its files do not say which layer it belongs to", dict->path);
        err_hint(err, "Give it: --layer N.");
        return ERR_FORMAT;
    }
    if (scope->hook_layer >= n_layers) {
        err_set(err, ERR_SHAPE, "layer %d is asked for, %s has %d layers", scope->hook_layer,
                scope->model->name, n_layers);
        err_hint(err, "Use --layer 0 to %d, or the model this dictionary was made for.",
                 n_layers - 1);
        return ERR_SHAPE;
    }
    return ERR_OK;
}

static int check_widths(const struct scope *scope, struct err *err)
{
    if (!scope->model || !scope->dict ||
        scope->dict->d_model == (size_t)scope->model->config.d_model)
        return ERR_OK;
    err_set(err, ERR_SHAPE, "the dictionary %s has %zu columns, the model %s has %d",
            scope->dict->name, scope->dict->d_model, scope->model->name,
            scope->model->config.d_model);
    err_hint(err, "Use a dictionary that was made for this model. Nothing was applied.");
    return ERR_SHAPE;
}

int scope_check(struct scope *scope, int layer, struct err *err)
{
    int rc = check_widths(scope, err);
    return rc == ERR_OK ? choose_hook_layer(scope, layer, err) : rc;
}

int scope_calibration_key(struct calibration_key *out, const struct scope *scope,
                          const char *model_path, struct err *err)
{
    *out = (struct calibration_key){.dict = calibration_dict_hash(scope->dict),
                                    .layer = scope->hook_layer};
    return calibration_model_hash(&out->model, model_path, err);
}

int scope_open_calibration(struct scope *scope, const char *model_path, struct err *err)
{
    struct calibration_key key;
    if (!calibration_any())
        return ERR_OK;
    int rc = scope_calibration_key(&key, scope, model_path, err);
    return rc == ERR_OK
               ? calibration_find(&scope->dict->calibration, &key, scope->dict->n_concepts, err)
               : rc;
}

/* Does a name have a part "it", as in gemma-2-2b-it and gemma-reft-2b-it-res/l20? */
static bool is_tuned_name(const char *name)
{
    for (const char *at = name; (at = strstr(at, "-it")); at += 3)
        if (at[3] == '\0' || strchr("-_./", at[3]))
            return true;
    return false;
}

char *scope_warning(const struct scope *scope)
{
    static const char family[] = "gemma-2-";
    if (!scope->model || !scope->dict || scope->is_chat || scope->chat_lacks)
        return NULL;
    const char *model = scope->model->name, *dict = scope->dict->name;
    if (!is_tuned_name(dict) || is_tuned_name(model) || strncmp(model, family, strlen(family)) != 0)
        return NULL;
    struct buf text = {0};
    buf_printf(&text, "base model %s with a dictionary of the chat model, %s", model, dict);
    return text.data;
}

struct memory_plan scope_memory_plan(const struct scope *scope, const struct scope_options *options,
                                     int need)
{
    int n_all = scope->model ? scope->model->config.n_layers : 0;
    return (struct memory_plan){
        .model = scope->model,
        .dict = scope->dict,
        .is_q8 = options->weights == WEIGHTS_Q8,
        .is_cached = options->caches_weights,
        .kv = options->kv,
        .n_layers = need & SCOPE_LENS    ? 0
                    : need & SCOPE_READS ? scope->hook_layer + 1
                                         : n_all,
        .n_upper = need & (SCOPE_LENS | SCOPE_READS) ? 0 : n_all - 1 - scope->hook_layer,
        .has_logits = !(need & SCOPE_READS),
        .n_pieces = scope->tokenizer ? (size_t)vocab_size(tokenizer_vocab(scope->tokenizer)) : 0,
    };
}

/* The last step of opening: whatever else is wrong has been said before gigabytes are touched. */
static int load_weights(struct scope *scope, const struct scope_options *options, int need,
                        struct err *err)
{
    if (!options->ignores_memory) {
        const struct memory_plan plan = scope_memory_plan(scope, options, need);
        size_t available = options->n_available ? options->n_available : memory_available();
        int rc = memory_need_check(&plan, available, err);
        if (rc != ERR_OK)
            return rc;
    }
    if (options->weights == WEIGHTS_STORED)
        return ERR_OK;
    const struct quantise_options q = {options->caches_weights, options->progress,
                                       options->progress_data};
    return model_quantise(scope->model, &q, err);
}

static int open_parts(struct scope *scope, const struct scope_paths *paths,
                      const struct scope_options *options, int need, struct err *err)
{
    int rc = check_need(paths, need, err);
    if (rc == ERR_OK && paths->dict && need & (SCOPE_DICT | SCOPE_DICT_IF_ANY))
        rc = dictionary_open(&scope->dict, paths->dict, options->layer, options->acts,
                             options->labels, err);
    /* the model first: of another family it is refused by name, not for its tokenizer */
    if (rc == ERR_OK && need & SCOPE_MODEL)
        rc = model_open(&scope->model, paths->model, err);
    if (rc == ERR_OK && paths->model &&
        need & (SCOPE_MODEL | SCOPE_TOKENIZER | SCOPE_TOKENIZER_IF_ANY))
        rc = open_tokenizer(scope, paths->model, need, err);
    if (rc == ERR_OK && need & (SCOPE_MODEL | SCOPE_TOKENIZER))
        rc = read_chat_form(scope, paths->model, err);
    if (rc == ERR_OK && scope->model)
        add_end_of_turn(scope);
    if (rc == ERR_OK)
        rc = scope_check(scope, options->layer, err);
    if (rc == ERR_OK && need & SCOPE_CALIBRATION && scope->dict && paths->model)
        rc = scope_open_calibration(scope, paths->model, err);
    if (rc == ERR_OK && scope->model && !(need & SCOPE_AS_STORED))
        rc = load_weights(scope, options, need, err);
    return rc;
}

int scope_open(struct scope *out, const struct scope_options *options, int need, struct err *err)
{
    struct scope_paths paths;
    *out = (struct scope){0};
    int rc = scope_find(&paths, options, err);
    if (rc != ERR_OK)
        return rc;
    out->is_demo = paths.is_demo;
    out->kv = options->kv;
    rc = open_parts(out, &paths, options, need, err);
    scope_paths_clear(&paths);
    if (rc != ERR_OK)
        scope_close(out);
    return rc;
}

void scope_close(struct scope *scope)
{
    dictionary_close(scope->dict);
    tokenizer_free(scope->tokenizer);
    model_close(scope->model);
    *scope = (struct scope){0};
}

void scope_token_text(struct buf *out, const struct scope *scope, int id)
{
    if (scope->tokenizer && id >= 0 && id < vocab_size(tokenizer_vocab(scope->tokenizer)))
        tokenizer_decode_one(out, scope->tokenizer, id);
    else if (id < 0)
        buf_str(out, "<?>");
    else
        buf_printf(out, "<%d>", id);
}
