/* How the values of options are read. */
#include "tui/args_internal.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int option_parse_flag(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    (void)value, (void)err;
    *(bool *)field_of(args, option) = true;
    return ERR_OK;
}

int option_parse_string(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    (void)err;
    *(const char **)field_of(args, option) = value;
    return ERR_OK;
}

/* Where several are not taken, one would be dropped silently. */
int option_parse_dict(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    if (!args->scope.dict)
        return option_parse_string(args, option, value, err);
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
int option_parse_dict_string(struct args *args, const struct option *option, const char *value,
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

int option_parse_int(struct args *args, const struct option *option, const char *value,
                     struct err *err)
{
    return read_limited(field_of(args, option), option, value, err);
}

int option_parse_layer(struct args *args, const struct option *option, const char *value,
                       struct err *err)
{
    int *layer = &dict_of(args)->layer;
    return *layer < 0 ? read_limited(layer, option, value, err) : refuse_second(args, option, err);
}

int option_parse_float(struct args *args, const struct option *option, const char *value,
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

int option_parse_seed(struct args *args, const struct option *option, const char *value,
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

int option_parse_concept(struct args *args, const struct option *option, const char *value,
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

int option_parse_ids(struct args *args, const struct option *option, const char *value,
                     struct err *err)
{
    args->form = PROMPT_IDS;
    args->n_ids = 0;
    return parse_int_list(&args->ids, &args->n_ids, option, value, err);
}

int option_parse_layers(struct args *args, const struct option *option, const char *value,
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

int option_parse_lengths(struct args *args, const struct option *option, const char *value,
                         struct err *err)
{
    args->n_lengths = 0;
    int rc = parse_int_list(&args->lengths, &args->n_lengths, option, value, err);
    for (size_t i = 0; rc == ERR_OK && i < args->n_lengths; i++)
        if (args->lengths[i] == 0)
            return refuse_value(option, value, "a list of lengths above 0", err);
    return rc;
}

int option_parse_form(struct args *args, const struct option *option, const char *value,
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

int option_parse_edit(struct args *args, const struct option *option, const char *value,
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

int option_parse_project_out(struct args *args, const struct option *option, const char *value,
                             struct err *err)
{
    struct concept_ref ref;
    if (!option_read_ref(&ref, value, strlen(value)))
        return refuse_value(option, value, "a row number", err);
    return add_edit(args, (struct steer_flag){INTERVENTION_PROJECT_OUT, false, ref, 0});
}

int option_parse_steer_at(struct args *args, const struct option *option, const char *value,
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

/* --- one of several words --- */

/* "a, b or c" of "a|b|c" */
static void list_choices(char *out, size_t size, const char *choices)
{
    size_t n = 0;
    for (const char *c = choices; *c && n + 4 < size; c++) {
        bool is_last = !strchr(c + 1, '|');
        if (*c == '|')
            n += (size_t)snprintf(out + n, size - n, "%s", is_last ? " or " : ", ");
        else
            out[n++] = *c;
    }
    out[n] = '\0';
}

/* Which of option->choices the value is, from 0. */
static int read_choice(int *out, const struct option *option, const char *value, struct err *err)
{
    const char *at = option->choices;
    for (*out = 0; *at; ++*out, at += strspn(at, "|")) {
        size_t n = strcspn(at, "|");
        if (n == strlen(value) && memcmp(at, value, n) == 0)
            return ERR_OK;
        at += n;
    }
    char expected[128];
    list_choices(expected, sizeof expected, option->choices);
    return refuse_value(option, value, expected, err);
}

int option_parse_choice(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    return rc == ERR_OK ? option_parse_string(args, option, value, err) : rc;
}

int option_parse_weights(struct args *args, const struct option *option, const char *value,
                         struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    if (rc == ERR_OK)
        args->scope.weights = choice == 0 ? WEIGHTS_STORED : WEIGHTS_Q8;
    return rc;
}

int option_parse_kv(struct args *args, const struct option *option, const char *value,
                    struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    if (rc == ERR_OK)
        args->scope.kv = choice == 0 ? DTYPE_F32 : DTYPE_F16;
    return rc;
}

int option_parse_pool(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    if (rc == ERR_OK)
        args->pool_axbench = choice == 1;
    return rc;
}

int option_parse_logits(struct args *args, const struct option *option, const char *value,
                        struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    if (rc == ERR_OK)
        args->logits = choice == 0 ? DUMP_LAST_LOGITS : DUMP_ALL_LOGITS;
    return rc;
}

int option_parse_unit(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    if (rc == ERR_OK)
        args->unit = choice;
    return rc;
}

int option_parse_sort(struct args *args, const struct option *option, const char *value,
                      struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    args->has_order = rc == ERR_OK;
    args->order = (enum concept_order)(rc == ERR_OK ? choice : 0);
    return rc;
}

int option_parse_genre(struct args *args, const struct option *option, const char *value,
                       struct err *err)
{
    int choice, rc = read_choice(&choice, option, value, err);
    args->has_genre = rc == ERR_OK;
    args->genre = (enum genre)(rc == ERR_OK ? choice : 0);
    return rc;
}
