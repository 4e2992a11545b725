#include "data/cache_dir.h"

#include "data/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A relative XDG_CACHE_HOME is to be ignored, says its specification. */
static char *cache_root(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && *xdg == '/')
        return path_join(xdg, "axscope");
    return home && *home ? path_join(home, ".cache/axscope") : NULL;
}

char *cache_file(const char *folder, const char *name)
{
    char *root = cache_root();
    if (!root)
        return NULL;
    char *dir = path_join(root, folder), *path = path_join(dir, name);
    free(root);
    free(dir);
    return path;
}

/* Makes every folder above the last part of path. */
static int make_parents(char *path, struct err *err)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST && !file_is_dir(path);
        if (failed) {
            err_set(err, ERR_IO, "%s: the folder cannot be made: %s", path, strerror(errno));
            err_hint(err, "Set XDG_CACHE_HOME to a folder that can be written.");
        }
        *slash = '/';
        if (failed)
            return ERR_IO;
    }
    return ERR_OK;
}

int cache_file_new(char **out, const char *folder, const char *name, struct err *err)
{
    *out = cache_file(folder, name);
    if (!*out) {
        err_set(err, ERR_IO,
                "there is no place for a cache: neither XDG_CACHE_HOME nor HOME is "
                "set");
        err_hint(err, "Set XDG_CACHE_HOME to a folder that can be written.");
        return ERR_IO;
    }
    int rc = make_parents(*out, err);
    if (rc != ERR_OK) {
        free(*out);
        *out = NULL;
    }
    return rc;
}
