/* The model thread against the numbers of the fixture, which come from a reference
 * implementation, and against itself by another way. */
#include "core/generate.h"
#include "core/scope.h"
#include "core/session.h"
#include "data/cache_dir.h"
#include "data/calibration.h"
#include "data/file.h"
#include "data/json.h"
#include "data/safetensors.h"
#include "tests/support/approx.h"
#include "tests/support/tmp_dir.h"
#include "tui/worker.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/fixtures/gemma2-mini-f32"
#define MAX_IDS 4000          /* so many are not generated before this thread gets its turn */
enum { TIMEOUT_MS = 300000 }; /* a busy machine may take its time */

/* What the events of a run add up to. */
struct run_result {
    struct reading *reading;
    int begun[N_BRANCHES];
    int ids[N_BRANCHES][MAX_IDS], n_ids[N_BRANCHES];
    float *acts[N_BRANCHES][MAX_IDS];
    int n_acts[N_BRANCHES];
    int stop[N_BRANCHES]; /* -1: none */
    int n_effects, n_details, n_lens;
    float kl, norm_ratio;
    struct err err;
};

static void result_clear(struct run_result *r)
{
    reading_free(r->reading);
    for (int b = 0; b < N_BRANCHES; b++)
        for (int i = 0; i < r->n_acts[b]; i++)
            free(r->acts[b][i]);
}

static void collect(struct run_result *r, struct event *e)
{
    int b = e->branch;
    switch (e->kind) {
    case EVENT_READING:
        if (e->reading) {
            reading_free(r->reading);
            r->reading = e->reading;
            e->reading = NULL;
        }
        break;
    case EVENT_ANSWER_BEGIN:
        r->begun[b]++;
        break;
    case EVENT_PIECE:
        ck_assert_int_lt(r->n_ids[b], MAX_IDS);
        r->ids[b][r->n_ids[b]++] = e->piece.id;
        break;
    case EVENT_ACTS:
        r->acts[b][r->n_acts[b]++] = e->acts.acts;
        e->acts.acts = NULL;
        break;
    case EVENT_ANSWER_END:
        r->stop[b] = e->stop;
        break;
    case EVENT_EFFECT:
        r->n_effects++;
        r->kl = e->kl;
        r->norm_ratio = e->norm_ratio;
        break;
    case EVENT_DETAIL:
        r->n_details++;
        r->n_lens = e->detail->n_lens;
        break;
    default:
        break;
    }
}

typedef bool until_fn(const struct event *e, const void *data);

/* Collects events until one fits; returns its error. */
static struct err wait_until(struct worker *w, struct run_result *r, until_fn *until,
                             const void *data)
{
    for (;;) {
        struct pollfd p = {worker_fd(w), POLLIN, 0};
        ck_assert_msg(poll(&p, 1, TIMEOUT_MS) == 1, "the worker is silent");
        size_t n;
        struct event **events = worker_events(w, &n);
        bool found = false;
        struct err err = {0};
        for (size_t i = 0; i < n; i++) {
            if (until(events[i], data)) {
                found = true;
                err = events[i]->err;
            }
            if (r)
                collect(r, events[i]);
            event_clear(events[i]);
            free(events[i]);
        }
        free(events);
        if (found)
            return err;
    }
}

static bool is_model(const struct event *e, const void *data)
{
    (void)data;
    return e->kind == EVENT_MODEL || (e->kind == EVENT_DONE && e->job == JOB_OPEN);
}

static bool is_done(const struct event *e, const void *job)
{
    return e->kind == EVENT_DONE && e->job == *(const unsigned *)job;
}

static bool is_detail(const struct event *e, const void *data)
{
    (void)data;
    return e->kind == EVENT_DETAIL;
}

static bool is_piece(const struct event *e, const void *data)
{
    (void)data;
    return e->kind == EVENT_PIECE;
}

static struct worker *start_with(const char *acts, const struct scope_options *more, size_t n_more)
{
    struct worker *w;
    struct worker_options options = {
        .scope = {.model = FOLDER, .dict = FOLDER "/l2", .acts = acts, .layer = -1},
        .more_dicts = more,
        .n_more_dicts = n_more,
        .form = PROMPT_IDS,
        .threads = 2};
    ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
    struct err err = wait_until(w, NULL, is_model, NULL);
    ck_assert_msg(err.code == ERR_OK, "%s", err.message);
    return w;
}

static struct worker *start(const char *acts)
{
    return start_with(acts, NULL, 0);
}

static struct run_request request(unsigned id, const char *text, bool answers, int max_tokens)
{
    return (struct run_request){.id = id,
                                .text = mem_strdup(text),
                                .text_len = strlen(text),
                                .answers = answers,
                                .sampler = {.top_p = 1},
                                .max_tokens = max_tokens};
}

static void add_slot(struct run_request *r, enum intervention_kind kind, size_t row, float factor)
{
    r->slots[r->n_slots++] = (struct slot){kind, row, factor, true};
}

static struct run_result finish(struct worker *w, struct run_request *take)
{
    struct run_result r = {.stop = {-1, -1}};
    unsigned id = take->id;
    worker_run(w, take);
    r.err = wait_until(w, &r, is_done, &id);
    return r;
}

/* --- the fixture's numbers --- */

struct expected {
    struct json_doc *doc;
    const struct json *at; /* the case with a steered continuation by one concept */
    char text[256];        /* its prompt as the worker takes it */
};

static const struct json *nth(const struct json *array, int i)
{
    const struct json *v = json_first(array);
    while (i-- > 0)
        v = json_next(v);
    return v;
}

static struct expected expected_open(void)
{
    struct expected e = {0};
    struct err err;
    ck_assert_msg(json_open(&e.doc, FOLDER "/expected.json", &err) == 0, "%s", err.message);
    e.at = nth(json_get(json_root(e.doc), "cases"), 1);
    size_t len = 0;
    for (const struct json *v = json_first(json_get(e.at, "ids")); v; v = json_next(v))
        len += (size_t)snprintf(e.text + len, sizeof e.text - len, "%d,", (int)json_number(v));
    return e;
}

static void check_ids(const int *ids, int n, const struct json *want)
{
    ck_assert_int_eq(n, (int)json_size(want));
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(ids[i], (int)json_number(nth(want, i)));
}

START_TEST(a_reading_holds_the_reference_latents)
{
    struct expected want = expected_open();
    struct worker *w = start(NULL);
    struct run_request r = request(2, want.text, false, 0);
    struct run_result got = finish(w, &r);
    ck_assert_msg(got.err.code == ERR_OK, "%s", got.err.message);
    const struct json *latents = json_get(want.at, "latents");
    float relu[5 * 32];
    const struct json *v = json_first(latents);
    for (int i = 0; i < 5 * 32; i++, v = json_next(v)) {
        ck_assert_ptr_nonnull(v);
        relu[i] = json_number(v) > 0 ? (float)json_number(v) : 0;
    }
    ck_assert_int_eq(got.reading->tokens.n, 5);
    approx_tensor("latents", tokens_acts(&got.reading->tokens, 0), relu, 5 * 32, 2e-4);
    ck_assert_float_gt(got.reading->median_norm, 0);
    ck_assert(!got.reading->tokens.counted[0] && got.reading->tokens.special[0]); /* bos */
    result_clear(&got);
    worker_stop(w);
    json_close(want.doc);
}
END_TEST

START_TEST(both_answers_are_the_reference_continuations)
{
    struct expected want = expected_open();
    const struct json *steer = json_get(want.at, "steer");
    const struct json *addition = json_first(json_get(steer, "additions"));
    size_t row = (size_t)json_number(json_get(addition, "concept"));
    char acts[128];
    int len = snprintf(acts, sizeof acts, "{\"max_act\": {\"%zu\": %g}}", row,
                       json_number(json_get(addition, "strength")));
    char *dir = tmp_dir_new(), *path = tmp_dir_write(dir, "acts.json", acts, (size_t)len);
    struct worker *w = start(path); /* factor 1 is then the reference's strength */
    struct run_request r = request(2, want.text, true, 12);
    add_slot(&r, INTERVENTION_ADD, row, 1);
    struct run_result got = finish(w, &r);
    ck_assert_msg(got.err.code == ERR_OK, "%s", got.err.message);
    check_ids(got.ids[BRANCH_BASELINE], got.n_ids[BRANCH_BASELINE], json_get(want.at, "greedy"));
    check_ids(got.ids[BRANCH_STEERED], got.n_ids[BRANCH_STEERED], json_get(steer, "greedy"));
    ck_assert_int_eq(got.stop[BRANCH_STEERED], GENERATE_LENGTH);
    ck_assert_int_eq(got.n_effects, 1);
    ck_assert_float_gt(got.kl, 0);
    ck_assert_float_gt(got.norm_ratio, 0);
    result_clear(&got);
    worker_stop(w);
    json_close(want.doc);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

/* --- several dictionaries --- */

enum { N_ROWS = 32, N_TEXT = 5, N_NEW = 6, HIGH = 2, LOW = 0 };

/* The fixture's dictionary at two layers, without a worker. */
struct by_hand {
    struct model *model;
    struct dictionary *dicts[2]; /* after HIGH, after LOW */
    struct steering steering;    /* row 5 of the one and row 7 of the other are projected out */
};

static void by_hand_open(struct by_hand *h)
{
    static const int layers[] = {HIGH, LOW};
    *h = (struct by_hand){0};
    ck_assert_int_eq(model_open(&h->model, FOLDER, NULL), ERR_OK);
    for (int d = 0; d < 2; d++) {
        struct intervention what = {INTERVENTION_PROJECT_OUT, d == 0 ? 5 : 7, 0};
        ck_assert_int_eq(dictionary_open(&h->dicts[d], FOLDER "/l2", layers[d], NULL, NULL, NULL),
                         ERR_OK);
        ck_assert_int_eq(steering_add(&h->steering, h->dicts[d], what, NULL), ERR_OK);
    }
}

static void by_hand_close(struct by_hand *h)
{
    steering_clear(&h->steering);
    dictionary_close(h->dicts[0]);
    dictionary_close(h->dicts[1]);
    model_close(h->model);
}

/* Latents of both at all n tokens, [n, 2 * N_ROWS]; the caller frees. */
static float *latents_by_hand(const struct by_hand *h, const int *ids, int n, bool steered)
{
    static const int layers[] = {HIGH, LOW};
    struct session *s;
    size_t n_tokens = (size_t)n, d_model = (size_t)h->model->config.d_model;
    float *resid[2], *acts = mem_alloc(n_tokens * 2 * N_ROWS, sizeof *acts);
    float *part = mem_alloc(n_tokens * N_ROWS, sizeof *part);
    ck_assert_int_eq(session_new(&s, h->model, LOW, 1, NULL), ERR_OK);
    ck_assert_int_eq(session_set_prompt(s, ids, n, NULL), ERR_OK);
    ck_assert_int_eq(session_set_steering(s, 0, steered ? &h->steering : NULL, NULL), ERR_OK);
    for (int d = 0; d < 2; d++)
        resid[d] = mem_alloc(n_tokens * d_model, sizeof(float));
    ck_assert_int_eq(session_dump(s, 0, layers, 2, resid, NULL, false, NULL), ERR_OK);
    for (size_t d = 0; d < 2; d++) {
        ck_assert_int_eq(
            latents_encode(part, h->dicts[d], resid[d], n_tokens, d_model, false, NULL), ERR_OK);
        for (size_t t = 0; t < n_tokens; t++)
            memcpy(acts + (2 * t + d) * N_ROWS, part + t * N_ROWS, N_ROWS * sizeof *acts);
        free(resid[d]);
    }
    session_free(s);
    free(part);
    return acts;
}

START_TEST(two_dictionaries_are_read_and_steered_each_at_its_own_layer)
{
    static const struct scope_options more = {.dict = FOLDER "/l2", .layer = LOW};
    int ids[N_TEXT + N_NEW] = {2, 7, 181, 161, 45};
    struct worker *w = start_with(NULL, &more, 1);
    struct run_request r = request(2, "2,7,181,161,45", true, N_NEW);
    add_slot(&r, INTERVENTION_PROJECT_OUT, 5, 1);
    add_slot(&r, INTERVENTION_PROJECT_OUT, N_ROWS + 7, 1);
    struct run_result got = finish(w, &r);
    struct by_hand h;
    by_hand_open(&h);
    ck_assert_msg(got.err.code == ERR_OK, "%s", got.err.message);
    float *want = latents_by_hand(&h, ids, N_TEXT, false);
    ck_assert_uint_eq(got.reading->tokens.n_concepts, 2 * N_ROWS);
    approx_tensor("reading", tokens_acts(&got.reading->tokens, 0), want, N_TEXT * 2 * N_ROWS, 2e-4);
    free(want);
    for (int b = 0; b < N_BRANCHES; b++) {
        ck_assert_int_eq(got.n_ids[b], N_NEW);
        ck_assert_int_eq(got.n_acts[b], N_NEW);
        memcpy(ids + N_TEXT, got.ids[b], sizeof got.ids[b][0] * N_NEW);
        want = latents_by_hand(&h, ids, N_TEXT + N_NEW, b == BRANCH_STEERED);
        for (int i = 0; i < N_NEW; i++)
            approx_tensor("answer", got.acts[b][i], want + (size_t)(N_TEXT + i) * 2 * N_ROWS,
                          2 * N_ROWS, 2e-4);
        free(want);
    }
    ck_assert_float_gt(got.norm_ratio, 0);
    by_hand_close(&h);
    result_clear(&got);
    worker_stop(w);
}
END_TEST

START_TEST(a_moved_slider_keeps_the_baseline)
{
    struct worker *w = start(NULL);
    struct run_request r = request(2, "2,7,181,161,45", true, 12);
    struct run_result first = finish(w, &r);
    ck_assert_int_eq(first.n_acts[BRANCH_BASELINE], 12);
    r = request(3, "2,7,181,161,45", true, 12);
    add_slot(&r, INTERVENTION_ADD, 5, 0.5f);
    r.n_baseline = 7; /* the receiver dropped the rest */
    r.n_baseline_read = 4;
    struct run_result second = finish(w, &r);
    ck_assert_int_eq(second.begun[BRANCH_BASELINE], 0);
    ck_assert_int_eq(second.begun[BRANCH_STEERED], 1);
    ck_assert_int_eq(second.n_ids[BRANCH_BASELINE], 5);
    ck_assert_int_eq(second.n_acts[BRANCH_BASELINE], 8);
    ck_assert_mem_eq(second.ids[BRANCH_BASELINE], first.ids[BRANCH_BASELINE] + 7, 5 * sizeof(int));
    approx_tensor("read-out sent again", second.acts[BRANCH_BASELINE][0],
                  first.acts[BRANCH_BASELINE][4], 32, 2e-4);
    ck_assert_int_eq(second.stop[BRANCH_BASELINE], GENERATE_LENGTH);
    ck_assert_ptr_null(second.reading); /* nor is the prompt read again */
    result_clear(&first);
    result_clear(&second);
    worker_stop(w);
}
END_TEST

/* Edits act above the hook only, so reading prompt and answer as one text gives the same. */
START_TEST(the_live_read_out_equals_a_re_reading)
{
    struct worker *w = start(NULL);
    struct run_request r = request(2, "2,7,181,161,45", true, 10);
    add_slot(&r, INTERVENTION_ADD, 5, 1.5f);
    struct run_result live = finish(w, &r);
    ck_assert_int_eq(live.n_acts[BRANCH_STEERED], live.n_ids[BRANCH_STEERED]);
    struct buf text = {0};
    buf_str(&text, "2,7,181,161,45");
    for (int i = 0; i < live.n_ids[BRANCH_STEERED]; i++)
        buf_printf(&text, ",%d", live.ids[BRANCH_STEERED][i]);
    r = request(3, buf_cstr(&text), false, 0);
    struct run_result again = finish(w, &r);
    for (int i = 0; i < live.n_acts[BRANCH_STEERED]; i++)
        approx_tensor("read-out", live.acts[BRANCH_STEERED][i],
                      tokens_acts(&again.reading->tokens, 0) + (5 + i) * 32, 32, 2e-4);
    buf_clear(&text);
    result_clear(&live);
    result_clear(&again);
    worker_stop(w);
}
END_TEST

START_TEST(factor_zero_and_slots_that_are_off_change_nothing)
{
    struct worker *w = start(NULL);
    struct run_request r = request(2, "2,7,181,161,45", true, 20);
    add_slot(&r, INTERVENTION_ADD, 5, 0);
    add_slot(&r, INTERVENTION_ADD, 6, 2);
    r.slots[1].is_on = false;
    struct run_result got = finish(w, &r);
    ck_assert_int_eq(got.n_ids[0], 20);
    ck_assert_mem_eq(got.ids[0], got.ids[1], 20 * sizeof(int));
    ck_assert_float_eq(got.kl, 0);
    result_clear(&got);
    worker_stop(w);
}
END_TEST

START_TEST(cancel_stops_within_a_token_and_leaves_the_worker_usable)
{
    struct worker *w = start(NULL);
    struct run_result got = {0};
    struct run_request r = request(2, "2,7,181,161,45", true, MAX_IDS);
    unsigned id = 2;
    worker_run(w, &r);
    wait_until(w, &got, is_piece, NULL);
    worker_cancel(w, 2);
    struct err err = wait_until(w, &got, is_done, &id);
    ck_assert_int_eq(err.code, ERR_CANCELLED);
    ck_assert_int_lt(got.n_ids[BRANCH_BASELINE], MAX_IDS);
    const int n = got.n_ids[BRANCH_BASELINE];
    r = request(3, "2,7,181,161,45", true, MAX_IDS);
    r.n_baseline = n;
    r.n_baseline_read = got.n_acts[BRANCH_BASELINE];
    struct run_result rest = {0};
    id = 3;
    worker_run(w, &r);
    while (rest.n_ids[BRANCH_STEERED] < n + 20)
        wait_until(w, &rest, is_piece, NULL);
    worker_cancel(w, 3);
    ck_assert_int_eq(wait_until(w, &rest, is_done, &id).code, ERR_CANCELLED);
    ck_assert_int_eq(rest.begun[BRANCH_BASELINE], 0); /* goes on where it was stopped */
    ck_assert_int_ge(rest.n_ids[BRANCH_BASELINE], 20);
    /* without steering: the same */
    ck_assert_mem_eq(rest.ids[BRANCH_STEERED], got.ids[BRANCH_BASELINE], (size_t)n * sizeof(int));
    ck_assert_mem_eq(rest.ids[BRANCH_STEERED] + n, rest.ids[BRANCH_BASELINE], 20 * sizeof(int));
    result_clear(&got);
    result_clear(&rest);
    worker_stop(w);
}
END_TEST

START_TEST(the_latest_request_wins)
{
    struct worker *w = start(NULL);
    struct run_result got = {0};
    unsigned last = 30;
    for (unsigned id = 2; id <= last; id++) {
        struct run_request r = request(id, "2,7,181,161,45", true, 40);
        add_slot(&r, INTERVENTION_ADD, 5, (float)id / 30);
        worker_run(w, &r);
    }
    struct err err = wait_until(w, &got, is_done, &last);
    ck_assert_int_eq(err.code, ERR_OK);
    ck_assert_int_eq(got.stop[BRANCH_STEERED], GENERATE_LENGTH);
    result_clear(&got);
    worker_stop(w);
}
END_TEST

START_TEST(details_are_served_while_an_answer_is_written)
{
    struct worker *w = start(NULL);
    struct run_result got = {0};
    struct run_request r = request(2, "2,7,181,161,45", true, MAX_IDS);
    unsigned id = 2;
    worker_run(w, &r);
    wait_until(w, &got, is_piece, NULL);
    worker_detail(w, 3);
    wait_until(w, &got, is_detail, NULL);
    worker_cancel(w, 2);
    ck_assert_int_eq(wait_until(w, &got, is_done, &id).code, ERR_CANCELLED);
    ck_assert_int_eq(got.n_details, 1);
    ck_assert_int_eq(got.n_lens, DETAIL_ROWS);
    result_clear(&got);
    worker_stop(w);
}
END_TEST

START_TEST(bad_ids_are_refused_in_words_and_the_next_run_works)
{
    struct worker *w = start(NULL);
    struct run_request r = request(2, "2,7,x", true, 4);
    struct run_result bad = finish(w, &r);
    ck_assert_int_eq(bad.err.code, ERR_ARG);
    ck_assert_ptr_nonnull(strstr(bad.err.message, "column 5"));
    r = request(3, "2,99999", true, 4);
    struct run_result range = finish(w, &r);
    ck_assert_int_eq(range.err.code, ERR_LIMIT);
    r = request(4, "2,7", true, 4);
    struct run_result good = finish(w, &r);
    ck_assert_int_eq(good.err.code, ERR_OK);
    ck_assert_int_eq(good.n_ids[1], 4);
    result_clear(&bad);
    result_clear(&range);
    result_clear(&good);
    worker_stop(w);
}
END_TEST

START_TEST(a_missing_model_is_reported_after_the_labels)
{
    struct worker *w;
    struct worker_options options = {
        .scope = {.model = "no/such/model", .dict = FOLDER "/l2", .layer = -1}};
    ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
    unsigned id = JOB_OPEN;
    struct err err = wait_until(w, NULL, is_done, &id);
    ck_assert_int_ne(err.code, ERR_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "no/such/model"));
    struct run_request r = request(2, "2", true, 4); /* taken and dropped */
    worker_run(w, &r);
    worker_stop(w);
}
END_TEST

struct seen_dicts {
    const struct dictionary *opened, *model;
};

static bool sees_dicts(const struct event *e, const void *data)
{
    struct seen_dicts *seen = *(struct seen_dicts *const *)data;
    if (e->kind == EVENT_OPENED)
        seen->opened = e->opened.dict;
    if (e->kind == EVENT_MODEL)
        seen->model = e->model.dict;
    return e->kind == EVENT_MODEL || e->kind == EVENT_DONE;
}

static void make_calibration(void)
{
    struct scope scope;
    struct calibration_key key;
    char *path;
    struct scope_options options = {.model = FOLDER, .dict = FOLDER "/l2", .layer = -1};
    ck_assert_int_eq(scope_open(&scope, &options, SCOPE_MODEL | SCOPE_DICT, NULL), ERR_OK);
    ck_assert_int_eq(scope_calibration_key(&key, &scope, FOLDER, NULL), ERR_OK);
    struct calibration *cal = calibration_new(scope.dict->n_concepts, false);
    struct passage passage = {"a text", 6};
    cal->n_tokens = 2;
    calibration_set_passages(cal, &(struct passages){&passage, 1});
    calibration_set_floor(cal);
    char *name = calibration_path(&key);
    ck_assert_int_eq(cache_file_new(&path, "calibration", strrchr(name, '/') + 1, NULL), ERR_OK);
    ck_assert_int_eq(calibration_save(cal, path, NULL), ERR_OK);
    calibration_close(cal);
    free(name);
    free(path);
    scope_close(&scope);
}

/* Labels come first, from a dictionary that is opened once; its calibration comes with the model.
 */
START_TEST(the_calibration_follows_the_labels)
{
    char *dir = tmp_dir_new();
    setenv("XDG_CACHE_HOME", dir, 1);
    for (int calibrated = 0; calibrated < 2; calibrated++) {
        struct seen_dicts seen = {0}, *data = &seen;
        struct worker_options options = {
            .scope = {.model = FOLDER, .dict = FOLDER "/l2", .layer = -1}};
        struct worker *w;
        if (calibrated)
            make_calibration();
        ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
        ck_assert_int_eq(wait_until(w, NULL, sees_dicts, &data).code, ERR_OK);
        ck_assert_ptr_nonnull(seen.model);
        ck_assert_ptr_null(seen.opened->calibration);
        ck_assert_int_eq(seen.model->calibration != NULL, calibrated);
        ck_assert_ptr_eq(seen.model->labels.rows, seen.opened->labels.rows);
        worker_stop(w);
    }
    tmp_dir_free(dir);
}
END_TEST

/* Of the first EVENT_OPENED: what the examples say, one line each. */
static char said[512];

static bool is_opened(const struct event *e, const void *data)
{
    (void)data;
    if (e->kind != EVENT_OPENED)
        return false;
    struct buf text = {0};
    for (size_t i = 0; i < e->opened.n_examples; i++) {
        const struct example *x = &e->opened.examples[i];
        buf_printf(&text, "%s|%d:%zu,%zu|%.1f\n", x->text, x->n_pins, x->pins[0], x->pins[1],
                   (double)x->factor);
    }
    snprintf(said, sizeof said, "%s", buf_cstr(&text));
    buf_clear(&text);
    return true;
}

START_TEST(examples_may_name_concepts_and_a_factor)
{
    static const char text[] = "# remark\nplain\n\ntwo\t3,14\t0.6\r\nbad\tx,y\t99\nlast\t\t0.5";
    char *dir = tmp_dir_new();
    free(tmp_dir_write(dir, "examples.txt", text, sizeof text - 1));
    free(tmp_dir_write(dir, "config.json", "{}", 2));
    struct worker *w;
    struct worker_options options = {.scope = {.model = dir, .dict = FOLDER "/l2", .layer = -1}};
    ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
    wait_until(w, NULL, is_opened, NULL);
    ck_assert_str_eq(said, "plain|0:0,0|0.5\ntwo|2:3,14|0.6\nbad|0:0,0|0.5\nlast|0:0,0|0.5\n");
    worker_stop(w);
    tmp_dir_free(dir);
}
END_TEST

static bool is_opening(const struct event *e, const void *data)
{
    (void)data;
    return e->kind == EVENT_PROGRESS && e->job == JOB_OPEN;
}

START_TEST(quantising_is_reported_before_the_model_is_there)
{
    struct worker *w;
    struct worker_options options = {
        .scope = {.model = FOLDER, .dict = FOLDER "/l2", .layer = -1, .weights = WEIGHTS_Q8},
        .form = PROMPT_IDS,
        .threads = 2};
    ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
    wait_until(w, NULL, is_opening, NULL);
    worker_stop(w); /* whether it has finished by now or not */
    ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
    struct err err = wait_until(w, NULL, is_model, NULL);
    ck_assert_msg(err.code == ERR_OK, "%s", err.message);
    struct run_request r = request(2, "2,5,9", false, 0);
    struct run_result result = finish(w, &r);
    ck_assert_int_eq(result.err.code, ERR_OK);
    result_clear(&result);
    worker_stop(w);
}
END_TEST

START_TEST(stopping_does_not_wait_for_an_answer)
{
    struct worker *w = start(NULL);
    struct run_request r = request(2, "2,7,181,161,45", true, 300);
    worker_run(w, &r);
    wait_until(w, NULL, is_piece, NULL);
    worker_stop(w);
}
END_TEST

/* The residual of a text at the hook layer as a dump; its path is to be freed. */
static char *write_dump(const char *dir, int *ids, int n, int layer)
{
    struct model *model;
    struct session *s;
    struct err err;
    char *path = path_join(dir, "d.safetensors"), name[16];
    snprintf(name, sizeof name, "resid.%d", layer);
    ck_assert_int_eq(model_open(&model, FOLDER, &err), ERR_OK);
    ck_assert_int_eq(session_new(&s, model, 2, 0, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(s, ids, n, &err), ERR_OK);
    ck_assert_int_eq(session_read(s, &err), ERR_OK);
    size_t d_model = (size_t)model->config.d_model, rows = (size_t)n;
    struct tensor tensors[] = {
        {name, DTYPE_F32, 2, {rows, d_model}, session_resid(s), rows * d_model * sizeof(float)},
        {"ids", DTYPE_I32, 1, {rows}, ids, rows * sizeof *ids}};
    ck_assert_int_eq(safetensors_write(path, tensors, 2, NULL, 0, &err), ERR_OK);
    session_free(s);
    model_close(model);
    return path;
}

static struct worker *start_dump(const char *path)
{
    struct worker *w;
    struct worker_options options = {.scope = {.dict = FOLDER "/l2", .layer = -1}, .dump = path};
    ck_assert_int_eq(worker_start(&w, &options, NULL), ERR_OK);
    struct err err = wait_until(w, NULL, is_model, NULL);
    ck_assert_msg(err.code == ERR_OK, "%s", err.message);
    return w;
}

START_TEST(a_dump_is_read_like_the_text_it_was_made_of_without_a_model)
{
    int ids[] = {2, 114, 41, 7, 200};
    char *dir = tmp_dir_new(), *path = write_dump(dir, ids, 5, 2);
    struct worker *with = start(NULL), *without = start_dump(path);
    struct run_request a = request(2, "2,114,41,7,200", false, 0), b = request(2, "", true, 4);
    struct run_result want = finish(with, &a), got = finish(without, &b);
    ck_assert_msg(got.err.code == ERR_OK, "%s", got.err.message);
    ck_assert_int_eq(got.reading->tokens.n, 5);
    ck_assert_mem_eq(tokens_acts(&got.reading->tokens, 0), tokens_acts(&want.reading->tokens, 0),
                     5 * 32 * sizeof(float));
    ck_assert_mem_eq(got.reading->tokens.counted, want.reading->tokens.counted, 5);
    ck_assert_mem_eq(got.reading->tokens.ids, ids, sizeof ids);
    ck_assert_uint_eq(got.reading->n_top, want.reading->n_top);
    ck_assert_float_eq(got.reading->median_norm, want.reading->median_norm);
    ck_assert_int_eq(got.n_ids[BRANCH_BASELINE], 0); /* nobody can answer */
    result_clear(&want);
    result_clear(&got);
    worker_stop(with);
    worker_stop(without);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(a_dump_of_another_layer_is_refused_with_both)
{
    int ids[] = {2, 114};
    char *dir = tmp_dir_new(), *path = write_dump(dir, ids, 2, 1);
    struct worker *w = start_dump(path);
    struct run_request r = request(2, "", false, 0);
    struct run_result got = finish(w, &r);
    ck_assert_int_eq(got.err.code, ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(got.err.message, "after layer 1,"));
    ck_assert_ptr_nonnull(strstr(got.err.message, "at layer 2"));
    result_clear(&got);
    worker_stop(w);
    free(path);
    tmp_dir_free(dir);
}
END_TEST

Suite *suite_worker(void)
{
    Suite *s = suite_create("worker");
    TCase *t = tcase_create("worker");
    tcase_add_test(t, a_reading_holds_the_reference_latents);
    tcase_add_test(t, both_answers_are_the_reference_continuations);
    tcase_add_test(t, two_dictionaries_are_read_and_steered_each_at_its_own_layer);
    tcase_add_test(t, a_moved_slider_keeps_the_baseline);
    tcase_add_test(t, the_live_read_out_equals_a_re_reading);
    tcase_add_test(t, factor_zero_and_slots_that_are_off_change_nothing);
    tcase_add_test(t, cancel_stops_within_a_token_and_leaves_the_worker_usable);
    tcase_add_test(t, the_latest_request_wins);
    tcase_add_test(t, details_are_served_while_an_answer_is_written);
    tcase_add_test(t, bad_ids_are_refused_in_words_and_the_next_run_works);
    tcase_add_test(t, a_missing_model_is_reported_after_the_labels);
    tcase_add_test(t, the_calibration_follows_the_labels);
    tcase_add_test(t, examples_may_name_concepts_and_a_factor);
    tcase_add_test(t, quantising_is_reported_before_the_model_is_there);
    tcase_add_test(t, stopping_does_not_wait_for_an_answer);
    tcase_add_test(t, a_dump_is_read_like_the_text_it_was_made_of_without_a_model);
    tcase_add_test(t, a_dump_of_another_layer_is_refused_with_both);
    suite_add_tcase(s, t);
    return s;
}
