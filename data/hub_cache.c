#include "data/hub_cache.h"

#include "data/err.h"
#include "data/file.h"
#include "data/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where the cache may be, first come first. */
static const struct {
    const char *variable, *below;
} places[] = {{"HF_HUB_CACHE", NULL},
              {"HUGGINGFACE_HUB_CACHE", NULL}, /* its older name */
              {"HF_HOME", "hub"},
              {"XDG_CACHE_HOME", "huggingface/hub"},
              {"HOME", ".cache/huggingface/hub"}};

/* The cache folder, and the variable that names it. */
static char *find_root(const char **variable)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        if (!value || !*value)
            continue;
        *variable = places[i].variable;
        return places[i].below ? path_join(value, places[i].below) : mem_strdup(value);
    }
    return NULL;
}

char *hub_cache_root(void)
{
    const char *variable;
    return find_root(&variable);
}

bool hub_is_model(const char *dir)
{
    return file_exists_in(dir, "config.json");
}

static bool has_weight(const char *dir)
{
    static const char *const names[] = {"weight.pt", "params.npz", "sae_weights.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (file_exists_in(dir, names[i]))
            return true;
    return false;
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

/* "models--ORG--NAME" of "ORG/NAME" or "ORG/NAME/folder"; *below is what follows NAME. */
static char *repo_folder(const char **below, const char *name)
{
    const char *slash = strchr(name, '/');
    size_t repo_len = strcspn(slash + 1, "/");
    struct buf repo = {0};
    buf_printf(&repo, "models--%.*s--%.*s", (int)(slash - name), name, (int)repo_len, slash + 1);
    *below = slash[1 + repo_len] ? slash + 2 + repo_len : "";
    return repo.data;
}

char *hub_cache_find(const char *name, hub_usable_fn *usable)
{
    char *root = is_hub_name(name) ? hub_cache_root() : NULL;
    if (!root)
        return NULL;
    char *found;
    if (strchr(name, '/')) {
        const char *below;
        char *repo = repo_folder(&below, name);
        found = find_in_repo(root, repo, below, usable);
        free(repo);
    } else {
        found = find_in_any_org(root, name, usable);
    }
    free(root);
    return found;
}

/* --- what to say when nothing was found --- */

/* Unfinished downloads lie in blobs/ under names that end so. */
static bool has_unfinished(const char *repo)
{
    char *blobs = path_join(repo, "blobs");
    DIR *stream = opendir(blobs);
    bool found = false;
    for (struct dirent *entry; stream && !found && (entry = readdir(stream));)
        found = strstr(entry->d_name, ".incomplete") != NULL;
    if (stream)
        closedir(stream);
    free(blobs);
    return found;
}

void hub_cache_explain(struct buf *out, const char *name, const char *wanted)
{
    const char *variable = "", *below;
    char *root = find_root(&variable);
    if (!root) {
        buf_str(out, "there is no hub cache, as HOME is not set");
        return;
    }
    buf_printf(out, "the hub cache %s (%s)", root, variable);
    if (!is_hub_name(name)) {
        buf_str(out, " cannot hold such a name");
    } else if (!strchr(name, '/')) {
        buf_printf(out, " has no folder models--*--%s with %s", name, wanted);
    } else {
        char *folder = repo_folder(&below, name), *repo = path_join(root, folder);
        if (file_is_dir(repo))
            buf_printf(out, " has %s, but no snapshot%s%s in it with %s%s", folder,
                       *below ? "/" : "", below, wanted,
                       has_unfinished(repo) ? " (a download was not finished)" : "");
        else
            buf_printf(out, " has no folder %s", folder);
        free(folder);
        free(repo);
    }
    free(root);
}

char *hub_repo_of(const char *path)
{
    const char *at = strstr(path, "models--");
    const char *org = at ? at + strlen("models--") : NULL;
    const char *split = org ? strstr(org, "--") : NULL;
    size_t len = split ? strcspn(split, "/") : 0;
    if (!split || len <= 2 || (at > path && at[-1] != '/') ||
        memchr(org, '/', (size_t)(split - org)))
        return NULL;
    struct buf repo = {0};
    buf_printf(&repo, "%.*s/%.*s", (int)(split - org), org, (int)len - 2, split + 2);
    return repo.data;
}

void hub_hint_download(struct err *err, const char *before, const char *repo)
{
    if (strncmp(repo, "google/gemma", strlen("google/gemma")) == 0)
        err_hint(err,
                 "%s accept the licence at https://huggingface.co/%s, then run: hf download %s",
                 before, repo, repo);
    else
        err_hint(err, "%s run: hf download %s", before, repo);
}
