/* The whole state of the screens as plain data: no I/O, no clock, no terminal.
 *
 * app_update (update.h) is the only writer, views only read. Owned by the UI thread. */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "core/sampler.h"
#include "core/steering.h"
#include "tui/actions.h"
#include "tui/event.h"
#include "tui/line_edit.h"
#include "tui/list.h"
#include "tui/theme.h"

#include <stdbool.h>
#include <stddef.h>

enum screen_id { SCREEN_READ, SCREEN_CONCEPTS, SCREEN_STEER, N_SCREENS };

enum app_mode {
    MODE_NORMAL,
    MODE_EDIT,   /* typing the prompt */
    MODE_FILTER, /* typing a regular expression */
    MODE_VALUE,  /* typing a factor */
    MODE_HELP,
    MODE_PAGE, /* a concept's page over the list */
};

enum load_state { LOAD_DICTIONARY, LOAD_MODEL, LOAD_READY, LOAD_FAILED };

/* What the run that was asked for last is doing. */
enum run_state { RUN_IDLE, RUN_READING, RUN_ANSWERING, RUN_STOPPING };

enum answer_state { ANSWER_NONE, ANSWER_RUNNING, ANSWER_EOS, ANSWER_LENGTH, ANSWER_STOPPED };

struct answer {
    struct tokens tokens;
    enum answer_state state;
    bool is_stale; /* of an older prompt or rack */
};

enum {
    MAX_SLOTS = 16,
    MAX_PINS = 4,
    MAX_HISTORY = 20,
};
#define FACTOR_MAX 2.0f
#define FACTOR_STEP 0.05f
#define FACTOR_FIRST 0.5f /* of a new slot, unless an example says otherwise */
#define DETAIL_DELAY 0.12 /* seconds a selection rests before its detail is looked up */

struct slot {
    enum intervention_kind kind;
    size_t row;
    float factor; /* 1.0: act_max, or without it the median residual norm */
    bool is_on;
};

/* Orders of the list on Concepts. */
enum concept_sort { SORT_ROW, SORT_FIRES, SORT_ACT_MAX, SORT_RELEVANCE, SORT_LABEL, N_SORTS };

enum pane { PANE_LIST, PANE_ANSWERS };

struct app {
    int height, width; /* cells of the terminal */
    struct theme theme;
    bool ascii, mouse_on;
    double seconds; /* time of the last event */

    enum screen_id screen, previous;
    enum app_mode mode;
    enum app_mode mode_before_help;
    enum pane pane;
    int help_top;

    /* what is loaded */
    enum load_state load;
    const struct dict_set *set;    /* borrowed: how rows are named; NULL: as numbers */
    const struct dictionary *dict; /* borrowed; NULL until it is open, or where there is none */
    enum score_unit unit;
    struct model_info model;  /* owned strings; name NULL until it is open */
    struct example *examples; /* [n_examples] owned */
    size_t n_examples, example;

    /* the prompt and its reading */
    struct line_edit prompt;
    char *history[MAX_HISTORY];      /* owned, newest first */
    int n_history, history_at;       /* -1: the text being typed */
    struct reading *reading;         /* owned; NULL until the first */
    bool is_reading_stale;           /* the prompt was changed since */
    bool is_example;                 /* the prompt is examples[example] */
    bool replaces_prompt;            /* the first thing typed takes the place of the example */
    bool is_pins_auto, is_rack_auto; /* follow the example until the user changes them */
    double reread_at;                /* when a pause in typing is long enough; 0: not waiting */
    int cursor;                      /* token */
    bool place_cursor;               /* the next reading is a new text: start at its beginning */
    bool pool_prompt;                /* list over the prompt instead of at the cursor token */
    bool show_numbers;
    float gain; /* multiplies scores before they become tints */

    /* concepts */
    size_t selected;                      /* row of the dictionary; shared by all screens */
    bool has_selected, is_selection_auto; /* auto: follows what fires most */
    size_t pins[MAX_PINS];                /* rows */
    int n_pins;
    struct list read_list; /* over entries */
    /* the list on Read: at the cursor token or over the prompt, by score; the selected concept
     * comes first where it does not fire or would not be in sight */
    struct ranked entries[READING_TOP + 1];
    struct list concept_list; /* over order */
    size_t *order;            /* [concept_list.n] rows, owned */
    enum concept_sort sort;
    int genre; /* enum genre that is listed; -1: all */
    struct line_edit filter;
    bool is_fuzzy;                  /* the filter is no regular expression */
    struct concept_matches matches; /* of the last good filter; owned */
    bool has_filter;                /* matches belong to a pattern that is not empty */
    struct err filter_err;          /* code ERR_OK while the filter is good */
    struct detail *detail;          /* owned; NULL: not asked for yet */
    double detail_at;               /* when to ask for the selected concept's detail; 0: not */
    bool has_asked;                 /* a detail was asked for: asked_row */
    size_t asked_row;
    int page_top;

    /* steering */
    struct slot slots[MAX_SLOTS];
    int n_slots, slot;
    struct line_edit value;
    struct answer answers[N_BRANCHES];
    int answer_top; /* first row shown; -1: follow the end */
    bool has_effect;
    float kl, norm_ratio;
    struct sampler sampler;
    int max_tokens;

    /* the worker */
    unsigned last_job; /* id of the run asked for last; events of older ones are dropped */
    bool wants_answer; /* the first reading goes on to an answer once pins are known */
    enum run_state run;
    bool run_answers;   /* the run goes on to answer */
    long done, total;   /* progress of the reading, before that of quantising the weights */
    double run_started; /* seconds, when answering began */
    int n_run_pieces;
    double interrupt_at; /* when Ctrl-C was pressed last; 0: not */
    struct err err;      /* shown until a key; code ERR_OK: none */
    char notice[160];    /* last action in words; "" none */
};

void app_init(struct app *app, int height, int width);
void app_clear(struct app *app);

/* What tints a row fully: score_full, or for raw activations the largest one on screen. */
float app_scale(const struct app *app, size_t row);
/* The tint for a row at token i: score times gain in levels 0..8; scale from app_scale. */
int app_heat(const struct app *app, const struct tokens *tokens, int i, size_t row, float scale);
/* The same in steps 0..STYLE_HEAT_STEPS, four to a level; never in another level. */
int app_heat_step(const struct app *app, const struct tokens *tokens, int i, size_t row,
                  float scale);
float app_score(const struct app *app, size_t row, float act);
/* Level 0..8 of the one bar a list has for a score, gain included; 0 for raw activations. */
int app_bar_level(const struct app *app, float score);
/* Does the concept fire in the prompt that was read: is its score above 0? */
bool app_fires(const struct app *app, size_t row);
float app_prompt_max(const struct app *app, size_t row);  /* 0 without a reading */
const char *app_label(const struct app *app, size_t row); /* "" without a dictionary */
/* "#17", or "#1:17" of one of several dictionaries. */
enum { ROW_NAME_SIZE = 24 };
void app_row_name(char out[ROW_NAME_SIZE], const struct app *app, size_t row);
int app_row_columns(const struct app *app); /* that lists leave for it */
bool app_is_pinned(const struct app *app, size_t row);
int app_pin_of(const struct app *app, size_t row);  /* its digit on screen, from 1; 0: none */
int app_slot_of(const struct app *app, size_t row); /* -1: not in the rack */
unsigned app_screen_bit(const struct app *app);     /* ON_READ ... */
bool app_is_busy(const struct app *app);
double app_wake_at(const struct app *app); /* when a tick is wanted, in seconds; 0: never */

/* Can what the action does be done with what is open? A dump has no weights to run. */
bool app_offers(const struct app *app, enum action action);

/* Does any slot change anything? */
bool app_steers(const struct app *app);
const char *concept_sort_name(enum concept_sort sort); /* "row", "act_max", ... */

/* Rows of bars under the tokens: pins, and the selected concept where it is not pinned. Returns
 * how many were written to rows [MAX_PINS + 1]. */
int app_bar_rows(const struct app *app, size_t *rows);

#endif
