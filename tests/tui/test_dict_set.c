#include "tui/dict_set.h"

#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINI "tests/fixtures/gemma2-mini"

struct reading {
    struct args args;
    struct job job;
    struct dict_set set;
    float *acts;
};

static int open_reading(struct reading *r, int argc, char **argv, struct err *err)
{
    int rc = args_parse(&r->args, argc, argv, err);
    if (rc == ERR_OK)
        rc = job_open(&r->job, &r->args, SCOPE_DICT, 0, err);
    if (rc == ERR_OK)
        rc = dict_set_open(&r->set, &r->job.scope, &r->args, err);
    if (rc == ERR_OK)
        rc = dict_set_latents(&r->acts, &r->set, &r->job, false, err);
    return rc;
}

static void close_reading(struct reading *r)
{
    dict_set_close(&r->set);
    job_close(&r->job);
    args_clear(&r->args);
    free(r->acts);
}

/* Reads three tokens with these dictionaries. */
static void read_with(struct reading *r, const char *first, const char *second)
{
    char *argv[] = {(char[]){"axscope"}, (char[]){"read"},
                    (char[]){"--model"}, (char[]){MINI},
                    (char[]){"--ids"},   (char[]){"2,114,41"},
                    (char[]){"--dict"},  mem_strdup(first),
                    (char[]){"--dict"},  mem_strdup(second ? second : "")};
    struct err err = {0};
    memset(r, 0, sizeof *r);
    int rc = open_reading(r, second ? 10 : 8, argv, &err);
    ck_assert_msg(rc == ERR_OK, "%s", err.message);
    free(argv[7]);
    free(argv[9]);
}

/* The fixture's dictionary under the name l1; the caller frees it and removes *dir. */
static char *layer_one(char **dir)
{
    char cwd[PATH_MAX / 2], target[PATH_MAX];
    *dir = tmp_dir_new();
    char *link = path_join(*dir, "l1");
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    snprintf(target, sizeof target, "%s/" MINI "/l3", cwd);
    ck_assert_int_eq(symlink(target, link), 0);
    return link;
}

START_TEST(each_dictionary_is_read_at_its_own_layer)
{
    char *dir, *other = layer_one(&dir);
    struct reading both, a, b;
    read_with(&both, MINI "/l3", other);
    read_with(&a, MINI "/l3", NULL);
    read_with(&b, other, NULL);
    ck_assert_int_eq(both.set.layers[0], 3);
    ck_assert_int_eq(both.set.layers[1], 1);
    ck_assert_uint_eq(both.set.all.n_concepts, 128);
    ck_assert_uint_eq(a.set.all.n_concepts, 64);
    ck_assert_mem_ne(a.acts, b.acts, 64 * sizeof(float));
    for (size_t t = 0; t < 3; t++) {
        ck_assert_mem_eq(both.acts + t * 128, a.acts + t * 64, 64 * sizeof(float));
        ck_assert_mem_eq(both.acts + t * 128 + 64, b.acts + t * 64, 64 * sizeof(float));
    }
    close_reading(&both);
    close_reading(&a);
    close_reading(&b);
    unlink(other);
    free(other);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(rows_go_to_their_dictionary_and_back)
{
    struct reading r;
    size_t row;
    struct err err = {0};
    read_with(&r, MINI, MINI "/l3");
    for (size_t d = 0; d < 2; d++) {
        for (size_t c = 0; c < 64; c += 21) {
            ck_assert_int_eq(dict_set_row(&row, &r.set, (struct concept_ref){d, c}, &err), ERR_OK);
            ck_assert_uint_eq(row, 64 * d + c);
            ck_assert_uint_eq(dict_set_ref(&r.set, row).dict, d);
            ck_assert_uint_eq(dict_set_ref(&r.set, row).row, c);
        }
    }
    ck_assert_int_eq(dict_set_row(&row, &r.set, (struct concept_ref){1, 64}, &err), ERR_LIMIT);
    ck_assert_int_eq(dict_set_row(&row, &r.set, (struct concept_ref){2, 0}, &err), ERR_LIMIT);
    close_reading(&r);
}
END_TEST

Suite *suite_dict_set(void)
{
    Suite *s = suite_create("dict_set");
    TCase *t = tcase_create("dict_set");
    tcase_add_test(t, each_dictionary_is_read_at_its_own_layer);
    tcase_add_test(t, rows_go_to_their_dictionary_and_back);
    suite_add_tcase(s, t);
    return s;
}
