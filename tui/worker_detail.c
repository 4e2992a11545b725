/* One concept in depth: norm, logit lens, neighbours. */
#include "tui/worker_internal.h"

#include <math.h>
#include <stdlib.h>

static char *token_text(const struct worker *w, int id)
{
    struct buf text = {0};
    scope_token_text(&text, &w->scope, id);
    char *copy = mem_strdup(buf_cstr(&text));
    buf_clear(&text);
    return copy;
}

static void add_lens(struct detail *d, const struct worker *w, const float *direction)
{
    struct lens_entry top[DETAIL_ROWS], bottom[DETAIL_ROWS];
    struct err err;
    int n = lens_direction(top, bottom, DETAIL_ROWS, w->scope.model, direction, &err);
    d->n_lens = n > 0 ? n : 0; /* a page without a lens is better than none */
    for (int i = 0; i < d->n_lens; i++) {
        d->top[i] = token_text(w, top[i].id);
        d->bottom[i] = token_text(w, bottom[i].id);
        d->top_value[i] = top[i].value;
        d->bottom_value[i] = bottom[i].value;
    }
}

void worker_look(struct worker *w, size_t row)
{
    if (row >= w->set.all.n_concepts)
        return;
    struct concept_ref ref = dict_set_ref(&w->set, row);
    const struct dictionary *dict = w->set.dicts[ref.dict];
    struct detail *d = mem_zalloc(1, sizeof *d);
    float *direction = mem_alloc(dict->d_model, sizeof *direction);
    double norm2 = 0;
    d->row = row;
    dictionary_direction(direction, dict, ref.row);
    for (size_t i = 0; i < dict->d_model; i++)
        norm2 += (double)direction[i] * (double)direction[i];
    d->norm = (float)sqrt(norm2);
    if (w->scope.model)
        add_lens(d, w, direction);
    d->n_nearest = (int)lens_nearest(d->nearest, DETAIL_ROWS, dict, ref.row);
    for (int i = 0; i < d->n_nearest; i++)
        d->nearest[i].row += w->set.first[ref.dict];
    free(direction);
    struct event *e = worker_event(w, EVENT_DETAIL);
    e->detail = d;
    worker_post(w, e);
}
