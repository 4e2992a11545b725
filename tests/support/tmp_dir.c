#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/support/tmp_dir.h"

#include "data/file.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *tmp_dir_new(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = path_join(base && *base ? base : "/tmp", "axscope-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void tmp_dir_free(char *dir)
{
    ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(dir);
}

char *tmp_dir_write(const char *dir, const char *name, const void *bytes, size_t len)
{
    char *path = path_join(dir, name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

char *test_dir;

void test_dir_set_up(void)
{
    test_dir = tmp_dir_new();
}

void test_dir_tear_down(void)
{
    tmp_dir_free(test_dir);
}

void test_dir_put(const char *name, const char *text)
{
    free(tmp_dir_write(test_dir, name, text, strlen(text)));
}
