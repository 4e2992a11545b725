#include "tui/dict_read.h"

#include "core/dump_read.h"
#include "core/latents.h"

#include <stdlib.h>
#include <string.h>

/* One layer is what the session keeps; several take a run through all of them. */
int dict_read_session(float **resid, const struct dict_set *set, struct session *session,
                      int branch, struct err *err)
{
    size_t n_tokens = (size_t)session_n_prompt(session), d_model = set->dicts[0]->d_model;
    memset(resid, 0, set->n * sizeof *resid);
    for (size_t d = 0; d < set->n; d++) {
        resid[d] = mem_try_floats(n_tokens, d_model);
        if (!resid[d])
            return err_set(err, ERR_NOMEM, "no memory for the residuals of %zu tokens", n_tokens);
    }
    if (!dict_set_is_one_layer(set))
        return session_dump(session, branch, set->layers, (int)set->n, resid, NULL, false, err);
    int rc = session_read(session, err);
    for (size_t d = 0; d < set->n && rc == ERR_OK; d++)
        memcpy(resid[d], session_resid(session), n_tokens * d_model * sizeof(float));
    return rc;
}

int dict_read_dump(float **resid, struct dict_set *set, const struct dump_file *dump,
                   struct err *err)
{
    int rc = ERR_OK;
    memset(resid, 0, set->n * sizeof *resid);
    for (size_t d = 0; d < set->n && rc == ERR_OK; d++)
        rc = dump_read(&resid[d], &set->layers[d], dump, set->dicts[d], err);
    return rc;
}

void dict_resid_free(float **resid, const struct dict_set *set)
{
    for (size_t d = 0; resid && d < set->n; d++)
        free(resid[d]);
    free(resid);
}

static int refuse_memory(size_t n_tokens, size_t n_concepts, struct err *err)
{
    err_set(err, ERR_NOMEM, "no memory for the latents of %zu tokens x %zu concepts", n_tokens,
            n_concepts);
    err_hint(err, "Split the text.");
    return ERR_NOMEM;
}

int dict_encode(float **acts, const struct dictionary *dict, const float *resid, size_t n_tokens,
                bool is_signed, struct err *err)
{
    *acts = mem_try_floats(n_tokens, dict->n_concepts);
    if (!*acts)
        return refuse_memory(n_tokens, dict->n_concepts, err);
    int rc = latents_encode(*acts, dict, resid, n_tokens, dict->d_model, is_signed, err);
    if (rc != ERR_OK) {
        free(*acts);
        *acts = NULL;
    }
    return rc;
}

int dict_encode_all(float **acts, const struct dict_set *set, const float *const *resid,
                    size_t n_tokens, bool is_signed, struct err *err)
{
    size_t width = set->all.n_concepts;
    if (set->n == 1)
        return dict_encode(acts, set->dicts[0], resid[0], n_tokens, is_signed, err);
    *acts = mem_try_floats(n_tokens, width);
    int rc = *acts ? ERR_OK : refuse_memory(n_tokens, width, err);
    for (size_t d = 0; d < set->n && rc == ERR_OK; d++) {
        size_t n = set->dicts[d]->n_concepts;
        float *part = NULL;
        rc = dict_encode(&part, set->dicts[d], resid[d], n_tokens, is_signed, err);
        for (size_t t = 0; rc == ERR_OK && t < n_tokens; t++)
            memcpy(*acts + t * width + set->first[d], part + t * n, n * sizeof *part);
        free(part);
    }
    if (rc != ERR_OK) {
        free(*acts);
        *acts = NULL;
    }
    return rc;
}
