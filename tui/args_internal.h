/* The tables of commands and options (args_options.c) and how values are read (args_values.c),
 * shared by the parser (args.c), the help and the completions (args_help.c). */
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

/* Plain values, which go to option->field. */
option_parse_fn option_parse_flag, option_parse_string, option_parse_int, option_parse_float,
    option_parse_choice;
/* Of the dictionary that was named last: option->field is one of struct scope_options. */
option_parse_fn option_parse_dict_string;
/* Values with a place of their own. Where option->choices are the names of an enum, they are listed
 * in its order. */
option_parse_fn option_parse_dict, option_parse_layer, option_parse_seed, option_parse_concept,
    option_parse_ids, option_parse_layers, option_parse_lengths, option_parse_form,
    option_parse_edit, option_parse_project_out, option_parse_steer_at, option_parse_weights,
    option_parse_kv, option_parse_pool, option_parse_logits, option_parse_unit, option_parse_sort,
    option_parse_genre;

/* ROW, or D:ROW for the row of one of several dictionaries; all of text[0..len). */
bool option_read_ref(struct concept_ref *out, const char *text, size_t len);

#endif
