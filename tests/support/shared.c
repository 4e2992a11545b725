#include "tests/support/shared.h"

#include "data/file.h"

#include <stdio.h>
#include <stdlib.h>

char *shared_file(const char *name)
{
    const char *dir = getenv("AXSCOPE_SHARED");
    char *path = path_join(dir && *dir ? dir : "../shared", name);
    if (file_exists(path))
        return path;
    printf("skipped: %s does not exist\n", path);
    free(path);
    return NULL;
}
