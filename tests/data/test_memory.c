#include "data/memory.h"

#include "data/file.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MB ((size_t)1 << 20)

static char *root;

static void setup(void)
{
    root = tmp_dir_new();
}

static void teardown(void)
{
    tmp_dir_free(root);
}

/* Writes a file below root and makes the folders above it. */
static void put(const char *name, const char *text)
{
    struct err err;
    char *path = path_join(root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    ck_assert_msg(file_write(path, text, strlen(text), &err) == ERR_OK, "%s", err.message);
    free(path);
}

static void put_system(void)
{
    put("proc/meminfo", "MemTotal:       24684092 kB\nMemFree:         6361388 kB\n"
                        "MemAvailable:    1024000 kB\nMemAvailableX:  5 kB\n");
}

START_TEST(the_system_says_what_is_available)
{
    put_system();
    ck_assert_uint_eq(memory_available_below(root), 1000 * MB);
}
END_TEST

START_TEST(a_group_of_version_2_allows_less_and_its_files_can_go)
{
    put_system();
    put("proc/self/cgroup", "0::/user.slice/app\n");
    put("sys/fs/cgroup/user.slice/app/memory.max", "max\n");
    ck_assert_uint_eq(memory_available_below(root), 1000 * MB);
    put("sys/fs/cgroup/user.slice/app/memory.max", "524288000\n");     /* 500 MB */
    put("sys/fs/cgroup/user.slice/app/memory.current", "314572800\n"); /* 300 MB */
    ck_assert_uint_eq(memory_available_below(root), 200 * MB);
    put("sys/fs/cgroup/user.slice/app/memory.stat",
        "anon 5\nfile 104857600\ninactive_file 62914560\nactive_file 41943040\n");
    ck_assert_uint_eq(memory_available_below(root), 300 * MB);
    /* the group above is stricter */
    put("sys/fs/cgroup/user.slice/memory.max", "104857600\n");
    put("sys/fs/cgroup/user.slice/memory.current", "209715200\n"); /* already above */
    ck_assert_uint_eq(memory_available_below(root), 0);
}
END_TEST

START_TEST(a_group_of_version_1_counts_its_children)
{
    put_system();
    put("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/box\n3:memoryless:/\n");
    put("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "1\n");
    ck_assert_uint_eq(memory_available_below(root), 1000 * MB);
    put("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "104857600\n");
    put("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "52428800\n");
    put("sys/fs/cgroup/memory/box/memory.stat",
        "inactive_file 7\ntotal_inactive_file 1048576\ntotal_active_file 1048576\n");
    ck_assert_uint_eq(memory_available_below(root), 52 * MB);
}
END_TEST

START_TEST(a_container_sees_its_group_as_the_root)
{
    put_system();
    put("proc/self/cgroup", "4:memory:/docker/0123\n0::/not/here\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "0\n");
    ck_assert_uint_eq(memory_available_below(root), 100 * MB);
    put("sys/fs/cgroup/memory.max", "52428800\n");
    put("sys/fs/cgroup/memory.current", "0\n");
    ck_assert_uint_eq(memory_available_below(root), 50 * MB);
}
END_TEST

START_TEST(what_cannot_be_read_is_left_out)
{
    static const char *const lines[] = {"",     "0",          "::",       "4:memory",
                                        "\n\n", "x:y:z\n0::", "0::/../.."};
    size_t built_in = memory_available_below(root);
    put("proc/meminfo", "MemAvailable: lots\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        put("proc/self/cgroup", lines[i]);
        ck_assert_uint_eq(memory_available_below(root), built_in);
    }
    put_system();
    put("proc/self/cgroup", "0::/a\n");
    put("sys/fs/cgroup/a/memory.max", "none\n");
    ck_assert_uint_eq(memory_available_below(root), 1000 * MB);
    put("sys/fs/cgroup/a/memory.max", "5\n"); /* but not how much is used */
    ck_assert_uint_eq(memory_available_below(root), 1000 * MB);
}
END_TEST

START_TEST(this_machine_has_some)
{
    if (!file_exists("/proc/meminfo")) {
        printf("skipped: there is no /proc/meminfo\n");
        return;
    }
    ck_assert_uint_gt(memory_available(), 10 * MB);
}
END_TEST

Suite *suite_memory(void)
{
    Suite *s = suite_create("memory");
    TCase *t = tcase_create("memory");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_system_says_what_is_available);
    tcase_add_test(t, a_group_of_version_2_allows_less_and_its_files_can_go);
    tcase_add_test(t, a_group_of_version_1_counts_its_children);
    tcase_add_test(t, a_container_sees_its_group_as_the_root);
    tcase_add_test(t, what_cannot_be_read_is_left_out);
    tcase_add_test(t, this_machine_has_some);
    suite_add_tcase(s, t);
    return s;
}
