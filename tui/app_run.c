#include "tui/app_run.h"

#include "tui/loop.h"
#include "tui/screen.h"
#include "tui/update.h"

#include <stdlib.h>
#include <string.h>

static void set_prompt(struct app *app, const struct args *args)
{
    if (args->form == PROMPT_IDS) {
        struct buf ids = {0};
        for (size_t i = 0; i < args->n_ids; i++)
            buf_printf(&ids, i ? ",%d" : "%d", args->ids[i]);
        app_set_prompt(app, buf_cstr(&ids));
        buf_clear(&ids);
    } else if (args->text) {
        app_set_prompt(app, args->text);
    }
}

static void set_theme(struct app *app, const char *choice, const char *background)
{
    app->theme.mode = theme_mode(choice, getenv("NO_COLOR"), screen_colors());
    app->theme.is_light = theme_is_light(background, getenv("COLORFGBG"));
    app->ascii = !screen_is_utf8() || (choice && strcmp(choice, "ascii") == 0);
}

static int run(struct app *app, struct worker *worker, const struct args *args, struct err *err)
{
    int rc = screen_start(err);
    if (rc != ERR_OK)
        return rc;
    screen_size(&app->height, &app->width);
    set_theme(app, args->color, args->background);
    rc = loop_run(app, worker, err);
    screen_stop();
    return rc;
}

int app_run(const struct args *args, struct err *err)
{
    struct app app;
    struct worker *worker = NULL;
    struct worker_options options = {.scope = args->scope,
                                     .more_dicts = args->more_dicts,
                                     .n_more_dicts = args->n_more_dicts,
                                     .form = args->form,
                                     .dump = args->dump,
                                     .threads = args->threads};
    int rc = worker_start(&worker, &options, err);
    if (rc != ERR_OK)
        return rc;
    app_init(&app, 24, 80);
    set_prompt(&app, args);
    rc = run(&app, worker, args, err);
    worker_stop(worker);
    app_clear(&app);
    return rc;
}
