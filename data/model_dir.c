#include "data/model_dir.h"

#include "data/chat_template.h"
#include "data/file.h"
#include "data/hub_cache.h"
#include "data/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE "config.json"
#define GENERATION_FILE "generation_config.json"
#define WEIGHTS_FILE "model.safetensors"
#define INDEX_FILE "model.safetensors.index.json"
#define MAX_SHARDS 1000

struct shard {
    struct safetensors *file;
    char *name; /* owned; inside the folder */
};

struct entry {
    const char *name; /* borrowed from the shard */
    const struct tensor *tensor;
};

struct model_dir {
    char *path;
    struct model_numbers numbers;
    struct shard *shards; /* [n_shards] */
    size_t n_shards, cap_shards;
    struct entry *entries; /* [n_entries] sorted by name */
    size_t n_entries;
    char *chat_template; /* or NULL */
};

/* --- small files --- */

static int open_json(struct json_doc **out, const struct model_dir *dir, const char *name,
                     struct err *err)
{
    char *path = path_join(dir->path, name);
    int rc = json_open(out, path, err);
    free(path);
    return rc;
}

/* What to do about a file that is not there: a snapshot of the hub cache is completed by asking
 * for it again. */
static void hint_missing(const struct model_dir *dir, const char *what, struct err *err)
{
    char *repo = hub_repo_of(dir->path);
    if (repo)
        hub_hint_download(err, "The download is not complete:", repo);
    else
        err_hint(err, "%s", what);
    free(repo);
}

static int read_config(struct model_dir *dir, struct err *err)
{
    if (!file_is_dir(dir->path)) {
        err_set(err, ERR_IO, "%s: %s", dir->path,
                file_exists(dir->path) ? "is a file, not a folder" : "there is no such folder");
        err_hint(err, "Give the folder that holds config.json and the .safetensors files, or a "
                      ".gguf file.");
        return ERR_IO;
    }
    if (!file_exists_in(dir->path, CONFIG_FILE)) {
        err_set(err, ERR_IO, "%s: holds no " CONFIG_FILE ", so it is no model folder", dir->path);
        hint_missing(dir, "Give the folder that holds config.json and the .safetensors files.",
                     err);
        return ERR_IO;
    }
    struct json_doc *doc;
    int rc = open_json(&doc, dir, CONFIG_FILE, err);
    if (rc != ERR_OK)
        return rc;
    rc = model_numbers_from(&dir->numbers, doc, err);
    json_close(doc);
    return rc;
}

static int read_generation_config(struct model_dir *dir, struct err *err)
{
    if (!file_exists_in(dir->path, GENERATION_FILE))
        return ERR_OK;
    struct json_doc *doc;
    int rc = open_json(&doc, dir, GENERATION_FILE, err);
    if (rc != ERR_OK)
        return rc;
    rc = model_numbers_add_stops(&dir->numbers, doc, err);
    json_close(doc);
    return rc;
}

/* --- weights --- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Appends a file to the shards; *out is the new one's. */
static int open_shard(const struct safetensors **out, struct model_dir *dir, const char *name,
                      struct err *err)
{
    struct shard shard;
    char *path = path_join(dir->path, name);
    int rc = safetensors_open(&shard.file, path, err);
    free(path);
    if (rc != ERR_OK)
        return rc;
    shard.name = mem_strdup(name);
    dir->shards = mem_grow(dir->shards, &dir->cap_shards, dir->n_shards + 1, sizeof *dir->shards);
    dir->shards[dir->n_shards++] = shard;
    *out = shard.file;
    return ERR_OK;
}

static int read_single_file(struct model_dir *dir, struct err *err)
{
    const struct safetensors *file;
    int rc = open_shard(&file, dir, WEIGHTS_FILE, err);
    if (rc != ERR_OK)
        return rc;
    size_t n = safetensors_count(file);
    dir->entries = mem_alloc(n, sizeof *dir->entries);
    for (size_t i = 0; i < n; i++) {
        const struct tensor *t = safetensors_at(file, i);
        dir->entries[i] = (struct entry){t->name, t};
    }
    dir->n_entries = n;
    return ERR_OK;
}

/* A shard is a plain name inside the folder: an index must not reach other files. */
static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The shard of that name, opened when it is met first. */
static int find_shard(const struct safetensors **out, struct model_dir *dir, const char *name,
                      const char *index, struct err *err)
{
    for (size_t i = dir->n_shards; i-- > 0;) {
        if (strcmp(dir->shards[i].name, name) == 0) {
            *out = dir->shards[i].file;
            return ERR_OK;
        }
    }
    if (!is_plain_name(name)) {
        err_set(err, ERR_FORMAT,
                "%s: weight_map names '%.120s', which is not a file in this folder", index, name);
        err_hint(err, "An index may only name files beside it; download the model again.");
        return ERR_FORMAT;
    }
    if (dir->n_shards == MAX_SHARDS)
        return err_set(err, ERR_LIMIT, "%s: weight_map names more than %d files", index,
                       MAX_SHARDS);
    if (!file_exists_in(dir->path, name)) {
        err_set(err, ERR_IO, "%s/%s: is missing, but " INDEX_FILE " names it", dir->path, name);
        hint_missing(dir, "Download the missing file into the folder.", err);
        return ERR_IO;
    }
    return open_shard(out, dir, name, err);
}

static int add_entry(struct model_dir *dir, const struct json *member, const char *index,
                     struct err *err)
{
    const char *name = json_key(member), *file = json_string(member);
    if (!file)
        return err_set(err, ERR_FORMAT, "%s: weight_map: '%.100s' is not mapped to a file name",
                       index, name);
    const struct safetensors *shard = NULL;
    int rc = find_shard(&shard, dir, file, index, err);
    if (rc != ERR_OK)
        return rc;
    const struct tensor *t = safetensors_find(shard, name);
    if (!t) {
        err_set(err, ERR_FORMAT,
                "%s/%s: lacks the tensor '%.100s', which " INDEX_FILE " says it holds", dir->path,
                file, name);
        err_hint(err, "The files belong to different downloads; download the model again.");
        return ERR_FORMAT;
    }
    dir->entries[dir->n_entries++] = (struct entry){t->name, t};
    return ERR_OK;
}

static int read_index(struct model_dir *dir, struct err *err)
{
    struct json_doc *doc;
    int rc = open_json(&doc, dir, INDEX_FILE, err);
    if (rc != ERR_OK)
        return rc;
    const struct json *map = json_get(json_root(doc), "weight_map");
    if (!json_is_object(map))
        rc = err_set(err, ERR_FORMAT, "%s: weight_map is missing or not an object", json_name(doc));
    else
        dir->entries = mem_alloc(json_size(map), sizeof *dir->entries);
    for (const struct json *m = json_first(map); m && rc == ERR_OK; m = json_next(m))
        rc = add_entry(dir, m, json_name(doc), err);
    json_close(doc);
    return err_hint_missing(err, rc, "The index is damaged; download it again.");
}

static int read_weights(struct model_dir *dir, struct err *err)
{
    int rc;
    if (file_exists_in(dir->path, WEIGHTS_FILE)) {
        rc = read_single_file(dir, err);
    } else if (file_exists_in(dir->path, INDEX_FILE)) {
        rc = read_index(dir, err);
    } else {
        err_set(err, ERR_IO, "%s: holds neither " WEIGHTS_FILE " nor " INDEX_FILE "%s", dir->path,
                file_exists_in(dir->path, "pytorch_model.bin") ||
                        file_exists_in(dir->path, "pytorch_model.bin.index.json")
                    ? ", only pytorch_model.bin, which is not read"
                    : "");
        hint_missing(dir, "Download the model's .safetensors files into the folder.", err);
        return ERR_IO;
    }
    if (rc == ERR_OK && dir->n_entries > 0)
        qsort(dir->entries, dir->n_entries, sizeof *dir->entries, compare_entries);
    return rc;
}

/* --- interface --- */

static bool is_other_family(const struct model_numbers *n)
{
    return *n->architecture && strcmp(n->architecture, "gemma2") != 0;
}

int model_dir_open(struct model_dir **out, const char *path, struct err *err)
{
    struct model_dir *dir = mem_zalloc(1, sizeof *dir);
    dir->path = mem_strdup(path);
    int rc = read_config(dir, err);
    if (rc == ERR_OK && is_other_family(&dir->numbers)) {
        *out = dir; /* to be refused by name, whatever else its folder holds */
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = read_generation_config(dir, err);
    if (rc == ERR_OK)
        rc = chat_template_read(&dir->chat_template, dir->path, err);
    if (rc == ERR_OK)
        rc = read_weights(dir, err);
    if (rc != ERR_OK) {
        model_dir_close(dir);
        dir = NULL;
    }
    *out = dir;
    return rc;
}

void model_dir_close(struct model_dir *dir)
{
    if (!dir)
        return;
    for (size_t i = 0; i < dir->n_shards; i++) {
        safetensors_close(dir->shards[i].file);
        free(dir->shards[i].name);
    }
    free(dir->shards);
    free(dir->entries);
    free(dir->chat_template);
    free(dir->path);
    free(dir);
}

const struct model_numbers *model_dir_numbers(const struct model_dir *dir)
{
    return &dir->numbers;
}

const char *model_dir_path(const struct model_dir *dir)
{
    return dir->path;
}

const struct tensor *model_dir_tensor(const struct model_dir *dir, const char *name)
{
    if (dir->n_entries == 0)
        return NULL;
    const struct entry key = {name, NULL};
    const struct entry *found =
        bsearch(&key, dir->entries, dir->n_entries, sizeof key, compare_entries);
    return found ? found->tensor : NULL;
}

void model_dir_tensor_name(char *name, enum weight_role role, int layer)
{
    static const char *const names[N_WEIGHT_ROLES] = {
        [WEIGHT_EMBED] = "embed_tokens",
        [WEIGHT_NORM_FINAL] = "norm",
        [WEIGHT_QUERY] = "self_attn.q_proj",
        [WEIGHT_KEY] = "self_attn.k_proj",
        [WEIGHT_VALUE] = "self_attn.v_proj",
        [WEIGHT_ATTN_OUT] = "self_attn.o_proj",
        [WEIGHT_GATE] = "mlp.gate_proj",
        [WEIGHT_UP] = "mlp.up_proj",
        [WEIGHT_DOWN] = "mlp.down_proj",
        [WEIGHT_NORM_ATTN_IN] = "input_layernorm",
        [WEIGHT_NORM_ATTN_OUT] = "post_attention_layernorm",
        [WEIGHT_NORM_FFW_IN] = "pre_feedforward_layernorm",
        [WEIGHT_NORM_FFW_OUT] = "post_feedforward_layernorm",
    };
    if (role == WEIGHT_EMBED || role == WEIGHT_NORM_FINAL)
        snprintf(name, WEIGHT_NAME_SIZE, "model.%s.weight", names[role]);
    else
        snprintf(name, WEIGHT_NAME_SIZE, "model.layers.%d.%s.weight", layer, names[role]);
}

size_t model_dir_bytes(const struct model_dir *dir)
{
    size_t total = 0; /* no overflow: the tensors lie in mapped files */
    for (size_t i = 0; i < dir->n_entries; i++)
        total += dir->entries[i].tensor->n_bytes;
    return total;
}

const char *model_dir_chat_template(const struct model_dir *dir)
{
    return dir->chat_template;
}
