#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int n_entries(void)
{
    DIR *d = opendir(test_dir);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

START_TEST(a_written_file_is_mapped_and_read_back)
{
    struct err err = {0};
    char bytes[50000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    char *path = path_join(test_dir, "x");
    ck_assert_int_eq(file_write(path, bytes, sizeof bytes, &err), ERR_OK);
    struct file_map map;
    ck_assert_int_eq(file_map(&map, path, &err), ERR_OK);
    ck_assert_uint_eq(map.size, sizeof bytes);
    ck_assert_mem_eq(map.data, bytes, sizeof bytes);
    ck_assert_str_eq(map.path, path);
    file_map_release(map.data, sizeof bytes);
    file_map_release(map.data + 1, 10); /* no whole page */
    ck_assert_mem_eq(map.data, bytes, sizeof bytes);
    file_unmap(&map);
    struct buf b = {0};
    ck_assert_int_eq(file_read(&b, path, sizeof bytes, &err), ERR_OK);
    ck_assert_uint_eq(b.len, sizeof bytes);
    ck_assert_mem_eq(b.data, bytes, sizeof bytes);
    buf_clear(&b);
    ck_assert_int_eq(file_read(&b, path, sizeof bytes - 1, &err), ERR_LIMIT);
    buf_clear(&b);
    free(path);
}
END_TEST

START_TEST(an_empty_file_maps_to_no_bytes)
{
    struct err err = {0};
    char *path = tmp_dir_write(test_dir, "empty", "", 0);
    struct file_map map;
    ck_assert_int_eq(file_map(&map, path, &err), ERR_OK);
    ck_assert_ptr_null(map.data);
    ck_assert_uint_eq(map.size, 0);
    file_unmap(&map);
    free(path);
}
END_TEST

START_TEST(folders_pipes_and_missing_files_are_refused_by_name)
{
    struct err err = {0};
    struct file_map map;
    ck_assert_int_eq(file_map(&map, test_dir, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "is a folder"));
    char *path = path_join(test_dir, "none");
    ck_assert_int_eq(file_map(&map, path, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_ptr_nonnull(strstr(err.message, "No such file"));
    ck_assert_str_ne(err.hint, "");
    ck_assert_int_eq(symlink("none", path), 0); /* a link to itself */
    ck_assert_int_eq(file_map(&map, path, &err), ERR_IO);
    ck_assert_str_ne(err.hint, "");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(file_map(&map, path, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "pipe"));
    struct file_writer w;
    ck_assert_int_eq(file_create(&w, path, &err), ERR_IO);
    free(path);
}
END_TEST

START_TEST(a_file_appears_only_when_it_is_committed)
{
    struct err err = {0};
    char *path = path_join(test_dir, "out");
    struct file_writer w;
    ck_assert_int_eq(file_create(&w, path, &err), ERR_OK);
    fputs("half", w.stream);
    fflush(w.stream);
    ck_assert(!file_exists(path));
    file_discard(&w);
    ck_assert_int_eq(n_entries(), 0);
    ck_assert_int_eq(file_create(&w, path, &err), ERR_OK);
    fputs("whole", w.stream);
    ck_assert_int_eq(file_commit(&w, &err), ERR_OK);
    ck_assert(file_exists(path));
    ck_assert_int_eq(n_entries(), 1);
    free(path);
}
END_TEST

START_TEST(replacing_keeps_the_old_bytes_until_the_commit)
{
    struct err err = {0};
    char *path = tmp_dir_write(test_dir, "out", "old", 3);
    char *link = path_join(test_dir, "link");
    ck_assert_int_eq(symlink("out", link), 0);
    struct file_writer w;
    ck_assert_int_eq(file_create(&w, link, &err), ERR_OK);
    fputs("new!", w.stream);
    struct buf b = {0};
    ck_assert_int_eq(file_read(&b, path, 10, &err), ERR_OK);
    ck_assert_str_eq(buf_cstr(&b), "old");
    buf_clear(&b);
    ck_assert_int_eq(file_commit(&w, &err), ERR_OK);
    ck_assert_int_eq(file_read(&b, path, 10, &err), ERR_OK);
    ck_assert_str_eq(buf_cstr(&b), "new!");
    buf_clear(&b);
    struct stat st;
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    free(link);
    free(path);
}
END_TEST

START_TEST(a_full_disk_is_reported_by_the_commit)
{
    struct err err = {0};
    struct file_writer w;
    char *path = path_join(test_dir, "out");
    ck_assert_int_eq(file_create(&w, path, &err), ERR_OK);
    FILE *full = fopen("/dev/full", "wb");
    if (!full) {
        puts("skipped: /dev/full does not exist here");
        file_discard(&w);
    } else {
        fclose(w.stream);
        w.stream = full;
        fputs("x", w.stream);
        ck_assert_int_eq(file_commit(&w, &err), ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.message, path));
        ck_assert_int_eq(n_entries(), 0);
    }
    free(path);
}
END_TEST

START_TEST(paths_join_with_one_slash)
{
    char *p = path_join("a/b", "c");
    ck_assert_str_eq(p, "a/b/c");
    free(p);
    p = path_join("a/", "c");
    ck_assert_str_eq(p, "a/c");
    free(p);
    p = path_join("", "c");
    ck_assert_str_eq(p, "c");
    free(p);
    ck_assert(file_is_dir(test_dir));
    ck_assert(!file_is_dir("/no such folder"));
}
END_TEST

Suite *suite_file(void)
{
    Suite *s = suite_create("file");
    TCase *t = tcase_create("file");
    tcase_add_checked_fixture(t, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(t, a_written_file_is_mapped_and_read_back);
    tcase_add_test(t, an_empty_file_maps_to_no_bytes);
    tcase_add_test(t, folders_pipes_and_missing_files_are_refused_by_name);
    tcase_add_test(t, a_file_appears_only_when_it_is_committed);
    tcase_add_test(t, replacing_keeps_the_old_bytes_until_the_commit);
    tcase_add_test(t, a_full_disk_is_reported_by_the_commit);
    tcase_add_test(t, paths_join_with_one_slash);
    suite_add_tcase(s, t);
    return s;
}
