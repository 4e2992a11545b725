#include "data/dictionary.h"

#include "data/calibration.h"
#include "data/file.h"
#include "data/json.h"
#include "data/torch_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_FILE "weight.pt"
#define LABEL_FILE "metadata.jsonl"
#define ACTS_FILE "acts.json"
#define RECORD_FILE "config.json"
#define MAX_LAYER 9999

/* --- which folder --- */

static bool holds(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    bool found = file_exists(path);
    free(path);
    return found;
}

static bool holds_dictionary(const char *dir)
{
    return holds(dir, WEIGHT_FILE) && holds(dir, LABEL_FILE);
}

/* N of a name that is exactly "lN", else -1. */
static int layer_of_name(const char *name, size_t len)
{
    int layer = 0;
    if (len < 2 || name[0] != 'l' || (len > 2 && name[1] == '0'))
        return -1;
    for (size_t i = 1; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        layer = layer * 10 + (name[i] - '0');
        if (layer > MAX_LAYER)
            return -1;
    }
    return layer;
}

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
        int layer = layer_of_name(e->d_name, strlen(e->d_name));
        char *sub = path_join(path, e->d_name);
        if (layer >= 0 && holds_dictionary(sub)) {
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
        err_set(err, ERR_IO, "%s: there is no such folder", path);
    else if (!file_is_dir(path))
        err_set(err, ERR_IO, "%s: is a file, a dictionary is a folder", path);
    else if (holds(path, WEIGHT_FILE))
        err_set(err, ERR_IO, "%s: holds weight.pt but no " LABEL_FILE, path);
    else if (holds(path, LABEL_FILE))
        err_set(err, ERR_IO, "%s: holds " LABEL_FILE " but no " WEIGHT_FILE, path);
    else if (holds(path, "params.npz") || holds(path, "sae_weights.safetensors"))
        err_set(err, ERR_IO, "%s: holds a sparse autoencoder, which is not read yet", path);
    else
        err_set(err, ERR_IO, "%s: holds no " WEIGHT_FILE " and no folder like l20 with one", path);
    err_hint(err, "Give the folder that holds weight.pt and metadata.jsonl, for example .../l20.");
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

/* The folder with weight.pt; *found is its N if it was looked for. Caller frees *out. */
static int find_folder(char **out, int *found, const char *path, int layer, struct err *err)
{
    *found = -1;
    if (holds_dictionary(path)) {
        *out = mem_strdup(path);
        return ERR_OK;
    }
    if (!file_is_dir(path))
        return not_a_dictionary(path, err);
    int *layers;
    size_t n;
    int rc = list_layers(&layers, &n, path, err);
    if (rc != ERR_OK)
        return rc;
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

/* --- its name and layer --- */

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

/* "NAME/l20" */
static char *make_name(const char *path)
{
    struct part leaf = last_part(path, strlen(path)), parent = readable_parent(path, leaf);
    struct buf name = {0};
    if (parent.len > 0 && !part_is(parent, ".."))
        buf_add(&name, parent.at, parent.len);
    if (name.len > 0)
        buf_char(&name, '/');
    buf_add(&name, leaf.at, leaf.len);
    return name.data;
}

/* "layer" of the record that training leaves beside the weights, or -1. */
static int read_record(int *out, const char *dir, struct err *err)
{
    *out = -1;
    if (!holds(dir, RECORD_FILE))
        return ERR_OK;
    char *path = path_join(dir, RECORD_FILE);
    struct json_doc *doc;
    long layer = -1;
    int rc = json_open(&doc, path, err);
    free(path);
    if (rc != ERR_OK)
        return rc;
    if (json_get(json_root(doc), "layer"))
        rc = json_get_int(&layer, doc, json_root(doc), "layer", 0, MAX_LAYER, err);
    json_close(doc);
    *out = (int)layer;
    return rc;
}

static int find_layer(struct dictionary *d, const char *given, int layer, int found,
                      struct err *err)
{
    d->hook_layer = layer;
    if (layer >= 0)
        return ERR_OK;
    int rc = read_record(&d->hook_layer, d->path, err);
    if (rc != ERR_OK || d->hook_layer >= 0)
        return rc;
    struct part leaf = last_part(given, strlen(given));
    d->hook_layer = found >= 0 ? found : layer_of_name(leaf.at, leaf.len);
    return ERR_OK;
}

/* --- its files --- */

static const struct tensor *pick_tensor(const struct torch_file *f)
{
    const struct tensor *t = torch_find(f, "weight");
    return t || torch_count(f) != 1 ? t : torch_at(f, 0);
}

static int read_weights(struct dictionary *d, struct err *err)
{
    char *path = path_join(d->path, WEIGHT_FILE);
    int rc = torch_open(&d->weights, path, err);
    const struct tensor *t = rc == ERR_OK ? pick_tensor(d->weights) : NULL;
    if (rc == ERR_OK && !t) {
        rc = err_set(err, ERR_FORMAT, "%s: holds %zu tensors and none is called 'weight'", path,
                     torch_count(d->weights));
        err_hint(err, "Save the matrix of directions alone: torch.save(weight, path).");
    } else if (rc == ERR_OK && (t->n_dims != 2 || t->n_bytes == 0)) {
        rc = err_set(err, ERR_SHAPE, "%s: is no matrix: it has %d dimensions and %zu bytes", path,
                     t->n_dims, t->n_bytes);
        err_hint(err, "A dictionary's weight is [n_concepts, d_model].");
    } else if (rc == ERR_OK && t->dtype != DTYPE_F32 && t->dtype != DTYPE_F16 &&
               t->dtype != DTYPE_BF16) {
        rc = err_set(err, ERR_UNSUPPORTED, "%s: is stored as %s", path, dtype_name(t->dtype));
        err_hint(err, "Save it as float32, float16 or bfloat16.");
    } else if (rc == ERR_OK) {
        rc = matrix_from_tensor(&d->directions, t, err);
    }
    free(path);
    d->n_concepts = d->directions.n_rows;
    d->d_model = d->directions.n_cols;
    return rc;
}

static int read_labels(struct dictionary *d, struct err *err)
{
    char *path = path_join(d->path, LABEL_FILE);
    int rc = labels_open(&d->labels, path, err);
    if (rc == ERR_OK && d->labels.n != d->n_concepts) {
        rc = err_set(err, ERR_SHAPE, "%s: has %zu lines, but " WEIGHT_FILE " has %zu rows", path,
                     d->labels.n, d->n_concepts);
        err_hint(err, "Both files must come from the same dictionary, one line for each row.");
    }
    free(path);
    return rc;
}

static int read_acts(struct dictionary *d, const char *acts_path, struct err *err)
{
    if (!acts_path && !holds(d->path, ACTS_FILE))
        return ERR_OK;
    char *path = acts_path ? mem_strdup(acts_path) : path_join(d->path, ACTS_FILE);
    int rc = acts_open(&d->act_max, &d->threshold, path, d->n_concepts, err);
    free(path);
    return rc;
}

/* --- interface --- */

int dictionary_open(struct dictionary **out, const char *path, int layer, const char *acts_path,
                    struct err *err)
{
    *out = NULL;
    char *dir = NULL;
    int found;
    int rc = find_folder(&dir, &found, path, layer, err);
    if (rc != ERR_OK)
        return rc;
    struct dictionary *d = mem_zalloc(1, sizeof *d);
    d->path = dir;
    d->name = make_name(dir);
    rc = find_layer(d, path, layer, found, err);
    if (rc == ERR_OK)
        rc = read_weights(d, err);
    if (rc == ERR_OK)
        rc = read_labels(d, err);
    if (rc == ERR_OK)
        rc = read_acts(d, acts_path, err);
    if (rc != ERR_OK) {
        dictionary_close(d);
        d = NULL;
    }
    *out = d;
    return rc;
}

void dictionary_close(struct dictionary *dict)
{
    if (!dict)
        return;
    labels_close(&dict->labels);
    torch_close(dict->weights);
    calibration_close(dict->calibration);
    free(dict->act_max);
    free(dict->threshold);
    free(dict->name);
    free(dict->path);
    free(dict);
}

void dictionary_direction(float *dst, const struct dictionary *dict, size_t row)
{
    matrix_row(dst, &dict->directions, row);
}
