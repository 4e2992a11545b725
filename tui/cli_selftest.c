/* axscope selftest: does everything compute what it should, here, with these files? */
#include "core/isa.h"
#include "core/selftest.h"
#include "tui/cli_json.h"
#include "tui/commands.h"
#include "tui/job.h"
#include "tui/paint.h"

#include <string.h>

static const char *status_name(enum selftest_status status)
{
    static const char *const names[] = {"PASS", "FAIL", "SKIP"};
    return names[status];
}

/* Lines appear as they are found: at full size a check takes seconds. */
static void print_line(void *data, const struct selftest_line *line)
{
    const struct paint *p = data;
    paint_bold(p, line->status == SELFTEST_FAIL);
    fprintf(p->stream, "%s  ", status_name(line->status));
    paint_padded(p, line->name, strlen(line->name), 42);
    fputc(' ', p->stream);
    paint_text(p, line->text, strlen(line->text));
    paint_bold(p, false);
    fputc('\n', p->stream);
    fflush(p->stream);
}

static void print_json(const struct selftest *t, const struct scope *scope)
{
    struct json_writer w;
    json_writer_init(&w, stdout, NULL);
    jw_object(&w);
    json_scope(&w, scope);
    jw_key(&w, "isa"), jw_string(&w, isa_name(isa_current()));
    jw_key(&w, "checks");
    jw_array(&w);
    for (size_t i = 0; i < t->n; i++) {
        jw_object(&w);
        jw_key(&w, "name"), jw_string(&w, t->lines[i].name);
        jw_key(&w, "status"), jw_string(&w, status_name(t->lines[i].status));
        jw_key(&w, "text"), jw_string(&w, t->lines[i].text);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_key(&w, "n_failed"), jw_int(&w, (long long)t->n_failed);
    jw_object_end(&w);
    putchar('\n');
}

static int run(struct selftest *t, const struct scope *scope, const struct args *args,
               struct err *err)
{
    struct paint p;
    paint_init(&p, stdout);
    if (!args->json) {
        t->shown = print_line;
        t->data = &p;
    }
    int rc = selftest_run(t, scope, err);
    if (rc != ERR_OK)
        return rc;
    if (args->json)
        print_json(t, scope);
    if (t->n_failed == 0)
        return ERR_OK;
    fflush(stdout);
    err_set(err, ERR_FORMAT, "%zu of %zu checks failed", t->n_failed, t->n);
    err_hint(err, "If the files are complete (their sizes and hashes are on their page), this is "
                  "an error of the program: report the lines above with axscope info.");
    return ERR_FORMAT;
}

int cli_selftest(const struct args *args, struct err *err)
{
    struct scope scope;
    struct selftest t = {0};
    int rc = job_open_scope(&scope, args, SCOPE_MODEL | SCOPE_DICT_IF_ANY, err);
    if (rc != ERR_OK)
        return rc;
    rc = run(&t, &scope, args, err);
    selftest_clear(&t);
    scope_close(&scope);
    return rc;
}
