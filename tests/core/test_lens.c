#include "core/lens.h"

#include "tests/support/approx.h"
#include "tests/support/fixture.h"
#include "tests/support/runner.h"

#include <math.h>
#include <stdlib.h>

#define K 8

static void check_side(const struct lens_entry *got, const struct json *want)
{
    int i = 0;
    for (const struct json *pair = json_first(want); pair; pair = json_next(pair), i++) {
        const struct json *id = json_first(pair);
        double value = json_number(json_next(id));
        ck_assert_int_eq(got[i].id, (int)json_number(id));
        ck_assert_double_eq_tol(got[i].value, value, 1e-3 * fabs(value));
    }
    ck_assert_int_eq(i, K);
}

START_TEST(the_lens_of_a_direction_agrees_with_the_reference)
{
    struct fixture f;
    fixture_open(&f, _i);
    float *direction = malloc(f.dict->d_model * sizeof *direction);
    int n_checked = 0;
    const struct json *lens = json_first(json_get(f.expected, "logit_lens"));
    for (; lens; lens = json_next(lens), n_checked++) {
        struct lens_entry top[K], bottom[K];
        struct err err = {0};
        dictionary_direction(direction, f.dict, (size_t)fixture_int(lens, "concept"));
        ck_assert_int_eq(lens_direction(top, bottom, K, f.model, direction, &err), K);
        check_side(top, json_get(lens, "top"));
        check_side(bottom, json_get(lens, "bottom"));
    }
    ck_assert_int_eq(n_checked, 3);
    free(direction);
    fixture_close(&f);
}
END_TEST

START_TEST(more_entries_than_tokens_gives_every_token_once)
{
    struct fixture f;
    fixture_open(&f, 1);
    int n_vocab = f.model->config.n_vocab;
    struct lens_entry *top = malloc(1000 * sizeof *top), *bottom = malloc(1000 * sizeof *bottom);
    float *direction = malloc(f.dict->d_model * sizeof *direction);
    struct err err = {0};
    dictionary_direction(direction, f.dict, 2);
    ck_assert_int_eq(lens_direction(top, bottom, 1000, f.model, direction, &err), n_vocab);
    long sum = 0;
    for (int i = 0; i < n_vocab; i++) {
        sum += top[i].id;
        ck_assert_float_eq(top[i].value, bottom[n_vocab - 1 - i].value);
        ck_assert(i == 0 || top[i - 1].value >= top[i].value);
    }
    ck_assert_int_eq(sum, (long)n_vocab * (n_vocab - 1) / 2);
    direction[3] = NAN;
    ck_assert_int_eq(lens_direction(top, bottom, 4, f.model, direction, &err), ERR_FORMAT);
    free(direction);
    free(top);
    free(bottom);
    fixture_close(&f);
}
END_TEST

START_TEST(equal_values_are_ordered_by_id)
{
    enum { N_VOCAB = 6, D_MODEL = 2 };
    static const float embed[N_VOCAB * D_MODEL] = {1, 0, 2, 0, 1, 0, 2, 0, 0, 1, 1, 0};
    float ones[D_MODEL] = {1, 1}, direction[D_MODEL] = {1, -1};
    struct model model = {.config = {.n_vocab = N_VOCAB, .d_model = D_MODEL},
                          .embed = {DTYPE_F32, N_VOCAB, D_MODEL, embed},
                          .norm_final = ones};
    static const int by_value[] = {1, 3, 0, 2, 5, 4}, from_below[] = {4, 0, 2, 5, 1, 3};
    struct lens_entry top[N_VOCAB], bottom[N_VOCAB];
    struct err err = {0};
    ck_assert_int_eq(lens_direction(top, bottom, N_VOCAB, &model, direction, &err), N_VOCAB);
    for (int i = 0; i < N_VOCAB; i++) {
        ck_assert_int_eq(top[i].id, by_value[i]);
        ck_assert_int_eq(bottom[i].id, from_below[i]);
    }
}
END_TEST

static double cosine(const struct dictionary *dict, size_t a, size_t b)
{
    double dot = 0, aa = 0, bb = 0;
    float *x = malloc(dict->d_model * sizeof *x), *y = malloc(dict->d_model * sizeof *y);
    dictionary_direction(x, dict, a);
    dictionary_direction(y, dict, b);
    for (size_t i = 0; i < dict->d_model; i++) {
        dot += (double)x[i] * y[i];
        aa += (double)x[i] * x[i];
        bb += (double)y[i] * y[i];
    }
    free(x);
    free(y);
    return dot / sqrt(aa * bb);
}

START_TEST(the_nearest_rows_are_those_of_largest_cosine)
{
    struct fixture f;
    fixture_open(&f, _i);
    for (size_t row = 0; row < f.dict->n_concepts; row += 7) {
        struct neighbour near[5];
        ck_assert_uint_eq(lens_nearest(near, 5, f.dict, row), 5);
        for (size_t i = 0; i < 5; i++) {
            ck_assert_uint_ne(near[i].row, row);
            ck_assert_double_eq_tol(near[i].cosine, cosine(f.dict, row, near[i].row), 1e-5);
            ck_assert(i == 0 || near[i - 1].cosine >= near[i].cosine);
        }
        size_t n_above = 0;
        for (size_t c = 0; c < f.dict->n_concepts; c++)
            n_above += c != row && cosine(f.dict, row, c) > near[4].cosine + 1e-5;
        ck_assert_uint_le(n_above, 4);
    }
    fixture_close(&f);
}
END_TEST

Suite *suite_lens(void)
{
    Suite *s = suite_create("lens");
    TCase *t = tcase_create("lens");
    tcase_add_loop_test(t, the_lens_of_a_direction_agrees_with_the_reference, 0, N_FIXTURES);
    tcase_add_test(t, more_entries_than_tokens_gives_every_token_once);
    tcase_add_test(t, equal_values_are_ordered_by_id);
    tcase_add_loop_test(t, the_nearest_rows_are_those_of_largest_cosine, 0, N_FIXTURES);
    suite_add_tcase(s, t);
    return s;
}
