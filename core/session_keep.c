/* Residuals of answers after layers above the hook, for the dictionaries that are read there. */
#include "core/session_internal.h"

#include <stdlib.h>
#include <string.h>

bool session_keeps(const struct session *s, int layer)
{
    for (int i = 0; i < s->n_kept; i++)
        if (s->kept_layers[i] == layer)
            return true;
    return false;
}

int session_keep_layers(struct session *s, const int *layers, int n, struct err *err)
{
    const int n_layers = s->model->config.n_layers;
    for (int i = 0; i < n; i++) {
        if (layers[i] < s->hook_layer || layers[i] >= n_layers)
            return err_set(err, ERR_LIMIT, "layer %d cannot be read beside layer %d of %s",
                           layers[i], s->hook_layer, s->model->name);
        if (layers[i] == s->hook_layer || session_keeps(s, layers[i]))
            continue;
        if (s->n_kept == SESSION_MAX_KEPT)
            return err_set(err, ERR_LIMIT, "at most %d layers can be read at once",
                           SESSION_MAX_KEPT + 1);
        s->kept_layers[s->n_kept++] = layers[i];
    }
    return ERR_OK;
}

int session_reserve_kept(const struct session *s, struct branch *b, struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; i < s->n_kept && rc == ERR_OK; i++)
        rc = session_reserve_resid(&b->kept[i].resid, &b->kept[i].cap, (size_t)b->n_answer,
                                   session_width(s), err);
    return rc;
}

void session_free_kept(struct branch *b)
{
    for (int i = 0; i < SESSION_MAX_KEPT; i++)
        free(b->kept[i].resid);
}

void session_keep_row(const struct session *s, struct branch *b, int layer, int pos, const float *x)
{
    const size_t d_model = session_width(s);
    for (int i = 0; i < s->n_kept && pos >= s->n_prompt; i++)
        if (s->kept_layers[i] == layer)
            memcpy(b->kept[i].resid + (size_t)(pos - s->n_prompt) * d_model, x,
                   d_model * sizeof *x);
}

int session_answer_resid(const float **resid, const struct session *s, int branch, int layer)
{
    const struct branch *b = session_see_branch(s, branch);
    *resid = b->resid;
    if (layer == s->hook_layer)
        return b->n_lower;
    for (int i = 0; i < s->n_kept; i++)
        if (s->kept_layers[i] == layer)
            *resid = b->kept[i].resid;
    return b->n_upper > s->n_prompt ? b->n_upper - s->n_prompt : 0;
}
