/* What steering does in a session: edits of the rows that run above the hook, and their size. */
#include "core/kernels.h"
#include "core/session_internal.h"
#include "data/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int refuse_layers(const struct session *s, const struct steering *steering, struct err *err)
{
    const int n_layers = s->model->config.n_layers;
    for (size_t i = 0; i < steering->n; i++) {
        int layer = steering->edits[i].layer;
        if (layer < s->hook_layer || layer >= n_layers)
            return err_set(err, ERR_LIMIT,
                           "an edit at layer %d: layers %d to %d of %s can be edited here", layer,
                           s->hook_layer, n_layers - 1, s->model->name);
    }
    return ERR_OK;
}

int session_set_steering(struct session *s, int branch, const struct steering *steering,
                         struct err *err)
{
    static const struct steering none;
    struct branch *b = session_branch(s, branch);
    const size_t d_model = session_width(s);
    if (!steering)
        steering = &none;
    if (steering->n > 0 && steering->d_model != d_model)
        return err_set(err, ERR_SHAPE,
                       "directions of width %zu cannot steer %s, whose width is %zu",
                       steering->d_model, s->model->name, d_model);
    int rc = refuse_layers(s, steering, err);
    if (rc != ERR_OK)
        return rc;
    int first = min_int(steering_first_pos(&b->steering, s->n_prompt),
                        steering_first_pos(steering, s->n_prompt));
    struct steering copy;
    steering_copy(&copy, steering); /* it may be the branch's own */
    steering_clear(&b->steering);
    b->steering = copy;
    session_rewind_upper(b, first);
    session_forget_changes(s, b, first);
    return ERR_OK;
}

/* --- the size of the edits --- */

static float *change_at(const struct session *s, const struct branch *b, int layer, int pos)
{
    size_t width = (size_t)(s->model->config.n_layers - s->hook_layer);
    return &b->changes[(size_t)pos * width + (size_t)(layer - s->hook_layer)];
}

void session_forget_changes(const struct session *s, struct branch *b, int first)
{
    const int n_layers = s->model->config.n_layers;
    size_t width = (size_t)(n_layers - s->hook_layer);
    if (b->steering.n == 0)
        return;
    b->changes =
        mem_grow(b->changes, &b->cap_changes, (size_t)s->n_prompt * width, sizeof *b->changes);
    for (int pos = first; pos < s->n_prompt; pos++)
        for (int layer = s->hook_layer; layer < n_layers; layer++)
            *change_at(s, b, layer, pos) = -1;
}

static float norm(const float *x, size_t n)
{
    return sqrtf(dot(x, x, n));
}

void session_edit(const struct session *s, struct branch *b, int layer, int pos, float *x)
{
    const size_t d_model = session_width(s);
    if (!steering_reaches(&b->steering, layer, pos, s->n_prompt))
        return;
    if (pos >= s->n_prompt) {
        steering_apply(x, &b->steering, layer, pos, s->n_prompt);
        return;
    }
    float *change = mem_alloc(d_model, sizeof *change);
    float before = norm(x, d_model);
    memcpy(change, x, d_model * sizeof *x);
    steering_apply(x, &b->steering, layer, pos, s->n_prompt);
    axpy(change, -1, x, d_model);
    *change_at(s, b, layer, pos) = before > 0 ? norm(change, d_model) / before : 0;
    free(change);
}

float session_norm_ratio(const struct session *s, int branch, int layer)
{
    const struct branch *b = session_see_branch(s, branch);
    double sum = 0;
    int n = 0;
    for (int pos = 0; pos < s->n_prompt; pos++) {
        if (!steering_reaches(&b->steering, layer, pos, s->n_prompt))
            continue;
        float change = *change_at(s, b, layer, pos);
        sum += change >= 0 ? change : 0;
        n += change >= 0;
    }
    return n > 0 ? (float)(sum / n) : 0;
}
