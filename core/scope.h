/* A scope: one model with its tokenizer and, perhaps, a dictionary: what every command opens.
 * Read-only once opened: any thread may use it. */
#ifndef CORE_SCOPE_H
#define CORE_SCOPE_H

#include "core/chat.h"
#include "core/memory_need.h"
#include "core/model.h"
#include "core/prompt.h"
#include "core/scope_paths.h"
#include "core/tokenizer.h"
#include "data/calibration.h"
#include "data/dictionary.h"

#include <stdbool.h>

struct scope {
    struct model *model;         /* or NULL: only a dictionary was opened */
    struct tokenizer *tokenizer; /* NULL: the folder has none, --ids only */
    struct dictionary *dict;     /* or NULL */
    bool is_chat;                /* the files carry a chat template of Gemma's form */
    const char *chat_lacks; /* a template of another form: what of Gemma's it lacks; else NULL */
    bool is_demo;
    enum dtype kv;  /* what sessions are to keep keys and values as */
    int hook_layer; /* --layer, else the dictionary's; without a dictionary the last layer */
};

/* What a command cannot do without. A dictionary that is there but not needed is opened too if
 * SCOPE_DICT_IF_ANY is set; a tokenizer always is when the model's folder has one. */
enum scope_need {
    SCOPE_MODEL = 1,
    SCOPE_DICT = 2,
    SCOPE_TOKENIZER = 4,
    SCOPE_DICT_IF_ANY = 8,
    SCOPE_TOKENIZER_IF_ANY = 16, /* without the model it belongs to */
    SCOPE_CALIBRATION = 32, /* the dictionary gets what `axscope calibrate` stored, if it did */
    SCOPE_AS_STORED = 64,   /* the weights are looked at, not used: nothing is quantised, and memory
                               not asked about */
    /* what of the model will run, for the question whether it fits; neither: all of it */
    SCOPE_READS = 128, /* layers up to the hook */
    SCOPE_LENS = 256,  /* the output matrix alone */
};

/* Opens what `need` (a union of scope_need) asks for and checks that it fits together. Only what
 * is needed is read: a search opens no model. ERR_ARG: --model is needed and absent, or several
 * lN folders without --layer. ERR_NOMEM: it takes more memory than is available
 * (core/memory_need.h). */
int scope_open(struct scope *out, const struct scope_options *options, int need,
               struct err *err) ERR_CHECK;
void scope_close(struct scope *scope);

/* Does the dictionary fit the model? Sets the hook layer: `layer` if >= 0, else the dictionary's,
 * else the last. scope_open has done it; for scopes that were put together by hand. */
int scope_check(struct scope *scope, int layer, struct err *err) ERR_CHECK;

/* What of the scope's model takes memory under these options and needs. */
struct memory_plan scope_memory_plan(const struct scope *scope, const struct scope_options *options,
                                     int need);

/* What a calibration of this scope's dictionary on the model at `model_path` is kept under. */
int scope_calibration_key(struct calibration_key *out, const struct scope *scope,
                          const char *model_path, struct err *err) ERR_CHECK;

/* Attaches the stored calibration to the dictionary, if there is one. scope_open does it under
 * SCOPE_CALIBRATION. */
int scope_open_calibration(struct scope *scope, const char *model_path, struct err *err) ERR_CHECK;

/* What a user should know before trusting the numbers: a sentence on a dictionary of a chat model
 * beside a base model, or NULL. Told by the names alone, so a folder of any other name than
 * "gemma-2-..." never gets one. Caller frees. */
char *scope_warning(const struct scope *scope);

/* Appends what a token is shown as: decoded bytes, "<id>" without a tokenizer, "<?>"
 * for -1. */
void scope_token_text(struct buf *out, const struct scope *scope, int id);

#endif
