#include "tui/dict_set.h"

#include <stdlib.h>
#include <string.h>

static float *joined(const struct dict_set *set, bool thresholds)
{
    float *values = mem_alloc(set->first[set->n], sizeof *values);
    for (size_t d = 0; d < set->n; d++) {
        const float *own = thresholds ? set->dicts[d]->threshold : set->dicts[d]->act_max;
        if (!own) {
            free(values);
            return NULL;
        }
        memcpy(values + set->first[d], own, set->dicts[d]->n_concepts * sizeof *values);
    }
    return values;
}

/* The spreads have their dictionary's floor. */
struct calibration *dict_set_calibration(const struct dict_set *set)
{
    for (size_t d = 0; d < set->n; d++)
        if (!set->dicts[d]->calibration)
            return NULL;
    struct calibration *all = calibration_new(set->first[set->n], false);
    for (size_t d = 0; d < set->n; d++) {
        const struct calibration *own = set->dicts[d]->calibration;
        for (size_t c = 0; c < own->n_concepts; c++) {
            float spread = own->spread[c];
            all->mean[set->first[d] + c] = own->mean[c];
            all->spread[set->first[d] + c] =
                spread > own->spread_floor ? spread : own->spread_floor;
        }
    }
    return all;
}

static char *name_all(const struct dict_set *set)
{
    struct buf name = {0};
    buf_str(&name, set->dicts[0]->name);
    if (set->n > 1)
        buf_printf(&name, " +%zu", set->n - 1);
    return name.data;
}

static void join(struct dict_set *set)
{
    struct dictionary *all = &set->all;
    set->first = mem_zalloc(set->n + 1, sizeof *set->first);
    for (size_t d = 0; d < set->n; d++)
        set->first[d + 1] = set->first[d] + set->dicts[d]->n_concepts;
    *all = (struct dictionary){.name = name_all(set), .n_concepts = set->first[set->n]};
    all->labels.n = all->n_concepts;
    all->labels.rows = mem_alloc(all->n_concepts, sizeof *all->labels.rows);
    for (size_t d = 0; d < set->n; d++)
        memcpy(all->labels.rows + set->first[d], set->dicts[d]->labels.rows,
               set->dicts[d]->n_concepts * sizeof *all->labels.rows);
    all->act_max = joined(set, false);
    all->threshold = joined(set, true);
}

static int open_further(struct dictionary **out, const struct scope_options *options,
                        struct err *err)
{
    struct scope scope;
    int rc = scope_open(&scope, options, SCOPE_DICT, err);
    *out = scope.dict;
    return rc;
}

int dict_set_open(struct dict_set *out, struct dictionary *first, const struct scope_options *more,
                  size_t n_more, struct err *err)
{
    *out = (struct dict_set){.n = 1};
    out->dicts = mem_zalloc(n_more + 1, sizeof *out->dicts);
    out->layers = mem_zalloc(n_more + 1, sizeof *out->layers);
    out->dicts[0] = first;
    int rc = ERR_OK;
    for (size_t i = 0; i < n_more && rc == ERR_OK; i++)
        rc = open_further(&out->dicts[out->n++], &more[i], err);
    if (rc != ERR_OK) {
        dict_set_close(out);
        return rc;
    }
    for (size_t d = 0; d < out->n; d++)
        out->layers[d] = out->dicts[d]->hook_layer;
    join(out);
    return ERR_OK;
}

struct scope dict_set_scope(const struct dict_set *set, const struct scope *scope, size_t d)
{
    struct scope pair = *scope;
    pair.dict = set->dicts[d];
    pair.hook_layer = set->layers[d];
    return pair;
}

int dict_set_fit(struct dict_set *set, const struct scope *scope, const char *model_path,
                 struct err *err)
{
    int rc = ERR_OK;
    for (size_t d = 1; d < set->n && rc == ERR_OK; d++) {
        struct scope pair = dict_set_scope(set, scope, d);
        rc = scope_check(&pair, -1, err);
        if (rc == ERR_OK && model_path)
            rc = scope_open_calibration(&pair, model_path, err);
    }
    return rc;
}

void dict_set_close(struct dict_set *set)
{
    for (size_t d = 1; d < set->n; d++)
        dictionary_close(set->dicts[d]);
    free(set->dicts);
    free(set->layers);
    free(set->first);
    free(set->all.name);
    free(set->all.labels.rows);
    free(set->all.act_max);
    free(set->all.threshold);
    calibration_close(set->all.calibration);
    *set = (struct dict_set){0};
}

int dict_set_row(size_t *out, const struct dict_set *set, struct concept_ref ref, struct err *err)
{
    if (ref.dict >= set->n) {
        err_set(err, ERR_LIMIT, "%zu:%zu names dictionary %zu, and there are %zu, counted from 0",
                ref.dict, ref.row, ref.dict, set->n);
        err_hint(err, "Write D:ROW, D counting the --dict flags from 0.");
        return ERR_LIMIT;
    }
    const struct dictionary *dict = set->dicts[ref.dict];
    *out = set->first[ref.dict] + ref.row;
    if (ref.row < dict->n_concepts)
        return ERR_OK;
    err_set(err, ERR_LIMIT, "row %zu is out of range: the dictionary %s has %zu rows", ref.row,
            dict->name, dict->n_concepts);
    err_hint(err, "Use a row from 0 to %zu; axscope search lists them.", dict->n_concepts - 1);
    return ERR_LIMIT;
}

struct concept_ref dict_set_ref(const struct dict_set *set, size_t row)
{
    size_t d = 0;
    while (row >= set->first[d + 1])
        d++;
    return (struct concept_ref){d, row - set->first[d]};
}

void dict_set_row_name(struct buf *out, const struct dict_set *set, struct concept_ref ref)
{
    if (set->n > 1)
        buf_printf(out, "%zu:", ref.dict);
    buf_printf(out, "%zu", ref.row);
}

int dict_set_lowest_layer(const struct dict_set *set)
{
    int lowest = set->layers[0];
    for (size_t d = 1; d < set->n; d++)
        if (set->layers[d] < lowest)
            lowest = set->layers[d];
    return lowest;
}

bool dict_set_is_one_layer(const struct dict_set *set)
{
    for (size_t d = 1; d < set->n; d++)
        if (set->layers[d] != set->layers[0])
            return false;
    return true;
}
