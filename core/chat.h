/* Gemma's chat form: <bos>, then per turn <start_of_turn>{user|model} newline {trimmed text}
 * <end_of_turn> newline, then the opening of the model's turn. No system role. */
#ifndef CORE_CHAT_H
#define CORE_CHAT_H

#include "core/tokenizer.h"

#include <stdbool.h>

enum chat_role { CHAT_USER, CHAT_MODEL };

struct chat_turn {
    enum chat_role role;
    const char *text;
    size_t len;
};

struct chat_prompt {
    struct token_ids ids;
    /* [ids.n] owned: tokens of the turns' texts; not BOS, markers, roles, newlines */
    bool *counted;
    size_t n_prefix; /* template tokens before the first turn's text: 4 for Gemma 2 */
};

/* Does the tokenizer have the turn markers as added tokens? */
bool chat_supported(const struct tokenizer *tok);

/* Renders turns, the user's and the model's in turn. If the last is the user's, the model's turn
 * is opened; if it is the model's, the sequence ends with its last text token (AxBench scores
 * pairs so). Texts lose white space at both ends as in the template (Python's str.strip); turn
 * markers inside a text become special tokens, as in Hugging Face. A token is counted if it
 * holds a byte of a turn's text.
 * In:    bos_id  first token; -1: none
 * Fails: ERR_UNSUPPORTED  the tokenizer has no turn markers
 *        ERR_ARG          no turns, or roles that do not alternate */
int chat_render(struct chat_prompt *out, const struct tokenizer *tok, int bos_id,
                const struct chat_turn *turns, size_t n_turns, struct err *err) ERR_CHECK;
void chat_prompt_clear(struct chat_prompt *p);

#endif
