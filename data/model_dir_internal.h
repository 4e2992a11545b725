/* What data/model_dir.c and data/model_numbers.c share. */
#ifndef DATA_MODEL_DIR_INTERNAL_H
#define DATA_MODEL_DIR_INTERNAL_H

#include "data/json.h"
#include "data/model_dir.h"

/* The numbers of a parsed config.json. */
int model_numbers_from(struct model_numbers *out, const struct json_doc *doc,
                       struct err *err) ERR_CHECK;

/* Unites the document's eos_token_id (number, list, null or absent) with the stop ids so far. */
int model_numbers_add_stops(struct model_numbers *n, const struct json_doc *doc,
                            struct err *err) ERR_CHECK;

#endif
