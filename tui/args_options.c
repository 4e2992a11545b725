/* The tables of commands and options, and how the options' values are read. */
#include "core/latents.h"
#include "tui/args_internal.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(command) (1u << COMMAND_##command)
#define RUNS_MODEL (BIT(READ) | BIT(STEER) | BIT(DUMP))
#define TAKES_DICTS (RUNS_MODEL | BIT(SEARCH) | BIT(SHOW) | BIT(OPEN) | BIT(TUI))
#define EVERY ((1u << N_COMMANDS) - 1)
#define FIELD(name) offsetof(struct args, name)

const struct command_info command_table[N_COMMANDS] = {
    [COMMAND_TUI] = {"", "[PROMPT]", "open the screens"},
    [COMMAND_READ] = {"read", "TEXT|-", "which concepts fire: per token and over the prompt"},
    [COMMAND_SEARCH] = {"search", "REGEX", "concept labels by regular expression"},
    [COMMAND_SHOW] = {"show", "ROW", "one concept: label, logit lens, nearest rows, statistics"},
    [COMMAND_STEER] = {"steer", "TEXT|-", "generate, steered beside baseline"},
    [COMMAND_TOKENIZE] = {"tokenize", "TEXT|-", "token ids and pieces"},
    [COMMAND_DUMP] = {"dump", "TEXT|-", "residuals, latents, logits as a safetensors file"},
    [COMMAND_INFO] = {"info", "", "what is loaded: shapes, sizes, memory, instruction set"},
    [COMMAND_OPEN] = {"open", "DUMP", "the screens on residuals in a safetensors file"},
    [COMMAND_SELFTEST] = {"selftest", "", "check everything, with these files on this machine"},
    [COMMAND_BENCH] = {"bench", "", "how fast this machine is with these files, and could be"},
    [COMMAND_CALIBRATE] = {"calibrate", "", "how every concept behaves on neutral text: for z"},
};

static void *field_of(struct args *args, const struct option *option)
{
    return (char *)args + option->field;
}

static int refuse_value(const struct option *option, const char *value, const char *expected,
                        struct err *err)
{
    err_set(err, ERR_ARG, "--%s %s: %s is expected", option->name, value, expected);
    err_hint(err, "--%s %s: %s.", option->name, option->argument, option->help);
    return ERR_ARG;
}

/* A whole decimal number in text[0..len); strtoll alone would take blanks and trailing letters. */
static bool read_int(long long *out, const char *text, size_t len)
{
    char digits[24];
    size_t start = len > 0 && text[0] == '-';
    if (len == start || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (strspn(digits + start, "0123456789") != len - start)
        return false;
    errno = 0;
    *out = strtoll(digits, NULL, 10);
    return errno == 0;
}

static bool read_number(double *out, const char *text)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

static int parse_flag(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    (void)value, (void)err;
    *(bool *)field_of(args, option) = true;
    return ERR_OK;
}

static int parse_string(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    (void)err;
    *(const char **)field_of(args, option) = value;
    return ERR_OK;
}

bool command_takes_dicts(enum command command)
{
    return TAKES_DICTS & 1u << command;
}

/* Where several are not taken, one would be dropped silently. */
static int parse_dict(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    if (!args->scope.dict)
        return parse_string(args, option, value, err);
    if (!command_takes_dicts(args->command)) {
        err_set(err, ERR_ARG, "--dict was given twice: %s and %s", args->scope.dict, value);
        err_hint(
            err,
            "Name one dictionary; the screens, read, steer, dump, search and show take several.");
        return ERR_ARG;
    }
    args->more_dicts =
        mem_realloc(args->more_dicts, args->n_more_dicts + 1, sizeof *args->more_dicts);
    args->more_dicts[args->n_more_dicts++] = (struct scope_options){.dict = value, .layer = -1};
    return ERR_OK;
}

/* The dictionary that --acts, --labels and --layer are about: the last one named so far. */
static struct scope_options *dict_of(struct args *args)
{
    return args->n_more_dicts > 0 ? &args->more_dicts[args->n_more_dicts - 1] : &args->scope;
}

static int refuse_second(const struct args *args, const struct option *option, struct err *err)
{
    err_set(err, ERR_ARG, "--%s was given twice for one dictionary", option->name);
    err_hint(err, "%s",
             command_takes_dicts(args->command)
                 ? "It belongs to the --dict before it, or to the first."
                 : "Give it once.");
    return ERR_ARG;
}

/* A string of struct scope_options. */
static int parse_dict_string(struct args *args, const struct option *option, const char *value,
                             struct err *err)
{
    const char **field = (const char **)((char *)dict_of(args) + option->field);
    if (*field)
        return refuse_second(args, option, err);
    *field = value;
    return ERR_OK;
}

/* A whole number within the option's limits. */
static int read_limited(int *out, const struct option *option, const char *value, struct err *err)
{
    long long v;
    if (!read_int(&v, value, strlen(value)) || (double)v < option->min || (double)v > option->max) {
        char expected[96];
        snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", option->min,
                 option->max);
        return refuse_value(option, value, expected, err);
    }
    *out = (int)v;
    return ERR_OK;
}

static int parse_int(struct args *args, const struct option *option, const char *value,
                     struct err *err)
{
    return read_limited(field_of(args, option), option, value, err);
}

static int parse_layer(struct args *args, const struct option *option, const char *value,
                       struct err *err)
{
    int *layer = &dict_of(args)->layer;
    return *layer < 0 ? read_limited(layer, option, value, err) : refuse_second(args, option, err);
}

static int parse_float(struct args *args, const struct option *option, const char *value,
                       struct err *err)
{
    double v;
    if (!read_number(&v, value) || v < option->min || v > option->max) {
        char expected[96];
        snprintf(expected, sizeof expected, "a number from %g to %g", option->min, option->max);
        return refuse_value(option, value, expected, err);
    }
    *(float *)field_of(args, option) = (float)v;
    return ERR_OK;
}

static int parse_seed(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    errno = 0;
    unsigned long long v = strtoull(value, NULL, 10);
    if (!*value || value[strspn(value, "0123456789")] != '\0' || errno)
        return refuse_value(option, value, "a whole number from 0 to 18446744073709551615", err);
    args->seed = v;
    return ERR_OK;
}

static bool read_row(size_t *out, const char *text, size_t len)
{
    long long row;
    if (!read_int(&row, text, len) || row < 0 || text[0] == '-')
        return false;
    *out = (size_t)row;
    return true;
}

bool option_read_ref(struct concept_ref *out, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    size_t dict_len = colon ? (size_t)(colon - text) : 0;
    size_t row_at = colon ? dict_len + 1 : 0;
    *out = (struct concept_ref){0};
    return (!colon || read_row(&out->dict, text, dict_len)) &&
           read_row(&out->row, text + row_at, len - row_at);
}

static int parse_concept(struct args *args, const struct option *option, const char *value,
                         struct err *err)
{
    struct concept_ref ref;
    if (!option_read_ref(&ref, value, strlen(value)))
        return refuse_value(option, value, "a row number", err);
    args->concepts = mem_realloc(args->concepts, args->n_concepts + 1, sizeof *args->concepts);
    args->concepts[args->n_concepts++] = ref;
    return ERR_OK;
}

/* "2,17,5" appended to *list; numbers from 0. */
static int parse_int_list(int **list, size_t *n, const struct option *option, const char *value,
                          struct err *err)
{
    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        const char *item = at + strspn(at, " ");
        size_t item_len = item < at + len ? len - (size_t)(item - at) : 0;
        while (item_len > 0 && item[item_len - 1] == ' ')
            item_len--;
        long long v;
        if (!read_int(&v, item, item_len) || v < 0 || v > INT_MAX || item[0] == '-')
            return refuse_value(option, value, "a list of whole numbers such as 2,17,5", err);
        *list = mem_realloc(*list, *n + 1, sizeof **list);
        (*list)[(*n)++] = (int)v;
        at += len;
        if (*at == '\0')
            return ERR_OK;
    }
}

static int parse_ids(struct args *args, const struct option *option, const char *value,
                     struct err *err)
{
    args->form = PROMPT_IDS;
    args->n_ids = 0;
    return parse_int_list(&args->ids, &args->n_ids, option, value, err);
}

static int parse_layers(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    args->n_layers = 0;
    int rc = parse_int_list(&args->layers, &args->n_layers, option, value, err);
    /* a tensor is written once */
    for (size_t i = 0; rc == ERR_OK && i < args->n_layers; i++)
        for (size_t j = 0; j < i; j++)
            if (args->layers[i] == args->layers[j])
                return refuse_value(option, value, "a list without repetition", err);
    return rc;
}

static int parse_lengths(struct args *args, const struct option *option, const char *value,
                         struct err *err)
{
    args->n_lengths = 0;
    int rc = parse_int_list(&args->lengths, &args->n_lengths, option, value, err);
    for (size_t i = 0; rc == ERR_OK && i < args->n_lengths; i++)
        if (args->lengths[i] == 0)
            return refuse_value(option, value, "a list of lengths above 0", err);
    return rc;
}

static int parse_form(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    (void)value;
    enum prompt_form form = strcmp(option->name, "chat") == 0 ? PROMPT_CHAT : PROMPT_RAW;
    if (args->form != PROMPT_AUTO && args->form != PROMPT_IDS && args->form != form)
        return err_set(err, ERR_ARG, "--raw and --chat exclude each other");
    if (args->form == PROMPT_IDS)
        return err_set(err, ERR_ARG, "--%s is about text, and --ids gives tokens", option->name);
    args->form = form;
    return ERR_OK;
}

static int add_edit(struct args *args, struct steer_flag edit)
{
    args->edits = mem_realloc(args->edits, args->n_edits + 1, sizeof *args->edits);
    args->edits[args->n_edits++] = edit;
    return ERR_OK;
}

static int parse_edit(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    static const struct {
        const char *name;
        enum intervention_kind kind;
    } kinds[] = {{"set", INTERVENTION_ADD},
                 {"strength", INTERVENTION_ADD},
                 {"clamp", INTERVENTION_CLAMP},
                 {"threshold", INTERVENTION_THRESHOLD}};
    struct concept_ref ref;
    size_t row_len = strcspn(value, "=");
    double v;
    if (value[row_len] != '=' || !option_read_ref(&ref, value, row_len) ||
        !read_number(&v, value + row_len + 1) || fabs(v) > 1e30)
        return refuse_value(option, value, "a row number, '=' and a number, such as 12=1.5,", err);
    size_t k = 0;
    while (strcmp(kinds[k].name, option->name) != 0)
        k++;
    return add_edit(args, (struct steer_flag){kinds[k].kind, k == 0, ref, (float)v});
}

static int parse_project_out(struct args *args, const struct option *option, const char *value,
                             struct err *err)
{
    struct concept_ref ref;
    if (!option_read_ref(&ref, value, strlen(value)))
        return refuse_value(option, value, "a row number", err);
    return add_edit(args, (struct steer_flag){INTERVENTION_PROJECT_OUT, false, ref, 0});
}

static int parse_steer_at(struct args *args, const struct option *option, const char *value,
                          struct err *err)
{
    static const char *const names[] = {"prompt", "generated", "both"};
    static const enum steer_at values[] = {STEER_PROMPT, STEER_GENERATED, STEER_BOTH};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        args->steer_at = values[i];
        return ERR_OK;
    }
    size_t len = strlen(value);
    long long from;
    if (len < 3 || strcmp(value + len - 2, "..") != 0 || !read_int(&from, value, len - 2) ||
        from < 0 || from > INT_MAX)
        return refuse_value(option, value, "prompt, generated, both or a position such as 5..",
                            err);
    args->steer_at = STEER_FROM;
    args->steer_from = (int)from;
    return ERR_OK;
}

static int parse_logits(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    if (strcmp(value, "last") != 0 && strcmp(value, "all") != 0)
        return refuse_value(option, value, "last or all", err);
    args->logits = value[0] == 'l' ? DUMP_LAST_LOGITS : DUMP_ALL_LOGITS;
    return ERR_OK;
}

/* One of the words of option->choices. */
static int parse_choice(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    size_t len = strlen(value);
    for (const char *at = option->choices; *at; at += strspn(at, "|")) {
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, value, n) == 0)
            return parse_string(args, option, value, err);
        at += n;
    }
    char expected[96];
    snprintf(expected, sizeof expected, "one of %s", option->choices);
    return refuse_value(option, value, expected, err);
}

static int parse_weights(struct args *args, const struct option *option, const char *value,
                         struct err *err)
{
    if (strcmp(value, "stored") != 0 && strcmp(value, "q8") != 0)
        return refuse_value(option, value, "stored or q8", err);
    args->scope.weights = value[0] == 'q' ? WEIGHTS_Q8 : WEIGHTS_STORED;
    return ERR_OK;
}

static int parse_kv(struct args *args, const struct option *option, const char *value,
                    struct err *err)
{
    if (strcmp(value, "f32") != 0 && strcmp(value, "f16") != 0)
        return refuse_value(option, value, "f32 or f16", err);
    args->scope.kv = strcmp(value, "f16") == 0 ? DTYPE_F16 : DTYPE_F32;
    return ERR_OK;
}

static int parse_pool(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    if (strcmp(value, "text") != 0 && strcmp(value, "axbench") != 0)
        return refuse_value(option, value, "text or axbench", err);
    args->pool_axbench = value[0] == 'a';
    return ERR_OK;
}

#define UNITS "margin|z|share|raw"

static int parse_unit(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    for (int unit = 0; unit < N_SCORE_UNITS; unit++) {
        if (strcmp(value, score_unit_name((enum score_unit)unit)) != 0)
            continue;
        args->unit = unit;
        return ERR_OK;
    }
    return refuse_value(option, value, "margin, z, share or raw", err);
}

static int parse_sort(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    for (int order = 0; order < N_CONCEPT_ORDERS; order++) {
        if (strcmp(value, concept_order_name((enum concept_order)order)) != 0)
            continue;
        args->order = (enum concept_order)order;
        args->has_order = true;
        return ERR_OK;
    }
    return refuse_value(option, value, "row, label, act_max or relevance", err);
}

static int parse_genre(struct args *args, const struct option *option, const char *value,
                       struct err *err)
{
    for (int genre = 0; genre <= GENRE_OTHER; genre++) {
        if (strcmp(value, genre_name((enum genre)genre)) != 0)
            continue;
        args->genre = (enum genre)genre;
        args->has_genre = true;
        return ERR_OK;
    }
    return refuse_value(option, value, "text, code, math or other", err);
}

/* --- the table --- */

#define FLAG(name, help, group, commands, field)                                \
    {                                                                           \
        name, NULL, NULL, help, group, commands, parse_flag, FIELD(field), 0, 0 \
    }
#define STRING(name, arg, help, group, commands, field)                          \
    {                                                                            \
        name, arg, NULL, help, group, commands, parse_string, FIELD(field), 0, 0 \
    }
#define INT(name, arg, help, group, commands, field, min, max)                    \
    {                                                                             \
        name, arg, NULL, help, group, commands, parse_int, FIELD(field), min, max \
    }
#define OTHER(name, arg, choices, help, group, commands, parse)   \
    {                                                             \
        name, arg, choices, help, group, commands, parse, 0, 0, 0 \
    }

#define OPENS_MODEL \
    (RUNS_MODEL | BIT(SHOW) | BIT(INFO) | BIT(CALIBRATE) | BIT(SELFTEST) | BIT(BENCH) | BIT(TUI))
#define OPENS_FILES (EVERY & ~BIT(TUI) & ~BIT(OPEN))

const struct option option_table[] = {
    STRING("model", "M", "model: a folder, a .gguf file, or a name in the hub cache", GROUP_FILES,
           EVERY, scope.model),
    {"dict", "D", NULL, "dictionary: a folder, or a name in the local hub cache", GROUP_FILES,
     EVERY & ~BIT(TOKENIZE), parse_dict, FIELD(scope.dict), 0, 0},
    {"acts", "FILE", NULL, "its act_max and thresholds (default: acts.json in the dictionary)",
     GROUP_FILES, EVERY & ~BIT(TOKENIZE), parse_dict_string, offsetof(struct scope_options, acts),
     0, 0},
    {"labels", "FILE", NULL,
     "its labels: metadata.jsonl, Neuronpedia's explanations, or one per line", GROUP_FILES,
     EVERY & ~BIT(TOKENIZE), parse_dict_string, offsetof(struct scope_options, labels), 0, 0},
    {"layer", "N", NULL, "its hook layer, from 0 (default: what its files say)", GROUP_FILES,
     EVERY & ~BIT(TOKENIZE), parse_layer, 0, 0, 9999},
    OTHER("weights", "FORM", "stored|q8",
          "stored (default), or q8: 8 bits each, half of the memory", GROUP_FILES, OPENS_MODEL,
          parse_weights),
    FLAG("cache-weights", "with --weights q8: keep them on the disk, so that later starts map them",
         GROUP_FILES, OPENS_MODEL, scope.caches_weights),
    OTHER("kv", "FORM", "f32|f16",
          "keys and values: f32 (default), or f16: half of the memory of a text", GROUP_FILES,
          RUNS_MODEL | BIT(INFO) | BIT(BENCH) | BIT(TUI), parse_kv),
    FLAG("force", "open a model that takes more memory than there is", GROUP_FILES, OPENS_MODEL,
         scope.ignores_memory),
    INT("threads", "N", "threads (default: one per core)", GROUP_FILES, OPENS_MODEL | BIT(OPEN),
        threads, 1, 1024),
    FLAG("exact", "weights in blocks are multiplied in f32: half as fast", GROUP_FILES, OPENS_MODEL,
         exact),
    FLAG("json", "print JSON", GROUP_FILES, OPENS_FILES, json),
    {"color", "MODE", "auto|true|256|16|8|mono|ascii",
     "colours of the screens: auto (default), true, 256, 16, 8, mono, ascii", GROUP_OWN,
     BIT(TUI) | BIT(OPEN), parse_choice, FIELD(color), 0, 0},
    {"bg", "WHICH", "light|dark", "light or dark terminal (default: as COLORFGBG says, or dark)",
     GROUP_OWN, BIT(TUI) | BIT(OPEN), parse_choice, FIELD(background), 0, 0},
    {"completions", "SHELL", "bash|zsh|fish", "print a completion script: bash, zsh or fish",
     GROUP_OWN, BIT(TUI), parse_string, FIELD(completions), 0, 0},

    OTHER("ids", "N,N,...", NULL, "exactly these token ids in place of a text", GROUP_TEXT,
          RUNS_MODEL | BIT(BENCH) | BIT(TUI), parse_ids),
    OTHER("raw", NULL, NULL, "the text as typed, BOS added unless typed", GROUP_TEXT,
          RUNS_MODEL | BIT(TUI), parse_form),
    OTHER("chat", NULL, NULL, "one user turn in the chat template (default for chat models)",
          GROUP_TEXT, RUNS_MODEL | BIT(TUI), parse_form),
    STRING("answer", "TEXT", "the answer of the assistant, which ends the text", GROUP_TEXT,
           RUNS_MODEL, answer),
    STRING("messages", "FILE", "a JSON list of {role, content} in place of a text; - is stdin",
           GROUP_TEXT, RUNS_MODEL | BIT(TOKENIZE), messages),

    OTHER("set", "ROW=FACTOR", NULL, "add factor x act_max x direction", GROUP_STEERING, RUNS_MODEL,
          parse_edit),
    OTHER("strength", "ROW=VALUE", NULL, "add value x direction", GROUP_STEERING, RUNS_MODEL,
          parse_edit),
    OTHER("clamp", "ROW=VALUE", NULL, "set the activation of the concept to value", GROUP_STEERING,
          RUNS_MODEL, parse_edit),
    OTHER("threshold", "ROW=VALUE", NULL, "add value x direction where the latent is below value",
          GROUP_STEERING, RUNS_MODEL, parse_edit),
    OTHER("project-out", "ROW", NULL, "remove the direction", GROUP_STEERING, RUNS_MODEL,
          parse_project_out),
    OTHER("steer-at", "WHERE", "prompt|generated|both",
          "prompt, generated, both (default), or FROM..", GROUP_STEERING, RUNS_MODEL,
          parse_steer_at),

    INT("top", "K", "concepts per token and over the prompt (default 10)", GROUP_OWN, BIT(READ),
        top, 0, 1000000),
    OTHER("concept", "ROW", NULL, "this concept at every token; may be repeated", GROUP_OWN,
          BIT(READ), parse_concept),
    FLAG("all", "every concept at every position (JSON)", GROUP_OWN, BIT(READ), all),
    OTHER("pool", "WHICH", "text|axbench",
          "positions counted: text (default), or axbench: all from the 5th on", GROUP_OWN,
          BIT(READ), parse_pool),
    STRING("dump", "FILE", "residuals in a safetensors file, in place of a text and a model",
           GROUP_OWN, BIT(READ), dump),
    OTHER("unit", "UNIT", UNITS, "rank by margin, z, share or raw (default: the first it can be)",
          GROUP_OWN, BIT(READ), parse_unit),
    FLAG("signed", "raw projections, negative ones too", GROUP_OWN, BIT(READ) | BIT(DUMP),
         is_signed),

    INT("limit", "N", "at most N matches", GROUP_OWN, BIT(SEARCH), limit, 0, INT_MAX),
    FLAG("case-sensitive", "upper and lower case differ", GROUP_OWN, BIT(SEARCH), case_sensitive),
    FLAG("fuzzy", "letters in this order with anything between, best first", GROUP_OWN, BIT(SEARCH),
         fuzzy),
    OTHER("sort", "ORDER", "row|label|act_max|relevance",
          "row (default), label, act_max, relevance", GROUP_OWN, BIT(SEARCH), parse_sort),
    OTHER("genre", "GENRE", "text|code|math|other",
          "only concepts of this genre: text, code, math or other", GROUP_OWN, BIT(SEARCH),
          parse_genre),

    INT("lens", "K", "tokens at each end of the logit lens (default 10)", GROUP_OWN, BIT(SHOW),
        lens, 0, 10000),
    INT("nearest", "K", "nearest concepts by cosine (default 10)", GROUP_OWN, BIT(SHOW), nearest, 0,
        10000),

    INT("max-tokens", "N", "tokens to generate at most (default 128)", GROUP_OWN, BIT(STEER),
        max_tokens, 1, 1000000),
    {"temperature", "T", NULL, "0 (default): greedy", GROUP_OWN, BIT(STEER), parse_float,
     FIELD(temperature), 0, 1000},
    INT("top-k", "K", "sample among the K likeliest (default 0: all)", GROUP_OWN, BIT(STEER), top_k,
        0, INT_MAX),
    {"top-p", "P", NULL, "sample among the likeliest of this mass (default 1)", GROUP_OWN,
     BIT(STEER), parse_float, FIELD(top_p), 0, 1},
    OTHER("seed", "S", NULL, "seed of the sampling noise, or of random ids (default 0)", GROUP_OWN,
          BIT(STEER) | BIT(BENCH), parse_seed),

    FLAG("bos", "put the BOS token first", GROUP_OWN, BIT(TOKENIZE), bos),
    FLAG("lines", "every input line is a JSON string or an object with \"text\"", GROUP_OWN,
         BIT(TOKENIZE), lines),

    STRING("out", "FILE", "the safetensors file to write", GROUP_OWN, BIT(DUMP), out),
    OTHER("layers", "N,N,...", NULL, "residuals after these layers (default: the hook layer)",
          GROUP_OWN, BIT(DUMP), parse_layers),
    OTHER("logits", "WHICH", "last|all", "next-token logits of the last or of all positions",
          GROUP_OWN, BIT(DUMP), parse_logits),
    FLAG("latents", "latents of all concepts", GROUP_OWN, BIT(DUMP), latents),

    STRING("texts", "FILE", "neutral text, a passage for each paragraph (default: the bundled one)",
           GROUP_OWN, BIT(CALIBRATE), texts),
    {"only", "GROUP", "start|load|read|batch|edit|slider|decode|latents|search|memory|fidelity",
     "only these figures, and those of the machine", GROUP_OWN, BIT(BENCH), parse_choice,
     FIELD(only), 0, 0},
    INT("runs", "N", "runs of each figure after one that does not count (default 5, 2 if quick)",
        GROUP_OWN, BIT(BENCH), runs, 1, 1000),
    STRING("reference", "M", "another file of the model, to compare latents with", GROUP_OWN,
           BIT(BENCH), reference),
    OTHER("tokens", "N,N,...", NULL, "lengths of the prompts read (default 21,32,128,512)",
          GROUP_OWN, BIT(BENCH), parse_lengths),
    FLAG("quick", "a second or two for each group: is it all there?", GROUP_OWN, BIT(BENCH), quick),
    FLAG("long", "prompts of 21 to 4096 tokens, memory at 2048", GROUP_OWN, BIT(BENCH), is_long),

    FLAG("again", "also where it is done already", GROUP_OWN, BIT(CALIBRATE), again),
    INT("min-tokens", "N", "refuse a text of fewer tokens (default 1000)", GROUP_OWN,
        BIT(CALIBRATE), min_tokens, 1, INT_MAX),
};
const size_t n_options = sizeof option_table / sizeof *option_table;
