/* A scope: one model with its tokenizer and, perhaps, a dictionary: what every command opens.
 * Decides which files are meant (DESIGN.md 6): flags, hub cache, the bundled demo. */
#ifndef CORE_SCOPE_H
#define CORE_SCOPE_H

#include "core/chat.h"
#include "core/model.h"
#include "core/tokenizer.h"
#include "data/dictionary.h"

#include <stdbool.h>

struct scope_options {
    const char *model; /* --model or NULL */
    const char *dict;  /* --dict or NULL */
    const char *acts;  /* --acts or NULL */
    int layer;         /* --layer or -1 */
};

struct scope_paths {
    char *model; /* owned; a folder, or NULL when none was found or asked for */
    char *dict;  /* owned; or NULL */
    bool is_demo;
};

struct scope {
    struct model *model;         /* or NULL: only a dictionary was opened */
    struct tokenizer *tokenizer; /* NULL: the folder has none, --ids only */
    struct dictionary *dict;     /* or NULL */
    bool is_chat;                /* the files carry a chat template */
    bool is_demo;
    int hook_layer; /* --layer, else the dictionary's */
};

enum scope_need { SCOPE_MODEL = 1, SCOPE_DICT = 2, SCOPE_TOKENIZER = 4 };

/* Finds the files. exe_path: argv[0] resolved, for the demo beside the executable ($AXSCOPE_DATA,
 * ../share/axscope, ../../assets), used only when neither model nor dict is given. */
int scope_find(struct scope_paths *out, const struct scope_options *options,
               struct err *err) ERR_CHECK;
void scope_paths_clear(struct scope_paths *paths);

/* Opens what `need` (a union of scope_need) asks for and checks that it fits together. */
int scope_open(struct scope *out, const struct scope_options *options, int need,
               struct err *err) ERR_CHECK;
void scope_close(struct scope *scope);

/* A prompt as every command understands it. */
enum prompt_form { PROMPT_AUTO, PROMPT_RAW, PROMPT_CHAT, PROMPT_IDS };
struct prompt {
    struct token_ids ids;
    bool *special; /* [n] owned: tokenizer's flag (none: bos, eos, pad) */
    bool *counted; /* [n] owned: pooled positions (DESIGN.md 2) */
    int n_spared;  /* positions the clamp leaves alone: template prefix, 0 for raw and ids */
};

/* AUTO: chat for chat models, else raw. answer: the model's answer (chat only) or NULL. */
int prompt_from_text(struct prompt *out, const struct scope *scope, enum prompt_form form,
                     const char *text, size_t len, const char *answer, struct err *err) ERR_CHECK;
int prompt_from_ids(struct prompt *out, const struct scope *scope, const int *ids, size_t n,
                    struct err *err) ERR_CHECK;
void prompt_clear(struct prompt *p);

/* Appends what a token is shown as: decoded bytes, "<id>" without a tokenizer. */
void scope_token_text(struct buf *out, const struct scope *scope, int id);

#endif
