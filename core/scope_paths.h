/* Which files are meant (DESIGN.md 6): flags, the hub cache, the bundled demo. */
#ifndef CORE_SCOPE_PATHS_H
#define CORE_SCOPE_PATHS_H

#include "data/err.h"
#include "data/tensor.h"

#include <stdbool.h>
#include <stddef.h>

/* What a model's weights are used as. */
enum scope_weights {
    WEIGHTS_STORED, /* as in its files, mapped */
    WEIGHTS_Q8,     /* core/model_quantise.h */
};

struct scope_options {
    const char *model;  /* --model or NULL */
    const char *dict;   /* --dict or NULL */
    const char *acts;   /* --acts or NULL */
    const char *labels; /* --labels or NULL */
    int layer;          /* --layer or -1 */
    const char *argv0;  /* the program as it was called, to find the demo beside it; or NULL */
    enum scope_weights weights; /* --weights */
    bool caches_weights;        /* --cache-weights */
    enum dtype kv;              /* --kv: what sessions keep keys and values as, F32 or F16 */
    bool ignores_memory;        /* --force: too little of it is no reason to refuse */
    size_t n_available;         /* bytes that are taken as available; 0: ask the system (tests) */
    /* of the quantising, see core/model_quantise.h; may be NULL */
    bool (*progress)(void *data, long done, long total);
    void *progress_data;
};

struct scope_paths {
    char *model; /* owned; a folder or a GGUF file, or NULL when none was found or asked for */
    char *dict;  /* owned; or NULL */
    bool is_demo;
};

/* Finds the files: an existing path, else a name in the hub cache. The demo ($AXSCOPE_DATA, then
 * ../share/axscope and ../../assets beside the executable) is used only when neither model nor
 * dict is given. With a model alone: the lN folder inside it, else a matching dictionary in the
 * hub cache, else dict is NULL. Without a model dict stands alone. */
int scope_find(struct scope_paths *out, const struct scope_options *options,
               struct err *err) ERR_CHECK;
/* A file that comes with the program, such as calibration.txt: looked for where the demo is
 * ($AXSCOPE_DATA, beside the executable). NULL if it is nowhere; the caller frees. */
char *scope_find_bundled(const char *name, const char *argv0);

void scope_paths_clear(struct scope_paths *paths);

#endif
