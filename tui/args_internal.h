/* The tables of commands and options (args_options.c), shared by the parser (args.c), the help and
 * the completions (args_help.c). */
#ifndef TUI_ARGS_INTERNAL_H
#define TUI_ARGS_INTERNAL_H

#include "tui/args.h"

struct option;

/* Reads an option's value into args; value is NULL for a flag. */
typedef int option_parse_fn(struct args *args, const struct option *option, const char *value,
                            struct err *err);

enum option_group { GROUP_FILES, GROUP_TEXT, GROUP_STEERING, GROUP_OWN, N_OPTION_GROUPS };

struct option {
    const char *name;     /* without the dashes */
    const char *argument; /* its name in the help; NULL: a flag */
    const char *choices;  /* words separated by '|' that the value is one of; or NULL */
    const char *help;
    enum option_group group;
    unsigned commands; /* bit per enum command */
    option_parse_fn *parse;
    size_t field; /* offset in struct args, for the parsers of plain values */
    double min, max;
};

extern const struct option option_table[];
extern const size_t n_options;

struct command_info {
    const char *name, *operand, *summary;
};

extern const struct command_info command_table[N_COMMANDS];

/* May --dict be repeated? */
bool command_takes_dicts(enum command command);

/* ROW, or D:ROW for the row of one of several dictionaries; all of text[0..len). */
bool option_read_ref(struct concept_ref *out, const char *text, size_t len);

#endif
