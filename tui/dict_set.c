#include "tui/dict_set.h"

#include "core/dump_read.h"
#include "core/latents.h"

#include <stdlib.h>
#include <string.h>

/* Opens one further dictionary; --acts and --labels belong to the first. */
static int open_further(struct dictionary **out, int *layer, const struct scope *scope,
                        const struct args *args, const char *name, struct err *err)
{
    struct scope_options options = {.dict = name, .layer = args->scope.layer};
    struct scope further;
    int rc = scope_open(&further, &options, SCOPE_DICT, err);
    if (rc != ERR_OK)
        return rc;
    *out = further.dict;
    *layer = further.hook_layer;
    struct scope pair = {.model = scope->model, .dict = further.dict, .is_chat = scope->is_chat};
    rc = scope_check(&pair, *layer, err);
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
        rc = open_further(&out->dicts[i + 1], &out->layers[i + 1], scope, args, args->more_dicts[i],
                          err);
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

static int latents_of_dump(float *acts, const struct dict_set *set, size_t d,
                           const struct dump_file *dump, bool is_signed, struct err *err)
{
    const struct dictionary *dict = set->dicts[d];
    float *resid;
    int rc = dump_read(&resid, &set->layers[d], dump, dict, err);
    if (rc == ERR_OK)
        rc = latents_encode(acts, dict, resid, dump_file_n_tokens(dump), dict->d_model, is_signed,
                            err);
    free(resid);
    return rc;
}

/* Latents of dictionary d; the job's own session serves all that share its hook layer. */
static int latents_of(float *acts, const struct dict_set *set, size_t d, struct job *job,
                      bool is_signed, struct err *err)
{
    const struct prompt *prompt = &job->prompt;
    const struct dictionary *dict = set->dicts[d];
    struct session *own = NULL, *session = job->session;
    int rc = ERR_OK;
    if (job->dump)
        return latents_of_dump(acts, set, d, job->dump, is_signed, err);
    if (set->layers[d] != job->scope.hook_layer) {
        rc = session_new(&own, job->scope.model, set->layers[d], 0, err);
        session = own;
        if (rc == ERR_OK)
            rc = session_set_prompt(session, prompt->ids.ids, (int)prompt->ids.n, err);
    }
    if (rc == ERR_OK)
        rc = session_read(session, err);
    if (rc == ERR_OK)
        rc = latents_encode(acts, dict, session_resid(session), prompt->ids.n, dict->d_model,
                            is_signed, err);
    session_free(own);
    return rc;
}

static float *try_acts(size_t n_tokens, size_t n_concepts)
{
    size_t n;
    return size_mul(&n, n_tokens, n_concepts) ? mem_try_alloc(n, sizeof(float)) : NULL;
}

static int refuse_memory(size_t n_tokens, size_t n_concepts, struct err *err)
{
    err_set(err, ERR_NOMEM, "no memory for the latents of %zu tokens x %zu concepts", n_tokens,
            n_concepts);
    err_hint(err, "Split the text.");
    return ERR_NOMEM;
}

int dict_set_latents(float **acts, const struct dict_set *set, struct job *job, bool is_signed,
                     struct err *err)
{
    size_t n_tokens = job->prompt.ids.n, width = set->all.n_concepts;
    *acts = try_acts(n_tokens, width);
    if (!*acts)
        return refuse_memory(n_tokens, width, err);
    if (set->n == 1)
        return latents_of(*acts, set, 0, job, is_signed, err);
    int rc = ERR_OK;
    for (size_t d = 0; d < set->n && rc == ERR_OK; d++) {
        size_t n = set->dicts[d]->n_concepts;
        float *part = try_acts(n_tokens, n);
        rc = part ? latents_of(part, set, d, job, is_signed, err) : refuse_memory(n_tokens, n, err);
        for (size_t t = 0; rc == ERR_OK && t < n_tokens; t++)
            memcpy(*acts + t * width + set->first[d], part + t * n, n * sizeof *part);
        free(part);
    }
    return rc;
}

int dict_set_row(size_t *out, const struct dict_set *set, struct concept_ref ref, struct err *err)
{
    if (ref.dict >= set->n) {
        err_set(err, ERR_LIMIT, "%zu:%zu names dictionary %zu, and there are %zu, counted from 0",
                ref.dict, ref.row, ref.dict, set->n);
        err_hint(err, "Write D:ROW, D counting the --dict flags from 0.");
        return ERR_LIMIT;
    }
    *out = set->first[ref.dict] + ref.row;
    return job_check_row(set->dicts[ref.dict], ref.row, err);
}

struct concept_ref dict_set_ref(const struct dict_set *set, size_t row)
{
    size_t d = 0;
    while (row >= set->first[d + 1])
        d++;
    return (struct concept_ref){d, row - set->first[d]};
}
