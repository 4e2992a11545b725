#include "data/dictionary_internal.h"

#include "data/file.h"
#include "data/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_FILE "weight.pt"
#define GEMMA_SCOPE_FILE "params.npz"
#define SAELENS_FILE "sae_weights.safetensors"

/* The file of weights in a folder that is a dictionary, else NULL. */
static const char *weights_in(const char *dir)
{
    if (file_exists_in(dir, WEIGHT_FILE) && file_exists_in(dir, DICTIONARY_LABELS))
        return WEIGHT_FILE;
    if (file_exists_in(dir, GEMMA_SCOPE_FILE))
        return GEMMA_SCOPE_FILE;
    if (file_exists_in(dir, SAELENS_FILE) && file_exists_in(dir, DICTIONARY_SAE_CONFIG))
        return SAELENS_FILE;
    return NULL;
}

/* --- parts of a path --- */

struct part {
    const char *at;
    size_t len;
};

/* The last part of path[0..len), "" if there is none; slashes and "." at the end do not count. */
static struct part last_part(const char *path, size_t len)
{
    while (len > 0) {
        size_t end = len;
        while (len > 0 && path[len - 1] != '/')
            len--;
        bool is_dot = end - len == 1 && path[len] == '.';
        if (end > len && !is_dot)
            return (struct part){path + len, end - len};
        if (len > 0)
            len--;
    }
    return (struct part){path, 0};
}

static bool part_is(struct part p, const char *s)
{
    return p.len == strlen(s) && memcmp(p.at, s, p.len) == 0;
}

/* The part before `p`. */
static struct part parent_part(const char *path, struct part p)
{
    return last_part(path, (size_t)(p.at - path));
}

/* N of a part that is exactly the prefix and N, else -1. */
static int layer_of_part(struct part p, const char *prefix)
{
    int layer = 0;
    size_t n = strlen(prefix);
    if (p.len <= n || memcmp(p.at, prefix, n) != 0 || (p.len > n + 1 && p.at[n] == '0'))
        return -1;
    for (size_t i = n; i < p.len; i++) {
        if (p.at[i] < '0' || p.at[i] > '9')
            return -1;
        layer = layer * 10 + (p.at[i] - '0');
        if (layer > DICTIONARY_MAX_LAYER)
            return -1;
    }
    return layer;
}

/* Gemma Scope's layer_N is followed by width_W/average_l0_L: looked for in the last four parts. */
static struct part scope_part(const char *path)
{
    struct part p = last_part(path, strlen(path));
    for (int i = 0; i < 4 && p.len > 0; i++, p = parent_part(path, p))
        if (layer_of_part(p, "layer_") >= 0)
            return p;
    return (struct part){path, 0};
}

static int layer_of_path(const char *path, bool is_file)
{
    struct part leaf = last_part(path, strlen(path));
    int layer = layer_of_part(is_file ? parent_part(path, leaf) : leaf, "l");
    return layer >= 0 ? layer : layer_of_part(scope_part(path), "layer_");
}

/* --- its name --- */

/* In the hub's cache a folder is models--ORG--NAME/snapshots/HASH: NAME is what people know. */
static struct part readable_parent(const char *path, struct part leaf)
{
    struct part parent = parent_part(path, leaf), above = parent_part(path, parent);
    if (!part_is(above, "snapshots"))
        return parent;
    struct part repository = parent_part(path, above);
    for (size_t i = repository.len; i-- > 1;)
        if (repository.at[i] == '-' && repository.at[i - 1] == '-')
            return (struct part){repository.at + i + 1, repository.len - i - 1};
    return parent;
}

/* "NAME/l20", "NAME/weights.npy", "NAME/layer_20/width_16k/average_l0_71" */
static char *make_name(const char *path)
{
    struct part leaf = last_part(path, strlen(path)), first = scope_part(path);
    if (part_is(leaf, GEMMA_SCOPE_FILE) && parent_part(path, leaf).len > 0)
        leaf = parent_part(path, leaf);
    if (first.len == 0)
        first = leaf;
    struct part parent = readable_parent(path, first);
    struct buf name = {0};
    if (parent.len > 0 && !part_is(parent, ".."))
        buf_add(&name, parent.at, parent.len);
    if (name.len > 0)
        buf_char(&name, '/');
    buf_add(&name, first.at, (size_t)(leaf.at + leaf.len - first.at));
    return name.data;
}

/* --- which folder --- */

/* Ascending layers of the lN folders that hold a dictionary. Caller frees *out. */
static int list_layers(int **out, size_t *n, const char *path, struct err *err)
{
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return err_hint_missing(
            err, err_set(err, ERR_IO, "%s: cannot be listed: %s", path, strerror(errno)),
            "Check the permissions of the folder.");
    for (struct dirent *e; (e = readdir(dir));) {
        int layer = layer_of_part((struct part){e->d_name, strlen(e->d_name)}, "l");
        char *sub = path_join(path, e->d_name);
        if (layer >= 0 && weights_in(sub)) {
            *out = mem_grow(*out, &cap, *n + 1, sizeof **out);
            size_t at = (*n)++;
            for (; at > 0 && (*out)[at - 1] > layer; at--)
                (*out)[at] = (*out)[at - 1];
            (*out)[at] = layer;
        }
        free(sub);
    }
    closedir(dir);
    return ERR_OK;
}

static int not_a_dictionary(const char *path, struct err *err)
{
    if (!file_exists(path))
        err_set(err, ERR_IO, "%s: there is no such file or folder", path);
    else if (file_exists_in(path, WEIGHT_FILE))
        err_set(err, ERR_IO, "%s: holds weight.pt but no " DICTIONARY_LABELS, path);
    else if (file_exists_in(path, DICTIONARY_LABELS))
        err_set(err, ERR_IO, "%s: holds " DICTIONARY_LABELS " but no " WEIGHT_FILE, path);
    else if (file_exists_in(path, SAELENS_FILE))
        err_set(err, ERR_IO, "%s: holds " SAELENS_FILE " but no " DICTIONARY_SAE_CONFIG, path);
    else
        err_set(err, ERR_IO, "%s: holds no " WEIGHT_FILE " and no folder like l20 with one", path);
    err_hint(err,
             "Give the folder that holds weight.pt and metadata.jsonl, for example .../l20; an "
             "autoencoder's folder or params.npz; or a file with a matrix.");
    return ERR_IO;
}

static int refuse_choice(const char *path, const int *layers, size_t n, int wanted, struct err *err)
{
    struct buf names = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&names, "%sl%d", i ? ", " : "", layers[i]);
    int rc = ERR_ARG;
    if (wanted >= 0) {
        rc = err_set(err, ERR_IO, "%s: holds no dictionary for layer %d, only %s", path, wanted,
                     names.data);
        err_hint(err, "Pass --layer with one of these.");
    } else {
        err_set(err, ERR_ARG, "%s: holds dictionaries for several layers: %s", path, names.data);
        err_hint(err, "Pick one with --layer, or name its folder.");
    }
    buf_clear(&names);
    return rc;
}

/* The one lN folder with a dictionary; *found is its N. Caller frees *out. */
static int find_layer_folder(char **out, int *found, const char *path, int layer, struct err *err)
{
    int *layers;
    size_t n;
    int rc = list_layers(&layers, &n, path, err);
    if (rc != ERR_OK)
        return rc;
    *found = -1;
    for (size_t i = 0; i < n && *found < 0; i++)
        if (layers[i] == layer || n == 1)
            *found = layers[i];
    if (n == 0)
        rc = not_a_dictionary(path, err);
    else if (*found < 0)
        rc = refuse_choice(path, layers, n, layer, err);
    free(layers);
    if (rc != ERR_OK)
        return rc;
    struct buf name = {0};
    buf_printf(&name, "l%d", *found);
    *out = path_join(path, name.data);
    buf_clear(&name);
    return ERR_OK;
}

static int find_in_folder(struct dictionary_place *out, const char *path, int layer,
                          struct err *err)
{
    out->path_layer = layer_of_path(path, false);
    if (weights_in(path)) {
        out->path = mem_strdup(path);
    } else {
        int rc = find_layer_folder(&out->path, &out->path_layer, path, layer, err);
        if (rc != ERR_OK)
            return rc;
    }
    out->dir = mem_strdup(out->path);
    out->weights = path_join(out->path, weights_in(out->path));
    return ERR_OK;
}

static void take_file(struct dictionary_place *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    out->path = mem_strdup(path);
    out->weights = mem_strdup(path);
    out->dir = !slash          ? mem_strdup(".")
               : slash == path ? mem_strdup("/")
                               : mem_strndup(path, (size_t)(slash - path));
    out->is_file = true;
    out->path_layer = layer_of_path(path, true);
}

int dictionary_place_find(struct dictionary_place *out, const char *path, int layer,
                          struct err *err)
{
    int rc = ERR_OK;
    *out = (struct dictionary_place){.path_layer = -1};
    if (file_is_dir(path))
        rc = find_in_folder(out, path, layer, err);
    else if (file_exists(path))
        take_file(out, path);
    else
        rc = not_a_dictionary(path, err);
    if (rc == ERR_OK)
        out->name = make_name(out->path);
    return rc;
}

void dictionary_place_clear(struct dictionary_place *place)
{
    free(place->path);
    free(place->dir);
    free(place->weights);
    free(place->name);
    *place = (struct dictionary_place){0};
}
