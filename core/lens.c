#include "core/lens.h"

#include "core/matmul.h"
#include "data/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static bool lens_before(const struct lens_entry *a, const struct lens_entry *b, float sign)
{
    return sign * a->value > sign * b->value || (a->value == b->value && a->id < b->id);
}

/* Keeps the k best of the entries offered so far, best first. k is small: insertion is enough. */
static void lens_offer(struct lens_entry *best, int *n, int k, struct lens_entry item, float sign)
{
    if (*n == k && (k == 0 || !lens_before(&item, &best[k - 1], sign)))
        return;
    int i = *n < k ? (*n)++ : k - 1;
    for (; i > 0 && lens_before(&item, &best[i - 1], sign); i--)
        best[i] = best[i - 1];
    best[i] = item;
}

/* Centring over d_model takes the place of subtracting each vocabulary column's mean. */
static void centre_and_weigh(float *x, const float *direction, const struct model *model)
{
    int d_model = model->config.d_model;
    double mean = 0;
    for (int i = 0; i < d_model; i++)
        mean += direction[i];
    mean /= d_model;
    for (int i = 0; i < d_model; i++)
        x[i] = (float)((direction[i] - mean) * model->norm_final[i]);
}

int lens_direction(struct lens_entry *top, struct lens_entry *bottom, int k,
                   const struct model *model, const float *direction, struct err *err)
{
    int n_vocab = model->config.n_vocab, n_top = 0, n_bottom = 0;
    float *x = mem_alloc((size_t)model->config.d_model, sizeof *x);
    float *logits = mem_alloc((size_t)n_vocab, sizeof *logits);
    int rc = ERR_OK;
    centre_and_weigh(x, direction, model);
    matmul(logits, x, &model->embed, 1);
    k = k < n_vocab ? k : n_vocab;
    for (int id = 0; id < n_vocab && rc == ERR_OK; id++) {
        if (!isfinite(logits[id])) {
            rc = err_set(err, ERR_FORMAT, "%s: the logit lens of token %d is not a finite number",
                         model->name ? model->name : "model", id);
            err_hint(err, "The weights are damaged; download or copy the model again.");
            break;
        }
        lens_offer(top, &n_top, k, (struct lens_entry){id, logits[id]}, 1);
        lens_offer(bottom, &n_bottom, k, (struct lens_entry){id, logits[id]}, -1);
    }
    free(logits);
    free(x);
    return rc == ERR_OK ? n_top : rc;
}

static void nearest_offer(struct neighbour *best, size_t *n, size_t k, struct neighbour item)
{
    /* Rows are offered in ascending order, so an equal cosine stays behind. */
    if (k == 0 || (*n == k && !(item.cosine > best[k - 1].cosine)))
        return;
    size_t i = *n < k ? (*n)++ : k - 1;
    for (; i > 0 && item.cosine > best[i - 1].cosine; i--)
        best[i] = best[i - 1];
    best[i] = item;
}

static double norm_of(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    return sqrt(sum);
}

size_t lens_nearest(struct neighbour *out, size_t k, const struct dictionary *dict, size_t row)
{
    size_t n = 0;
    float *direction = mem_alloc(dict->d_model, sizeof *direction);
    float *other = mem_alloc(dict->d_model, sizeof *other);
    float *dots = mem_alloc(dict->n_concepts, sizeof *dots);
    dictionary_direction(direction, dict, row);
    double norm = norm_of(direction, dict->d_model);
    matmul(dots, direction, &dict->directions, 1);
    for (size_t c = 0; c < dict->n_concepts; c++) {
        if (c == row)
            continue;
        dictionary_direction(other, dict, c);
        double product = norm * norm_of(other, dict->d_model);
        float cosine = product > 0 ? (float)(dots[c] / product) : 0;
        nearest_offer(out, &n, k, (struct neighbour){c, isfinite(cosine) ? cosine : 0});
    }
    free(dots);
    free(other);
    free(direction);
    return n;
}
