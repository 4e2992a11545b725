/* What has to hold between events: cursors inside their lists, lists scrolled to what is selected.
 */
#include "tui/layout.h"
#include "tui/update_internal.h"
#include "tui/views.h"

static void settle_cursor(struct app *app)
{
    int n = app->reading ? app->reading->tokens.n : 0;
    app->cursor = max_int(0, min_int(app->cursor, n - 1));
}

/* The row that is marked is the concept that keys act on. */
static void settle_concepts(struct app *app)
{
    const struct list *l = &app->concept_list;
    if (app->screen == SCREEN_CONCEPTS && app->mode != MODE_PAGE && l->n > 0 &&
        (!app->has_selected || app->order[l->selected] != app->selected))
        update_select(app, app->order[l->selected]);
}

static void settle_lists(struct app *app)
{
    settle_concepts(app);
    if (!update_listed(app)) {
        update_rank(app);
        (void)update_listed(app);
    }
    list_scroll(&app->read_list, layout_read(app).list.height);
    list_scroll(&app->concept_list, layout_concepts(app).list.height);
    app->slot = max_int(0, min_int(app->slot, app->n_slots - 1));
}

static void settle_help(struct app *app)
{
    app->help_top = max_int(0, min_int(app->help_top, view_help_last_top(app)));
}

static void settle_page(struct app *app)
{
    struct rect page =
        app->screen == SCREEN_CONCEPTS ? layout_concepts(app).detail : layout_read(app).detail;
    int most = view_concept_rows(app, page.width) - page.height;
    app->page_top = max_int(0, min_int(app->page_top, most));
}

static bool shows_detail(const struct app *app)
{
    return (app->screen == SCREEN_CONCEPTS && !rect_is_empty(layout_concepts(app).detail)) ||
           (app->screen == SCREEN_READ && !rect_is_empty(layout_read(app).detail));
}

/* The detail is looked up when the selection has rested, where it is shown. */
static void settle_detail(struct app *app)
{
    if (!app->dict || !app->has_selected || app->detail_at != 0 ||
        (app->detail && app->detail->row == app->selected) ||
        (app->has_asked && app->asked_row == app->selected) || !shows_detail(app))
        return;
    app->has_asked = true;
    app->asked_row = app->selected;
    app->detail_at = app->seconds + DETAIL_DELAY;
}

void update_settle(struct app *app)
{
    settle_cursor(app);
    settle_lists(app);
    if (app->mode == MODE_HELP)
        settle_help(app);
    if (app->page_top != 0)
        settle_page(app);
    settle_detail(app);
}
