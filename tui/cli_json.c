#include "tui/cli_json.h"

/* {"path","name","n_concepts","layer"} */
static void json_dictionary(struct json_writer *w, const struct dictionary *dict, int layer)
{
    jw_object(w);
    jw_key(w, "path"), jw_string(w, dict->path);
    jw_key(w, "name"), jw_string(w, dict->name);
    jw_key(w, "n_concepts"), jw_int(w, (long long)dict->n_concepts);
    jw_key(w, "layer"), jw_int(w, layer);
    jw_object_end(w);
}

void json_scope(struct json_writer *w, const struct scope *scope)
{
    const struct dictionary *dict = scope->dict;
    jw_key(w, "model");
    if (scope->model) {
        jw_object(w);
        jw_key(w, "path"), jw_string(w, scope->model->path);
        jw_key(w, "name"), jw_string(w, scope->model->name);
        jw_object_end(w);
    } else {
        jw_null(w);
    }
    jw_key(w, "dictionary");
    if (dict)
        json_dictionary(w, dict, scope->hook_layer);
    else
        jw_null(w);
}

void json_further(struct json_writer *w, const struct dict_set *set)
{
    if (set->n < 2)
        return;
    jw_key(w, "dictionaries");
    jw_array(w);
    for (size_t d = 1; d < set->n; d++)
        json_dictionary(w, set->dicts[d], set->layers[d]);
    jw_array_end(w);
}

void json_row(struct json_writer *w, const struct dict_set *set, struct concept_ref ref)
{
    struct buf name = {0};
    dict_set_row_name(&name, set, ref);
    jw_key(w, "row");
    if (set->n > 1)
        jw_string(w, name.data);
    else
        jw_int(w, (long long)ref.row);
    buf_clear(&name);
}

void json_token_text(struct json_writer *w, const struct scope *scope, int id)
{
    struct buf text = {0};
    scope_token_text(&text, scope, id);
    jw_string_len(w, buf_cstr(&text), text.len);
    buf_clear(&text);
}

void json_label(struct json_writer *w, const struct dictionary *dict, size_t row)
{
    jw_key(w, "label");
    jw_string_len(w, dict->labels.rows[row].text, dict->labels.rows[row].text_len);
}

void json_ids(struct json_writer *w, const char *key, const int *ids, size_t n)
{
    jw_key(w, key);
    jw_array(w);
    for (size_t i = 0; i < n; i++)
        jw_int(w, ids[i]);
    jw_array_end(w);
}

void json_statistic(struct json_writer *w, const char *key, const float *values, size_t row)
{
    jw_key(w, key);
    if (values)
        jw_float(w, values[row]);
    else
        jw_null(w);
}

void json_calibration_row(struct json_writer *w, const struct calibration *cal, size_t row)
{
    jw_key(w, "mean"), jw_float(w, cal->mean[row]);
    jw_key(w, "spread"), jw_float(w, cal->spread[row]);
    for (size_t q = 0; q < CALIBRATION_QUANTILES; q++) {
        jw_key(w, calibration_level_names[q]);
        jw_float(w, cal->quantiles[q * cal->n_concepts + row]);
    }
    json_statistic(w, "density", cal->density, row);
    jw_key(w, "max"), jw_float(w, cal->max[row]);
    jw_key(w, "max_passage"), jw_int(w, cal->max_passage[row]);
}
