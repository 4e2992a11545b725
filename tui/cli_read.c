/* axscope read: which concepts fire, per token and over the prompt or a dump. */
#include "core/latents.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"

#include <stdlib.h>

#define AXBENCH_PREFIX 4 /* positions AxBench leaves out of pooling */
#define N_HEAT_ROWS 3    /* concepts drawn over the text unless --concept names them */

struct reading {
    const struct args *args;
    const struct scope *scope;
    const struct dump_file *dump; /* or NULL */
    const struct dict_set *set;
    const struct dictionary *dict; /* all rows of the set */
    size_t *concepts;              /* [args->n_concepts] owned: rows of --concept */
    const struct prompt *prompt;
    enum score_unit unit;
    struct lazy_acts *acts; /* owned */
    bool *counted;          /* [n_tokens] owned */
    struct ranked *ranked;  /* [n_ranked] owned, over the prompt */
    size_t n_ranked;
};

static size_t top_k(const struct reading *r)
{
    size_t k = (size_t)r->args->top;
    return k < r->dict->n_concepts ? k : r->dict->n_concepts;
}

static void count(struct reading *r)
{
    size_t n = r->prompt->ids.n;
    r->counted = mem_alloc(n, sizeof *r->counted);
    for (size_t t = 0; t < n; t++)
        r->counted[t] = r->args->pool_axbench ? t >= AXBENCH_PREFIX : r->prompt->counted[t];
}

/* The maxima over the counted positions are ranked like a text of one token. */
static void rank(struct reading *r)
{
    const bool any = r->dict->n_concepts > 0 && r->acts->max_pos[0] >= 0;
    size_t k = top_k(r) > N_HEAT_ROWS ? top_k(r) : N_HEAT_ROWS;
    r->ranked = mem_alloc(k, sizeof *r->ranked);
    r->n_ranked = rank_prompt_all(r->ranked, k < r->dict->n_concepts ? k : r->dict->n_concepts,
                                  r->dict, r->unit, r->acts->max, &any, 1);
    for (size_t i = 0; i < r->n_ranked; i++)
        r->ranked[i].pos = r->acts->max_pos[r->ranked[i].row];
}

static int choose_unit(struct reading *r, struct err *err)
{
    static const char *const lacks[N_SCORE_UNITS] = {
        "has no thresholds with act_max", "is not calibrated for this model", "has no act_max", ""};
    r->unit = r->args->unit < 0 ? score_unit_of(r->dict) : (enum score_unit)r->args->unit;
    if (score_unit_allowed(r->dict, r->unit))
        return ERR_OK;
    err_set(err, ERR_FORMAT, "--unit %s: the dictionary %s %s", score_unit_name(r->unit),
            r->dict->name, lacks[r->unit]);
    err_hint(err, r->unit == SCORE_Z ? "Run axscope calibrate with the same --model and --dict."
                                     : "Give --acts FILE, or leave --unit out.");
    return ERR_FORMAT;
}

static const float *acts_at(const struct reading *r, size_t t)
{
    return lazy_acts_token(r->acts, t);
}

static float act_at(const struct reading *r, size_t t, size_t row)
{
    return lazy_acts_at(r->acts, t, row);
}

/* Ranked by z, the projections were needed; what is shown are the latents, which not every kind of
 * dictionary makes by cutting at 0. */
static int show_latents(struct reading *r, struct err *err)
{
    int rc = lazy_acts_set_signed(r->acts, false, err);
    for (size_t i = 0; i < r->n_ranked && rc == ERR_OK; i++)
        r->ranked[i].act = act_at(r, (size_t)r->ranked[i].pos, r->ranked[i].row);
    return rc;
}

/* --- JSON --- */

static void json_token(struct json_writer *w, const struct reading *r, size_t t, struct ranked *top)
{
    int id = r->prompt->ids.ids[t];
    jw_object(w);
    jw_key(w, "pos"), jw_int(w, (long long)t);
    jw_key(w, "id"), jw_int(w, id);
    jw_key(w, "text"), json_token_text(w, r->scope, id);
    jw_key(w, "special"), jw_bool(w, r->prompt->special[t]);
    jw_key(w, "counted"), jw_bool(w, r->counted[t]);
    jw_key(w, "top");
    jw_array(w);
    size_t n = rank_token_all(top, top_k(r), acts_at(r, t), r->dict->n_concepts);
    for (size_t i = 0; i < n; i++) {
        jw_object(w);
        json_row(w, r->set, dict_set_ref(r->set, top[i].row));
        jw_key(w, "act"), jw_float(w, top[i].act);
        json_label(w, r->dict, top[i].row);
        jw_object_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
}

static void json_tokens(struct json_writer *w, const struct reading *r)
{
    struct ranked *top = mem_alloc(top_k(r) + 1, sizeof *top);
    jw_key(w, "tokens");
    jw_array(w);
    for (size_t t = 0; t < r->prompt->ids.n; t++)
        json_token(w, r, t, top);
    jw_array_end(w);
    free(top);
}

static void json_concepts(struct json_writer *w, const struct reading *r)
{
    jw_key(w, "concepts");
    jw_array(w);
    for (size_t i = 0; i < r->args->n_concepts; i++) {
        size_t row = r->concepts[i];
        jw_object(w);
        json_row(w, r->set, dict_set_ref(r->set, row));
        json_label(w, r->dict, row);
        jw_key(w, "acts");
        jw_array(w);
        for (size_t t = 0; t < r->prompt->ids.n; t++)
            jw_float(w, act_at(r, t, row));
        jw_array_end(w);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void json_prompt_top(struct json_writer *w, const struct reading *r)
{
    jw_key(w, "unit"), jw_string(w, score_unit_name(r->unit));
    jw_key(w, "prompt_top");
    jw_array(w);
    for (size_t i = 0; i < r->n_ranked && i < top_k(r); i++) {
        const struct ranked *item = &r->ranked[i];
        jw_object(w);
        json_row(w, r->set, dict_set_ref(r->set, item->row));
        json_label(w, r->dict, item->row);
        jw_key(w, "act"), jw_float(w, item->act);
        json_statistic(w, "act_max", r->dict->act_max, item->row);
        jw_key(w, "pos"), jw_int(w, item->pos);
        jw_key(w, "score"), jw_float(w, item->score);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void json_all(struct json_writer *w, const struct reading *r)
{
    jw_key(w, "acts");
    jw_array(w);
    for (size_t t = 0; t < r->prompt->ids.n; t++) {
        const float *acts = acts_at(r, t);
        jw_array(w);
        for (size_t c = 0; c < r->dict->n_concepts; c++)
            jw_float(w, acts[c]);
        jw_array_end(w);
    }
    jw_array_end(w);
}

static void json_dump(struct json_writer *w, const struct dump_file *dump)
{
    jw_key(w, "dump");
    jw_object(w);
    jw_key(w, "path"), jw_string(w, dump_file_name(dump));
    jw_key(w, "model"), jw_string(w, dump_file_model(dump));
    jw_object_end(w);
}

static void print_json(const struct reading *r)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    json_scope(&w, r->scope);
    json_further(&w, r->set);
    if (r->dump)
        json_dump(&w, r->dump);
    jw_key(&w, "layer"), jw_int(&w, r->set->layers[0]);
    json_tokens(&w, r);
    json_concepts(&w, r);
    json_prompt_top(&w, r);
    if (r->args->all)
        json_all(&w, r);
    jw_object_end(&w);
    putchar('\n');
}

/* --- text --- */

/* Row, right in so many columns, and label, to the right of `used` others. */
static void print_concept(const struct paint *p, const struct reading *r, size_t row, int columns,
                          int used)
{
    const struct label *label = &r->dict->labels.rows[row];
    struct buf name = {0};
    dict_set_row_name(&name, r->set, dict_set_ref(r->set, row));
    used += fprintf(p->stream, "%*s  ", columns, name.data);
    buf_clear(&name);
    paint_last(p, label->text, label->text_len, used);
}

/* Returns the columns used: `columns`, or more. */
static int print_token(const struct paint *p, const struct reading *r, size_t t, int columns)
{
    struct buf text = {0};
    scope_token_text(&text, r->scope, r->prompt->ids.ids[t]);
    int used = paint_padded(p, buf_cstr(&text), text.len, columns);
    buf_clear(&text);
    return used;
}

static float score_at(const struct reading *r, size_t t, size_t row)
{
    float act = act_at(r, t, row);
    return act > 0 ? score_in(r->unit, r->dict, row, act) : 0;
}

/* The counted position with the largest value; position 0 when none is counted. */
static size_t peak_of(const struct reading *r, size_t row)
{
    size_t peak = 0;
    for (size_t t = 1; t < r->prompt->ids.n; t++)
        if (r->counted[t] && (!r->counted[peak] || act_at(r, t, row) > act_at(r, peak, row)))
            peak = t;
    return peak;
}

/* The text tinted by one concept. As on the screens the full colour is the unit's full score; raw
 * activations have none, and take the row's largest counted value. */
static void print_heat(const struct paint *p, const struct reading *r, size_t row)
{
    size_t n = r->prompt->ids.n, peak = peak_of(r, row);
    struct paint_cell *cells = mem_alloc(n, sizeof *cells);
    struct buf *texts = mem_zalloc(n, sizeof *texts);
    float most = r->counted[peak] ? score_at(r, peak, row) : 0;
    float full = r->unit == SCORE_RAW ? most : score_full(r->unit);
    for (size_t t = 0; t < n; t++) {
        scope_token_text(&texts[t], r->scope, r->prompt->ids.ids[t]);
        float share = full > 0 ? score_at(r, t, row) / full : 0;
        cells[t] = (struct paint_cell){.text = buf_cstr(&texts[t]),
                                       .len = texts[t].len,
                                       .share = share,
                                       .is_special = r->prompt->special[t],
                                       .is_counted = r->counted[t]};
    }
    paint_bold(p, true);
    print_concept(p, r, row, 0, 0);
    paint_bold(p, false);
    fprintf(p->stream,
            "\n  full bar: %s %.4g; most here: %.4g at %zu; only counted tokens have bars\n",
            score_unit_name(r->unit), full, most, peak);
    paint_heat(p, cells, n);
    fputc('\n', p->stream);
    for (size_t t = 0; t < n; t++)
        buf_clear(&texts[t]);
    free(texts);
    free(cells);
}

static void print_heats(const struct paint *p, const struct reading *r)
{
    for (size_t i = 0; i < r->args->n_concepts; i++)
        print_heat(p, r, r->concepts[i]);
    if (r->args->n_concepts > 0)
        return;
    for (size_t i = 0; i < r->n_ranked && i < N_HEAT_ROWS; i++)
        if (score_at(r, (size_t)r->ranked[i].pos, r->ranked[i].row) > 0)
            print_heat(p, r, r->ranked[i].row);
}

static void print_ranking(const struct paint *p, const struct reading *r)
{
    static const char *const meanings[N_SCORE_UNITS] = {
        "margin = (act - threshold) / (act_max - threshold)",
        "z = (projection - its mean) / its spread on neutral text", "share = act / act_max",
        "raw = act"};
    fprintf(p->stream, "Over the prompt, by %s\n", meanings[r->unit]);
    paint_bold(p, true);
    fprintf(p->stream, "%8s %8s %8s %5s %-12s %7s  %s\n", score_unit_name(r->unit), "act",
            "act_max", "pos", "token", "row", "label");
    paint_bold(p, false);
    if (r->args->top == 0) {
        fputs("  no list: --top 0\n", p->stream);
        return;
    }
    size_t n_shown = 0;
    for (size_t i = 0; i < r->n_ranked && i < top_k(r); i++) {
        const struct ranked *item = &r->ranked[i];
        if (!(item->act > 0) && !r->args->is_signed)
            continue;
        n_shown++;
        int used = fprintf(p->stream, "%8.3f %8.3f ", item->score, item->act);
        if (r->dict->act_max)
            used += fprintf(p->stream, "%8.3f ", r->dict->act_max[item->row]);
        else
            used += fprintf(p->stream, "%8s ", "-");
        used += fprintf(p->stream, "%5d ", item->pos);
        used += print_token(p, r, (size_t)item->pos, 12);
        print_concept(p, r, item->row, 8, used);
        fputc('\n', p->stream);
    }
    if (n_shown == 0)
        fputs("  nothing fires at a counted position\n", p->stream);
}

static void print_per_token(const struct paint *p, const struct reading *r)
{
    static const bool counted = true; /* each token is ranked alone */
    fprintf(p->stream, "\nPer token, the strongest concept by %s\n", score_unit_name(r->unit));
    paint_bold(p, true);
    fprintf(p->stream, "%5s %7s %-15s %8s %8s %7s  %s\n", "pos", "id", "token",
            score_unit_name(r->unit), "act", "row", "label");
    paint_bold(p, false);
    for (size_t t = 0; t < r->prompt->ids.n; t++) {
        struct ranked top;
        size_t n = rank_prompt(&top, 1, r->dict, r->unit, acts_at(r, t), &counted, 1);
        bool is_dim = !r->counted[t] || n == 0 || !(top.score > 0);
        if (is_dim)
            paint_dim(p, true);
        int used = fprintf(p->stream, "%5zu %7d ", t, r->prompt->ids.ids[t]);
        used += print_token(p, r, t, 15);
        if (n > 0) {
            used += fprintf(p->stream, " %8.3f %8.3f", top.score, top.act);
            print_concept(p, r, top.row, 8, used);
        }
        if (is_dim)
            paint_dim(p, false);
        fputc('\n', p->stream);
    }
}

static void print_text(const struct reading *r)
{
    struct paint p;
    paint_init(&p, stdout);
    fprintf(p.stream, "%s, %zu tokens", r->dump ? dump_file_name(r->dump) : r->scope->model->name,
            r->prompt->ids.n);
    for (size_t d = 0; d < r->set->n; d++)
        fprintf(p.stream, ", %s at layer %d", r->set->dicts[d]->name, r->set->layers[d]);
    fputs("\n\n", p.stream);
    print_heats(&p, r);
    print_ranking(&p, r);
    print_per_token(&p, r);
}

static int compute(struct reading *r, struct job *job, struct err *err)
{
    const struct args *args = r->args;
    int rc = ERR_OK;
    r->concepts = mem_alloc(args->n_concepts + 1, sizeof *r->concepts);
    for (size_t i = 0; i < args->n_concepts && rc == ERR_OK; i++)
        rc = dict_set_row(&r->concepts[i], r->set, args->concepts[i], err);
    if (rc == ERR_OK)
        rc = choose_unit(r, err);
    if (rc == ERR_OK)
        count(r);
    if (rc == ERR_OK)
        rc = job_take_acts(&r->acts, job, r->counted, args->is_signed || r->unit == SCORE_Z, err);
    if (rc == ERR_OK)
        rank(r);
    if (rc == ERR_OK && r->unit == SCORE_Z && !args->is_signed)
        rc = show_latents(r, err);
    job_quiet(job);
    return rc;
}

int cli_read(const struct args *args, struct err *err)
{
    struct job job;
    bool is_plain = args->n_edits == 0 && args->n_more_dicts == 0; /* of one hook layer */
    int need = SCOPE_DICT | SCOPE_CALIBRATION | (is_plain ? SCOPE_READS : 0);
    int rc = job_open(&job, args, need, 1, err);
    if (rc != ERR_OK)
        return rc;
    job_note_unsteered(&job, job.set.layers, job.set.n, false);
    struct reading r = {.args = args,
                        .scope = &job.scope,
                        .dump = job.dump,
                        .set = &job.set,
                        .dict = &job.set.all,
                        .prompt = &job.prompt};
    rc = compute(&r, &job, err);
    if (rc == ERR_OK && args->json)
        print_json(&r);
    else if (rc == ERR_OK)
        print_text(&r);
    free(r.concepts);
    free(r.counted);
    free(r.ranked);
    lazy_acts_free(r.acts);
    job_close(&job);
    return rc;
}
