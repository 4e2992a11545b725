#include "core/cpu_cores.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Processors and who shares a core with each, as Linux describes them. */
static char *make_system(const char *const *siblings, int n)
{
    char *dir = tmp_dir_new();
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/cpu%d", dir, i);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        strcat(path, "/topology");
        ck_assert_int_eq(mkdir(path, 0700), 0);
        strcat(path, "/thread_siblings_list");
        FILE *f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        fputs(siblings[i], f);
        fclose(f);
    }
    return dir;
}

START_TEST(two_threads_of_a_core_count_once)
{
    static const char *const halves[] = {"0,4\n", "1,5\n", "2,6\n", "3,7\n",
                                         "0,4\n", "1,5\n", "2,6\n", "3,7\n"};
    static const char *const neighbours[] = {"0-1\n", "0-1\n", "2-3\n", "2-3\n"};
    char *dir = make_system(halves, 8);
    ck_assert_int_eq(cpu_cores_listed("0-7\n", dir), 4);
    ck_assert_int_eq(cpu_cores_listed("0,4", dir), 1);
    ck_assert_int_eq(cpu_cores_listed("4-7", dir), 4); /* the first thread of each is not ours */
    ck_assert_int_eq(cpu_cores_listed("1-2,5,7\n", dir), 3);
    tmp_dir_free(dir);
    dir = make_system(neighbours, 4);
    ck_assert_int_eq(cpu_cores_listed("0-3\n", dir), 2);
    ck_assert_int_eq(cpu_cores_listed("1-2\n", dir), 2);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(what_the_system_does_not_say_is_not_guessed)
{
    static const char *const wrong[] = {"0\n", "", "three\n", "0-\n", "9\n"};
    char *dir = make_system(wrong, 5);
    ck_assert_int_eq(cpu_cores_listed("0", dir), 1);
    for (int cpu = 1; cpu < 6; cpu++) { /* number 5 has no file */
        char list[8];
        snprintf(list, sizeof list, "0,%d", cpu);
        ck_assert_int_eq(cpu_cores_listed(list, dir), 0);
    }
    static const char *const lists[] = {"",   "\n", "x", "0-", "0,", "1-0", "0 1", "0-99999999999",
                                        "-1", "0x1"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ck_assert_msg(cpu_cores_listed(lists[i], dir) == 0, "%s", lists[i]);
    tmp_dir_free(dir);
}
END_TEST

START_TEST(this_machine_has_cores_and_not_more_than_processors)
{
    ck_assert_int_ge(cpu_cores(), 1);
    ck_assert_int_le(cpu_cores(), (int)sysconf(_SC_NPROCESSORS_ONLN));
}
END_TEST

Suite *suite_cpu_cores(void)
{
    Suite *s = suite_create("cpu_cores");
    TCase *t = tcase_create("cpu_cores");
    tcase_add_test(t, two_threads_of_a_core_count_once);
    tcase_add_test(t, what_the_system_does_not_say_is_not_guessed);
    tcase_add_test(t, this_machine_has_cores_and_not_more_than_processors);
    suite_add_tcase(s, t);
    return s;
}
