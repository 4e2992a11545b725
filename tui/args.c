#include "tui/args.h"

#include "data/text.h"
#include "tui/args_internal.h"
#include "tui/near_word.h"

#include <stdlib.h>
#include <string.h>

const char *command_name(enum command command)
{
    return command_table[command].name;
}

static const struct option *find_option(const char *name, size_t len)
{
    for (size_t i = 0; i < n_options; i++)
        if (strlen(option_table[i].name) == len && memcmp(option_table[i].name, name, len) == 0)
            return &option_table[i];
    return NULL;
}

/* Options are "--name", "--name=value" or "--name value"; "-" and numbers are operands. */
static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && strspn(arg + 1, "0123456789.") == 0;
}

static bool takes_next(const char *arg)
{
    const struct option *option =
        strncmp(arg, "--", 2) == 0 ? find_option(arg + 2, strlen(arg + 2)) : NULL;
    return option && option->argument;
}

/* Index of the first operand if it names a subcommand, else 0. */
static int find_command(enum command *out, int argc, char **argv)
{
    *out = COMMAND_TUI;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            return 0;
        if (is_option(argv[i])) {
            i += takes_next(argv[i]);
            continue;
        }
        for (int c = 1; c < N_COMMANDS; c++) {
            if (strcmp(argv[i], command_table[c].name) == 0) {
                *out = (enum command)c;
                return i;
            }
        }
        return 0;
    }
    return 0;
}

/* The option of this command that was probably meant, or NULL. */
static const struct option *near_option(const char *name, enum command command)
{
    const struct option *best = NULL;
    int best_distance = 3;
    for (size_t i = 0; i < n_options; i++) {
        const struct option *option = &option_table[i];
        int limit = near_word_limit(option->name);
        int distance = near_word_distance(name, option->name, limit);
        if (!(option->commands & 1u << command) || distance > limit || distance >= best_distance)
            continue;
        best = option;
        best_distance = distance;
    }
    return best;
}

/* A single word in place of a subcommand that is nearly one is taken for a slip: a prompt of one
 * word can be given after "--". Returns the subcommand that was meant, or COMMAND_TUI. */
static enum command near_command(const char *word)
{
    enum command best = COMMAND_TUI;
    int best_distance = 3;
    for (int c = 1; c < N_COMMANDS; c++) {
        int limit = near_word_limit(command_table[c].name);
        int distance = near_word_distance(word, command_table[c].name, limit);
        if (distance > limit || distance >= best_distance)
            continue;
        best = (enum command)c;
        best_distance = distance;
    }
    return best;
}

static int check_command(int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_option(argv[i])) {
            i += takes_next(argv[i]);
            continue;
        }
        enum command meant = near_command(argv[i]);
        if (meant == COMMAND_TUI)
            return ERR_OK;
        const char *name = command_name(meant);
        err_set(err, ERR_ARG, "there is no subcommand '%s'; did you mean '%s'?", argv[i], name);
        err_hint(err, "axscope %s --help explains it. For a prompt of this one word: axscope -- %s",
                 name, argv[i]);
        return ERR_ARG;
    }
    return ERR_OK;
}

static int refuse_option(const char *arg, const struct option *option, enum command command,
                         struct err *err)
{
    const char *name = command_name(command);
    const char *space = *name ? " " : "";
    if (option)
        err_set(err, ERR_ARG, "--%s is not an option of axscope%s%s", option->name, space, name);
    else
        err_set(err, ERR_ARG, "unknown option %.*s", (int)strcspn(arg, "="), arg);
    char typed[32] = "";
    size_t len = strcspn(arg, "=");
    if (!option && len < sizeof typed && strncmp(arg, "--", 2) == 0) {
        memcpy(typed, arg + 2, len - 2);
        const struct option *meant = near_option(typed, command);
        if (meant) {
            err_hint(err, "Did you mean --%s? axscope%s%s --help lists the options.", meant->name,
                     space, name);
            return ERR_ARG;
        }
    }
    err_hint(err,
             "axscope%s%s --help lists the options; put -- before a text that begins with a dash.",
             space, name);
    return ERR_ARG;
}

static int parse_option(struct args *args, int *i, int argc, char **argv, struct err *err)
{
    const char *arg = argv[*i];
    if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
        args->help = true;
        return ERR_OK;
    }
    if (strcmp(arg, "-V") == 0 || strcmp(arg, "--version") == 0) {
        args->version = true;
        return ERR_OK;
    }
    size_t len = strcspn(arg, "=");
    const struct option *option = strncmp(arg, "--", 2) == 0 ? find_option(arg + 2, len - 2) : NULL;
    if (!option || !(option->commands & 1u << args->command))
        return refuse_option(arg, option, args->command, err);
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    if (!option->argument && value)
        return err_set(err, ERR_ARG, "--%s takes no value", option->name);
    if (option->argument && !value) {
        if (*i + 1 >= argc) {
            err_set(err, ERR_ARG, "--%s needs a value: %s", option->name, option->argument);
            err_hint(err, "--%s %s: %s.", option->name, option->argument, option->help);
            return ERR_ARG;
        }
        value = argv[++*i];
    }
    return option->parse(args, option, value, err);
}

static int add_operand(struct args *args, const char *operand, struct err *err)
{
    const struct command_info *info = &command_table[args->command];
    if (!*info->operand)
        return err_set(err, ERR_ARG, "%s takes no operand, '%s' is one too many", info->name,
                       operand);
    if (args->text) {
        err_set(err, ERR_ARG, "'%s' is one operand too many", operand);
        err_hint(err, "Put a text of several words in quotes.");
        return ERR_ARG;
    }
    args->text = operand;
    return ERR_OK;
}

static bool takes_text(enum command command)
{
    return command == COMMAND_READ || command == COMMAND_STEER || command == COMMAND_DUMP;
}

/* A dump brings its own tokens, and nothing is computed that an edit could change. */
static int check_dump(const struct args *args, struct err *err)
{
    const char *other = args->text                 ? "TEXT"
                        : args->form == PROMPT_IDS ? "--ids"
                        : args->form != PROMPT_AUTO || args->answer || args->messages
                            ? "the form of a text"
                            : NULL;
    if (other)
        return err_set(err, ERR_ARG, "--dump brings its own tokens, and %s was given too", other);
    if (args->n_edits == 0 && args->steer_at == 0)
        return ERR_OK;
    err_set(err, ERR_ARG, "a dump cannot be steered: that needs the model's weights");
    err_hint(err, "Leave the steering flags out, or give --model and a text in place of --dump.");
    return ERR_ARG;
}

/* A text comes from one place, and an answer or several turns need the chat form. */
static int check_text(struct args *args, struct err *err)
{
    bool has_ids = args->form == PROMPT_IDS;
    if (has_ids && args->text)
        return err_set(err, ERR_ARG, "--ids takes the place of TEXT: give one of the two");
    if (args->messages && (args->text || has_ids || args->lines))
        return err_set(err, ERR_ARG, "--messages takes the place of %s: give one of the two",
                       args->text ? "TEXT"
                       : has_ids  ? "--ids"
                                  : "--lines");
    const char *name = args->messages ? "messages" : "answer";
    if ((args->answer || args->messages) && (has_ids || args->form == PROMPT_RAW))
        return err_set(err, ERR_ARG, "--%s needs the chat template, and --%s leaves it out", name,
                       has_ids ? "ids" : "raw");
    if (args->answer || args->messages)
        args->form = PROMPT_CHAT;
    return ERR_OK;
}

int args_refuse_blank(const struct args *args, const char *name, struct err *err)
{
    err_set(err, ERR_ARG, "%s: %s is empty", command_name(args->command), name);
    err_hint(err, "--raw \"\" reads the BOS token alone.");
    return ERR_ARG;
}

/* What single options cannot see. */
static int check_together(struct args *args, struct err *err)
{
    const struct command_info *info = &command_table[args->command];
    if (args->dump)
        return check_dump(args, err);
    int rc = check_text(args, err);
    if (rc != ERR_OK)
        return rc;
    bool has_prompt = args->text || args->form == PROMPT_IDS || args->messages;
    if (args->command != COMMAND_TUI && *info->operand && !has_prompt) {
        err_set(err, ERR_ARG, "%s needs %s", info->name, info->operand);
        err_hint(err, "axscope %s %s%s", info->name, info->operand,
                 takes_text(args->command) ? ", --ids 2,17,5 or --messages FILE" : "");
        return ERR_ARG;
    }
    if (args->command == COMMAND_OPEN) {
        args->dump = args->text;
        args->text = NULL;
    }
    if (args->command == COMMAND_SHOW &&
        !option_read_ref(&args->shown, args->text, strlen(args->text))) {
        err_set(err, ERR_ARG, "show %s: a row number is expected", args->text);
        err_hint(err,
                 "Rows are counted from 0: axscope search lists them, axscope info says how many.");
        return ERR_ARG;
    }
    if (args->scope.caches_weights && args->scope.weights == WEIGHTS_STORED) {
        err_set(err, ERR_ARG,
                "--cache-weights is about converted weights, and these are used as "
                "stored");
        err_hint(err, "Add --weights q8.");
        return ERR_ARG;
    }
    if (args->fuzzy && args->case_sensitive)
        return err_set(err, ERR_ARG,
                       "--case-sensitive is about a regular expression, and --fuzzy takes none");
    if (takes_text(args->command) && args->text && args->form != PROMPT_RAW &&
        text_is_blank(args->text, strlen(args->text)))
        return args_refuse_blank(args, "the text", err);
    if (args->only && strcmp(args->only, "fidelity") == 0 && !args->reference) {
        err_set(err, ERR_ARG, "fidelity is measured against another file of the model");
        err_hint(err, "Add --reference M, the weights that these were made of.");
        return ERR_ARG;
    }
    if (args->command == COMMAND_DUMP && !args->out) {
        err_set(err, ERR_ARG, "dump needs a file to write");
        err_hint(err, "Add --out FILE.safetensors.");
        return ERR_ARG;
    }
    if (args->out && (!*args->out || strcmp(args->out, "-") == 0)) {
        err_set(err, ERR_ARG, "--out %s: the name of a file is expected", args->out);
        err_hint(err, "It appears when it is complete, so it cannot be standard output.");
        return ERR_ARG;
    }
    return ERR_OK;
}

static int parse_all(struct args *args, int command_at, int argc, char **argv, struct err *err)
{
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        int rc = ERR_OK;
        if (i == command_at)
            continue;
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (!only_operands && is_option(argv[i]))
            rc = parse_option(args, &i, argc, argv, err);
        else
            rc = add_operand(args, argv[i], err);
        if (rc != ERR_OK || args->help || args->version)
            return rc;
    }
    return args->completions ? ERR_OK : check_together(args, err);
}

int args_parse(struct args *out, int argc, char **argv, struct err *err)
{
    *out = (struct args){.scope = {.layer = -1, .argv0 = argc > 0 ? argv[0] : NULL},
                         .top = 10,
                         .unit = -1,
                         .limit = -1,
                         .lens = 10,
                         .nearest = 10,
                         .min_tokens = 1000,
                         .max_tokens = 128,
                         .top_p = 1};
    int command_at = find_command(&out->command, argc, argv);
    int rc = out->command == COMMAND_TUI ? check_command(argc, argv, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = parse_all(out, command_at, argc, argv, err);
    if (rc != ERR_OK) {
        enum command command = out->command;
        args_clear(out);
        out->command = command;
    }
    return err_hint_missing(err, rc, "axscope COMMAND --help says what its options are for.");
}

void args_clear(struct args *args)
{
    free(args->more_dicts);
    free(args->ids);
    free(args->edits);
    free(args->concepts);
    free(args->layers);
    free(args->lengths);
    *args = (struct args){0};
}
