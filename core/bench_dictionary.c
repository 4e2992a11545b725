#include "core/bench_dictionary.h"

#include "core/latents.h"
#include "data/concept_search.h"
#include "data/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct product {
    const struct dictionary *dict;
    float *resid; /* [d_model] */
    float *acts;  /* [n_concepts] */
};

static int encode_row(void *data, int run, struct err *err)
{
    struct product *p = data;
    (void)run;
    return latents_encode(p->acts, p->dict, p->resid, 1, p->dict->d_model, false, err);
}

void bench_latents(struct bench *b, const struct dictionary *dict)
{
    enum { RUNS_PER_RUN = 8 };
    const struct matrix *w = &dict->directions;
    struct product p = {.dict = dict,
                        .resid = mem_alloc(dict->d_model, sizeof *p.resid),
                        .acts = mem_alloc(dict->n_concepts, sizeof *p.acts)};
    for (size_t i = 0; i < dict->d_model; i++)
        p.resid[i] = (float)(i % 11) - 5;
    struct bench_work work = {.run = encode_row,
                              .data = &p,
                              .flops = 2.0 * (double)w->n_rows * (double)w->n_cols,
                              .bytes = (double)dtype_bytes(w->dtype, w->n_rows * w->n_cols),
                              .n_runs = b->n_runs * RUNS_PER_RUN};
    struct bench_figure *f =
        bench_measure(b, "latents", "latents_1", "all latents of one position", &work);
    bench_compare(b, f, "decode_1");
    free(p.resid);
    free(p.acts);
}

/* Words, prefixes, classes, alternations, wildcards; found often, seldom and nowhere. */
static const char *const patterns[] = {"wedding",
                                       "time travel",
                                       "references to",
                                       "^terms",
                                       "code$",
                                       "[0-9]+",
                                       "\\bC\\b",
                                       "bank|river|loan",
                                       "(related|referring) to .*(law|court)",
                                       "program.*error",
                                       "^\\w+ \\w+$",
                                       "(.)\\1\\1",
                                       "no label says this"};
enum { N_PATTERNS = sizeof patterns / sizeof *patterns };

void bench_search(struct bench *b, const struct dictionary *dict)
{
    static const char text[] = "a regular expression over all labels";
    struct concept_search *search = NULL;
    struct err err = {0};
    double medians[N_PATTERNS], *seconds = mem_alloc((size_t)b->n_runs, sizeof *seconds);
    int rc = concept_search_new(&search, &dict->labels, &err);
    for (int i = 0; i < N_PATTERNS && rc == ERR_OK; i++) {
        struct bench_figure of_pattern = {0};
        for (int run = -1; run < b->n_runs && rc == ERR_OK; run++) {
            struct concept_matches matches = {0};
            double start = bench_now();
            rc = concept_search_regex(&matches, search, patterns[i], false, &err);
            if (run >= 0)
                seconds[run] = bench_now() - start;
            concept_matches_clear(&matches);
        }
        bench_set(&of_pattern, seconds, b->n_runs);
        medians[i] = of_pattern.median;
    }
    if (rc == ERR_OK) {
        struct bench_figure *f = bench_add(b, "search", "search", text, "s");
        bench_set(f, medians, N_PATTERNS);
        f->n = N_PATTERNS * b->n_runs;
    } else {
        bench_add_missing(b, "search", "search", text, "s", err.message);
    }
    concept_search_free(search);
    free(seconds);
}
