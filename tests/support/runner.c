#include "tests/support/runner.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int run_suites(suite_fn **fns)
{
    setenv("CK_DEFAULT_TIMEOUT", "600", 0);
    SRunner *runner = srunner_create(NULL);
    for (suite_fn **fn = fns; *fn; fn++)
        srunner_add_suite(runner, (*fn)());
    srunner_run_all(runner, CK_ENV);
    int n_failed = srunner_ntests_failed(runner);
    bool is_empty = srunner_ntests_run(runner) == 0;
    srunner_free(runner);
    if (is_empty) {
        fputs("no test ran: CK_RUN_SUITE and CK_RUN_CASE name none\n", stderr);
        return EXIT_FAILURE;
    }
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
