/* setenv */
#define _XOPEN_SOURCE 700

#include "data/weights_cache.h"

#include "data/mem.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOURCE 0x0123456789abcdefu

static struct err err;
static char *dir, *path;
static uint8_t a[3 * 34], b[34];
static const struct tensor tensors[] = {
    {.name = "a", .dtype = DTYPE_Q8_0, .n_dims = 2, .shape = {3, 32}, .data = a, .n_bytes = 102},
    {.name = "b", .dtype = DTYPE_Q8_0, .n_dims = 2, .shape = {1, 32}, .data = b, .n_bytes = 34},
};

static void setup(void)
{
    dir = tmp_dir_new();
    setenv("XDG_CACHE_HOME", dir, 1);
    path = weights_cache_path("m");
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = (uint8_t)(i * 37);
    memset(b, 9, sizeof b);
}

static void teardown(void)
{
    free(path);
    tmp_dir_free(dir);
}

static int write_tensors(struct weights_writer *w)
{
    int rc = weights_writer_begin(w, "m", SOURCE, tensors, 2, &err);
    for (int i = 0; i < 2 && rc == ERR_OK; i++) {
        const uint8_t *data = tensors[i].data;
        rc = weights_writer_add(w, data, 10, &err);
        if (rc == ERR_OK)
            rc = weights_writer_add(w, data + 10, tensors[i].n_bytes - 10, &err);
        if (rc == ERR_OK)
            rc = weights_writer_end_tensor(w, tensors[i].n_bytes, &err);
    }
    return rc;
}

static void write_file(void)
{
    struct weights_writer w;
    ck_assert_msg(write_tensors(&w) == ERR_OK, "%s", err.message);
    ck_assert_msg(weights_writer_end(&w, &err) == ERR_OK, "%s", err.message);
}

START_TEST(tensors_come_back_as_they_were)
{
    struct weights_cache *cache;
    ck_assert_int_eq(weights_cache_open(&cache, path, SOURCE, &err), ERR_OK);
    ck_assert_ptr_null(cache);
    write_file();
    ck_assert_msg(weights_cache_open(&cache, path, SOURCE, &err) == ERR_OK, "%s", err.message);
    for (int i = 0; i < 2; i++) {
        const struct tensor *t = weights_cache_tensor(cache, tensors[i].name);
        ck_assert_ptr_nonnull(t);
        ck_assert_int_eq(t->dtype, DTYPE_Q8_0);
        ck_assert_uint_eq(t->shape[0], tensors[i].shape[0]);
        ck_assert_uint_eq(t->n_bytes, tensors[i].n_bytes);
        ck_assert_mem_eq(t->data, tensors[i].data, t->n_bytes);
    }
    ck_assert_ptr_null(weights_cache_tensor(cache, "c"));
    weights_cache_close(cache);
}
END_TEST

START_TEST(a_file_of_another_source_is_refused)
{
    struct weights_cache *cache;
    write_file();
    ck_assert_int_eq(weights_cache_open(&cache, path, SOURCE + 1, &err), ERR_FORMAT);
    ck_assert_ptr_null(cache);
    ck_assert_ptr_nonnull(strstr(err.message, "other files"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--cache-weights"));
}
END_TEST

/* In place: a file that is written again whole may wait for the disk. */
static void flip(size_t at)
{
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    fseek(f, (long)at, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, (long)at, SEEK_SET);
    ck_assert_int_ne(fputc(byte ^ 0x10, f), EOF);
    fclose(f);
}

START_TEST(any_changed_byte_and_any_missing_end_is_noticed)
{
    struct buf file = {0};
    struct weights_cache *cache;
    write_file();
    ck_assert_int_eq(file_read(&file, path, 1 << 20, &err), ERR_OK);
    for (size_t i = 0; i < file.len; i++) {
        flip(i);
        ck_assert_msg(weights_cache_open(&cache, path, SOURCE, &err) != ERR_OK, "byte %zu", i);
        ck_assert(err.message[0] && err.hint[0]);
        flip(i);
    }
    ck_assert_int_eq(weights_cache_open(&cache, path, SOURCE, &err), ERR_OK);
    weights_cache_close(cache);
    for (size_t len = file.len; len-- > 0;) {
        ck_assert_int_eq(truncate(path, (off_t)len), 0);
        ck_assert_msg(weights_cache_open(&cache, path, SOURCE, &err) != ERR_OK, "%zu bytes", len);
    }
    buf_clear(&file);
}
END_TEST

START_TEST(what_is_discarded_leaves_nothing_and_an_older_file_alone)
{
    struct weights_writer w;
    struct weights_cache *cache;
    ck_assert_int_eq(write_tensors(&w), ERR_OK);
    char *tmp = mem_strdup(w.file.tmp_path);
    ck_assert(file_exists(tmp));
    weights_writer_discard(&w);
    ck_assert(!file_exists(tmp) && !file_exists(path));
    free(tmp);
    write_file();
    ck_assert_int_eq(write_tensors(&w), ERR_OK);
    weights_writer_discard(&w);
    ck_assert_int_eq(weights_cache_open(&cache, path, SOURCE, &err), ERR_OK);
    weights_cache_close(cache);
}
END_TEST

START_TEST(a_disk_with_too_little_room_is_refused_with_the_sizes)
{
    struct weights_writer w;
    struct tensor huge = {
        .name = "h", .dtype = DTYPE_Q8_0, .n_dims = 1, .shape = {32}, .n_bytes = SIZE_MAX / 4};
    ck_assert_int_eq(weights_writer_begin(&w, "m", SOURCE, &huge, 1, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "GB"));
    weights_writer_discard(&w);
    ck_assert(!file_exists(path));
}
END_TEST

START_TEST(a_full_disk_is_an_error_while_writing)
{
    struct weights_writer w;
    uint8_t *large = mem_zalloc(1, 1 << 20);
    if (!file_exists("/dev/full")) {
        printf("skipped: there is no /dev/full\n");
        free(large);
        return;
    }
    ck_assert_int_eq(weights_writer_begin(&w, "m", SOURCE, tensors, 2, &err), ERR_OK);
    w.file.stream = freopen("/dev/full", "wb", w.file.stream);
    ck_assert_int_eq(weights_writer_add(&w, large, 1 << 20, &err), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.hint, "--cache-weights"));
    weights_writer_discard(&w);
    ck_assert(!file_exists(path));
    free(large);
}
END_TEST

START_TEST(every_path_of_a_model_has_its_own_file_and_spellings_share_it)
{
    char *plain = weights_cache_path("/tmp"), *other = weights_cache_path("/");
    char *dotted = weights_cache_path("/tmp/../tmp/");
    ck_assert_str_eq(plain, dotted);
    ck_assert_str_ne(plain, other);
    free(plain);
    free(other);
    free(dotted);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_assert_ptr_null(weights_cache_path("/tmp"));
}
END_TEST

Suite *suite_weights_cache(void)
{
    Suite *s = suite_create("weights_cache");
    TCase *t = tcase_create("weights_cache");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, tensors_come_back_as_they_were);
    tcase_add_test(t, a_file_of_another_source_is_refused);
    tcase_add_test(t, any_changed_byte_and_any_missing_end_is_noticed);
    tcase_add_test(t, what_is_discarded_leaves_nothing_and_an_older_file_alone);
    tcase_add_test(t, a_disk_with_too_little_room_is_refused_with_the_sizes);
    tcase_add_test(t, a_full_disk_is_an_error_while_writing);
    tcase_add_test(t, every_path_of_a_model_has_its_own_file_and_spellings_share_it);
    suite_add_tcase(s, t);
    return s;
}
