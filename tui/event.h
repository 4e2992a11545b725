/* What happens: keys, mouse, time, and what the worker reports. Payloads are owned by the event
 * until update takes them (and sets the pointer to NULL); event_clear frees what was not taken. */
#ifndef TUI_EVENT_H
#define TUI_EVENT_H

#include "core/latents.h"
#include "core/lens.h"
#include "data/concept_search.h"
#include "data/dictionary.h"
#include "data/err.h"
#include "tui/dict_set.h"
#include "tui/keys.h"
#include "tui/tokens.h"

#include <stdbool.h>

/* A prompt to begin with, and the concepts that show best in it. */
enum { EXAMPLE_PINS = 2 };
struct example {
    char *text;                /* owned */
    size_t pins[EXAMPLE_PINS]; /* rows; [n_pins]; none: those that fire most */
    int n_pins;
    float factor; /* at which the first of them steers well */
};

/* The dictionary and its surroundings are open: labels can be browsed. */
struct opened {
    const struct dict_set *set;    /* borrowed: how rows are named; NULL: as numbers */
    const struct dictionary *dict; /* borrowed, read-only; valid until the program ends; or NULL */
    struct example *examples;      /* [n_examples] owned; may be none */
    size_t n_examples;
};

/* The model is open: texts can be read, and the dictionary's scores are complete. */
struct model_info {
    char *name;    /* owned */
    char *warning; /* owned: that of core/scope.h, else the model's notice, else NULL */
    int n_layers, d_model, hook_layer;
    int n_ctx;
    bool is_chat, is_demo, has_tokenizer;
    bool is_dump; /* no weights: one text that was read elsewhere */
    /* borrowed as in opened: the same with its calibration; NULL: there is none */
    const struct dictionary *dict;
};

/* A prompt that was read. Immutable. */
enum { READING_TOP = 256, TOKEN_TOP = 64 }; /* concepts listed at most: over a prompt, at a token */
struct reading {
    struct tokens tokens;
    struct ranked *top; /* [n_top] owned, n_top <= READING_TOP: the prompt's concepts by score */
    size_t n_top;
    float *row_max;        /* [n_concepts] owned: largest activation over counted positions */
    float median_norm;     /* of the residual, over counted positions; 0: several layers are read */
    int n_words, n_unseen; /* words of the text, and those the model never saw; -1: no list */
    double seconds;        /* time taken */
    int n_computed;        /* positions that had to be computed */
};
void reading_set_max(struct reading *r); /* row_max from the tokens' activations */
/* Makes top again from row_max, by another unit; the positions in it are -1. */
void reading_rank(struct reading *r, const struct dictionary *dict, enum score_unit unit);
void reading_free(struct reading *r);

/* One concept in depth. */
enum { DETAIL_ROWS = 16 };
struct detail {
    size_t row;
    float norm;
    char *top[DETAIL_ROWS], *bottom[DETAIL_ROWS]; /* owned token texts */
    float top_value[DETAIL_ROWS], bottom_value[DETAIL_ROWS];
    int n_lens; /* 0 while there is no model */
    struct neighbour nearest[DETAIL_ROWS];
    int n_nearest;
};
void detail_free(struct detail *d);

enum answer_branch { BRANCH_BASELINE, BRANCH_STEERED, N_BRANCHES };

/* A token of an answer, and the read-out of the tokens before it that became known. */
struct piece {
    int id;
    char text[64]; /* bytes, text_len of them; longer pieces are cut */
    int text_len;
    bool special;
};
struct acts_row {
    float *acts; /* [n_concepts] owned; NULL: none */
    size_t n;
};

/* Ids of requests: opening the files, then the runs, counting up. */
enum { JOB_OPEN = 1 };

enum event_kind {
    EVENT_KEY,
    EVENT_MOUSE,
    EVENT_PASTE,
    EVENT_RESIZE,
    EVENT_TICK, /* time has passed */
    EVENT_MATCHES,
    /* from the worker */
    EVENT_OPENED,
    EVENT_MODEL,
    EVENT_READING,
    EVENT_PROGRESS,
    EVENT_ANSWER_BEGIN, /* the branch's answer starts again from nothing */
    EVENT_PIECE,        /* the next token of a branch */
    EVENT_ACTS,         /* read-out of the next unread token of a branch */
    EVENT_ANSWER_END,
    EVENT_EFFECT,
    EVENT_DETAIL,
    EVENT_DONE, /* a run ended: err.code tells how */
};

enum mouse_kind { MOUSE_CLICK, MOUSE_DRAG, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct event {
    enum event_kind kind;
    unsigned job;   /* request it answers; 0: none */
    double seconds; /* monotonic clock when it was seen */
    int key;        /* KEY: enum key or a code point */
    enum mouse_kind mouse;
    int y, x;             /* MOUSE */
    int height, width;    /* RESIZE */
    char *text;           /* PASTE; owned */
    size_t text_len;      /* bytes */
    struct opened opened; /* OPENED; examples owned */
    struct model_info model;
    struct reading *reading; /* READING; NULL: the prompt's tokens are unchanged */
    struct detail *detail;
    struct concept_matches matches; /* MATCHES; err says why there are none */
    int branch;                     /* enum answer_branch */
    struct piece piece;
    struct acts_row acts;
    int stop;             /* ANSWER_END: enum generate_stop */
    float kl, norm_ratio; /* EFFECT */
    long done, total;     /* PROGRESS */
    struct err err;       /* DONE, MATCHES: code ERR_OK, ERR_CANCELLED or a failure */
};
void event_clear(struct event *e);

#endif
