#include "tui/interrupt.h"

#include "tests/support/runner.h"

START_TEST(signals_are_noticed_between_the_two_and_do_what_they_did_after)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (int k = 0; k < 3; k++)
        signal(signals[k], SIG_DFL);
    struct interrupt i;
    struct sigaction now;
    for (int k = 0; k < 3; k++) {
        interrupt_catch(&i);
        ck_assert(!interrupt_came());
        raise(signals[k]);
        ck_assert(interrupt_came());
        interrupt_release(&i);
        sigaction(signals[k], NULL, &now);
        ck_assert(now.sa_handler == SIG_DFL);
    }
    signal(SIGHUP, SIG_IGN);
    interrupt_catch(&i);
    raise(SIGHUP);
    ck_assert(!interrupt_came());
    interrupt_release(&i);
}
END_TEST

Suite *suite_interrupt(void)
{
    Suite *s = suite_create("interrupt");
    TCase *t = tcase_create("interrupt");
    tcase_add_test(t, signals_are_noticed_between_the_two_and_do_what_they_did_after);
    suite_add_tcase(s, t);
    return s;
}
