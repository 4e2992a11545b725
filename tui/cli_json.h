/* Parts that several JSON outputs share. */
#ifndef TUI_CLI_JSON_H
#define TUI_CLI_JSON_H

#include "core/scope.h"
#include "data/json.h"
#include "tui/dict_set.h"

/* "model":{"path","name"}, "dictionary":{"path","name","n_concepts","layer"} (null without one). */
void json_scope(struct json_writer *w, const struct scope *scope);

/* "dictionaries":[...], those after the first; nothing when there are none. */
void json_further(struct json_writer *w, const struct dict_set *set);

/* "row": a number, or the string "D:ROW" with several dictionaries. */
void json_row(struct json_writer *w, const struct dict_set *set, struct concept_ref ref);

/* The text of one token as a string. */
void json_token_text(struct json_writer *w, const struct scope *scope, int id);

void json_label(struct json_writer *w, const struct dictionary *dict, size_t row); /* "label":… */

/* "key":[ids] */
void json_ids(struct json_writer *w, const char *key, const int *ids, size_t n);

/* The members "mean", "spread", "p50" ..., "density" (null without thresholds), "max",
 * "max_passage" of a row. */
void json_calibration_row(struct json_writer *w, const struct calibration *cal, size_t row);

/* "act_max":…: values[row], null without values */
void json_statistic(struct json_writer *w, const char *key, const float *values, size_t row);

#endif
