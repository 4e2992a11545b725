/* realpath */
#define _XOPEN_SOURCE 700

#include "core/scope_paths.h"

#include "data/file.h"
#include "data/hub_cache.h"
#include "data/mem.h"
#include "data/model_gguf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- where the program lies --- */

static char *program_from_proc(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    return len > 0 && (size_t)len < sizeof path - 1 ? mem_strndup(path, (size_t)len) : NULL;
}

static char *program_on_path(const char *name)
{
    const char *dirs = getenv("PATH");
    while (dirs && *dirs) {
        size_t len = strcspn(dirs, ":");
        char *dir = len ? mem_strndup(dirs, len) : mem_strdup(".");
        char *file = path_join(dir, name);
        free(dir);
        if (access(file, X_OK) == 0 && !file_is_dir(file))
            return file;
        free(file);
        dirs += len + (dirs[len] == ':');
    }
    return NULL;
}

/* Systems without /proc: argv[0] as the shell resolved it. Links are followed, because an
 * installed link must find the data beside what it points to. */
static char *program_path(const char *argv0)
{
    char *path = program_from_proc();
    if (path || !argv0)
        return path;
    char *called = strchr(argv0, '/') ? mem_strdup(argv0) : program_on_path(argv0);
    char *real = called ? realpath(called, NULL) : NULL;
    free(called);
    return real;
}

/* --- the demo --- */

/* base/demo or base itself, whichever is a model folder. */
static char *demo_in(const char *base, const char *name)
{
    char *demo = path_join(base, name);
    if (hub_is_model(demo))
        return demo;
    free(demo);
    return hub_is_model(base) ? mem_strdup(base) : NULL;
}

static char *file_in(const char *base, const char *name)
{
    char *file = path_join(base, name);
    if (file_exists(file))
        return file;
    free(file);
    return NULL;
}

/* The first that `look` finds under $AXSCOPE_DATA or the places beside the program. */
static char *find_bundled(char *(*look)(const char *base, const char *name), const char *name,
                          const char *argv0)
{
    const char *data = getenv("AXSCOPE_DATA");
    char *found = data && *data ? look(data, name) : NULL;
    char *program = found ? NULL : program_path(argv0);
    char *slash = program ? strrchr(program, '/') : NULL;
    if (slash) {
        static const char *const below[] = {"../share/axscope", "../../assets"};
        *slash = '\0';
        for (size_t i = 0; i < sizeof below / sizeof *below && !found; i++) {
            char *base = path_join(*program ? program : "/", below[i]);
            found = look(base, name);
            free(base);
        }
    }
    free(program);
    return found;
}

char *scope_find_bundled(const char *name, const char *argv0)
{
    return find_bundled(file_in, name, argv0);
}

/* --- names --- */

/* Says what was looked for and where, and how to get it: only "ORG/NAME" can be downloaded.
 * Returns NULL. */
static char *refuse_name(const char *what, const char *name, const char *wanted, const char *give,
                         struct err *err)
{
    struct buf why = {0}, before = {0}, repo = {0};
    const char *slash = strchr(name, '/');
    bool is_hub_name = isalnum((unsigned char)*name) && slash;
    if (isalnum((unsigned char)*name))
        hub_cache_explain(&why, name, wanted);
    err_set(err, ERR_IO, "no %s '%s': %s%s", what, name,
            why.data ? "it is no path, and " : "there is no such file or folder", buf_cstr(&why));
    buf_printf(&before, "%s, or", give);
    if (is_hub_name) {
        buf_add(&repo, name, (size_t)(slash - name) + 1 + strcspn(slash + 1, "/"));
        hub_hint_download(err, before.data, repo.data);
    } else if (strncmp(name, "gemma-2-", strlen("gemma-2-")) == 0) {
        buf_printf(&repo, "google/%s", name);
        hub_hint_download(err, before.data, repo.data);
    } else {
        err_hint(err, "%s the name of one in the hub cache, such as %s.", before.data,
                 strcmp(what, "dictionary") == 0 ? "pyvene/gemma-reft-r1-2b-it-res"
                                                 : "google/gemma-2-2b-it");
    }
    buf_clear(&why);
    buf_clear(&before);
    buf_clear(&repo);
    return NULL;
}

static char *find_model(const char *name, struct err *err)
{
    if (file_exists(name) || file_is_dir(name))
        return mem_strdup(name);
    char *found = hub_cache_find(name, hub_is_model);
    return found ? found
                 : refuse_name("model", name, "a config.json",
                               "Give the folder that holds config.json", err);
}

/* The ReFT-r1 dictionaries carry two names on the hub; returns the other one or NULL. */
static char *other_name(const char *name)
{
    static const char *const with = "gemma-reft-r1-", *const without = "gemma-reft-";
    const char *at = strstr(name, with);
    const char *from = at ? with : without, *to = at ? without : with;
    at = at ? at : strstr(name, without);
    if (!at)
        return NULL;
    struct buf other = {0};
    buf_add(&other, name, (size_t)(at - name));
    buf_str(&other, to);
    buf_str(&other, at + strlen(from));
    return other.data;
}

/* Under both names, and with the organisation that the released ones belong to. */
static char *find_hub_dictionary(const char *name)
{
    char *other = other_name(name), *found = NULL;
    const char *const names[] = {name, other};
    for (size_t i = 0; i < 4 && !found; i++) {
        const char *asked = names[i % 2];
        struct buf full = {0};
        if (!asked || (i >= 2 && strncmp(asked, "pyvene/", strlen("pyvene/")) == 0))
            continue;
        buf_printf(&full, "%s%s", i < 2 ? "" : "pyvene/", asked);
        found = hub_cache_find(full.data, hub_is_dictionary);
        buf_clear(&full);
    }
    free(other);
    return found;
}

static char *find_dictionary(const char *name, struct err *err)
{
    if (file_exists(name) || file_is_dir(name))
        return mem_strdup(name);
    char *found = find_hub_dictionary(name);
    return found ? found
                 : refuse_name("dictionary", name, "a weight.pt or an autoencoder",
                               "Give a folder with weight.pt and metadata.jsonl, an autoencoder or "
                               "a matrix",
                               err);
}

/* The numbers of a folder's config.json or of a GGUF file; 0 layers if they cannot be read. */
static void read_numbers(struct model_numbers *out, const char *path)
{
    struct buf text = {0};
    if (!file_is_dir(path)) {
        struct model_gguf *gguf;
        if (model_gguf_open(&gguf, path, NULL) == ERR_OK)
            *out = *model_gguf_numbers(gguf);
        model_gguf_close(gguf);
        return;
    }
    char *config = path_join(path, "config.json");
    if (file_read(&text, config, 1 << 20, NULL) != ERR_OK ||
        model_numbers_parse(out, buf_cstr(&text), text.len, config, NULL) != ERR_OK)
        out->n_layers = 0;
    buf_clear(&text);
    free(config);
}

/* "2b" or "9b": which released dictionaries belong to a model. From its name, else its shape. */
static const char *model_size(const char *asked, const char *path)
{
    static const char *const sizes[] = {"2b", "9b"};
    static const int layers[] = {26, 42}, widths[] = {2304, 3584};
    struct model_numbers numbers = {0};
    read_numbers(&numbers, path);
    for (size_t i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "gemma-2-%s", sizes[i]);
        if (strstr(asked, name) || strstr(path, name) ||
            (numbers.n_layers == layers[i] && numbers.d_model == widths[i]))
            return sizes[i];
    }
    return NULL;
}

static char *dictionary_for(const char *asked, const char *model)
{
    if (hub_is_dictionary(model))
        return mem_strdup(model);
    static const char *const kinds[] = {"reft-r1", "diffmean"};
    const char *size = model_size(asked, model);
    char *found = NULL;
    for (size_t i = 0; size && i < 2 && !found; i++) {
        char name[96];
        snprintf(name, sizeof name, "pyvene/gemma-%s-%s-it-res", kinds[i], size);
        found = find_hub_dictionary(name);
        if (!found) /* of another organisation */
            found = find_hub_dictionary(name + strlen("pyvene/"));
    }
    return found;
}

static int find_the_demo(struct scope_paths *out, const struct scope_options *options,
                         struct err *err)
{
    out->model = find_bundled(demo_in, "demo", options->argv0);
    out->is_demo = true;
    if (!out->model) {
        const char *data = getenv("AXSCOPE_DATA");
        err_set(err, ERR_IO,
                "no model given and the bundled demo was not found (looked in $AXSCOPE_DATA%s%s, "
                "../share/axscope and ../../assets beside the program)",
                data && *data ? " = " : "", data ? data : "");
        err_hint(err,
                 "Give --model and --dict, or set AXSCOPE_DATA to the folder that holds demo.");
        return ERR_IO;
    }
    out->dict = hub_is_dictionary(out->model) ? mem_strdup(out->model) : NULL;
    return ERR_OK;
}

int scope_find(struct scope_paths *out, const struct scope_options *options, struct err *err)
{
    *out = (struct scope_paths){0};
    if (!options->model && !options->dict)
        return find_the_demo(out, options, err);
    int rc = ERR_OK;
    if (options->model) {
        out->model = find_model(options->model, err);
        rc = out->model ? ERR_OK : ERR_IO;
    }
    if (rc == ERR_OK && options->dict) {
        out->dict = find_dictionary(options->dict, err);
        rc = out->dict ? ERR_OK : ERR_IO;
    } else if (rc == ERR_OK) {
        out->dict = dictionary_for(options->model, out->model);
    }
    if (rc != ERR_OK)
        scope_paths_clear(out);
    return rc;
}

void scope_paths_clear(struct scope_paths *paths)
{
    free(paths->model);
    free(paths->dict);
    *paths = (struct scope_paths){0};
}
