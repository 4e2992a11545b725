#include "data/acts.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"

#include <stdlib.h>
#include <string.h>

static struct err err;

static int parse(float **max, float **threshold, const char *text, size_t n_concepts)
{
    return acts_parse(max, threshold, text, strlen(text), "acts.json", n_concepts, &err);
}

static void refuse(const char *text, int code, const char *reason)
{
    float *max, *threshold;
    ck_assert_int_eq(parse(&max, &threshold, text, 3), code);
    ck_assert(!max && !threshold);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(rows_that_are_not_named_are_zero)
{
    float *max, *threshold;
    ck_assert_int_eq(
        parse(&max, &threshold, "{\"max_act\": {\"2\": 82.00000000000001, \"0\": 7}}", 3), ERR_OK);
    ck_assert(max[0] == 7 && max[1] == 0 && max[2] == 82);
    ck_assert_ptr_null(threshold);
    free(max);
    ck_assert_int_eq(
        parse(&max, &threshold, "{\"max_act\": null, \"thresholds\": {\"1\": -3.5}, \"x\": 1}", 3),
        ERR_OK);
    ck_assert_ptr_null(max);
    ck_assert(threshold[1] == -3.5f);
    free(threshold);
}
END_TEST

START_TEST(bad_rows_and_values_are_named)
{
    refuse("{}", ERR_FORMAT, "neither max_act nor thresholds");
    refuse("[]", ERR_FORMAT, "neither max_act nor thresholds");
    refuse("{\"max_act\": [1, 2]}", ERR_FORMAT, "max_act is not an object");
    refuse("{\"max_act\": {\"3\": 1}}", ERR_SHAPE, "row 3 is beyond the dictionary's 3 rows");
    refuse("{\"max_act\": {\"99999999999999999999999\": 1}}", ERR_FORMAT, "no row number");
    refuse("{\"max_act\": {\"-1\": 1}}", ERR_FORMAT, "'-1' is no row number");
    refuse("{\"max_act\": {\"\": 1}}", ERR_FORMAT, "no row number");
    refuse("{\"max_act\": {\"0\": 1}, \"thresholds\": {\"1\": \"x\"}}", ERR_FORMAT,
           "thresholds: row 1 has no finite number");
    refuse("{\"max_act\": {\"0\": 1e300}}", ERR_FORMAT, "row 0 has no finite number");
    refuse("{\"max_act\": {\"0\": 1", ERR_FORMAT, "not complete");
}
END_TEST

START_TEST(published_maxima_have_the_known_values)
{
    char *path = shared_file("axbench/max_act/2b_l20_reft.json");
    if (!path)
        return;
    float *max, *threshold;
    ck_assert_int_eq(acts_open(&max, &threshold, path, 15581, &err), ERR_OK);
    ck_assert(max[1795] == 142 && threshold[1795] == 69);
    ck_assert(max[13609] == 616 && threshold[13609] == 580);
    ck_assert(max[5651] == 0 && threshold[5651] == 0);
    ck_assert(max[5267] == 145 && threshold[5267] == 43.25f);
    int n_above = 0;
    for (int i = 0; i < 15581; i++)
        n_above += threshold[i] > max[i];
    ck_assert_int_eq(n_above, 0);
    free(max);
    free(threshold);
    ck_assert_int_eq(acts_open(&max, &threshold, path, 15580, &err), ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(err.message, "row 15580 is beyond"));
    free(path);
}
END_TEST

Suite *suite_acts(void)
{
    Suite *s = suite_create("acts");
    TCase *t = tcase_create("acts");
    tcase_add_test(t, rows_that_are_not_named_are_zero);
    tcase_add_test(t, bad_rows_and_values_are_named);
    tcase_add_test(t, published_maxima_have_the_known_values);
    suite_add_tcase(s, t);
    return s;
}
