/* axscope search: concept labels by regular expression or fuzzy. Opens no model. */
#include "core/scope.h"
#include "data/concept_search.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"

#include <stdlib.h>

static enum concept_order order_of(const struct args *args)
{
    return args->has_order ? args->order : args->fuzzy ? ORDER_RELEVANCE : ORDER_ROW;
}

static size_t n_shown(const struct args *args, const struct concept_matches *matches)
{
    return args->limit >= 0 && (size_t)args->limit < matches->n ? (size_t)args->limit : matches->n;
}

static void print_json(const struct args *args, const struct dict_set *set,
                       const struct concept_matches *matches)
{
    const struct dictionary *dict = &set->all;
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    jw_key(&w, "regex"), jw_string(&w, args->text);
    jw_key(&w, "mode"), jw_string(&w, args->fuzzy ? "fuzzy" : "regex");
    jw_key(&w, "sort"), jw_string(&w, concept_order_name(order_of(args)));
    jw_key(&w, "n"), jw_int(&w, (long long)matches->n);
    jw_key(&w, "matches");
    jw_array(&w);
    for (size_t i = 0; i < n_shown(args, matches); i++) {
        const struct concept_match *match = &matches->rows[i];
        const struct label *label = &dict->labels.rows[match->row];
        jw_object(&w);
        json_row(&w, set, dict_set_ref(set, match->row));
        jw_key(&w, "id"), jw_int(&w, label->id);
        json_label(&w, dict, match->row);
        jw_key(&w, "genre"), jw_string(&w, genre_name(label->genre));
        jw_key(&w, "ref"), jw_string(&w, label->ref);
        json_statistic(&w, "act_max", dict->act_max, match->row);
        jw_key(&w, "score"), jw_int(&w, match->score);
        jw_key(&w, "spans");
        jw_array(&w);
        for (size_t s = 0; s < match->n_spans; s++) {
            const struct span *span = &matches->spans[match->first_span + s];
            jw_array(&w);
            jw_int(&w, (long long)span->start);
            jw_int(&w, (long long)span->end);
            jw_array_end(&w);
        }
        jw_array_end(&w);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    putchar('\n');
}

static void print_label(const struct paint *p, const struct label *label, const struct span *spans,
                        size_t n_spans)
{
    size_t at = 0;
    for (size_t s = 0; s < n_spans; s++) {
        paint_text(p, label->text + at, spans[s].start - at);
        paint_bold(p, true);
        paint_text(p, label->text + spans[s].start, spans[s].end - spans[s].start);
        paint_bold(p, false);
        at = spans[s].end;
    }
    paint_text(p, label->text + at, label->text_len - at);
}

static void print_text(const struct args *args, const struct dict_set *set,
                       const struct concept_matches *matches)
{
    const struct dictionary *dict = &set->all;
    struct paint p;
    paint_init(&p, stdout);
    size_t n = n_shown(args, matches);
    if (matches->n == 0) {
        fprintf(stderr, "axscope: no label of %zu matches%s\n", dict->n_concepts,
                args->fuzzy ? "" : "; --fuzzy matches more loosely");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct concept_match *match = &matches->rows[i];
        const struct label *label = &dict->labels.rows[match->row];
        struct buf name = {0};
        dict_set_row_name(&name, set, dict_set_ref(set, match->row));
        printf("%7s  %-5s  ", name.data, genre_name(label->genre));
        buf_clear(&name);
        print_label(&p, label, matches->spans + match->first_span, match->n_spans);
        putchar('\n');
    }
    printf("%zu of %zu labels match", matches->n, dict->n_concepts);
    if (n < matches->n)
        printf(", %zu shown", n);
    putchar('\n');
}

static int find(struct concept_matches *out, const struct args *args, const struct dictionary *dict,
                struct err *err)
{
    struct concept_search *search = NULL;
    if (order_of(args) == ORDER_ACT_MAX && !dict->act_max) {
        err_set(err, ERR_UNSUPPORTED, "%s has no act_max to sort by", dict->name);
        err_hint(err, "--acts FILE names a file that has them.");
        return ERR_UNSUPPORTED;
    }
    int rc = concept_search_new(&search, &dict->labels, err);
    if (rc == ERR_OK && args->fuzzy)
        concept_search_fuzzy(out, search, args->text);
    else if (rc == ERR_OK)
        rc = concept_search_regex(out, search, args->text, args->case_sensitive, err);
    concept_search_free(search);
    if (rc == ERR_OK && args->has_genre)
        concept_matches_keep_genre(out, args->genre, &dict->labels);
    if (rc == ERR_OK && order_of(args) != ORDER_ROW)
        concept_matches_sort(out, order_of(args), &dict->labels, dict->act_max);
    return rc;
}

static int search(const struct args *args, const struct dict_set *set, struct err *err)
{
    struct concept_matches matches = {0};
    int rc = find(&matches, args, &set->all, err);
    if (rc == ERR_OK) {
        if (args->json)
            print_json(args, set, &matches);
        else
            print_text(args, set, &matches);
    }
    concept_matches_clear(&matches);
    return rc;
}

int cli_search(const struct args *args, struct err *err)
{
    struct scope scope;
    struct dict_set set;
    int rc = scope_open(&scope, &args->scope, SCOPE_DICT, err);
    if (rc != ERR_OK)
        return rc;
    rc = job_open_dicts(&set, &scope, args, err);
    if (rc == ERR_OK) {
        rc = search(args, &set, err);
        dict_set_close(&set);
    }
    scope_close(&scope);
    return rc;
}
