#include "tui/event.h"

#include "data/mem.h"

#include <stdlib.h>
#include <string.h>

void reading_set_max(struct reading *r)
{
    const struct tokens *t = &r->tokens;
    r->row_max = mem_zalloc(t->n_concepts ? t->n_concepts : 1, sizeof *r->row_max);
    if (t->lazy) {
        memcpy(r->row_max, t->lazy->max, t->n_concepts * sizeof *r->row_max);
        return;
    }
    for (int i = 0; i < t->n_read; i++) {
        const float *acts = t->acts + (size_t)i * t->n_concepts;
        for (size_t c = 0; t->counted[i] && c < t->n_concepts; c++)
            r->row_max[c] = acts[c] > r->row_max[c] ? acts[c] : r->row_max[c];
    }
}

/* A prompt of one token, whose activations are the maxima, is ranked as the whole prompt is. */
void reading_rank(struct reading *r, const struct dictionary *dict, enum score_unit unit)
{
    const bool counted = true;
    r->top = mem_realloc(r->top, READING_TOP, sizeof *r->top);
    r->n_top = rank_prompt(r->top, READING_TOP, dict, unit, r->row_max, &counted, 1);
    for (size_t i = 0; i < r->n_top; i++)
        r->top[i].pos = -1;
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
    free(e->model.warning);
    reading_free(e->reading);
    detail_free(e->detail);
    concept_matches_clear(&e->matches);
    free(e->acts.acts);
    *e = (struct event){.kind = EVENT_TICK};
}
