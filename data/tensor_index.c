#include "data/tensor_index.h"

#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    const struct tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int compare_places(const void *a, const void *b)
{
    const struct tensor *const *x = a, *const *y = b;
    uintptr_t p = (uintptr_t)(*x)->data, q = (uintptr_t)(*y)->data;
    if (p != q)
        return p < q ? -1 : 1;
    return ((*x)->n_bytes > (*y)->n_bytes) - ((*x)->n_bytes < (*y)->n_bytes);
}

static int damaged(struct err *err)
{
    err_hint(err, "The file is incomplete or damaged; download or copy it again.");
    return ERR_FORMAT;
}

static int check_overlap(const struct tensor **t, size_t n, const char *file, struct err *err)
{
    qsort(t, n, sizeof *t, compare_places);
    for (size_t i = 1; i < n; i++) {
        const uint8_t *end = (const uint8_t *)t[i - 1]->data + t[i - 1]->n_bytes;
        if ((const uint8_t *)t[i]->data < end) {
            err_set(err, ERR_FORMAT, "%s: tensors '%.100s' and '%.100s' overlap", file,
                    t[i - 1]->name, t[i]->name);
            return damaged(err);
        }
    }
    return ERR_OK;
}

static int sort_names(const struct tensor **t, size_t n, const char *file, struct err *err)
{
    qsort(t, n, sizeof *t, compare_names);
    for (size_t i = 1; i < n; i++) {
        if (compare_names(&t[i - 1], &t[i]) == 0) {
            err_set(err, ERR_FORMAT, "%s: tensor '%.100s' occurs twice", file, t[i]->name);
            return damaged(err);
        }
    }
    return ERR_OK;
}

int tensor_index_init(struct tensor_index *out, const struct tensor *tensors, size_t n,
                      const char *file, struct err *err)
{
    *out = (struct tensor_index){mem_alloc(n, sizeof *out->by_name), n};
    for (size_t i = 0; i < n; i++)
        out->by_name[i] = &tensors[i];
    if (n == 0)
        return ERR_OK;
    int rc = check_overlap(out->by_name, n, file, err);
    if (rc == ERR_OK)
        rc = sort_names(out->by_name, n, file, err);
    if (rc != ERR_OK)
        tensor_index_clear(out);
    return rc;
}

void tensor_index_clear(struct tensor_index *index)
{
    free(index->by_name);
    *index = (struct tensor_index){0};
}

const struct tensor *tensor_index_find(const struct tensor_index *index, const char *name)
{
    const struct tensor wanted = {.name = name}, *at = &wanted;
    const struct tensor **found = index->n == 0 ? NULL
                                                : bsearch(&at, index->by_name, index->n,
                                                          sizeof *index->by_name, compare_names);
    return found ? *found : NULL;
}
