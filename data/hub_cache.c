#include "data/hub_cache.h"

#include "data/err.h"
#include "data/file.h"
#include "data/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *env_folder(const char *variable, const char *below)
{
    const char *value = getenv(variable);
    if (!value || !*value)
        return NULL;
    return below ? path_join(value, below) : mem_strdup(value);
}

char *hub_cache_root(void)
{
    char *root = env_folder("HF_HUB_CACHE", NULL);
    if (!root)
        root = env_folder("HF_HOME", "hub");
    if (!root)
        root = env_folder("XDG_CACHE_HOME", "huggingface/hub");
    if (!root)
        root = env_folder("HOME", ".cache/huggingface/hub");
    return root;
}

bool hub_is_model(const char *dir)
{
    char *config = path_join(dir, "config.json");
    bool found = file_exists(config);
    free(config);
    return found;
}

static bool has_weight(const char *dir)
{
    char *weight = path_join(dir, "weight.pt");
    bool found = file_exists(weight);
    free(weight);
    return found;
}

static bool is_layer_name(const char *name)
{
    return name[0] == 'l' && name[1] != '\0' && strspn(name + 1, "0123456789") == strlen(name + 1);
}

bool hub_is_dictionary(const char *dir)
{
    if (has_weight(dir))
        return true;
    bool found = false;
    DIR *stream = opendir(dir);
    for (struct dirent *entry; stream && !found && (entry = readdir(stream));) {
        if (!is_layer_name(entry->d_name))
            continue;
        char *layer = path_join(dir, entry->d_name);
        found = has_weight(layer);
        free(layer);
    }
    if (stream)
        closedir(stream);
    return found;
}

/* Hub names hold letters, digits, '-', '_' and '.'; none of their parts begins with a dot, so
 * nothing outside the cache can be named. */
static bool is_hub_name(const char *name)
{
    if (!*name || name[strlen(name) - 1] == '/')
        return false;
    for (const char *c = name; *c; c++) {
        bool at_start = c == name || c[-1] == '/';
        if (at_start && !isalnum((unsigned char)*c))
            return false;
        if (!isalnum((unsigned char)*c) && !strchr("-_./", *c))
            return false;
    }
    return true;
}

/* snapshot/below if that is usable, else NULL. Frees snapshot. */
static char *usable_or_null(char *snapshot, const char *below, hub_usable_fn *usable)
{
    char *dir = *below ? path_join(snapshot, below) : mem_strdup(snapshot);
    free(snapshot);
    if (file_is_dir(dir) && usable(dir))
        return dir;
    free(dir);
    return NULL;
}

static char *main_snapshot(const char *repo, const char *snapshots)
{
    char *ref = path_join(repo, "refs/main");
    struct buf revision = {0};
    int rc = file_read(&revision, ref, 256, NULL);
    free(ref);
    char *dir = NULL;
    if (rc == ERR_OK) {
        size_t len = strcspn(buf_cstr(&revision), "\r\n \t");
        char *name = mem_strndup(buf_cstr(&revision), len);
        if (is_hub_name(name) && !strchr(name, '/'))
            dir = path_join(snapshots, name);
        free(name);
    }
    buf_clear(&revision);
    return dir;
}

static bool is_newer(const struct stat *a, const char *a_path, const struct stat *b,
                     const char *b_path)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    if (a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
        return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
    return strcmp(a_path, b_path) < 0;
}

static char *newest_snapshot(const char *snapshots, const char *below, hub_usable_fn *usable)
{
    char *best = NULL;
    struct stat best_stat = {0};
    DIR *stream = opendir(snapshots);
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        if (entry->d_name[0] == '.')
            continue;
        struct stat st;
        char *snapshot = path_join(snapshots, entry->d_name);
        int rc = stat(snapshot, &st);
        char *dir = usable_or_null(snapshot, below, usable);
        if (dir && rc == 0 && (!best || is_newer(&st, dir, &best_stat, best))) {
            free(best);
            best = dir;
            best_stat = st;
        } else {
            free(dir);
        }
    }
    if (stream)
        closedir(stream);
    return best;
}

static char *find_in_repo(const char *root, const char *repo_name, const char *below,
                          hub_usable_fn *usable)
{
    char *repo = path_join(root, repo_name);
    char *snapshots = path_join(repo, "snapshots");
    char *found = main_snapshot(repo, snapshots);
    if (found)
        found = usable_or_null(found, below, usable);
    if (!found)
        found = newest_snapshot(snapshots, below, usable);
    free(snapshots);
    free(repo);
    return found;
}

/* Is `folder` the cache folder of repository `name` of any organisation? */
static bool is_repo_of_any(const char *folder, const char *name)
{
    size_t n = strlen(folder), len = strlen(name);
    return strncmp(folder, "models--", 8) == 0 && n > 8 + 2 + len &&
           strcmp(folder + n - len, name) == 0 && strncmp(folder + n - len - 2, "--", 2) == 0;
}

static char *find_in_any_org(const char *root, const char *name, hub_usable_fn *usable)
{
    char *found = NULL;
    DIR *stream = opendir(root);
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        if (!is_repo_of_any(entry->d_name, name))
            continue;
        char *dir = find_in_repo(root, entry->d_name, "", usable);
        /* the folder order is the file system's: the first by name wins */
        if (dir && (!found || strcmp(dir, found) < 0)) {
            free(found);
            found = dir;
        } else {
            free(dir);
        }
    }
    if (stream)
        closedir(stream);
    return found;
}

char *hub_cache_find(const char *name, hub_usable_fn *usable)
{
    char *root = is_hub_name(name) ? hub_cache_root() : NULL;
    if (!root)
        return NULL;
    char *found;
    const char *slash = strchr(name, '/');
    if (slash) {
        const char *rest = strchr(slash + 1, '/');
        size_t repo_len = rest ? (size_t)(rest - slash - 1) : strlen(slash + 1);
        struct buf repo = {0};
        buf_printf(&repo, "models--%.*s--%.*s", (int)(slash - name), name, (int)repo_len,
                   slash + 1);
        found = find_in_repo(root, repo.data, rest ? rest + 1 : "", usable);
        buf_clear(&repo);
    } else {
        found = find_in_any_org(root, name, usable);
    }
    free(root);
    return found;
}
