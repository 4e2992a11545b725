#include "data/acts.h"

#include "data/json.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

struct table {
    const struct json_doc *doc;
    const char *key;
    size_t n_concepts;
    struct err *err;
};

/* A row number in plain decimal, or false. */
static bool parse_row(size_t *out, const char *key)
{
    size_t row = 0;
    if (!*key)
        return false;
    for (; *key; key++) {
        if (*key < '0' || *key > '9' || row > SIZE_MAX / 10 - 1)
            return false;
        row = row * 10 + (size_t)(*key - '0');
    }
    *out = row;
    return true;
}

static int read_value(float *values, const struct table *t, const struct json *member)
{
    size_t row;
    const char *key = json_key(member);
    if (!parse_row(&row, key)) {
        err_set(t->err, ERR_FORMAT, "%s: %s: the key '%.40s' is no row number", json_name(t->doc),
                t->key, key);
        err_hint(t->err, "Keys are rows of the dictionary: \"0\", \"1\", ...");
        return ERR_FORMAT;
    }
    if (row >= t->n_concepts) {
        err_set(t->err, ERR_SHAPE, "%s: %s: row %s is beyond the dictionary's %zu rows",
                json_name(t->doc), t->key, key, t->n_concepts);
        err_hint(t->err, "Use the file that belongs to this dictionary.");
        return ERR_SHAPE;
    }
    double v = json_number(member);
    if (!json_is_number(member) || !isfinite(v) || fabs(v) > (double)FLT_MAX) {
        err_set(t->err, ERR_FORMAT, "%s: %s: row %s has no finite number", json_name(t->doc),
                t->key, key);
        err_hint(t->err, "Download or copy the file again.");
        return ERR_FORMAT;
    }
    values[row] = (float)v;
    return ERR_OK;
}

/* One of the two objects; *out stays NULL if it is absent. */
static int read_table(float **out, const struct table *t)
{
    const struct json *object = json_get(json_root(t->doc), t->key);
    if (!object || json_is_null(object))
        return ERR_OK;
    if (!json_is_object(object)) {
        err_set(t->err, ERR_FORMAT, "%s: %s is not an object of rows", json_name(t->doc), t->key);
        err_hint(t->err, "It should be {\"0\": 142.0, \"1\": ...}.");
        return ERR_FORMAT;
    }
    *out = mem_zalloc(t->n_concepts, sizeof **out);
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        int rc = read_value(*out, t, m);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static int read_tables(float **act_max, float **threshold, const struct json_doc *doc,
                       size_t n_concepts, struct err *err)
{
    int rc = read_table(act_max, &(struct table){doc, "max_act", n_concepts, err});
    if (rc == ERR_OK)
        rc = read_table(threshold, &(struct table){doc, "thresholds", n_concepts, err});
    if (rc == ERR_OK && !*act_max && !*threshold) {
        err_set(err, ERR_FORMAT, "%s: has neither max_act nor thresholds", json_name(doc));
        err_hint(err,
                 "Give a file like {\"max_act\": {\"0\": 142.0}, \"thresholds\": {\"0\": 69.5}}.");
        rc = ERR_FORMAT;
    }
    return rc;
}

static int read_document(float **act_max, float **threshold, struct json_doc *doc,
                         size_t n_concepts, struct err *err)
{
    int rc = read_tables(act_max, threshold, doc, n_concepts, err);
    json_close(doc);
    if (rc != ERR_OK) {
        free(*act_max);
        free(*threshold);
        *act_max = *threshold = NULL;
    }
    return rc;
}

int acts_open(float **act_max, float **threshold, const char *path, size_t n_concepts,
              struct err *err)
{
    *act_max = *threshold = NULL;
    struct json_doc *doc;
    int rc = json_open(&doc, path, err);
    return rc == ERR_OK ? read_document(act_max, threshold, doc, n_concepts, err) : rc;
}

int acts_parse(float **act_max, float **threshold, const char *text, size_t len, const char *name,
               size_t n_concepts, struct err *err)
{
    *act_max = *threshold = NULL;
    struct json_doc *doc;
    int rc = json_parse(&doc, text, len, name, err);
    return rc == ERR_OK ? read_document(act_max, threshold, doc, n_concepts, err) : rc;
}
