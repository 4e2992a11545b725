#include "tui/args.h"
#include "tui/dict_set.h"

#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

#define MINI "tests/fixtures/gemma2-mini"
#define MAX_ARGS 24

struct opened {
    struct args args;
    struct scope scope;
    struct dict_set set;
};

/* The dictionaries of a command line, without a model. */
static void open_set(struct opened *o, const char *const *words)
{
    char *argv[MAX_ARGS];
    int argc = 0;
    struct err err = {0};
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    ck_assert_msg(args_parse(&o->args, argc, argv, &err) == ERR_OK, "%s", err.message);
    ck_assert_msg(scope_open(&o->scope, &o->args.scope, SCOPE_DICT, &err) == ERR_OK, "%s",
                  err.message);
    ck_assert_msg(dict_set_open(&o->set, o->scope.dict, o->args.more_dicts, o->args.n_more_dicts,
                                &err) == ERR_OK,
                  "%s", err.message);
}

static void close_set(struct opened *o)
{
    dict_set_close(&o->set);
    scope_close(&o->scope);
    args_clear(&o->args);
}

START_TEST(rows_go_to_their_dictionary_and_back)
{
    struct opened o;
    size_t row;
    struct err err = {0};
    open_set(
        &o, (const char *[]){"axscope", "search", "--dict", MINI, "--dict", MINI "/l3", "x", NULL});
    for (size_t d = 0; d < 2; d++) {
        for (size_t c = 0; c < 64; c += 21) {
            struct concept_ref ref = {d, c};
            ck_assert_int_eq(dict_set_row(&row, &o.set, ref, &err), ERR_OK);
            ck_assert_uint_eq(row, 64 * d + c);
            ck_assert_uint_eq(dict_set_ref(&o.set, row).dict, d);
            ck_assert_uint_eq(dict_set_ref(&o.set, row).row, c);
        }
    }
    ck_assert_int_eq(dict_set_row(&row, &o.set, (struct concept_ref){1, 64}, &err), ERR_LIMIT);
    ck_assert_int_eq(dict_set_row(&row, &o.set, (struct concept_ref){2, 0}, &err), ERR_LIMIT);
    close_set(&o);
}
END_TEST

static void check_name(const struct opened *o, struct concept_ref ref, const char *want)
{
    struct buf name = {0};
    dict_set_row_name(&name, &o->set, ref);
    ck_assert_str_eq(buf_cstr(&name), want);
    buf_clear(&name);
}

START_TEST(a_row_names_its_dictionary_where_there_are_several)
{
    struct opened o;
    open_set(&o, (const char *[]){"axscope", "search", "--dict", MINI, "x", NULL});
    check_name(&o, (struct concept_ref){0, 17}, "17");
    close_set(&o);
    open_set(&o, (const char *[]){"axscope", "search", "--dict", MINI, "--dict", MINI, "x", NULL});
    check_name(&o, (struct concept_ref){0, 17}, "0:17");
    check_name(&o, (struct concept_ref){1, 3}, "1:3");
    close_set(&o);
}
END_TEST

START_TEST(labels_maxima_and_layer_are_those_given_after_the_dictionary)
{
    static const char first[] = "{\"max_act\": {\"0\": 5}, \"thresholds\": {\"0\": 1}}";
    static const char second[] = "{\"max_act\": {\"1\": 7}, \"thresholds\": {\"1\": 2}}";
    static const char matrix[] = "tests/fixtures/npy/c_f4.npy"; /* 3 rows */
    char *dir = tmp_dir_new();
    char *a = tmp_dir_write(dir, "a.json", first, strlen(first));
    char *b = tmp_dir_write(dir, "b.json", second, strlen(second));
    char *labels = tmp_dir_write(dir, "b.txt", "one\ntwo\nthree\n", 14);
    struct opened o;
    open_set(&o, (const char *[]){"axscope", "search", "--dict", matrix, "--layer", "4", "--acts",
                                  a, "--dict", matrix, "--acts", b, "--labels", labels, "--layer",
                                  "2", "x", NULL});
    ck_assert_int_eq(o.set.layers[0], 4);
    ck_assert_int_eq(o.set.layers[1], 2);
    ck_assert_int_eq(o.set.dicts[1]->hook_layer, 2);
    ck_assert_int_eq(dict_set_lowest_layer(&o.set), 2);
    static const float want[] = {5, 0, 0, 0, 7, 0};
    ck_assert_uint_eq(o.set.all.n_concepts, 6);
    ck_assert_mem_eq(o.set.all.act_max, want, sizeof want);
    ck_assert_str_eq(o.set.all.labels.rows[0].text, "feature 0");
    ck_assert_str_eq(o.set.all.labels.rows[4].text, "two");
    close_set(&o);
    free(a);
    free(b);
    free(labels);
    tmp_dir_free(dir);
}
END_TEST

Suite *suite_dict_set(void)
{
    Suite *s = suite_create("dict_set");
    TCase *t = tcase_create("dict_set");
    tcase_add_test(t, rows_go_to_their_dictionary_and_back);
    tcase_add_test(t, a_row_names_its_dictionary_where_there_are_several);
    tcase_add_test(t, labels_maxima_and_layer_are_those_given_after_the_dictionary);
    suite_add_tcase(s, t);
    return s;
}
