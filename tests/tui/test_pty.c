#include "tui/pty.h"

#include "tests/support/runner.h"

#include <signal.h>
#include <string.h>

#define PATIENCE 300 /* seconds, for what comes at once unless the machine is busy */

static struct pty start(const char *script)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL};
    struct pty p;
    struct err err = {0};
    ck_assert_msg(pty_start(&p, "/bin/sh", argv, 12, 34, &err) == ERR_OK, "%s", err.message);
    return p;
}

START_TEST(what_is_printed_is_waited_for_in_order)
{
    struct err err = {0};
    struct pty p = start("printf 'one two'; sleep 0.05; printf ' one three'; sleep 600");
    ck_assert_int_eq(pty_expect(&p, "one", PATIENCE, &err), ERR_OK);
    ck_assert_int_eq(pty_expect(&p, "one th", PATIENCE, &err), ERR_OK);
    ck_assert_int_eq(pty_expect(&p, "two", 0.05, &err), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "'two'"));
    pty_stop(&p);
}
END_TEST

START_TEST(keys_reach_a_program_that_sees_a_terminal_of_that_size)
{
    struct err err = {0};
    struct pty p =
        start("test -t 0 && test -t 1 && stty size; echo term=$TERM; read x; echo got-$x");
    ck_assert_int_eq(pty_expect(&p, "12 34", PATIENCE, &err), ERR_OK);
    ck_assert_int_eq(pty_expect(&p, "term=xterm-256color", PATIENCE, &err), ERR_OK);
    ck_assert_int_eq(pty_type(&p, "a key\n", &err), ERR_OK);
    ck_assert_int_eq(pty_expect(&p, "got-a key", PATIENCE, &err), ERR_OK);
    ck_assert_int_eq(pty_expect(&p, "more", PATIENCE, &err), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.message, "ended"));
    pty_stop(&p);
}
END_TEST

START_TEST(a_program_that_will_not_end_is_ended)
{
    struct err err = {0};
    struct pty p = start("trap '' TERM HUP; echo here; while :; do sleep 1; done");
    ck_assert_int_eq(pty_expect(&p, "here", PATIENCE, &err), ERR_OK);
    pid_t pid = p.pid;
    pty_stop(&p);
    ck_assert_int_ne(kill(pid, 0), 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_prints_nothing)
{
    char *const argv[] = {(char *)"none", NULL};
    struct pty p;
    struct err err = {0};
    ck_assert_int_eq(pty_start(&p, "/nonexistent/program", argv, 24, 80, &err), ERR_OK);
    ck_assert_int_eq(pty_expect(&p, "x", PATIENCE, &err), ERR_LIMIT);
    pty_stop(&p);
}
END_TEST

Suite *suite_pty(void)
{
    Suite *s = suite_create("pty");
    TCase *t = tcase_create("programs");
    tcase_add_test(t, what_is_printed_is_waited_for_in_order);
    tcase_add_test(t, keys_reach_a_program_that_sees_a_terminal_of_that_size);
    tcase_add_test(t, a_program_that_will_not_end_is_ended);
    tcase_add_test(t, a_program_that_is_not_there_prints_nothing);
    suite_add_tcase(s, t);
    return s;
}
