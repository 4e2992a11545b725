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

/* One such folder for each test of a suite: a checked fixture of these two. */
extern char *test_dir;
void test_dir_set_up(void);
void test_dir_tear_down(void);

/* Writes a text into it. */
void test_dir_put(const char *name, const char *text);

#endif
