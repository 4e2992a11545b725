/* The command line. One table of options gives parsing, --help and completions.
 * Everything that can be known from the arguments alone is refused here (exit status 2). */
#ifndef TUI_ARGS_H
#define TUI_ARGS_H

#include "core/prompt.h"
#include "core/scope_paths.h"
#include "core/steering.h"
#include "data/concept_matches.h"
#include "data/err.h"
#include "data/mem.h"
#include "tui/dict_set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command {
    COMMAND_TUI, /* no subcommand */
    COMMAND_READ,
    COMMAND_SEARCH,
    COMMAND_SHOW,
    COMMAND_STEER,
    COMMAND_TOKENIZE,
    COMMAND_DUMP,
    COMMAND_INFO,
    COMMAND_CALIBRATE,
    COMMAND_OPEN,
    COMMAND_SELFTEST,
    COMMAND_BENCH,
    N_COMMANDS
};

/* One steering flag as typed; its row is checked when the dictionary is open. */
struct steer_flag {
    enum intervention_kind kind;
    bool is_factor; /* --set: value is a factor of act_max, else a strength */
    struct concept_ref ref;
    float value;
};

enum dump_logits { DUMP_NO_LOGITS, DUMP_LAST_LOGITS, DUMP_ALL_LOGITS };

struct args {
    enum command command;
    bool help, version;
    const char *color;       /* colours of the screens: a mode of tui/theme.h, or NULL */
    const char *background;  /* of the terminal: "light", "dark" or NULL for what it says itself */
    const char *completions; /* shell whose completion script is to be printed, or NULL */

    struct scope_options scope;       /* model, and the first --dict */
    struct scope_options *more_dicts; /* [n_more_dicts] owned: every further --dict */
    size_t n_more_dicts;
    int threads; /* 0: as many as there are cores */
    bool exact;  /* matmul_set_exact */
    bool json;

    const char *text;         /* TEXT, REGEX or PROMPT; "-": standard input; NULL: none */
    struct concept_ref shown; /* show */
    enum prompt_form form;
    int *ids; /* [n_ids] owned: --ids */
    size_t n_ids;
    const char *answer;   /* or NULL */
    const char *messages; /* file of --messages in place of text; or NULL */

    struct steer_flag *edits; /* [n_edits] owned, in the order given */
    size_t n_edits;
    enum steer_at steer_at; /* 0: not given */
    int steer_from;

    int top;                      /* read */
    struct concept_ref *concepts; /* [n_concepts] owned: --concept, in order */
    size_t n_concepts;
    bool all, is_signed, pool_axbench;
    const char *dump; /* read --dump, open: residuals in place of a text and a model; or NULL */
    int unit;         /* enum score_unit, or -1: the best that the dictionary allows */

    int limit; /* search; -1: no limit */
    bool case_sensitive, fuzzy;
    bool has_order, has_genre;
    enum concept_order order;
    enum genre genre;

    int lens, nearest; /* show */

    int max_tokens; /* steer */
    float temperature, top_p;
    int top_k;
    uint64_t seed;

    bool bos, lines; /* tokenize */

    const char *out; /* dump */
    int *layers;     /* [n_layers] owned; none: the hook layer */
    size_t n_layers;
    enum dump_logits logits;
    bool latents;

    const char *texts; /* calibrate; NULL: the bundled text */
    bool again;
    int min_tokens;

    int runs; /* bench; 0: as many as it chooses */
    bool quick, is_long;
    const char *only;      /* a group of figures, or NULL: all */
    const char *reference; /* a model to compare latents with, or NULL */
    int *lengths;          /* [n_lengths] owned: tokens of the prompts read; none: the usual ones */
    size_t n_lengths;
};

/* Parses argv; strings are borrowed from it. On a failure ERR_ARG, and *out is cleared except for
 * its command, which tells whose --help to point to. */
int args_parse(struct args *out, int argc, char **argv, struct err *err) ERR_CHECK;
void args_clear(struct args *args);

/* The failure of a text, called `name`, that is empty or all blanks. Returns ERR_ARG. */
int args_refuse_blank(const struct args *args, const char *name, struct err *err) ERR_CHECK;

const char *command_name(enum command command); /* "" for the TUI */

/* Appends the help of one command, or of the program as a whole for COMMAND_TUI. */
void args_help(struct buf *out, enum command command);

/* Appends the completion script of "bash", "zsh" or "fish"; ERR_ARG for another shell. */
int args_completions(struct buf *out, const char *shell, struct err *err) ERR_CHECK;

#endif
