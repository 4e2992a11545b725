#include "core/isa.h"
#include "tests/support/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(the_best_set_is_the_last_one_that_the_processor_has)
{
    static const char *const names[] = {"generic", "neon", "avx2", "avx512"};
    for (int i = 0; i < N_ISAS; i++) {
        ck_assert_str_eq(isa_name((enum isa)i), names[i]);
        ck_assert(i <= (int)isa_best() || !isa_has((enum isa)i));
    }
    ck_assert(isa_has(ISA_GENERIC) && isa_has(isa_best()));
    ck_assert(isa_has(ISA_AVX2) || !isa_has(ISA_AVX512));
}
END_TEST

START_TEST(what_is_used_is_what_was_asked_for)
{
    const enum isa before = isa_current();
    isa_use(ISA_GENERIC);
    ck_assert_int_eq(isa_current(), ISA_GENERIC);
    ck_assert_str_eq(isa_name(isa_current()), "generic");
    ck_assert(!isa_uses_avx2());
    isa_use(isa_best());
    ck_assert_int_eq(isa_current(), (int)isa_best());
    ck_assert(isa_uses_avx2() == isa_has(ISA_AVX2));
    isa_use(before);
}
END_TEST

START_TEST(a_forced_set_that_cannot_be_used_is_an_error_of_usage)
{
    struct err err;
    unsetenv("AXSCOPE_ISA");
    ck_assert_int_eq(isa_check_forced(&err), ERR_OK);
    setenv("AXSCOPE_ISA", "", 1);
    ck_assert_int_eq(isa_check_forced(&err), ERR_OK);
    for (int i = 0; i < N_ISAS; i++) {
        setenv("AXSCOPE_ISA", isa_name((enum isa)i), 1);
        ck_assert_int_eq(isa_check_forced(&err), isa_has((enum isa)i) ? ERR_OK : ERR_ARG);
    }
    setenv("AXSCOPE_ISA", "AVX2", 1);
    ck_assert_int_eq(isa_check_forced(&err), ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.message, "AXSCOPE_ISA=AVX2"));
    ck_assert_ptr_nonnull(strstr(err.hint, isa_name(isa_best())));
}
END_TEST

/* In a process of its own: the choice is made once. */
static enum isa chosen_under(const char *value)
{
    char program[4096];
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
        if (n < 0)
            _exit(99);
        program[n] = '\0';
        setenv("AXSCOPE_ISA", value, 1);
        setenv("CK_RUN_CASE", "choice", 1);
        setenv("CK_FORK", "no", 1);
        setenv("CK_RUN_SUITE", "isa", 1);
        setenv("CK_VERBOSITY", "silent", 1);
        execl(program, program, (char *)NULL);
        _exit(99);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return (enum isa)(WEXITSTATUS(status) - 10);
}

/* In the child, the process ends with what was chosen. */
START_TEST(what_is_chosen_exists)
{
    if (getenv("CK_RUN_CASE"))
        _exit(10 + (int)isa_current());
    ck_assert_int_le(isa_current(), isa_best());
}
END_TEST

START_TEST(the_environment_forces_a_set_that_the_processor_has)
{
    if (access("/proc/self/exe", R_OK) != 0) {
        puts("skipped: this system does not say which program runs");
        return;
    }
    for (int i = 0; i < N_ISAS; i++)
        ck_assert_int_eq(chosen_under(isa_name((enum isa)i)),
                         isa_has((enum isa)i) ? i : (int)isa_best());
    ck_assert_int_eq(chosen_under(""), (int)isa_best());
}
END_TEST

Suite *suite_isa(void)
{
    Suite *s = suite_create("isa");
    TCase *t = tcase_create("isa"), *child = tcase_create("choice");
    tcase_add_test(t, the_best_set_is_the_last_one_that_the_processor_has);
    tcase_add_test(t, what_is_used_is_what_was_asked_for);
    tcase_add_test(t, a_forced_set_that_cannot_be_used_is_an_error_of_usage);
    tcase_add_test(t, the_environment_forces_a_set_that_the_processor_has);
    tcase_add_test(child, what_is_chosen_exists);
    suite_add_tcase(s, t);
    suite_add_tcase(s, child);
    return s;
}
