/* Data that tests use where it lies beside the checkout: $AXSCOPE_SHARED or ../shared. */
#ifndef TESTS_SUPPORT_SHARED_H
#define TESTS_SUPPORT_SHARED_H

/* Path of a file in there, or NULL after printing "skipped: ..." if it is absent. Caller frees. */
char *shared_file(const char *name);

#endif
