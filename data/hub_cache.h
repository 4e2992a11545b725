/* The local cache of the Hugging Face hub: finds what was downloaded; never goes online.
 * Layout: ROOT/models--ORG--NAME/{refs/main, snapshots/REVISION/...}. */
#ifndef DATA_HUB_CACHE_H
#define DATA_HUB_CACHE_H

#include "data/err.h"
#include "data/mem.h"

#include <stdbool.h>

/* The cache folder: $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE (its older name), $HF_HOME/hub,
 * $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub: the first that the environment names,
 * in the order of the hub's own library. NULL when it names none. Caller frees. */
char *hub_cache_root(void);

/* Does a snapshot folder hold what is wanted? */
typedef bool hub_usable_fn(const char *dir);

/* The snapshot folder of a repository "ORG/NAME", or of "NAME" of any organisation; more parts
 * name a folder inside ("ORG/NAME/l20"). refs/main if it is usable, else the newest usable
 * snapshot (ties: by name). NULL if there is none. Links are not resolved. Caller frees. */
char *hub_cache_find(const char *name, hub_usable_fn *usable);

/* Why hub_cache_find found nothing, for messages: "the hub cache /x (HF_HOME) has no folder
 * models--ORG--NAME", or that it has one, but without `wanted` ("a config.json"). Appended. */
void hub_cache_explain(struct buf *out, const char *name, const char *wanted);

/* "ORG/NAME" of a path inside a cache's models--ORG--NAME, else NULL. Caller frees. */
char *hub_repo_of(const char *path);

/* Adds the hint how to get a repository: "BEFORE accept the licence at ..., then run: hf download
 * ORG/NAME". Only Google's models have a licence to accept. */
void hub_hint_download(struct err *err, const char *before, const char *repo);

bool hub_is_model(const char *dir);      /* holds a config.json */
bool hub_is_dictionary(const char *dir); /* holds a weight.pt or an lN folder with one */

#endif
