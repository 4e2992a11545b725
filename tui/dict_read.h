/* What the dictionaries of a set read in one text: the residuals of their layers, and the latents
 * of all their rows side by side. */
#ifndef TUI_DICT_READ_H
#define TUI_DICT_READ_H

#include "core/session.h"
#include "data/dump_file.h"
#include "tui/dict_set.h"

/* resid [set->n]: for each dictionary [n_prompt, d_model], the residual of its own layer before the
 * edits there and after those of the layers below; branch -1: no edits. The caller frees all with
 * dict_resid_free, also after a failure. The session's hook is the lowest of the layers. */
int dict_read_session(float **resid, const struct dict_set *set, struct session *session,
                      int branch, struct err *err) ERR_CHECK;
/* The same of a dump, which may tell the layer of a dictionary that does not know its own. */
int dict_read_dump(float **resid, struct dict_set *set, const struct dump_file *dump,
                   struct err *err) ERR_CHECK;
void dict_resid_free(float **resid, const struct dict_set *set);

/* *acts [n_tokens, set->all.n_concepts], the caller frees. resid [set->n], each [n_tokens,
 * d_model].
 */
int dict_encode_all(float **acts, const struct dict_set *set, const float *const *resid,
                    size_t n_tokens, bool is_signed, struct err *err) ERR_CHECK;
/* The same of dictionary d alone: [n_tokens, n_concepts]. */
int dict_encode(float **acts, const struct dictionary *dict, const float *resid, size_t n_tokens,
                bool is_signed, struct err *err) ERR_CHECK;

#endif
