/* realpath */
#define _XOPEN_SOURCE 700

#include "data/weights_cache.h"

#include "data/bytes.h"
#include "data/cache_dir.h"
#include "data/gguf.h"
#include "data/hash.h"
#include "data/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER "weights"
#define KIND "axscope-weights-1" /* another number when what is stored changes */
#define KIND_KEY "general.architecture"
#define SOURCE_KEY "axscope.source"
#define CHECK_NAME "axscope.check" /* last tensor: hash of all bytes before its own */
#define CHECK_BYTES ((size_t)8)
#define MAX_WHOLE ((size_t)1 << 20)
#define SYNC_BYTES ((size_t)64 << 20) /* what the last sync, which cannot be stopped, leaves */

struct weights_cache {
    struct file_map map;
    struct gguf *file;
};

/* --- where --- */

static char *file_name(const char *model_path)
{
    char *real = realpath(model_path, NULL);
    const char *path = real ? real : model_path;
    struct buf name = {0};
    buf_printf(&name, "%016" PRIx64 ".gguf", hash_bytes(0, path, strlen(path)));
    free(real);
    return name.data;
}

char *weights_cache_path(const char *model_path)
{
    char *name = file_name(model_path), *path = cache_file(FOLDER, name);
    free(name);
    return path;
}

static char *source_text(uint64_t source)
{
    struct buf text = {0};
    buf_printf(&text, "%016" PRIx64, source);
    return text.data;
}

/* --- reading --- */

static int unusable(const char *path, const char *why, struct err *err)
{
    err_set(err, ERR_FORMAT, "%s: the stored weights %s", path, why);
    err_hint(err, "Delete the file; --cache-weights writes it again.");
    return ERR_FORMAT;
}

static int check(const struct weights_cache *cache, uint64_t source, struct err *err)
{
    const char *path = cache->map.path;
    char *wanted = source_text(source);
    bool is_same = gguf_string_is(gguf_find_value(cache->file, SOURCE_KEY), wanted);
    free(wanted);
    if (!gguf_string_is(gguf_find_value(cache->file, KIND_KEY), KIND) || !is_same)
        return unusable(path, "belong to other files than the model has now", err);
    const struct tensor *check = gguf_find_tensor(cache->file, CHECK_NAME);
    if (!check || check->n_bytes != CHECK_BYTES)
        return unusable(path, "are damaged", err);
    const uint8_t *stored = check->data;
    size_t n_before = (size_t)(stored - cache->map.data);
    return hash_sampled(0, cache->map.data, n_before, MAX_WHOLE) == load_u64(stored)
               ? ERR_OK
               : unusable(path, "are damaged", err);
}

int weights_cache_open(struct weights_cache **out, const char *path, uint64_t source,
                       struct err *err)
{
    *out = NULL;
    if (!file_exists(path))
        return ERR_OK;
    struct weights_cache *cache = mem_zalloc(1, sizeof *cache);
    int rc = file_map(&cache->map, path, err);
    if (rc == ERR_OK)
        rc = gguf_parse(&cache->file, cache->map.data, cache->map.size, path, err);
    if (rc == ERR_OK)
        rc = check(cache, source, err);
    if (rc != ERR_OK) {
        weights_cache_close(cache);
        return rc;
    }
    *out = cache;
    return ERR_OK;
}

void weights_cache_close(struct weights_cache *cache)
{
    if (!cache)
        return;
    gguf_close(cache->file);
    file_unmap(&cache->map);
    free(cache);
}

const struct tensor *weights_cache_tensor(const struct weights_cache *cache, const char *name)
{
    return gguf_find_tensor(cache->file, name);
}

/* --- writing --- */

static int write_failed(const struct weights_writer *w, struct err *err)
{
    err_set(err, ERR_IO, "%s: cannot be written: %s", w->file.path, strerror(errno));
    err_hint(err, "Free some space, set XDG_CACHE_HOME to a larger disk, or leave out "
                  "--cache-weights.");
    return ERR_IO;
}

/* Gigabytes that do not fit are better refused before they are computed. */
static int check_room(const char *path, size_t needed, struct err *err)
{
    struct statvfs fs;
    char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    int failed = statvfs(dir, &fs);
    double room = failed ? 0 : (double)fs.f_bavail * (double)fs.f_frsize;
    if (!failed && room < (double)needed) {
        err_set(err, ERR_IO, "%s: the weights take %.2f GB, and %.2f GB are free there", dir,
                (double)needed / 1e9, room / 1e9);
        err_hint(err, "Free some space, set XDG_CACHE_HOME to a larger disk, or leave out "
                      "--cache-weights.");
    }
    free(dir);
    return !failed && room < (double)needed ? ERR_IO : ERR_OK;
}

static int create(struct weights_writer *w, const char *model_path, size_t n_bytes, struct err *err)
{
    char *name = file_name(model_path), *path = NULL;
    int rc = cache_file_new(&path, FOLDER, name, err);
    if (rc == ERR_OK)
        rc = check_room(path, n_bytes, err);
    if (rc == ERR_OK)
        rc = file_create(&w->file, path, err);
    free(path);
    free(name);
    return rc;
}

int weights_writer_begin(struct weights_writer *out, const char *model_path, uint64_t source,
                         const struct tensor *tensors, size_t n, struct err *err)
{
    *out = (struct weights_writer){0};
    struct tensor *all = mem_alloc(n + 1, sizeof *all);
    memcpy(all, tensors, n * sizeof *all);
    all[n] = (struct tensor){
        .name = CHECK_NAME, .dtype = DTYPE_I64, .n_dims = 1, .shape = {1}, .n_bytes = CHECK_BYTES};
    char *text = source_text(source);
    const char *const texts[][2] = {{KIND_KEY, KIND}, {SOURCE_KEY, text}};
    struct buf head = {0};
    gguf_write_head(&head, texts, sizeof texts / sizeof *texts, all, n + 1);
    size_t n_bytes = head.len;
    for (size_t i = 0; i <= n; i++)
        n_bytes += all[i].n_bytes + gguf_padding(all[i].n_bytes);
    int rc = create(out, model_path, n_bytes, err);
    if (rc == ERR_OK)
        rc = weights_writer_add(out, head.data, head.len, err);
    buf_clear(&head);
    free(text);
    free(all);
    return rc;
}

int weights_writer_add(struct weights_writer *w, const void *bytes, size_t n, struct err *err)
{
    if (fwrite(bytes, 1, n, w->file.stream) != n)
        return write_failed(w, err);
    w->n_unsynced += n;
    if (w->n_unsynced < SYNC_BYTES)
        return ERR_OK;
    w->n_unsynced = 0;
    return fflush(w->file.stream) == 0 && fdatasync(fileno(w->file.stream)) == 0
               ? ERR_OK
               : write_failed(w, err);
}

int weights_writer_end_tensor(struct weights_writer *w, size_t n_bytes, struct err *err)
{
    static const uint8_t zeros[64];
    assert(gguf_padding(n_bytes) <= sizeof zeros);
    return weights_writer_add(w, zeros, gguf_padding(n_bytes), err);
}

/* The hash of what is written so far, as a reader will see it. */
static int hash_written(uint64_t *hash, const struct weights_writer *w, struct err *err)
{
    *hash = 0;
    return fflush(w->file.stream) == 0 ? hash_file(hash, w->file.tmp_path, MAX_WHOLE, err)
                                       : write_failed(w, err);
}

int weights_writer_end(struct weights_writer *w, struct err *err)
{
    uint64_t hash;
    uint8_t bytes[CHECK_BYTES];
    int rc = hash_written(&hash, w, err);
    store_u64(bytes, hash);
    if (rc == ERR_OK)
        rc = weights_writer_add(w, bytes, sizeof bytes, err);
    if (rc == ERR_OK)
        return file_commit(&w->file, err);
    weights_writer_discard(w);
    return rc;
}

void weights_writer_discard(struct weights_writer *w)
{
    file_discard(&w->file);
}
