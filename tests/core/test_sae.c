/* Autoencoders against a double-precision loop on random weights, and against files whose numbers
 * a PyTorch reference in double precision computed (tests/fixtures/sae). */
#include "core/latents.h"
#include "core/sae.h"
#include "core/steering.h"
#include "data/file.h"
#include "data/mem.h"
#include "tests/support/approx.h"
#include "tests/support/fixture.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define D 37
#define N 51
#define T 5
#define TOLERANCE 3e-5
#define N_KINDS (SAE_GATED + 1)
#define N_NORMS (SAE_NORM_LAYER + 1)
#define N_FORMS 3 /* f32, f32 at an odd address, bf16 */

static struct err err;
static float w_enc[D * N], w_dec[N * D], b_enc[N], b_dec[D], threshold[N], b_mag[N], r_mag[N];
static float out_scale[N], resid[T * D];
static unsigned char stored[D * N * 4 + 1];

/* Weights as a file may hold them; w_enc becomes what the stored numbers are. */
static struct sae_params make(enum sae_kind kind, enum sae_norm norm, bool subtract, int form)
{
    static float *const vectors[] = {b_enc, b_mag, r_mag, threshold, out_scale};
    random_floats(w_enc, D * N, 1);
    random_floats(w_dec, N * D, 2);
    random_floats(b_dec, D, 3);
    random_floats(resid, T * D, 4);
    for (size_t i = 0; i < 5; i++)
        random_floats(vectors[i], N, 5 + (uint32_t)i);
    for (size_t i = 0; i < T * D; i++)
        resid[i] = 3 * resid[i] + 0.5F;
    struct sae_params sae = {
        .config = {.kind = kind, .norm = norm, .subtract_b_dec = subtract, .k = 7},
        .w_enc = {form == 2 ? DTYPE_BF16 : DTYPE_F32, D, N, form == 1 ? stored + 1 : stored},
        .w_dec = {DTYPE_F32, N, D, w_dec},
        .b_dec = b_dec,
        .b_enc = b_enc,
        .threshold = threshold,
        .b_mag = b_mag,
        .r_mag = r_mag,
    };
    for (size_t i = 0; form == 2 && i < D * N; i++) {
        uint16_t bits = f32_to_bf16(w_enc[i]);
        w_enc[i] = bf16_to_f32(bits);
        memcpy(stored + 2 * i, &bits, 2);
    }
    if (form < 2)
        memcpy(stored + form, w_enc, sizeof w_enc);
    return sae;
}

/* x' and what undoes its factor. */
static double input_of(double *x, const struct sae_params *sae, const float *h)
{
    double mean = 0, squares = 0, factor = 1, gain = 1;
    for (size_t i = 0; i < D; i++)
        mean += h[i] / (double)D;
    if (sae->config.norm != SAE_NORM_LAYER)
        mean = 0;
    for (size_t i = 0; i < D; i++)
        squares += (h[i] - mean) * (h[i] - mean);
    if (sae->config.norm == SAE_NORM_LAYER) {
        gain = sqrt(squares / (D - 1));
        factor = 1 / (gain + 1e-5);
    } else if (sae->config.norm == SAE_NORM_CONSTANT) {
        factor = sqrt(D) / sqrt(squares);
        gain = 1 / factor;
    }
    for (size_t i = 0; i < D; i++)
        x[i] = (h[i] - mean) * factor - (sae->config.subtract_b_dec ? b_dec[i] : 0);
    return gain;
}

static bool is_among_largest(const double *pre, size_t f, size_t k)
{
    size_t before = 0;
    for (size_t g = 0; g < N; g++)
        before += pre[g] > pre[f] || (pre[g] == pre[f] && g < f);
    return before < k;
}

/* acts and pre [N] of one row; returns the gain of its norm. */
static double reference(double *acts, double *pre, const struct sae_params *sae, const float *h)
{
    double x[D], gain = input_of(x, sae, h);
    for (size_t f = 0; f < N; f++) {
        double sum = 0;
        for (size_t i = 0; i < D; i++)
            sum += x[i] * w_enc[i * N + f];
        bool is_open = sum + b_enc[f] > 0;
        if (sae->config.kind == SAE_GATED)
            pre[f] = sum * exp(r_mag[f]) + b_mag[f];
        else
            pre[f] = sum + b_enc[f];
        if (sae->config.rescale_by_norms)
            pre[f] /= out_scale[f];
        acts[f] = pre[f] > 0 ? pre[f] : 0;
        if ((sae->config.kind == SAE_GATED && !is_open) ||
            (sae->config.kind == SAE_JUMPRELU && !(pre[f] > threshold[f])))
            acts[f] = 0;
    }
    for (size_t f = 0; sae->config.kind == SAE_TOPK && f < N; f++)
        if (!is_among_largest(pre, f, sae->config.k))
            acts[f] = 0;
    return gain;
}

static struct dictionary dictionary_of(struct sae_params *sae)
{
    return (struct dictionary){
        .name = "t", .n_concepts = N, .d_model = D, .directions = sae->w_dec, .sae = sae};
}

static void check_encoding(struct sae_params *sae)
{
    struct dictionary dict = dictionary_of(sae);
    float acts[T * N], raw[T * N], want_acts[T * N], want_raw[T * N];
    for (size_t t = 0; t < T; t++) {
        double a[N], p[N];
        reference(a, p, sae, resid + t * D);
        for (size_t f = 0; f < N; f++) {
            want_acts[t * N + f] = (float)a[f];
            want_raw[t * N + f] = (float)p[f];
        }
    }
    ck_assert_int_eq(latents_encode(acts, &dict, resid, T, D, false, &err), ERR_OK);
    ck_assert_int_eq(latents_encode(raw, &dict, resid, T, D, true, &err), ERR_OK);
    approx_tensor("acts", acts, want_acts, T * N, TOLERANCE);
    approx_tensor("signed", raw, want_raw, T * N, TOLERANCE);
}

/* One feature alone has the activation it has among all. */
static void check_features(struct sae_params *sae)
{
    float column[D];
    for (size_t f = 0; f < N; f++) {
        sae_encoder_column(column, sae, f);
        for (size_t i = 0; i < D; i++)
            ck_assert_float_eq(column[i], w_enc[i * N + f]);
        for (size_t t = 0; t < T; t++) {
            double a[N], p[N];
            reference(a, p, sae, resid + t * D);
            ck_assert_float_eq_tol(sae_feature_act(sae, f, column, resid + t * D), (float)a[f],
                                   1e-4F);
        }
    }
}

/* The definition: decode with the feature set, plus the error of decoding without. */
static void check_clamp(struct sae_params *sae, size_t f, double strength)
{
    struct dictionary dict = dictionary_of(sae);
    struct steering steering = {0};
    struct intervention what = {INTERVENTION_SAE_CLAMP, f, (float)strength};
    ck_assert_int_eq(steering_add(&steering, &dict, what, &err), ERR_OK);
    for (size_t t = 0; t < T; t++) {
        double a[N], p[N];
        float want[D], got[D];
        double gain = reference(a, p, sae, resid + t * D);
        for (size_t i = 0; i < D; i++) {
            double before = 0, after = 0;
            for (size_t g = 0; g < N; g++) {
                double scale = sae->out_scale ? out_scale[g] : 1;
                before += a[g] * scale * w_dec[g * D + i];
                after += (g == f ? strength : a[g]) * scale * w_dec[g * D + i];
            }
            want[i] = (float)(after * gain + (resid[t * D + i] - before * gain));
        }
        memcpy(got, resid + t * D, sizeof got);
        steering_apply(got, &steering, dict.hook_layer, (int)t, T);
        approx_tensor("clamped", got, want, D, TOLERANCE);
    }
    steering_clear(&steering);
}

START_TEST(every_kind_and_norm_equals_a_double_loop)
{
    int form = _i % N_FORMS, norm = _i / N_FORMS % N_NORMS, kind = _i / N_FORMS / N_NORMS;
    for (int subtract = 0; subtract < 2; subtract++) {
        struct sae_params sae = make((enum sae_kind)kind, (enum sae_norm)norm, subtract, form);
        check_encoding(&sae);
        check_features(&sae);
        check_clamp(&sae, 3, 5);
        check_clamp(&sae, 40, 0);
    }
}
END_TEST

START_TEST(features_may_be_scaled_before_they_are_decoded)
{
    struct sae_params sae = make(SAE_STANDARD, SAE_NORM_LAYER, true, 0);
    sae.out_scale = out_scale;
    check_encoding(&sae);
    check_clamp(&sae, 3, 5);
    sae = make(SAE_TOPK, SAE_NORM_CONSTANT, true, 0);
    for (size_t f = 0; f < N; f++)
        out_scale[f] = 0.3F + fabsf(out_scale[f]);
    sae.out_scale = out_scale;
    sae.config.rescale_by_norms = true;
    check_encoding(&sae);
    check_features(&sae);
    check_clamp(&sae, 3, 5);
}
END_TEST

START_TEST(of_equal_features_the_first_are_kept)
{
    struct sae_params sae = make(SAE_TOPK, SAE_NORM_NONE, true, 0);
    float acts[N];
    for (size_t k = 1; k <= N; k++) {
        sae.config.k = k;
        for (size_t f = 0; f < N; f++)
            acts[f] = f % 3 == 0 ? 2 : 1;
        sae_activate(acts, &sae, 1, false);
        size_t n_twos = 0, n_ones = 0;
        for (size_t f = 0; f < N; f++) {
            n_twos += acts[f] == 2;
            n_ones += acts[f] == 1;
        }
        ck_assert_uint_eq(n_twos + n_ones, k);
        ck_assert_uint_eq(n_twos, k < N / 3 ? k : N / 3);
        ck_assert(acts[0] == 2 && (k < N / 3 || acts[1] == (k > N / 3)));
    }
}
END_TEST

START_TEST(long_texts_are_encoded_in_blocks)
{
    enum { LONG = 600 };
    struct sae_params sae = make(SAE_JUMPRELU, SAE_NORM_LAYER, true, 0);
    struct dictionary dict = dictionary_of(&sae);
    float *rows = mem_alloc(LONG * D, sizeof *rows), *acts = mem_alloc(LONG * N, sizeof *acts);
    random_floats(rows, LONG * D, 9);
    ck_assert_int_eq(latents_encode(acts, &dict, rows, LONG, D, false, &err), ERR_OK);
    for (size_t t = 0; t < LONG; t += 37) {
        double a[N], p[N];
        reference(a, p, &sae, rows + t * D);
        for (size_t f = 0; f < N; f++)
            ck_assert_float_eq_tol(acts[t * N + f], (float)a[f], 1e-4F);
    }
    free(rows);
    free(acts);
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_refused)
{
    struct sae_params sae = make(SAE_JUMPRELU, SAE_NORM_NONE, true, 0);
    struct dictionary dict = dictionary_of(&sae);
    struct steering s = {0};
    float acts[T * N], bad = NAN;
    struct intervention what = {INTERVENTION_SAE_CLAMP, 5, 1};
    memcpy(stored + sizeof(float) * (2 * N + 5), &bad, sizeof bad);
    ck_assert_int_eq(latents_encode(acts, &dict, resid, T, D, false, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "row 5 at position 0"));
    ck_assert_int_eq(steering_add(&s, &dict, what, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "row 5 holds a NaN"));
    what.concept = 6;
    w_dec[6 * D] = INFINITY;
    ck_assert_int_eq(steering_add(&s, &dict, what, &err), ERR_FORMAT);
    ck_assert_uint_eq(s.n, 0);
    steering_clear(&s);
    sae = make(SAE_GATED, SAE_NORM_NONE, true, 0);
    r_mag[9] = 200;
    ck_assert_int_eq(latents_encode(acts, &dict, resid, T, D, true, &err), ERR_FORMAT);
}
END_TEST

START_TEST(clamping_depends_on_the_dictionary)
{
    struct sae_params sae = make(SAE_STANDARD, SAE_NORM_NONE, false, 0);
    struct dictionary dict = dictionary_of(&sae), plain = dict;
    struct steering s = {0}, copy;
    plain.sae = NULL;
    ck_assert_int_eq(steering_kind_for(&dict, INTERVENTION_CLAMP), INTERVENTION_SAE_CLAMP);
    ck_assert_int_eq(steering_kind_for(&dict, INTERVENTION_ADD), INTERVENTION_ADD);
    ck_assert_int_eq(steering_kind_for(&plain, INTERVENTION_CLAMP), INTERVENTION_CLAMP);
    struct intervention what = {INTERVENTION_SAE_CLAMP, 0, 2};
    ck_assert_int_eq(steering_add(&s, &plain, what, &err), ERR_ARG);
    /* a threshold asks the feature, not the product with its decoder's row */
    what = (struct intervention){INTERVENTION_THRESHOLD, 4, 1e6F};
    ck_assert_int_eq(steering_add(&s, &dict, what, &err), ERR_OK);
    what.kind = INTERVENTION_SAE_CLAMP;
    ck_assert_int_eq(steering_add(&s, &dict, what, &err), ERR_OK);
    steering_copy(&copy, &s);
    float got[D], again[D];
    memcpy(got, resid, sizeof got);
    memcpy(again, resid, sizeof again);
    steering_apply(got, &s, dict.hook_layer, 0, T);
    steering_apply(again, &copy, dict.hook_layer, 0, T);
    ck_assert_mem_eq(got, again, sizeof got);
    ck_assert_mem_ne(got, resid, sizeof got);
    steering_clear(&s);
    steering_clear(&copy);
}
END_TEST

/* --- files of a reference --- */

static void check_file(const struct json *item, const float *inputs, size_t n_rows)
{
    struct dictionary *dict;
    size_t n;
    char *path = path_join("tests/fixtures/sae", json_string(json_get(item, "path")));
    ck_assert_msg(dictionary_open(&dict, path, -1, NULL, NULL, &err) == ERR_OK, "%s", err.message);
    ck_assert_int_eq(dict->hook_layer, fixture_int(item, "layer"));
    float *want_acts = mem_alloc(n_rows * dict->n_concepts, sizeof *want_acts);
    float *got = mem_alloc(n_rows * dict->n_concepts, sizeof *got);
    const char *const keys[] = {"acts", "pre"};
    for (int k = 0; k < 2; k++) {
        const struct json *row = json_first(json_get(item, keys[k]));
        for (size_t t = 0; t < n_rows; t++, row = json_next(row)) {
            float *values = fixture_floats(row, &n);
            ck_assert_uint_eq(n, dict->n_concepts);
            memcpy(want_acts + t * n, values, n * sizeof *values);
            free(values);
        }
        ck_assert_int_eq(latents_encode(got, dict, inputs, n_rows, dict->d_model, k == 1, &err),
                         ERR_OK);
        approx_tensor(path, got, want_acts, n_rows * dict->n_concepts, TOLERANCE);
    }
    struct steering s = {0};
    struct intervention what = {INTERVENTION_SAE_CLAMP, (size_t)fixture_int(item, "feature"),
                                fixture_float(item, "strength")};
    ck_assert_int_eq(steering_add(&s, dict, what, &err), ERR_OK);
    const struct json *row = json_first(json_get(item, "clamped"));
    for (size_t t = 0; t < n_rows; t++, row = json_next(row)) {
        float *want = fixture_floats(row, NULL), h[96];
        memcpy(h, inputs + t * 96, sizeof h);
        steering_apply(h, &s, dict->hook_layer, (int)t, (int)n_rows);
        approx_tensor(path, h, want, 96, TOLERANCE);
        free(want);
    }
    steering_clear(&s);
    dictionary_close(dict);
    free(want_acts);
    free(got);
    free(path);
}

START_TEST(files_give_what_the_reference_computed)
{
    struct json_doc *doc;
    float inputs[4 * 96];
    size_t n_rows = 0, n_cases = 0;
    ck_assert_int_eq(json_open(&doc, "tests/fixtures/sae/expected.json", &err), ERR_OK);
    const struct json *row = json_first(json_get(json_root(doc), "inputs"));
    for (; row; row = json_next(row), n_rows++) {
        float *values = fixture_floats(row, NULL);
        memcpy(inputs + n_rows * 96, values, 96 * sizeof *values);
        free(values);
    }
    const struct json *item = json_first(json_get(json_root(doc), "cases"));
    for (; item; item = json_next(item), n_cases++)
        check_file(item, inputs, n_rows);
    ck_assert_uint_eq(n_cases, 8);
    json_close(doc);
}
END_TEST

Suite *suite_sae(void)
{
    Suite *s = suite_create("sae");
    TCase *c = tcase_create("sae");
    tcase_add_loop_test(c, every_kind_and_norm_equals_a_double_loop, 0,
                        N_KINDS * N_NORMS * N_FORMS);
    tcase_add_test(c, features_may_be_scaled_before_they_are_decoded);
    tcase_add_test(c, of_equal_features_the_first_are_kept);
    tcase_add_test(c, long_texts_are_encoded_in_blocks);
    tcase_add_test(c, numbers_that_are_not_finite_are_refused);
    tcase_add_test(c, clamping_depends_on_the_dictionary);
    tcase_add_test(c, files_give_what_the_reference_computed);
    suite_add_tcase(s, c);
    return s;
}
