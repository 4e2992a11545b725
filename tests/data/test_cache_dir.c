/* setenv */
#define _XOPEN_SOURCE 700

#include "data/cache_dir.h"

#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(the_cache_is_where_xdg_or_home_say)
{
    setenv("HOME", "/h", 1);
    setenv("XDG_CACHE_HOME", "/x", 1);
    char *path = cache_file("a", "b");
    ck_assert_str_eq(path, "/x/axscope/a/b");
    free(path);
    setenv("XDG_CACHE_HOME", "relative", 1);
    path = cache_file("a", "b");
    ck_assert_str_eq(path, "/h/.cache/axscope/a/b");
    free(path);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_assert_ptr_null(cache_file("a", "b"));
    struct err err = {0};
    ck_assert_int_eq(cache_file_new(&path, "a", "b", &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.hint, "XDG_CACHE_HOME"));
}
END_TEST

START_TEST(folders_are_made_and_a_file_in_their_way_is_an_error)
{
    char *dir = tmp_dir_new(), *cache = path_join(dir, "deep/er"), *path;
    struct err err = {0};
    setenv("XDG_CACHE_HOME", cache, 1);
    ck_assert_int_eq(cache_file_new(&path, "sort", "name", &err), ERR_OK);
    ck_assert_int_eq(file_write(path, "1", 1, &err), ERR_OK);
    free(path);
    ck_assert_int_eq(cache_file_new(&path, "sort", "name", &err), ERR_OK);
    ck_assert(file_exists(path));
    free(path);
    free(cache);
    cache = tmp_dir_write(dir, "plain", "x", 1);
    setenv("XDG_CACHE_HOME", cache, 1);
    ck_assert_int_eq(cache_file_new(&path, "sort", "name", &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "plain"));
    ck_assert_ptr_null(path);
    free(cache);
    tmp_dir_free(dir);
}
END_TEST

Suite *suite_cache_dir(void)
{
    Suite *s = suite_create("cache_dir");
    TCase *t = tcase_create("cache_dir");
    tcase_add_test(t, the_cache_is_where_xdg_or_home_say);
    tcase_add_test(t, folders_are_made_and_a_file_in_their_way_is_an_error);
    suite_add_tcase(s, t);
    return s;
}
