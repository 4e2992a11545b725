#include "data/model_files.h"

#include "data/file.h"
#include "data/mem.h"
#include "data/model_dir.h"
#include "data/model_gguf.h"

#include <stdlib.h>

/* One of the two is not NULL. */
struct model_files {
    struct model_dir *dir;
    struct model_gguf *gguf;
};

int model_files_open(struct model_files **out, const char *path, struct err *err)
{
    struct model_files *files = mem_zalloc(1, sizeof *files);
    bool is_file = file_exists(path) && !file_is_dir(path);
    int rc =
        is_file ? model_gguf_open(&files->gguf, path, err) : model_dir_open(&files->dir, path, err);
    if (rc != ERR_OK) {
        model_files_close(files);
        files = NULL;
    }
    *out = files;
    return rc;
}

void model_files_close(struct model_files *files)
{
    if (!files)
        return;
    model_dir_close(files->dir);
    model_gguf_close(files->gguf);
    free(files);
}

const struct model_numbers *model_files_numbers(const struct model_files *files)
{
    return files->dir ? model_dir_numbers(files->dir) : model_gguf_numbers(files->gguf);
}

const char *model_files_path(const struct model_files *files)
{
    return files->dir ? model_dir_path(files->dir) : model_gguf_path(files->gguf);
}

const struct tensor *model_files_tensor(const struct model_files *files, enum weight_role role,
                                        int layer, char *name)
{
    if (files->gguf) {
        model_gguf_tensor_name(name, role, layer);
        return model_gguf_tensor(files->gguf, name);
    }
    model_dir_tensor_name(name, role, layer);
    return model_dir_tensor(files->dir, name);
}

float model_files_norm_offset(const struct model_files *files)
{
    return files->gguf ? 0 : 1;
}

size_t model_files_bytes(const struct model_files *files)
{
    return files->dir ? model_dir_bytes(files->dir) : model_gguf_bytes(files->gguf);
}

const char *model_files_chat_template(const struct model_files *files)
{
    return files->dir ? model_dir_chat_template(files->dir) : model_gguf_chat_template(files->gguf);
}
