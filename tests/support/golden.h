/* Golden files: expected text under tests/golden, rewritten by `make golden`. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include <stddef.h>

/* Fails the running test if tests/golden/NAME.txt does not hold exactly this text (after its
 * header line). With GOLDEN_UPDATE set in the environment the file is written instead. */
void golden_check(const char *name, const char *text, size_t len);

#endif
