#include "data/dictionary.h"
#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MINI "tests/fixtures/gemma2-mini"

static struct err err;
static char *dir;

static void set_up(void)
{
    dir = tmp_dir_new();
}

static void tear_down(void)
{
    tmp_dir_free(dir);
}

/* Copies a fixture's file to `name` inside `sub`. */
static void copy(const char *from, const char *sub, const char *name)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, from, &err), ERR_OK);
    char *folder = path_join(dir, sub);
    free(tmp_dir_write(folder, name, map.data, map.size));
    free(folder);
    file_unmap(&map);
}

/* A folder inside the test's own with the mini dictionary in it. */
static char *put_dictionary(const char *sub)
{
    char *path = path_join(dir, sub);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    copy(MINI "/l3/weight.pt", sub, "weight.pt");
    copy(MINI "/l3/metadata.jsonl", sub, "metadata.jsonl");
    return path;
}

static struct dictionary *open_ok(const char *path, int layer, const char *acts)
{
    struct dictionary *d;
    ck_assert_msg(dictionary_open(&d, path, layer, acts, &err) == ERR_OK, "%s", err.message);
    return d;
}

static void refuse(const char *path, int layer, int code, const char *reason)
{
    struct dictionary *d;
    ck_assert_int_eq(dictionary_open(&d, path, layer, NULL, &err), code);
    ck_assert_ptr_null(d);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(a_dictionary_is_opened_with_labels_and_layer)
{
    struct dictionary *d = open_ok(MINI "/l3", -1, NULL);
    ck_assert_uint_eq(d->n_concepts, 64);
    ck_assert_uint_eq(d->d_model, 96);
    ck_assert_int_eq(d->hook_layer, 3);
    ck_assert_str_eq(d->name, "gemma2-mini/l3");
    ck_assert_str_eq(d->path, MINI "/l3");
    ck_assert_uint_eq(d->labels.n, 64);
    ck_assert(!d->act_max && !d->threshold);
    float row[96];
    dictionary_direction(row, d, 0);
    ck_assert(row[0] == -0.0634765625f && row[1] == 0.0224609375f && row[2] == -0.00634765625f);
    double norm = 0;
    dictionary_direction(row, d, 63);
    for (int i = 0; i < 96; i++)
        norm += (double)row[i] * (double)row[i];
    ck_assert_double_eq_tol(norm, 1, 0.02);
    dictionary_close(d);
    dictionary_close(NULL);
}
END_TEST

START_TEST(the_only_layer_folder_is_found)
{
    struct dictionary *d = open_ok(MINI "/", -1, NULL);
    ck_assert_int_eq(d->hook_layer, 3);
    ck_assert_str_eq(d->path, MINI "/l3");
    ck_assert_str_eq(d->name, "gemma2-mini/l3");
    dictionary_close(d);
    d = open_ok(MINI, 1, NULL);
    ck_assert_int_eq(d->hook_layer, 1);
    dictionary_close(d);
}
END_TEST

START_TEST(one_of_several_layer_folders_must_be_picked)
{
    free(put_dictionary("l20"));
    free(put_dictionary("l3"));
    refuse(dir, -1, ERR_ARG, "several layers: l3, l20");
    refuse(dir, 10, ERR_IO, "no dictionary for layer 10, only l3, l20");
    struct dictionary *d = open_ok(dir, 20, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    ck_assert_ptr_nonnull(strstr(d->path, "/l20"));
    dictionary_close(d);
}
END_TEST

START_TEST(the_hook_layer_comes_from_flag_then_record_then_name)
{
    char *path = put_dictionary("l20"), *plain = put_dictionary("mine");
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    dictionary_close(d);
    char *slashes = path_join(path, "./");
    d = open_ok(slashes, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    dictionary_close(d);
    free(slashes);
    d = open_ok(plain, -1, NULL);
    ck_assert_int_eq(d->hook_layer, -1);
    dictionary_close(d);
    free(tmp_dir_write(path, "config.json", "{\"layer\": 10}", 13));
    d = open_ok(path, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 10);
    dictionary_close(d);
    d = open_ok(path, 7, NULL);
    ck_assert_int_eq(d->hook_layer, 7);
    dictionary_close(d);
    free(path);
    free(plain);
}
END_TEST

START_TEST(a_snapshot_of_the_hub_is_called_by_its_repository)
{
    static const char *const parts[] = {"models--pyvene--gemma-reft-2b-it-res",
                                        "models--pyvene--gemma-reft-2b-it-res/snapshots",
                                        "models--pyvene--gemma-reft-2b-it-res/snapshots/0a1b"};
    for (size_t i = 0; i < 3; i++) {
        char *path = path_join(dir, parts[i]);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        free(path);
    }
    char *path = put_dictionary("models--pyvene--gemma-reft-2b-it-res/snapshots/0a1b/l20");
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert_str_eq(d->name, "gemma-reft-2b-it-res/l20");
    dictionary_close(d);
    free(path);
}
END_TEST

START_TEST(acts_beside_the_weights_are_used_unless_others_are_given)
{
    char *path = put_dictionary("l3");
    const char *own = "{\"max_act\": {\"0\": 1}, \"thresholds\": {\"0\": 0.5}}";
    free(tmp_dir_write(path, "acts.json", own, strlen(own)));
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert(d->act_max[0] == 1 && d->threshold[0] == 0.5f);
    dictionary_close(d);
    char *other = tmp_dir_write(dir, "other.json", "{\"max_act\": {\"63\": 9}}", 22);
    d = open_ok(path, -1, other);
    ck_assert(d->act_max[0] == 0 && d->act_max[63] == 9 && !d->threshold);
    dictionary_close(d);
    ck_assert_int_eq(dictionary_open(&d, path, -1, "none.json", &err), ERR_IO);
    free(tmp_dir_write(path, "acts.json", "{\"max_act\": {\"64\": 1}}", 22));
    refuse(path, -1, ERR_SHAPE, "row 64 is beyond");
    free(other);
    free(path);
}
END_TEST

START_TEST(files_that_do_not_belong_together_are_refused)
{
    char *path = put_dictionary("l3");
    copy("tests/fixtures/gemma2-mini-f32/l2/metadata.jsonl", "l3", "metadata.jsonl");
    refuse(path, -1, ERR_SHAPE, "metadata.jsonl: has 32 lines, but weight.pt has 64 rows");
    free(tmp_dir_write(path, "weight.pt", "PK", 2));
    refuse(path, -1, ERR_FORMAT, "l3/weight.pt: is not a whole zip archive");
    free(path);
}
END_TEST

START_TEST(what_is_missing_is_named)
{
    refuse(dir, -1, ERR_IO, "holds no weight.pt and no folder like l20");
    char *path = put_dictionary("l3");
    refuse("/no such folder", -1, ERR_IO, "/no such folder: there is no such folder");
    char *file = path_join(path, "weight.pt"), *labels = path_join(path, "metadata.jsonl");
    refuse(file, -1, ERR_IO, "is a file, a dictionary is a folder");
    ck_assert_int_eq(remove(labels), 0);
    refuse(path, -1, ERR_IO, "holds weight.pt but no metadata.jsonl");
    ck_assert_int_eq(remove(file), 0);
    free(tmp_dir_write(path, "params.npz", "", 0));
    refuse(path, -1, ERR_IO, "sparse autoencoder");
    free(labels);
    free(file);
    free(path);
}
END_TEST

Suite *suite_dictionary(void)
{
    Suite *s = suite_create("dictionary");
    TCase *t = tcase_create("dictionary");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_dictionary_is_opened_with_labels_and_layer);
    tcase_add_test(t, the_only_layer_folder_is_found);
    tcase_add_test(t, one_of_several_layer_folders_must_be_picked);
    tcase_add_test(t, the_hook_layer_comes_from_flag_then_record_then_name);
    tcase_add_test(t, a_snapshot_of_the_hub_is_called_by_its_repository);
    tcase_add_test(t, acts_beside_the_weights_are_used_unless_others_are_given);
    tcase_add_test(t, files_that_do_not_belong_together_are_refused);
    tcase_add_test(t, what_is_missing_is_named);
    suite_add_tcase(s, t);
    return s;
}
