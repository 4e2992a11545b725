/* A folder for one test's files, in the system's place for temporary ones. */
#ifndef TESTS_SUPPORT_TMP_DIR_H
#define TESTS_SUPPORT_TMP_DIR_H

#include <stddef.h>

/* Makes an empty folder; ends the test on failure. Caller frees. */
char *tmp_dir_new(void);

/* Removes it and everything inside and frees the path. */
void tmp_dir_free(char *dir);

/* Writes a file into it and returns its path. Caller frees. */
char *tmp_dir_write(const char *dir, const char *name, const void *bytes, size_t len);

#endif
