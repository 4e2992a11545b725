#include "tui/event.h"

#include <stdlib.h>

void reading_set_max(struct reading *r)
{
    const struct tokens *t = &r->tokens;
    r->row_max = mem_zalloc(t->n_concepts ? t->n_concepts : 1, sizeof *r->row_max);
    for (int i = 0; i < t->n_read; i++) {
        const float *acts = t->acts + (size_t)i * t->n_concepts;
        for (size_t c = 0; t->counted[i] && c < t->n_concepts; c++)
            r->row_max[c] = acts[c] > r->row_max[c] ? acts[c] : r->row_max[c];
    }
}

void reading_free(struct reading *r)
{
    if (!r)
        return;
    tokens_clear(&r->tokens);
    free(r->top);
    free(r->row_max);
    free(r);
}

void detail_free(struct detail *d)
{
    if (!d)
        return;
    for (int i = 0; i < DETAIL_ROWS; i++) {
        free(d->top[i]);
        free(d->bottom[i]);
    }
    free(d);
}

void event_clear(struct event *e)
{
    free(e->text);
    for (size_t i = 0; i < e->opened.n_examples; i++)
        free(e->opened.examples[i].text);
    free(e->opened.examples);
    free(e->model.name);
    free(e->model.summary);
    reading_free(e->reading);
    detail_free(e->detail);
    concept_matches_clear(&e->matches);
    free(e->acts.acts);
    *e = (struct event){.kind = EVENT_TICK};
}
