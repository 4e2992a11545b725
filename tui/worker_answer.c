/* The two answers in lockstep: the baseline is kept while it fits, the steered one starts again
 * from the prompt's end. */
#include "tui/worker_internal.h"

#include "core/steering.h"
#include "tui/dict_read.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool on_progress(void *data, long done, long total)
{
    (void)done, (void)total;
    return worker_is_cancelled(data);
}

/* Without act_max 1.0 is the median residual norm, whatever the row's own norm. */
static int slot_strength(float *out, const struct worker *w, const struct slot *slot,
                         struct err *err)
{
    struct concept_ref ref = dict_set_ref(&w->set, slot->row);
    const struct dictionary *dict = w->set.dicts[ref.dict];
    if (slot->kind == INTERVENTION_PROJECT_OUT) {
        *out = 0;
        return ERR_OK;
    }
    if (w->all.act_max)
        return steering_strength(out, dict, ref.row, slot->factor, err);
    float *direction = mem_alloc(dict->d_model, sizeof *direction);
    double norm2 = 0;
    dictionary_direction(direction, dict, ref.row);
    for (size_t i = 0; i < dict->d_model; i++)
        norm2 += (double)direction[i] * (double)direction[i];
    free(direction);
    *out = norm2 > 0 ? slot->factor * w->median_norms[ref.dict] / (float)sqrt(norm2) : 0;
    return ERR_OK;
}

static int make_steering(struct steering *out, const struct worker *w, const struct run_request *r,
                         struct err *err)
{
    *out = (struct steering){.at = STEER_BOTH, .n_spared = w->prompt.n_spared};
    int rc = ERR_OK;
    for (int i = 0; w->set.n > 0 && i < r->n_slots && rc == ERR_OK; i++) {
        const struct slot *slot = &r->slots[i];
        float strength;
        if (!slot->is_on)
            continue;
        rc = slot_strength(&strength, w, slot, err);
        if (rc != ERR_OK)
            break;
        struct concept_ref ref = dict_set_ref(&w->set, slot->row);
        const struct dictionary *dict = w->set.dicts[ref.dict];
        struct intervention what = {steering_kind_for(dict, slot->kind), ref.row, strength};
        rc = steering_add(out, dict, what, err);
    }
    return rc;
}

static void send_piece(struct worker *w, int branch, int id)
{
    struct buf text = {0};
    struct event *e = worker_event(w, EVENT_PIECE);
    scope_token_text(&text, &w->scope, id);
    size_t len = text.len < sizeof e->piece.text ? text.len : sizeof e->piece.text;
    memcpy(e->piece.text, buf_cstr(&text), len);
    e->piece.text_len = (int)len;
    e->piece.id = id;
    e->branch = branch;
    buf_clear(&text);
    worker_post(w, e);
}

/* The residuals that the dictionaries read from answer token `from` on; returns how many tokens all
 * of them have. */
static int answer_resid(const float **resid, const struct worker *w, int branch, int from)
{
    int n = session_n_answer(w->session, branch);
    for (size_t d = 0; d < w->set.n; d++) {
        int n_own = session_answer_resid(&resid[d], w->session, branch, w->set.layers[d]);
        resid[d] += (size_t)from * w->set.dicts[d]->d_model;
        n = n_own < n ? n_own : n;
    }
    return n - from;
}

/* Sends the read-outs of answer tokens that became known since the last call. */
static int send_acts(struct worker *w, int branch, struct err *err)
{
    if (w->set.n == 0)
        return ERR_OK;
    size_t n_concepts = w->all.n_concepts;
    const float **resid = mem_alloc(w->set.n, sizeof *resid);
    int n = answer_resid(resid, w, branch, w->n_read[branch]), rc = ERR_OK;
    float *acts = NULL;
    if (n > 0)
        rc = dict_encode_all(&acts, &w->set, resid, (size_t)n, false, err);
    for (int i = 0; rc == ERR_OK && i < n; i++) {
        struct event *e = worker_event(w, EVENT_ACTS);
        e->branch = branch;
        e->acts.n = n_concepts;
        e->acts.acts = mem_alloc(n_concepts, sizeof *acts);
        memcpy(e->acts.acts, acts + (size_t)i * n_concepts, n_concepts * sizeof *acts);
        worker_post(w, e);
    }
    w->n_read[branch] += n > 0 ? n : 0;
    free(acts);
    free(resid);
    return rc;
}

static void send_effect(struct worker *w)
{
    struct event *e = worker_event(w, EVENT_EFFECT);
    e->kl = (float)logits_kl(w->logits[BRANCH_STEERED], w->logits[BRANCH_BASELINE],
                             w->scope.model->config.n_vocab);
    if (w->edited_layer >= 0)
        e->norm_ratio = session_norm_ratio(w->session, BRANCH_STEERED, w->edited_layer);
    worker_post(w, e);
}

static void keep_logits(struct worker *w, int branch, const float *logits)
{
    memcpy(w->logits[branch], logits,
           (size_t)w->scope.model->config.n_vocab * sizeof *w->logits[branch]);
    w->has_logits[branch] = true;
    if (w->has_logits[BRANCH_BASELINE] && w->has_logits[BRANCH_STEERED])
        send_effect(w);
}

static void send_end(struct worker *w, int branch)
{
    struct event *e = worker_event(w, EVENT_ANSWER_END);
    e->branch = branch;
    e->stop = (int)w->stops[branch];
    worker_post(w, e);
}

/* A token that is refused here is not appended, so nothing may have been sent of it. */
static bool on_token(void *data, int branch, int index, int id, const float *logits)
{
    struct worker *w = data;
    worker_look_if_asked(w);
    if (worker_is_cancelled(w))
        return false;
    if (index == 0)
        keep_logits(w, branch, logits);
    if (send_acts(w, branch, NULL) != ERR_OK)
        return false;
    if (model_is_stop(w->scope.model, id)) {
        w->stops[branch] = GENERATE_EOS;
        send_end(w, branch);
    } else {
        send_piece(w, branch, id);
    }
    return true;
}

static void begin(struct worker *w, enum answer_branch branch)
{
    session_truncate(w->session, branch, 0);
    w->has_logits[branch] = false;
    w->n_read[branch] = 0;
    w->stops[branch] = GENERATE_RUNNING;
    struct event *e = worker_event(w, EVENT_ANSWER_BEGIN);
    e->branch = branch;
    worker_post(w, e);
}

static bool same_sampler(const struct sampler *a, const struct sampler *b)
{
    return a->temperature == b->temperature && a->top_k == b->top_k && a->top_p == b->top_p &&
           a->seed == b->seed;
}

/* Sends what the receiver lacks of the baseline that is kept. */
static int keep_baseline(struct worker *w, const struct run_request *r, struct err *err)
{
    int n = session_n_answer(w->session, BRANCH_BASELINE);
    for (int i = r->n_baseline; i < n; i++)
        send_piece(w, BRANCH_BASELINE, session_answer(w->session, BRANCH_BASELINE)[i]);
    w->n_read[BRANCH_BASELINE] = r->n_baseline_read;
    int rc = send_acts(w, BRANCH_BASELINE, err);
    if (w->stops[BRANCH_BASELINE] != GENERATE_RUNNING)
        send_end(w, BRANCH_BASELINE);
    return rc;
}

static int prepare(unsigned *mask, struct worker *w, const struct run_request *r, struct err *err)
{
    bool keep = w->has_baseline && same_sampler(&w->sampler, &r->sampler) &&
                w->max_tokens == r->max_tokens &&
                r->n_baseline <= session_n_answer(w->session, BRANCH_BASELINE);
    int rc = ERR_OK;
    w->sampler = r->sampler;
    w->max_tokens = r->max_tokens;
    if (keep)
        rc = keep_baseline(w, r, err);
    else
        begin(w, BRANCH_BASELINE);
    w->has_baseline = true;
    *mask = 1u << BRANCH_STEERED;
    if (w->stops[BRANCH_BASELINE] == GENERATE_RUNNING)
        *mask |= 1u << BRANCH_BASELINE;
    return rc;
}

static int steer(struct worker *w, const struct run_request *r, struct err *err)
{
    struct steering steering;
    int rc = make_steering(&steering, w, r, err);
    w->edited_layer = steering_next_layer(&steering, 0);
    if (rc == ERR_OK)
        rc = session_set_steering(w->session, BRANCH_STEERED, steering.n ? &steering : NULL, err);
    steering_clear(&steering);
    return rc;
}

/* A token chosen last was never run: one more step gives its read-out. */
static int read_last(struct worker *w, unsigned mask, struct err *err)
{
    unsigned cut = 0;
    size_t n = 0;
    for (int b = 0; b < N_BRANCHES; b++)
        if (mask & 1u << b && w->stops[b] == GENERATE_LENGTH) {
            cut |= 1u << b;
            n++;
        }
    if (!cut || w->set.n == 0)
        return ERR_OK;
    float *logits = mem_alloc(n * (size_t)w->scope.model->config.n_vocab, sizeof *logits);
    int rc = session_logits(w->session, cut, logits, err);
    free(logits);
    for (int b = 0; b < N_BRANCHES && rc == ERR_OK; b++)
        if (mask & 1u << b)
            rc = send_acts(w, b, err);
    return rc;
}

/* generate() reports on its own branches only; the kept baseline's end stays as it was. */
static int continue_answers(struct worker *w, const struct run_request *r, unsigned mask,
                            struct err *err)
{
    enum generate_stop stops[SESSION_MAX_BRANCHES];
    int rc = generate(stops, w->session, w->scope.model, mask, &r->sampler, r->max_tokens, on_token,
                      w, err);
    for (int b = 0; b < N_BRANCHES; b++)
        if (mask & 1u << b && stops[b] == GENERATE_LENGTH) {
            w->stops[b] = GENERATE_LENGTH;
            send_end(w, b);
        }
    return rc;
}

int worker_answer(struct worker *w, const struct run_request *r, struct err *err)
{
    unsigned mask;
    session_set_progress(w->session, on_progress, w);
    int rc = prepare(&mask, w, r, err);
    begin(w, BRANCH_STEERED);
    if (rc == ERR_OK)
        rc = steer(w, r, err);
    if (rc == ERR_OK)
        rc = continue_answers(w, r, mask, err);
    return rc == ERR_OK ? read_last(w, mask, err) : rc;
}
