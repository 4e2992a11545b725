/* Help and completion scripts, both made from the tables of args_options.c. */
#include "tui/args_internal.h"

#include <string.h>

static const char *const group_titles[N_OPTION_GROUPS] = {
    [GROUP_FILES] = "Files",
    [GROUP_TEXT] = "Text",
    [GROUP_STEERING] = "Steering (in the order given)",
    [GROUP_OWN] = "Options",
};

static bool belongs(const struct option *option, enum command command)
{
    return option->commands >> command & 1;
}

static void help_option(struct buf *out, const struct option *option)
{
    size_t start = out->len;
    buf_printf(out, "  --%s%s%s", option->name, option->argument ? " " : "",
               option->argument ? option->argument : "");
    size_t used = out->len - start;
    buf_printf(out, "%*s%s\n", used < 25 ? (int)(25 - used) : 1, "", option->help);
}

static void help_group(struct buf *out, enum option_group group, enum command command)
{
    bool has_title = false;
    for (size_t i = 0; i < n_options; i++) {
        if (option_table[i].group != group || !belongs(&option_table[i], command))
            continue;
        if (!has_title)
            buf_printf(out, "\n%s:\n", group_titles[group]);
        has_title = true;
        help_option(out, &option_table[i]);
    }
}

static void help_program(struct buf *out)
{
    buf_str(out, "axscope: a microscope for the concepts inside a language model\n\n"
                 "usage: axscope [--model M] [--dict D] [PROMPT]\n");
    for (int c = 1; c < N_COMMANDS; c++) {
        struct buf usage = {0};
        buf_printf(&usage, "%s %s", command_table[c].name, command_table[c].operand);
        buf_printf(out, "       axscope %-17s %s\n", usage.data, command_table[c].summary);
        buf_clear(&usage);
    }
    for (int g = 0; g < N_OPTION_GROUPS; g++)
        help_group(out, (enum option_group)g, COMMAND_TUI);
    buf_str(out, "  --help, --version        also: axscope COMMAND --help\n");
    buf_str(out, "\nWithout --model and --dict the bundled demo is opened. --dict may be repeated;"
                 " --acts, --labels\nand --layer belong to the one before them.\n"
                 "\nExamples:\n"
                 "  axscope read \"She sat on the bank of the river.\"\n"
                 "  axscope search 'bread|dough'\n"
                 "  axscope steer --set 12=0.8 \"What shall we do today?\"\n"
                 "\nExit status: 0 fine, 1 failed, 2 wrong usage\n");
}

void args_help(struct buf *out, enum command command)
{
    if (command == COMMAND_TUI) {
        help_program(out);
        return;
    }
    const struct command_info *info = &command_table[command];
    buf_printf(out, "usage: axscope %s [OPTIONS]%s%s\n\n%s\n", info->name,
               *info->operand ? " " : "", info->operand, info->summary);
    for (int g = N_OPTION_GROUPS - 1; g >= 0; g--)
        help_group(out, (enum option_group)g, command);
    if (command_takes_dicts(command))
        buf_str(out,
                "\n--dict may be repeated. --acts, --labels and --layer belong to the one before "
                "them (else to\nthe first), and ROW is written D:ROW, D counting from 0.\n");
}

/* --- completions --- */

/* Paths, and names in the hub cache, which may be paths. */
static bool takes_file(const struct option *option)
{
    static const char *const arguments[] = {"FILE", "M", "D"};
    for (size_t i = 0; option->argument && i < sizeof arguments / sizeof *arguments; i++)
        if (strcmp(option->argument, arguments[i]) == 0)
            return true;
    return false;
}

static void words(struct buf *out, const char *choices)
{
    for (const char *c = choices; *c; c++)
        buf_char(out, *c == '|' ? ' ' : *c);
}

static void bash_options(struct buf *out, enum command command)
{
    for (size_t i = 0; i < n_options; i++)
        if (belongs(&option_table[i], command))
            buf_printf(out, "--%s ", option_table[i].name);
    buf_str(out, "--help");
}

static void completions_bash(struct buf *out)
{
    buf_str(
        out,
        "# bash completion for axscope\n"
        "_axscope() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word command=\n"
        "    COMPREPLY=()\n"
        "    case $prev in\n");
    for (size_t i = 0; i < n_options; i++) {
        const struct option *option = &option_table[i];
        if (option->choices) {
            buf_printf(out, "        --%s) COMPREPLY=($(compgen -W '", option->name);
            words(out, option->choices);
            buf_str(out, "' -- \"$cur\")); return ;;\n");
        } else if (takes_file(option)) {
            buf_printf(out, "        --%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
                       option->name);
        } else if (option->argument) {
            buf_printf(out, "        --%s) return ;;\n", option->name);
        }
    }
    buf_str(out, "    esac\n    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n        case "
                 "$word in\n            ");
    for (int c = 1; c < N_COMMANDS; c++)
        buf_printf(out, "%s%s", c > 1 ? "|" : "", command_table[c].name);
    buf_str(out, ") command=$word; break ;;\n        esac\n    done\n    case $command in\n");
    for (int c = N_COMMANDS - 1; c >= 0; c--) {
        buf_printf(out, "        %s) word='", c ? command_table[c].name : "*");
        bash_options(out, (enum command)c);
        for (int sub = 1; c == 0 && sub < N_COMMANDS; sub++)
            buf_printf(out, " %s", command_table[sub].name);
        buf_str(out, "' ;;\n");
    }
    buf_str(out, "    esac\n    COMPREPLY=($(compgen -W \"$word\" -- \"$cur\"))\n}\n"
                 "complete -o filenames -F _axscope axscope\n");
}

/* Help texts stand between quotes and brackets in zsh's argument specifications. */
static void zsh_text(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr("[]:\\", *c))
            buf_char(out, '\\');
        buf_char(out, *c);
    }
}

static void zsh_option(struct buf *out, const struct option *option)
{
    bool repeats = option->group == GROUP_STEERING || strcmp(option->name, "concept") == 0;
    buf_printf(out, "                '%s--%s%s[", repeats ? "*" : "", option->name,
               option->argument ? "=" : "");
    zsh_text(out, option->help);
    buf_char(out, ']');
    if (option->argument) {
        buf_char(out, ':');
        zsh_text(out, option->argument);
        buf_char(out, ':');
    }
    if (option->choices) {
        buf_char(out, '(');
        words(out, option->choices);
        buf_char(out, ')');
    } else if (takes_file(option)) {
        buf_str(out, "_files");
    }
    buf_str(out, "' \\\n");
}

static void completions_zsh(struct buf *out)
{
    buf_str(out, "#compdef axscope\n"
                 "_axscope() {\n"
                 "    local word command=\n"
                 "    local -a commands=(\n");
    for (int c = 1; c < N_COMMANDS; c++) {
        buf_printf(out, "        '%s:", command_table[c].name);
        zsh_text(out, command_table[c].summary);
        buf_str(out, "'\n");
    }
    buf_str(
        out,
        "    )\n    for word in ${words[2,CURRENT-1]}; do\n        case $word in\n            ");
    for (int c = 1; c < N_COMMANDS; c++)
        buf_printf(out, "%s%s", c > 1 ? "|" : "", command_table[c].name);
    buf_str(out, ") command=$word; break ;;\n        esac\n    done\n    case $command in\n");
    for (int c = N_COMMANDS - 1; c >= 0; c--) {
        buf_printf(out, "        %s)\n            _arguments \\\n",
                   c ? command_table[c].name : "*");
        for (size_t i = 0; i < n_options; i++)
            if (belongs(&option_table[i], (enum command)c))
                zsh_option(out, &option_table[i]);
        buf_printf(out, "                '--help[show the help]' \\\n                %s ;;\n",
                   c ? "'*: :'" : "'1: :{_describe command commands}'");
    }
    buf_str(out, "    esac\n}\n_axscope \"$@\"\n");
}

static void fish_option(struct buf *out, const struct option *option)
{
    bool for_tui = belongs(option, COMMAND_TUI), any = false;
    buf_printf(out, "complete -c axscope -l %s", option->name);
    if (!for_tui) {
        buf_str(out, " -n '__fish_seen_subcommand_from");
        for (int c = 1; c < N_COMMANDS; c++)
            if (belongs(option, (enum command)c))
                buf_printf(out, " %s", command_table[c].name), any = true;
        buf_str(out, any ? "'" : " none'");
    }
    if (option->choices) {
        buf_str(out, " -x -a '");
        words(out, option->choices);
        buf_char(out, '\'');
    } else if (option->argument) {
        buf_str(out, takes_file(option) ? " -r -F" : " -x");
    }
    buf_printf(out, " -d '%s'\n", option->help);
}

static void completions_fish(struct buf *out)
{
    buf_str(out, "# fish completion for axscope\ncomplete -c axscope -f\n");
    for (int c = 1; c < N_COMMANDS; c++)
        buf_printf(out, "complete -c axscope -n __fish_use_subcommand -a %s -d '%s'\n",
                   command_table[c].name, command_table[c].summary);
    for (size_t i = 0; i < n_options; i++)
        fish_option(out, &option_table[i]);
    buf_str(out, "complete -c axscope -l help -d 'show the help'\n");
}

int args_completions(struct buf *out, const char *shell, struct err *err)
{
    if (strcmp(shell, "bash") == 0)
        completions_bash(out);
    else if (strcmp(shell, "zsh") == 0)
        completions_zsh(out);
    else if (strcmp(shell, "fish") == 0)
        completions_fish(out);
    else
        return err_set(err, ERR_ARG, "--completions %s: bash, zsh or fish is expected", shell);
    return ERR_OK;
}
