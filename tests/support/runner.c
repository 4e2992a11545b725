#include "tests/support/runner.h"

#include <stdlib.h>

int run_suites(suite_fn **fns)
{
    SRunner *runner = srunner_create(NULL);
    for (suite_fn **fn = fns; *fn; fn++)
        srunner_add_suite(runner, (*fn)());
    srunner_run_all(runner, CK_ENV);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
