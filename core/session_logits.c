/* Next-token logits: what every branch lacks in the lower half, then what it lacks in the upper
 * half, all branches in one batch; last positions alone go through the output matrix. */
#include "core/session_internal.h"
#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int n_above(const struct session *s)
{
    return s->model->config.n_layers - s->hook_layer - 1;
}

/* The first position of a branch whose upper half has to run. The last position always does: its
 * output is wanted. With no layer above the hook, nothing else has an upper half. */
static int first_upper(const struct session *s, const struct branch *b)
{
    int last = s->n_prompt + b->n_answer - 1;
    return n_above(s) > 0 ? min_int(b->n_upper, last) : last;
}

/* One row on its way through a half: which branch it is of, and where its result goes. */
struct rider {
    struct branch *branch;
    int pos;
};

/* Runs the collected answer rows through the lower half and files their residuals. */
static int run_lower(struct session *s, const struct rider *riders, int n, struct err *err)
{
    const size_t d_model = session_width(s);
    struct batch batch = {.x = s->x, .rows = s->rows, .n = n};
    for (int t = 0; t < n; t++) {
        const struct branch *b = riders[t].branch;
        s->rows[t] = (struct row){&b->lower_line, riders[t].pos};
        forward_embed(s->x + (size_t)t * d_model, s->model, &b->answer[riders[t].pos - s->n_prompt],
                      1);
    }
    int rc = session_run(s, &batch, 0, s->hook_layer + 1, NULL, NULL, err);
    for (int t = 0; t < n && rc == ERR_OK; t++) {
        struct branch *b = riders[t].branch;
        int i = riders[t].pos - s->n_prompt;
        memcpy(b->resid + (size_t)i * d_model, s->x + (size_t)t * d_model, d_model * sizeof(float));
        b->n_lower = i + 1;
    }
    return rc;
}

static const float *hook_resid(const struct session *s, const struct branch *b, int pos)
{
    return pos < s->n_prompt ? s->resid + (size_t)pos * session_width(s)
                             : b->resid + (size_t)(pos - s->n_prompt) * session_width(s);
}

static bool is_last(const struct session *s, const struct rider *rider)
{
    return rider->pos == s->n_prompt + rider->branch->n_answer - 1;
}

static struct branch *branch_of(struct session *s, const struct row *row)
{
    int b = 0;
    while (row->timeline != &s->branches[b].upper_line)
        b++;
    return &s->branches[b];
}

/* Keeps and edits the output of a layer above the hook. */
static int edit_layer(void *data, int layer, const struct batch *batch, struct err *err)
{
    struct session *s = data;
    for (int t = 0; t < batch->n; t++) {
        float *x = batch->x + (size_t)t * session_width(s);
        struct branch *b = branch_of(s, &batch->rows[t]);
        session_keep_row(s, b, layer, batch->rows[t].pos, x);
        session_edit(s, b, layer, batch->rows[t].pos, x);
    }
    return forward_check(s->model, batch->x, batch->rows, batch->n, layer, err);
}

/* Steers the collected rows and runs them through the upper half; what leaves the model at last
 * positions is appended to `last`. Returns the number of those, or an error. */
static int run_upper(struct session *s, const struct rider *riders, int n, float *last,
                     struct err *err)
{
    const size_t d_model = session_width(s);
    bool keep[FORWARD_MAX_ROWS], keep_all = session_keeps(s, s->model->config.n_layers - 1);
    int n_last = 0;
    for (int t = 0; t < n; t++) {
        const struct branch *b = riders[t].branch;
        float *x = s->x + (size_t)t * d_model;
        s->rows[t] = (struct row){&b->upper_line, riders[t].pos};
        memcpy(x, hook_resid(s, b, riders[t].pos), d_model * sizeof(float));
        session_edit(s, riders[t].branch, s->hook_layer, riders[t].pos, x);
        keep[t] = keep_all || is_last(s, &riders[t]);
    }
    struct batch batch = {.x = s->x, .rows = s->rows, .n = n, .keep = keep};
    int rc = forward_check(s->model, s->x, s->rows, n, s->hook_layer, err);
    if (rc == ERR_OK)
        rc = session_run(s, &batch, s->hook_layer + 1, s->model->config.n_layers, edit_layer, s,
                         err);
    if (rc != ERR_OK)
        return rc;
    for (int t = 0; t < n; t++) {
        riders[t].branch->n_upper = riders[t].pos + 1;
        if (!is_last(s, &riders[t]))
            continue;
        memcpy(last + (size_t)n_last * d_model, s->x + (size_t)(keep_all ? t : n_last) * d_model,
               d_model * sizeof(float));
        n_last++;
    }
    return n_last;
}

/* What both halves do: collect the rows that every branch of the mask lacks, in batches. */
struct half {
    bool is_upper;
    float *last; /* [n_branches, d_model] upper half: filled */
    int n_last;
    struct rider riders[FORWARD_MAX_ROWS];
    int n;
};

static int flush(struct session *s, struct half *half, struct err *err)
{
    int rc = ERR_OK;
    if (half->n == 0)
        return rc;
    if (!half->is_upper)
        rc = run_lower(s, half->riders, half->n, err);
    else
        rc = run_upper(s, half->riders, half->n,
                       half->last + (size_t)half->n_last * session_width(s), err);
    half->n = 0;
    if (half->is_upper && rc > 0)
        half->n_last += rc;
    return rc < 0 ? rc : ERR_OK;
}

static int run_half(struct session *s, struct half *half, unsigned mask, struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; i < s->n_branches; i++) {
        struct branch *b = &s->branches[i];
        if (!(mask >> i & 1))
            continue;
        int pos = half->is_upper ? first_upper(s, b) : s->n_prompt + b->n_lower;
        for (; pos < s->n_prompt + b->n_answer && rc == ERR_OK; pos++) {
            half->riders[half->n++] = (struct rider){b, pos};
            if (half->n == FORWARD_MAX_ROWS)
                rc = flush(s, half, err);
        }
    }
    return rc == ERR_OK ? flush(s, half, err) : rc;
}

static int prepare_logits(struct session *s, unsigned mask, struct err *err)
{
    assert(mask >> s->n_branches == 0);
    if (s->n_prompt == 0)
        return err_set(err, ERR_LIMIT, "an empty prompt has no next token");
    long total = (long)(s->n_prompt - s->n_read) * (s->hook_layer + 1);
    int rc = session_reserve_batch(s, err);
    for (int i = 0; i < s->n_branches && rc == ERR_OK; i++) {
        struct branch *b = &s->branches[i];
        if (!(mask >> i & 1))
            continue;
        rc = session_reserve_branch(s, b, err);
        total += (long)(b->n_answer - b->n_lower) * (s->hook_layer + 1);
        total += (long)(s->n_prompt + b->n_answer - first_upper(s, b)) * n_above(s);
    }
    session_start_progress(s, total);
    return rc;
}

int session_logits(struct session *s, unsigned mask, float *logits, struct err *err)
{
    struct row last_rows[SESSION_MAX_BRANCHES];
    int n = 0;
    for (int i = 0; i < s->n_branches; i++)
        if (mask >> i & 1)
            last_rows[n++] = (struct row){NULL, s->n_prompt + s->branches[i].n_answer - 1};
    float *last = mem_alloc((size_t)n * session_width(s) + 1, sizeof *last);
    struct half *half = mem_zalloc(1, sizeof *half);
    int rc = prepare_logits(s, mask, err);
    if (rc == ERR_OK && s->n_read < s->n_prompt)
        rc = session_read_prompt(s, err);
    if (rc == ERR_OK)
        rc = run_half(s, half, mask, err);
    *half = (struct half){.is_upper = true, .last = last};
    if (rc == ERR_OK)
        rc = run_half(s, half, mask, err);
    if (rc == ERR_OK)
        rc = forward_logits(s->forward, logits, last, last_rows, n, err);
    free(half);
    free(last);
    return rc;
}
