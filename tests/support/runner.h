/* Runs Check suites; the generated main of every test program calls run_suites. */
#ifndef TESTS_SUPPORT_RUNNER_H
#define TESTS_SUPPORT_RUNNER_H

#include <check.h>

typedef Suite *suite_fn(void);

/* In: fns  NULL-terminated list of suite constructors.
 * Returns the process exit status: 0 if every check passed and there was one.
 * Only a test that hangs is ended, after CK_DEFAULT_TIMEOUT seconds, 600 by default: a limit of its
 * own would be too short on some slow machine under a sanitizer. */
int run_suites(suite_fn **fns);

#endif
