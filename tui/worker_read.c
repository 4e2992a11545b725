/* Reading a prompt: tokens, residuals at the hook, activations of every concept. */
#include "tui/worker_internal.h"

#include "tui/clock.h"
#include "tui/dict_read.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int parse_ids(struct token_ids *out, const char *text, bool has_tokenizer, struct err *err)
{
    for (const char *at = text + strspn(text, " ,\n"); *at; at += strspn(at, " ,\n")) {
        char *end;
        errno = 0;
        long id = strtol(at, &end, 10);
        if (end == at || errno || id < 0 || id > INT_MAX) {
            err_set(err, ERR_ARG, "column %zu is no token id", (size_t)(at - text) + 1);
            err_hint(err, "%s: type numbers such as 2, 17, 5.",
                     has_tokenizer ? "--ids was given, so texts are token ids"
                                   : "The model has no tokenizer.json or tokenizer.model, so it is "
                                     "read by token ids");
            return ERR_ARG;
        }
        token_ids_add(out, (int)id);
        at = end;
    }
    return ERR_OK;
}

static int make_prompt(struct prompt *out, const struct worker *w, const struct run_request *r,
                       struct err *err)
{
    if (w->options.form != PROMPT_IDS && w->scope.tokenizer)
        return prompt_from_text(out, &w->scope, w->options.form, r->text, r->text_len, NULL, err);
    struct token_ids ids = {0};
    int rc = parse_ids(&ids, r->text, w->scope.tokenizer != NULL, err);
    if (rc == ERR_OK)
        rc = prompt_from_ids(out, &w->scope, ids.ids, ids.n, err);
    token_ids_clear(&ids);
    return rc;
}

static bool same_ids(const struct token_ids *a, const struct token_ids *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static float median_norm(const float *resid, const struct prompt *p, size_t d_model)
{
    float *norms = mem_alloc(p->ids.n, sizeof *norms);
    size_t n = 0;
    for (size_t t = 0; t < p->ids.n; t++) {
        if (!p->counted[t])
            continue;
        double sum = 0;
        for (size_t i = 0; i < d_model; i++)
            sum += (double)resid[t * d_model + i] * (double)resid[t * d_model + i];
        norms[n++] = (float)sqrt(sum);
    }
    qsort(norms, n, sizeof *norms, by_value);
    float median = n > 0 ? norms[n / 2] : 0;
    free(norms);
    return median;
}

static void add_tokens(struct tokens *out, const struct worker *w, const struct prompt *p)
{
    struct buf piece = {0};
    for (size_t t = 0; t < p->ids.n; t++) {
        buf_clear(&piece);
        scope_token_text(&piece, &w->scope, p->ids.ids[t]);
        tokens_add(out, p->ids.ids[t], buf_cstr(&piece), piece.len, p->special[t], p->counted[t]);
    }
    buf_clear(&piece);
}

/* Takes resid [set.n] and its blocks. */
static int encode(struct reading *out, struct worker *w, float **resid, struct err *err)
{
    struct lazy_acts *acts;
    if (w->set.n == 0) {
        dict_resid_free(resid, &w->set);
        return ERR_OK;
    }
    int rc = lazy_acts_new(&acts, &w->set, resid, (size_t)out->tokens.n, out->tokens.counted, false,
                           worker_progress, w, err);
    if (rc != ERR_OK)
        return rc;
    lazy_acts_one_by_one(acts);
    tokens_take_lazy(&out->tokens, acts);
    reading_set_max(out);
    reading_rank(out, &w->all, score_unit_of(&w->all));
    return ERR_OK;
}

/* Takes resid [set.n] and its blocks. text: what the prompt was made of, to count its words; NULL:
 * unknown. */
static int send_reading(struct worker *w, float **resid, const char *text, size_t text_len,
                        double started, struct err *err)
{
    const struct prompt *p = &w->prompt;
    struct reading *reading = mem_zalloc(1, sizeof *reading);
    tokens_init(&reading->tokens, w->all.n_concepts);
    add_tokens(&reading->tokens, w, p);
    reading->n_words = reading->n_unseen = -1;
    if (w->has_words && text)
        words_count(&reading->n_words, &reading->n_unseen, &w->words, text, text_len);
    for (size_t d = 0; d < w->set.n; d++)
        w->median_norms[d] = median_norm(resid[d], p, w->set.dicts[d]->d_model);
    if (w->set.n > 0 && dict_set_is_one_layer(&w->set))
        reading->median_norm = w->median_norms[0];
    reading->n_computed = !w->session                      ? 0
                          : dict_set_is_one_layer(&w->set) ? session_n_computed(w->session)
                                                           : (int)p->ids.n;
    int rc = encode(reading, w, resid, err);
    if (rc != ERR_OK) {
        reading_free(reading);
        return rc;
    }
    reading->seconds = clock_seconds() - started;
    struct event *e = worker_event(w, EVENT_READING);
    e->reading = reading;
    worker_post(w, e);
    return ERR_OK;
}

/* Takes the prompt; what is kept of the old one is the session's business. */
static int set_prompt(struct worker *w, struct prompt *take, struct err *err)
{
    w->has_prompt = w->has_baseline = false;
    prompt_clear(&w->prompt);
    w->prompt = *take;
    *take = (struct prompt){0};
    return session_set_prompt(w->session, w->prompt.ids.ids, (int)w->prompt.ids.n, err);
}

int worker_read(struct worker *w, const struct run_request *r, struct err *err)
{
    double started = clock_seconds();
    struct prompt prompt = {0};
    int rc = make_prompt(&prompt, w, r, err);
    if (rc == ERR_OK && w->has_prompt && same_ids(&prompt.ids, &w->prompt.ids)) {
        worker_post(w, worker_event(w, EVENT_READING)); /* nothing new */
        prompt_clear(&prompt);
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = set_prompt(w, &prompt, err);
    prompt_clear(&prompt);
    if (rc != ERR_OK)
        return rc;
    session_set_progress(w->session, worker_progress, w);
    float **resid = mem_zalloc(w->set.n + 1, sizeof *resid);
    rc = w->set.n > 0 ? dict_read_session(resid, &w->set, w->session, -1, err)
                      : session_read(w->session, err);
    if (rc == ERR_OK)
        rc = send_reading(w, resid, r->text, r->text_len, started, err);
    else
        dict_resid_free(resid, &w->set);
    w->has_prompt = rc == ERR_OK;
    return rc;
}

int worker_read_dump(struct worker *w, struct err *err)
{
    double started = clock_seconds();
    if (w->has_prompt) {
        worker_post(w, worker_event(w, EVENT_READING)); /* it never changes */
        return ERR_OK;
    }
    float **resid = mem_zalloc(w->set.n, sizeof *resid);
    int rc = dict_read_dump(resid, &w->set, w->dump, err);
    if (rc == ERR_OK) {
        prompt_from_dump(&w->prompt, &w->scope, w->dump);
        rc = send_reading(w, resid, NULL, 0, started, err);
    } else {
        dict_resid_free(resid, &w->set);
    }
    w->has_prompt = rc == ERR_OK;
    if (!w->has_prompt)
        prompt_clear(&w->prompt);
    return rc;
}
