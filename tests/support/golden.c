#include "tests/support/golden.h"

#include "data/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "# written by: make golden\n"

static void golden_write(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    ck_assert_msg(f != NULL, "%s cannot be written", path);
    fputs(HEADER, f);
    fwrite(text, 1, len, f);
    ck_assert_int_eq(fclose(f), 0);
}

static void golden_read(struct buf *out, const char *path)
{
    char chunk[4096];
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s is missing; make golden writes it", path);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(out, chunk, n);
    fclose(f);
}

/* 1-based line where the two texts part. */
static int first_difference(const char *a, const char *b)
{
    int line = 1;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    return line;
}

void golden_check(const char *name, const char *text, size_t len)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s.txt", name);
    if (getenv("GOLDEN_UPDATE")) {
        golden_write(path, text, len);
        return;
    }
    struct buf want = {0};
    golden_read(&want, path);
    size_t skip = strlen(HEADER);
    ck_assert_msg(want.len >= skip && memcmp(want.data, HEADER, skip) == 0, "%s: no header", path);
    bool same = want.len - skip == len && memcmp(want.data + skip, text, len) == 0;
    ck_assert_msg(same, "%s differs from line %d on (make golden rewrites it, review the diff)",
                  path, 1 + first_difference(want.data + skip, text));
    buf_clear(&want);
}
