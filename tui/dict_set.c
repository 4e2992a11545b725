#include "tui/dict_set.h"

#include "tui/job.h"

#include <stdlib.h>
#include <string.h>

static int open_further(struct dictionary **out, int *layer, const struct scope *scope,
                        const struct scope_options *options, struct err *err)
{
    struct scope further;
    int rc = scope_open(&further, options, SCOPE_DICT, err);
    if (rc != ERR_OK)
        return rc;
    *out = further.dict;
    struct scope pair = {.model = scope->model, .dict = further.dict, .is_chat = scope->is_chat};
    rc = scope_check(&pair, options->layer, err);
    *layer = pair.hook_layer;
    if (rc == ERR_OK)
        job_warn(&pair);
    return rc == ERR_OK && scope->model ? scope_open_calibration(&pair, scope->model->path, err)
                                        : rc;
}

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

/* Mean and spread of all rows, the spreads with their dictionary's floor; NULL if one lacks them.
 */
static struct calibration *joined_calibration(const struct dict_set *set)
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

static void join(struct dict_set *set)
{
    struct dictionary *all = &set->all;
    set->first = mem_zalloc(set->n + 1, sizeof *set->first);
    for (size_t d = 0; d < set->n; d++)
        set->first[d + 1] = set->first[d] + set->dicts[d]->n_concepts;
    *all = (struct dictionary){.name = set->dicts[0]->name, .n_concepts = set->first[set->n]};
    all->labels.n = all->n_concepts;
    all->labels.rows = mem_alloc(all->n_concepts, sizeof *all->labels.rows);
    for (size_t d = 0; d < set->n; d++)
        memcpy(all->labels.rows + set->first[d], set->dicts[d]->labels.rows,
               set->dicts[d]->n_concepts * sizeof *all->labels.rows);
    all->act_max = joined(set, false);
    all->threshold = joined(set, true);
    all->calibration = joined_calibration(set);
}

int dict_set_open(struct dict_set *out, const struct scope *scope, const struct args *args,
                  struct err *err)
{
    *out = (struct dict_set){.n = 1};
    out->dicts = mem_zalloc(args->n_more_dicts + 1, sizeof *out->dicts);
    out->layers = mem_zalloc(args->n_more_dicts + 1, sizeof *out->layers);
    out->dicts[0] = scope->dict;
    out->layers[0] = scope->hook_layer;
    int rc = ERR_OK;
    for (size_t i = 0; i < args->n_more_dicts && rc == ERR_OK; i++) {
        rc =
            open_further(&out->dicts[i + 1], &out->layers[i + 1], scope, &args->more_dicts[i], err);
        out->n++;
    }
    if (rc == ERR_OK)
        join(out);
    else
        dict_set_close(out);
    return rc;
}

void dict_set_close(struct dict_set *set)
{
    for (size_t d = 1; d < set->n; d++)
        dictionary_close(set->dicts[d]);
    free(set->dicts);
    free(set->layers);
    free(set->first);
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
