/* What a calibration belongs to: hashes of a model's files and of a dictionary's numbers. */
#include "data/calibration.h"
#include "data/dictionary.h"
#include "data/file.h"
#include "data/hash.h"
#include "data/mem.h"
#include "data/sae_params.h"
#include "data/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WHOLE_FILE ((size_t)1 << 20)
#define MAX_WHOLE_DICT ((size_t)256 << 20)

/* Does a file of a model folder decide what the model computes or how it is asked? */
static bool counts(const char *name)
{
    static const char *const names[] = {"config.json", "tokenizer.json", "tokenizer.model",
                                        "tokenizer_config.json", "chat_template.jinja"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return text_ends_with(name, ".safetensors");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the files that count, in order; the caller frees each and *names. */
static int list_files(char ***names, size_t *n, const char *path, struct err *err)
{
    size_t cap = 0;
    *names = NULL;
    *n = 0;
    DIR *dir = opendir(path);
    if (!dir) {
        err_set(err, ERR_IO, "%s: cannot be listed: %s", path, strerror(errno));
        err_hint(err, "Check the permissions of the folder.");
        return ERR_IO;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (!counts(e->d_name))
            continue;
        *names = mem_grow(*names, &cap, *n + 1, sizeof **names);
        (*names)[(*n)++] = mem_strdup(e->d_name);
    }
    closedir(dir);
    if (*n > 0)
        qsort(*names, *n, sizeof **names, by_name);
    return ERR_OK;
}

int calibration_model_hash(uint64_t *out, const char *path, struct err *err)
{
    char **names;
    size_t n;
    *out = 0;
    if (!file_is_dir(path))
        return hash_file(out, path, MAX_WHOLE_FILE, err);
    int rc = list_files(&names, &n, path, err);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        char *file = path_join(path, names[i]);
        *out = hash_bytes(*out, names[i], strlen(names[i]));
        if (rc == ERR_OK)
            rc = hash_file(out, file, MAX_WHOLE_FILE, err);
        free(file);
        free(names[i]);
    }
    free(names);
    return rc;
}

static uint64_t list_hash(uint64_t h, const float *values, size_t n)
{
    return values ? hash_bytes(h, values, n * sizeof *values) : h;
}

/* The encoder and what belongs to it; the decoder's rows are the directions. */
static uint64_t sae_hash(uint64_t h, const struct sae_params *sae)
{
    const struct matrix *m = &sae->w_enc;
    size_t n = m->n_cols;
    h = hash_sampled(h, m->data, m->n_rows * n * dtype_size(m->dtype), MAX_WHOLE_DICT);
    h = list_hash(h, sae->b_dec, m->n_rows);
    h = list_hash(h, sae->b_enc, n);
    h = list_hash(h, sae->threshold, n);
    h = list_hash(h, sae->b_mag, n);
    return list_hash(h, sae->r_mag, n);
}

uint64_t calibration_dict_hash(const struct dictionary *dict)
{
    const struct matrix *m = &dict->directions;
    const uint64_t shape[] = {dict->n_concepts, dict->d_model, (uint64_t)m->dtype};
    uint64_t h = hash_bytes(0, shape, sizeof shape);
    h = hash_sampled(h, m->data, m->n_rows * m->n_cols * dtype_size(m->dtype), MAX_WHOLE_DICT);
    if (dict->sae)
        h = sae_hash(h, dict->sae);
    return list_hash(h, dict->threshold, dict->n_concepts);
}
