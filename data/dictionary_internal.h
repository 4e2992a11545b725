/* Inside of dictionary_open: which files a path means. */
#ifndef DATA_DICTIONARY_INTERNAL_H
#define DATA_DICTIONARY_INTERNAL_H

#include "data/err.h"

#include <stdbool.h>

#define DICTIONARY_LABELS "metadata.jsonl"
#define DICTIONARY_SAE_CONFIG "cfg.json"
#define DICTIONARY_MAX_LAYER 9999

struct dictionary_place {
    char *path;     /* owned; the folder, or the file where one was given */
    char *dir;      /* owned; the folder where labels and records lie */
    char *weights;  /* owned; the file with the directions or the autoencoder */
    char *name;     /* owned; "gemma-reft-2b-it-res/l20" */
    bool is_file;   /* a file was given: labels and acts.json are not part of the format */
    int path_layer; /* that the path as given says, or -1 */
};

/* ERR_ARG: several lN folders and no `layer` (-1) that picks one. */
int dictionary_place_find(struct dictionary_place *out, const char *path, int layer,
                          struct err *err) ERR_CHECK;
void dictionary_place_clear(struct dictionary_place *place);

#endif
