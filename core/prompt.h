/* A prompt as every command understands it: token ids, which of them are special, which are
 * pooled over. */
#ifndef CORE_PROMPT_H
#define CORE_PROMPT_H

#include "core/tokenizer.h"
#include "data/err.h"

#include <stdbool.h>

struct chat_turn;
struct dump_file;
struct scope;

enum prompt_form { PROMPT_AUTO, PROMPT_RAW, PROMPT_CHAT, PROMPT_IDS };

struct prompt {
    struct token_ids ids;
    bool *special; /* [ids.n] owned: tokenizer's flag (none: bos, eos, pad) */
    bool *counted; /* [ids.n] owned: pooled positions (DESIGN.md 2) */
    int n_spared;  /* positions the clamp leaves alone: template prefix, 0 for raw and ids */
};

/* AUTO: chat for chat models, else raw (also for models whose template is of another form than
 * Gemma's). answer: the model's answer (chat only) or NULL; with one
 * the sequence ends with its last token. Raw text gets a BOS unless it begins with one.
 * Fails: ERR_UNSUPPORTED without tokenizer or turn markers, and where the chat form is asked for
 * and the model's is not Gemma's; ERR_LIMIT when it exceeds n_ctx. */
int prompt_from_text(struct prompt *out, const struct scope *scope, enum prompt_form form,
                     const char *text, size_t len, const char *answer, struct err *err) ERR_CHECK;

/* ERR_UNSUPPORTED, with the reason, if the files cannot be used in the chat form. */
int prompt_check_chat(const struct scope *scope, struct err *err) ERR_CHECK;

/* A conversation of several turns in the chat form; `turns` as in core/chat.h. */
int prompt_from_turns(struct prompt *out, const struct scope *scope, const struct chat_turn *turns,
                      size_t n_turns, struct err *err) ERR_CHECK;

/* Exactly these ids. Counted: all but bos, eos and pad. ERR_LIMIT: one is out of range. */
int prompt_from_ids(struct prompt *out, const struct scope *scope, const int *ids, size_t n,
                    struct err *err) ERR_CHECK;
/* The tokens of a dump, without a model: ids -1 where the dump has none. Special: the tokenizer's
 * flag, else Gemma's pad, eos and bos (0, 1, 2). Counted: what the dump says; else all but pad, eos
 * and bos, or without ids all but the first position, where a BOS stands. */
void prompt_from_dump(struct prompt *out, const struct scope *scope, const struct dump_file *dump);
void prompt_clear(struct prompt *p);

#endif
