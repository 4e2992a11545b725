#include "data/hub_cache.h"
#include "data/mem.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the folders of test_dir/path and, if text is not NULL, a file with it. */
static void make(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", test_dir, path);
    for (char *slash = strchr(full + strlen(test_dir) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    if (!text) {
        mkdir(full, 0700);
        return;
    }
    FILE *f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void set_age(const char *path, long seconds)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", test_dir, path);
    struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, full, times, 0), 0);
}

static void check_found(const char *name, hub_usable_fn *usable, const char *expected)
{
    char *found = hub_cache_find(name, usable);
    if (expected) {
        ck_assert_ptr_nonnull(found);
        ck_assert_str_eq(found + strlen(test_dir) + 1, expected);
    } else {
        ck_assert_ptr_null(found);
    }
    free(found);
}

static void setup(void)
{
    test_dir_set_up();
    setenv("HF_HUB_CACHE", test_dir, 1);
}

#define GEMMA "models--google--gemma-2-2b-it/"

START_TEST(the_revision_of_refs_main_wins_over_a_newer_one)
{
    make(GEMMA "snapshots/aaa/config.json", "{}");
    make(GEMMA "snapshots/bbb/config.json", "{}");
    make(GEMMA "refs/main", "aaa");
    set_age(GEMMA "snapshots/aaa", 1000);
    set_age(GEMMA "snapshots/bbb", 2000);
    check_found("google/gemma-2-2b-it", hub_is_model, GEMMA "snapshots/aaa");
    check_found("gemma-2-2b-it", hub_is_model, GEMMA "snapshots/aaa");
}
END_TEST

START_TEST(without_a_usable_main_the_newest_snapshot_with_a_config_is_taken)
{
    make(GEMMA "snapshots/aaa/config.json", "{}");
    make(GEMMA "snapshots/bbb/config.json", "{}");
    make(GEMMA "snapshots/ccc", NULL);
    make(GEMMA "refs/main", "gone\n");
    set_age(GEMMA "snapshots/aaa", 2000);
    set_age(GEMMA "snapshots/bbb", 1000);
    set_age(GEMMA "snapshots/ccc", 3000);
    check_found("google/gemma-2-2b-it", hub_is_model, GEMMA "snapshots/aaa");
}
END_TEST

START_TEST(a_reference_that_leaves_the_cache_is_not_followed)
{
    make(GEMMA "snapshots/aaa/config.json", "{}");
    make("outside/config.json", "{}");
    make(GEMMA "refs/main", "../../outside");
    check_found("google/gemma-2-2b-it", hub_is_model, GEMMA "snapshots/aaa");
    check_found("../outside", hub_is_model, NULL);
    check_found("google/../outside", hub_is_model, NULL);
}
END_TEST

START_TEST(a_dictionary_is_a_snapshot_with_a_layer_folder)
{
    make("models--pyvene--gemma-reft-2b-it-res/snapshots/s1/l20/weight.pt", "x");
    check_found("pyvene/gemma-reft-2b-it-res", hub_is_dictionary,
                "models--pyvene--gemma-reft-2b-it-res/snapshots/s1");
    check_found("pyvene/gemma-reft-2b-it-res/l20", hub_is_dictionary,
                "models--pyvene--gemma-reft-2b-it-res/snapshots/s1/l20");
    check_found("pyvene/gemma-reft-2b-it-res", hub_is_model, NULL);
    check_found("pyvene/absent", hub_is_dictionary, NULL);
}
END_TEST

START_TEST(an_autoencoder_may_lie_anywhere_inside_a_repository)
{
    make("models--google--gemma-scope-2b-pt-res/snapshots/s1/layer_20/width_16k/average_l0_71/"
         "params.npz",
         "x");
    make("models--google--gemma-scope-2b-pt-res/snapshots/s1/README.md", "x");
    check_found("google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71", hub_is_dictionary,
                "models--google--gemma-scope-2b-pt-res/snapshots/s1/layer_20/width_16k/"
                "average_l0_71");
    check_found("google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_72", hub_is_dictionary,
                NULL);
    check_found("google/gemma-scope-2b-pt-res/layer_20", hub_is_dictionary, NULL);
    check_found("google/gemma-scope-2b-pt-res", hub_is_dictionary, NULL);
}
END_TEST

START_TEST(the_cache_folder_follows_the_environment_in_order)
{
    static const struct {
        const char *name, *value, *expected;
    } steps[] = {{"HOME", "/h", "/h/.cache/huggingface/hub"},
                 {"XDG_CACHE_HOME", "/x", "/x/huggingface/hub"},
                 {"HF_HOME", "/hf", "/hf/hub"},
                 {"HUGGINGFACE_HUB_CACHE", "/old", "/old"},
                 {"HF_HUB_CACHE", "/hub", "/hub"}};
    for (size_t i = 0; i < 5; i++)
        unsetenv(steps[i].name);
    ck_assert_ptr_null(hub_cache_root());
    for (size_t i = 0; i < 5; i++) {
        setenv(steps[i].name, steps[i].value, 1);
        char *found = hub_cache_root();
        ck_assert_str_eq(found, steps[i].expected);
        free(found);
    }
    setenv("HF_HUB_CACHE", test_dir, 1);
}
END_TEST

static void check_explained(const char *name, const char *want)
{
    struct buf got = {0}, full = {0};
    hub_cache_explain(&got, name, "a config.json");
    buf_printf(&full, "the hub cache %s (HF_HUB_CACHE) %s", test_dir, want);
    ck_assert_str_eq(got.data, full.data);
    buf_clear(&got);
    buf_clear(&full);
}

START_TEST(what_was_looked_for_and_where_can_be_told)
{
    check_explained("google/gemma-2-2b-it", "has no folder models--google--gemma-2-2b-it");
    make(GEMMA "snapshots/aaa/README.md", "");
    check_explained("google/gemma-2-2b-it", "has models--google--gemma-2-2b-it, but no snapshot "
                                            "in it with a config.json");
    make(GEMMA "blobs/123.incomplete", "");
    check_explained("google/gemma-2-2b-it/x",
                    "has models--google--gemma-2-2b-it, but no snapshot/x "
                    "in it with a config.json (a download was not "
                    "finished)");
    check_explained("gemma", "has no folder models--*--gemma with a config.json");
    check_explained("../x", "cannot hold such a name");
}
END_TEST

START_TEST(a_blob_that_is_not_there_yet_makes_no_model)
{
    char link[256];
    make(GEMMA "snapshots/aaa", NULL);
    snprintf(link, sizeof link, "%s/" GEMMA "snapshots/aaa/config.json", test_dir);
    ck_assert_int_eq(symlink("../../blobs/missing", link), 0);
    make(GEMMA "refs/main", "aaa");
    check_found("google/gemma-2-2b-it", hub_is_model, NULL);
}
END_TEST

START_TEST(a_path_in_the_cache_names_its_repository)
{
    static const struct {
        const char *path, *repo;
    } cases[] = {
        {"/x/models--google--gemma-2-2b-it/snapshots/a", "google/gemma-2-2b-it"},
        {"models--a--b", "a/b"},
        {"/x/models--a--b--c/y", "a/b--c"},
        {"/x/models--a/snapshots/b--c", NULL},
        {"/x/my-models--a--b", NULL},
        {"/x/models--a--/y", NULL},
        {"/x/gemma-2-2b-it", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *repo = hub_repo_of(cases[i].path);
        ck_assert_pstr_eq(repo, cases[i].repo);
        free(repo);
    }
}
END_TEST

START_TEST(only_gated_models_have_a_licence_to_accept)
{
    struct err err = {0};
    err_set(&err, ERR_IO, "x");
    hub_hint_download(&err, "Give a folder, or", "google/gemma-2-2b-it");
    ck_assert_str_eq(err.hint, "Give a folder, or accept the licence at "
                               "https://huggingface.co/google/gemma-2-2b-it, then run: "
                               "hf download google/gemma-2-2b-it");
    hub_hint_download(&err, "Give a folder, or", "pyvene/gemma-reft-2b-it-res");
    ck_assert_str_eq(err.hint, "Give a folder, or run: hf download pyvene/gemma-reft-2b-it-res");
}
END_TEST

Suite *suite_hub_cache(void)
{
    Suite *s = suite_create("hub_cache");
    TCase *t = tcase_create("hub_cache");
    tcase_add_checked_fixture(t, setup, test_dir_tear_down);
    tcase_add_test(t, the_revision_of_refs_main_wins_over_a_newer_one);
    tcase_add_test(t, without_a_usable_main_the_newest_snapshot_with_a_config_is_taken);
    tcase_add_test(t, a_reference_that_leaves_the_cache_is_not_followed);
    tcase_add_test(t, a_dictionary_is_a_snapshot_with_a_layer_folder);
    tcase_add_test(t, an_autoencoder_may_lie_anywhere_inside_a_repository);
    tcase_add_test(t, the_cache_folder_follows_the_environment_in_order);
    tcase_add_test(t, what_was_looked_for_and_where_can_be_told);
    tcase_add_test(t, a_blob_that_is_not_there_yet_makes_no_model);
    tcase_add_test(t, a_path_in_the_cache_names_its_repository);
    tcase_add_test(t, only_gated_models_have_a_licence_to_accept);
    suite_add_tcase(s, t);
    return s;
}
