/* axscope show: one concept. Without a model everything but the logit lens. */
#include "core/lens.h"
#include "data/feature_ref.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINKS 64 /* of one dictionary */

struct concept {
    const struct scope *scope;
    const struct dict_set *set; /* all dictionaries given */
    size_t dict_at;             /* the one that is shown */
    const struct dictionary *dict;
    size_t row;
    struct concept_ref *linked; /* [n_linked] owned: rows of the others about the same feature */
    size_t n_linked;
    double norm;
    struct lens_entry *top, *bottom; /* [n_lens] owned */
    int n_lens;                      /* -1: no model */
    struct neighbour *nearest;       /* [n_nearest] owned */
    size_t n_nearest;
};

static void find_links(struct concept *c)
{
    size_t rows[MAX_LINKS];
    c->linked = mem_alloc(c->set->n * MAX_LINKS, sizeof *c->linked);
    for (size_t d = 0; d < c->set->n; d++) {
        if (d == c->dict_at)
            continue;
        size_t n = feature_links(rows, MAX_LINKS, c->dict, c->row, c->set->dicts[d]);
        for (size_t i = 0; i < n; i++)
            c->linked[c->n_linked++] = (struct concept_ref){d, rows[i]};
    }
}

static int compute(struct concept *c, const struct args *args, struct err *err)
{
    float *direction = mem_alloc(c->dict->d_model, sizeof *direction);
    dictionary_direction(direction, c->dict, c->row);
    double sum = 0;
    for (size_t i = 0; i < c->dict->d_model; i++)
        sum += (double)direction[i] * direction[i];
    c->norm = sqrt(sum);
    c->n_lens = -1;
    int rc = ERR_OK;
    if (!isfinite(sum)) {
        rc = err_set(err, ERR_FORMAT, "%s: row %zu holds a NaN or infinity", c->dict->name, c->row);
        err_hint(err, "The file is damaged; download or copy the dictionary again.");
    }
    if (rc == ERR_OK && c->scope->model) {
        c->top = mem_alloc((size_t)args->lens + 1, sizeof *c->top);
        c->bottom = mem_alloc((size_t)args->lens + 1, sizeof *c->bottom);
        c->n_lens = lens_direction(c->top, c->bottom, args->lens, c->scope->model, direction, err);
        rc = c->n_lens < 0 ? c->n_lens : ERR_OK;
    }
    free(direction);
    if (rc != ERR_OK)
        return rc;
    c->nearest = mem_alloc((size_t)args->nearest + 1, sizeof *c->nearest);
    c->n_nearest = lens_nearest(c->nearest, (size_t)args->nearest, c->dict, c->row);
    find_links(c);
    return ERR_OK;
}

/* --- JSON --- */

static void json_entries(struct json_writer *w, const char *key, const struct concept *c,
                         const struct lens_entry *entries)
{
    jw_key(w, key);
    jw_array(w);
    for (int i = 0; i < c->n_lens; i++) {
        jw_object(w);
        jw_key(w, "id"), jw_int(w, entries[i].id);
        jw_key(w, "text"), json_token_text(w, c->scope, entries[i].id);
        jw_key(w, "value"), jw_float(w, entries[i].value);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void json_lens(struct json_writer *w, const struct concept *c)
{
    jw_key(w, "lens");
    if (c->n_lens < 0) {
        jw_null(w);
        return;
    }
    jw_object(w);
    json_entries(w, "top", c, c->top);
    json_entries(w, "bottom", c, c->bottom);
    jw_object_end(w);
}

/* What was found on neutral text; null where that was not done. */
static void json_calibration(struct json_writer *w, const struct concept *c)
{
    const struct calibration *cal = c->dict->calibration;
    jw_key(w, "calibration");
    if (!cal) {
        jw_null(w);
        return;
    }
    jw_object(w);
    jw_key(w, "n_tokens"), jw_int(w, (long long)cal->n_tokens);
    jw_key(w, "n_passages"), jw_int(w, (long long)cal->passages.n);
    json_calibration_row(w, cal, c->row);
    const struct passage *passage = &cal->passages.items[cal->max_passage[c->row]];
    jw_key(w, "max_text"), jw_string_len(w, passage->text, passage->len);
    jw_object_end(w);
}

static void json_links(struct json_writer *w, const struct concept *c)
{
    jw_key(w, "linked");
    jw_array(w);
    for (size_t i = 0; i < c->n_linked; i++) {
        jw_object(w);
        json_row(w, c->set, c->linked[i]);
        json_label(w, c->set->dicts[c->linked[i].dict], c->linked[i].row);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void print_json(const struct concept *c)
{
    const struct label *label = &c->dict->labels.rows[c->row];
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    json_row(&w, c->set, (struct concept_ref){c->dict_at, c->row});
    jw_key(&w, "id"), jw_int(&w, label->id);
    json_label(&w, c->dict, c->row);
    jw_key(&w, "genre"), jw_string(&w, genre_name(label->genre));
    jw_key(&w, "ref"), jw_string(&w, label->ref);
    jw_key(&w, "norm"), jw_float(&w, (float)c->norm);
    json_statistic(&w, "act_max", c->dict->act_max, c->row);
    json_statistic(&w, "threshold", c->dict->threshold, c->row);
    json_calibration(&w, c);
    json_lens(&w, c);
    jw_key(&w, "nearest");
    jw_array(&w);
    for (size_t i = 0; i < c->n_nearest; i++) {
        jw_object(&w);
        json_row(&w, c->set, (struct concept_ref){c->dict_at, c->nearest[i].row});
        json_label(&w, c->dict, c->nearest[i].row);
        jw_key(&w, "cosine"), jw_float(&w, c->nearest[i].cosine);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    json_links(&w, c);
    jw_object_end(&w);
    putchar('\n');
}

/* --- text --- */

static void print_statistic(const char *name, const float *values, size_t row)
{
    if (values)
        printf("%-10s %.6g\n", name, values[row]);
    else
        printf("%-10s unknown (no acts.json)\n", name);
}

static void print_entry(const struct paint *p, const struct concept *c,
                        const struct lens_entry *entry)
{
    struct buf text = {0};
    scope_token_text(&text, c->scope, entry->id);
    printf("  %10.6f %7d  ", entry->value, entry->id);
    paint_padded(p, buf_cstr(&text), text.len, 16);
    buf_clear(&text);
}

static void print_lens(const struct paint *p, const struct concept *c)
{
    puts(c->n_lens < 0 ? "\nLogit lens: needs a model (--model)"
                       : "\nLogit lens: tokens the direction raises, and lowers");
    for (int i = 0; i < c->n_lens; i++) {
        print_entry(p, c, &c->top[i]);
        print_entry(p, c, &c->bottom[i]);
        putchar('\n');
    }
}

static void print_calibration(const struct paint *p, const struct concept *c)
{
    const struct calibration *cal = c->dict->calibration;
    if (!cal) {
        puts("\nOn neutral text: not known (axscope calibrate)");
        return;
    }
    printf("\nOn neutral text (%zu tokens), of the signed projection\n", cal->n_tokens);
    printf("  mean %.6g, spread %.6g", cal->mean[c->row], cal->spread[c->row]);
    for (size_t q = 0; q < CALIBRATION_QUANTILES; q++)
        printf(", %s %.4g", calibration_level_names[q],
               cal->quantiles[q * cal->n_concepts + c->row]);
    if (cal->density)
        printf("\n  above its threshold at %.3g %% of the tokens", 100 * cal->density[c->row]);
    const struct passage *passage = &cal->passages.items[cal->max_passage[c->row]];
    printf("\n  largest %.6g, in: ", cal->max[c->row]);
    paint_text(p, passage->text, passage->len);
    putchar('\n');
}

static void print_links(const struct paint *p, const struct concept *c)
{
    if (c->n_linked > 0)
        puts("\nThe same feature elsewhere");
    for (size_t i = 0; i < c->n_linked; i++) {
        const struct dictionary *dict = c->set->dicts[c->linked[i].dict];
        const struct label *label = &dict->labels.rows[c->linked[i].row];
        printf("  %zu:%-8zu ", c->linked[i].dict, c->linked[i].row);
        paint_text(p, label->text, label->text_len);
        fputs("  in ", stdout);
        paint_text(p, dict->name, strlen(dict->name));
        putchar('\n');
    }
}

static void print_row(const struct concept *c, size_t row, int columns)
{
    struct buf name = {0};
    dict_set_row_name(&name, c->set, (struct concept_ref){c->dict_at, row});
    printf("%*s  ", columns, name.data);
    buf_clear(&name);
}

static void print_text(const struct concept *c)
{
    struct paint p;
    paint_init(&p, stdout);
    const struct label *label = &c->dict->labels.rows[c->row];
    paint_bold(&p, true);
    print_row(c, c->row, 0);
    paint_text(&p, label->text, label->text_len);
    paint_bold(&p, false);
    printf("\n%-10s %s\n%-10s %ld\n%-10s ", "genre", genre_name(label->genre), "id", label->id,
           "ref");
    paint_text(&p, label->ref, strlen(label->ref));
    printf("\n%-10s %.6g\n", "norm", c->norm);
    print_statistic("act_max", c->dict->act_max, c->row);
    print_statistic("threshold", c->dict->threshold, c->row);
    print_calibration(&p, c);
    print_lens(&p, c);
    puts("\nNearest, by cosine");
    for (size_t i = 0; i < c->n_nearest; i++) {
        const struct label *other = &c->dict->labels.rows[c->nearest[i].row];
        printf("  %10.6f ", c->nearest[i].cosine);
        print_row(c, c->nearest[i].row, 7);
        paint_text(&p, other->text, other->text_len);
        putchar('\n');
    }
    print_links(&p, c);
}

static int show(const struct scope *scope, const struct dict_set *set, const struct args *args,
                struct err *err)
{
    size_t in_all;
    struct concept c = {.scope = scope, .set = set, .dict_at = args->shown.dict};
    int rc = dict_set_row(&in_all, set, args->shown, err);
    if (rc != ERR_OK)
        return rc;
    c.dict = set->dicts[c.dict_at];
    c.row = args->shown.row;
    rc = compute(&c, args, err);
    if (rc == ERR_OK) {
        if (args->json)
            print_json(&c);
        else
            print_text(&c);
    }
    free(c.top);
    free(c.bottom);
    free(c.nearest);
    free(c.linked);
    return rc;
}

int cli_show(const struct args *args, struct err *err)
{
    struct scope scope;
    struct dict_set set;
    bool dict_alone = args->scope.dict && !args->scope.model;
    int rc = job_open_scope(
        &scope, args, SCOPE_DICT | SCOPE_CALIBRATION | SCOPE_LENS | (dict_alone ? 0 : SCOPE_MODEL),
        err);
    if (rc != ERR_OK)
        return rc;
    rc = job_open_dicts(&set, &scope, args, err);
    if (rc == ERR_OK) {
        rc = show(&scope, &set, args, err);
        dict_set_close(&set);
    }
    scope_close(&scope);
    return rc;
}
