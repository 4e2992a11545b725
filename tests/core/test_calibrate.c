#include "core/calibrate.h"

#include "core/latents.h"
#include "tests/support/approx.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 6
#define TOKENS 4000
#define DEMO "assets/demo"

static struct err err;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

START_TEST(bins_are_in_order_and_hold_their_values)
{
    for (size_t b = 0; b < CALIBRATION_BINS; b++)
        ck_assert_float_lt(calibrate_bin_low(b), calibrate_bin_low(b + 1));
    for (float v = 1e-5f; v < 3e4f; v *= 1.003f) {
        for (int sign = -1; sign <= 1; sign += 2) {
            float value = (float)sign * v;
            size_t b = calibrate_bin(value);
            float low = calibrate_bin_low(b), high = calibrate_bin_low(b + 1);
            ck_assert_uint_lt(b, CALIBRATION_BINS);
            if (v < 16384) {
                ck_assert(low <= value && value <= high);
                ck_assert_float_le(high - low, v / 16 > 1.0f / 128 ? v / 16 * 1.0001f : 1.0f / 128);
            }
        }
    }
    ck_assert_uint_eq(calibrate_bin(0), CALIBRATION_BINS / 2);
    ck_assert_uint_eq(calibrate_bin(1e30f), CALIBRATION_BINS - 1);
    ck_assert_uint_eq(calibrate_bin(-1e30f), 0);
}
END_TEST

/* Values of different size, sign and tail in each row. */
static void fill(float *values, const float *noise)
{
    for (size_t t = 0; t < TOKENS; t++) {
        const float *x = noise + t * ROWS;
        float *v = values + t * ROWS;
        v[0] = x[0] * 100;
        v[1] = 150 + 3 * x[1];
        v[2] = -150 + 3 * x[2];
        v[3] = x[3] > 0.99f ? 2000 * x[3] : x[3];
        v[4] = 0;
        v[5] = 1e-3f * x[5];
    }
}

static const float thresholds[ROWS] = {50, 151, -151, 1000, 0, -1};

static double exact_quantile(const float *values, size_t row, double p, const bool *counted)
{
    double *sorted = malloc(TOKENS * sizeof *sorted);
    size_t n = 0;
    for (size_t t = 0; t < TOKENS; t++)
        if (counted[t])
            sorted[n++] = (double)values[t * ROWS + row];
    qsort(sorted, n, sizeof *sorted, by_value);
    double at = p * (double)n;
    size_t i = (size_t)ceil(at);
    double value = sorted[i > 0 ? i - 1 : 0];
    free(sorted);
    return value;
}

static void check_row(const struct calibration *cal, const float *values, size_t c,
                      const bool *counted)
{
    double sum = 0, spread = 0;
    float max = -INFINITY;
    size_t n = 0, n_above = 0;
    for (size_t t = 0; t < TOKENS; t++) {
        float v = values[t * ROWS + c];
        if (!counted[t])
            continue;
        n++;
        sum += (double)v;
        n_above += v > thresholds[c];
        max = v > max ? v : max;
    }
    for (size_t t = 0; t < TOKENS; t++)
        if (counted[t])
            spread += pow((double)values[t * ROWS + c] - sum / (double)n, 2);
    ck_assert_uint_eq(cal->n_tokens, n);
    ck_assert_double_eq_tol(cal->mean[c], sum / (double)n, 1e-5 * (1 + fabs(sum / (double)n)));
    ck_assert_double_eq_tol(cal->spread[c], sqrt(spread / (double)n), 1e-3);
    ck_assert_double_eq_tol(cal->density[c], (double)n_above / (double)n, 1e-6);
    ck_assert_float_eq(cal->max[c], max);
    for (size_t q = 0; q < CALIBRATION_QUANTILES; q++) {
        double want = exact_quantile(values, c, calibration_levels[q], counted);
        double bin = fabs(want) / 16 > 1.0 / 128 ? fabs(want) / 16 : 1.0 / 128;
        ck_assert_double_eq_tol(cal->quantiles[q * ROWS + c], want, bin * 1.07);
        ck_assert_float_le(cal->quantiles[q * ROWS + c], max);
    }
}

START_TEST(the_statistics_agree_with_plain_loops)
{
    float *noise = malloc(TOKENS * ROWS * sizeof *noise), *values = malloc(TOKENS * ROWS * 4);
    bool counted[TOKENS];
    struct calibration_sums *s;
    struct calibration *cal;
    random_floats(noise, TOKENS * ROWS, 5);
    fill(values, noise);
    for (size_t t = 0; t < TOKENS; t++)
        counted[t] = t % 7 != 0;
    ck_assert_int_eq(calibration_sums_new(&s, ROWS, true, &err), ERR_OK);
    for (size_t t = 0; t < TOKENS; t += 100)
        calibrate_add(s, values + t * ROWS, counted + t, 100, thresholds, (int)(t / 100));
    s->n_passages = TOKENS / 100;
    struct passages none = {0};
    ck_assert_int_eq(calibrate_finish(&cal, s, &none, &err), ERR_OK);
    for (size_t c = 0; c < ROWS; c++)
        check_row(cal, values, c, counted);
    for (size_t c = 0; c < ROWS; c++) {
        bool found = false; /* the maximum is in the passage that is named */
        for (size_t t = 0; t < 100; t++)
            found |= counted[(size_t)cal->max_passage[c] * 100 + t] &&
                     values[((size_t)cal->max_passage[c] * 100 + t) * ROWS + c] == cal->max[c];
        ck_assert(found);
    }
    calibration_close(cal);
    calibration_sums_free(s);
    free(noise);
    free(values);
}
END_TEST

START_TEST(without_a_token_there_are_no_statistics)
{
    struct calibration_sums *s;
    struct calibration *cal;
    struct passages none = {0};
    ck_assert_int_eq(calibration_sums_new(&s, 2, false, &err), ERR_OK);
    ck_assert_int_eq(calibrate_finish(&cal, s, &none, &err), ERR_LIMIT);
    ck_assert_ptr_null(cal);
    calibration_sums_free(s);
}
END_TEST

/* --- reading, on the bundled demo --- */

static void open_demo(struct scope *scope)
{
    struct scope_options o = {.model = DEMO, .layer = -1};
    int rc = scope_open(scope, &o, SCOPE_MODEL | SCOPE_DICT | SCOPE_TOKENIZER, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
}

/* Too many passages to be read together. */
static void make_text(struct buf *text)
{
    for (int i = 0; i < 30; i++)
        buf_str(text, "She sat on the bank of the river.\n\nThe bread was warm.\n\nIt rained.\n\n");
}

static int stop_after(void *data, const struct calibration_sums *s, size_t done, size_t total,
                      struct err *e)
{
    (void)s, (void)total;
    return (int)done >= *(int *)data ? err_set(e, ERR_CANCELLED, "stopped") : ERR_OK;
}

/* Once something of the next group was read. */
static bool stop_within(void *data, long done, long total)
{
    long *before = data;
    ck_assert_int_eq(total, 90 * CALIBRATE_PARTS);
    ck_assert_int_ge(done, *before);
    if (*before == 0)
        *before = done;
    return done > *before;
}

START_TEST(texts_are_read_as_prompts_and_an_interruption_changes_nothing)
{
    struct scope scope;
    struct passages p;
    struct calibration_sums *whole, *parts;
    struct buf text = {0};
    open_demo(&scope);
    size_t n_rows = scope.dict->n_concepts;
    make_text(&text);
    passages_split(&p, text.data, text.len, 2000);
    ck_assert_uint_eq(p.n, 90);
    bool has_threshold = scope.dict->threshold != NULL;
    ck_assert_int_eq(calibration_sums_new(&whole, n_rows, has_threshold, &err), ERR_OK);
    ck_assert_int_eq(calibration_sums_new(&parts, n_rows, has_threshold, &err), ERR_OK);
    ck_assert_int_eq(calibrate_texts(whole, &scope, &p, NULL, &err), ERR_OK);
    int at = 1;
    struct calibrate_watcher after = {.step = stop_after, .data = &at};
    ck_assert_int_eq(calibrate_texts(parts, &scope, &p, &after, &err), ERR_CANCELLED);
    ck_assert_uint_gt(parts->n_passages, 1); /* several were read together */
    ck_assert_uint_lt(parts->n_passages, p.n);
    size_t n_counted = parts->n_passages, n_tokens = parts->n_tokens;
    struct calibrate_watcher within = {.progress = stop_within, .data = &(long){0}};
    ck_assert_int_eq(calibrate_texts(parts, &scope, &p, &within, &err), ERR_CANCELLED);
    ck_assert_uint_eq(parts->n_passages, n_counted);
    ck_assert_uint_eq(parts->n_tokens, n_tokens);
    ck_assert_int_eq(calibrate_texts(parts, &scope, &p, NULL, &err), ERR_OK);
    ck_assert_uint_eq(whole->n_tokens, parts->n_tokens);
    ck_assert_mem_eq(whole->sum, parts->sum, n_rows * sizeof(double));
    ck_assert_mem_eq(whole->bins, parts->bins, n_rows * CALIBRATION_BINS * sizeof(uint32_t));
    /* the first passage alone, by the road that read takes */
    struct prompt prompt;
    struct session *session;
    ck_assert_int_eq(
        prompt_from_text(&prompt, &scope, PROMPT_AUTO, p.items[0].text, p.items[0].len, NULL, &err),
        ERR_OK);
    ck_assert_int_eq(session_new(&session, scope.model, scope.hook_layer, 0, &err), ERR_OK);
    ck_assert_int_eq(session_set_prompt(session, prompt.ids.ids, (int)prompt.ids.n, &err), ERR_OK);
    ck_assert_int_eq(session_read(session, &err), ERR_OK);
    float *acts = malloc(prompt.ids.n * n_rows * sizeof *acts);
    ck_assert_int_eq(latents_encode(acts, scope.dict, session_resid(session), prompt.ids.n,
                                    scope.dict->d_model, true, &err),
                     ERR_OK);
    for (size_t c = 0; c < n_rows; c += 11) {
        float max = -INFINITY;
        for (size_t t = 0; t < prompt.ids.n; t++)
            if (prompt.counted[t] && acts[t * n_rows + c] > max)
                max = acts[t * n_rows + c];
        ck_assert_float_le(max, whole->max[c] + 1e-3f);
        if (whole->max_passage[c] == 0)
            ck_assert_float_eq_tol(max, whole->max[c], 1e-3f);
    }
    free(acts);
    session_free(session);
    prompt_clear(&prompt);
    calibration_sums_free(whole);
    calibration_sums_free(parts);
    passages_clear(&p);
    buf_clear(&text);
    scope_close(&scope);
}
END_TEST

START_TEST(a_passage_beyond_the_context_is_read_in_parts)
{
    struct scope scope;
    struct buf longer = {0};
    struct calibration_sums *s;
    open_demo(&scope);
    for (int i = 0; i < 400; i++)
        buf_str(&longer, "the river was long and the bread was warm. ");
    struct passage item = {longer.data, longer.len};
    struct passages p = {&item, 1};
    ck_assert_int_eq(
        calibration_sums_new(&s, scope.dict->n_concepts, scope.dict->threshold != NULL, &err),
        ERR_OK);
    int rc = calibrate_texts(s, &scope, &p, NULL, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    ck_assert_uint_gt(s->n_tokens, (size_t)scope.model->config.n_ctx);
    calibration_sums_free(s);
    buf_clear(&longer);
    scope_close(&scope);
}
END_TEST

Suite *suite_calibrate(void)
{
    Suite *s = suite_create("calibrate");
    TCase *t = tcase_create("calibrate");
    tcase_add_test(t, bins_are_in_order_and_hold_their_values);
    tcase_add_test(t, the_statistics_agree_with_plain_loops);
    tcase_add_test(t, without_a_token_there_are_no_statistics);
    tcase_add_test(t, texts_are_read_as_prompts_and_an_interruption_changes_nothing);
    tcase_add_test(t, a_passage_beyond_the_context_is_read_in_parts);
    suite_add_tcase(s, t);
    return s;
}
