#include "tui/loop.h"

#include "data/concept_search.h"
#include "data/text.h"
#include "tui/clock.h"
#include "tui/screen.h"
#include "tui/update.h"
#include "tui/views.h"
#include "tui/way_back.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define SEARCH_SECONDS 0.2       /* for a pattern: nobody waits longer between two keys */
#define FRAME_SECONDS (1.0 / 30) /* between frames that only the worker asked for */

struct loop {
    struct app *app;
    struct worker *worker;
    struct concept_search *search; /* NULL until the dictionary is open */
    double drawn_at;
    bool wants_frame, is_urgent, quit;
    struct err open_err; /* nothing could be opened */
};

static struct run_request make_request(const struct app *app, const struct cmd *command)
{
    struct run_request r = {.id = command->job,
                            .text = mem_strdup(line_edit_text(&app->prompt)),
                            .text_len = app->prompt.text.len,
                            .answers = command->answers,
                            .n_slots = app->n_slots,
                            .sampler = app->sampler,
                            .max_tokens = app->max_tokens,
                            .n_baseline = app->answers[BRANCH_BASELINE].tokens.n,
                            .n_baseline_read = app->answers[BRANCH_BASELINE].tokens.n_read};
    for (int i = 0; i < app->n_slots; i++)
        r.slots[i] = app->slots[i];
    return r;
}

static void dispatch(struct loop *l, struct event *e);

static void search(struct loop *l)
{
    struct event e = {.kind = EVENT_MATCHES, .seconds = clock_seconds()};
    if (!l->search)
        return;
    const char *filter = line_edit_text(&l->app->filter);
    if (l->app->is_fuzzy)
        concept_search_fuzzy(&e.matches, l->search, filter);
    else
        e.err.code =
            (enum err_code)concept_search_regex(&e.matches, l->search, filter, false, &e.err);
    dispatch(l, &e);
}

static void carry_out(struct loop *l, const struct cmd *command)
{
    switch (command->kind) {
    case CMD_RUN: {
        struct run_request r = make_request(l->app, command);
        worker_run(l->worker, &r);
        break;
    }
    case CMD_CANCEL:
        worker_cancel(l->worker, command->job);
        break;
    case CMD_DETAIL:
        worker_detail(l->worker, command->row);
        break;
    case CMD_SEARCH:
        search(l);
        break;
    case CMD_REDRAW:
        screen_redraw();
        break;
    case CMD_MOUSE:
        screen_mouse(l->app->mouse_on);
        break;
    case CMD_SUSPEND:
        screen_suspend();
        screen_mouse(l->app->mouse_on);
        break;
    case CMD_QUIT:
        l->quit = true;
        break;
    }
}

/* The search index belongs to this thread; it borrows the dictionary's labels. */
static void note(struct loop *l, const struct event *e)
{
    if (e->kind == EVENT_OPENED && e->opened.dict && !l->search &&
        concept_search_new(&l->search, &e->opened.dict->labels, NULL) != ERR_OK)
        l->search = NULL;
    if (e->kind == EVENT_OPENED && l->search)
        concept_search_set_limit(l->search, SEARCH_SECONDS);
    if (e->kind == EVENT_DONE && e->job == JOB_OPEN && !l->app->dict) {
        l->open_err = e->err;
        l->quit = true;
    }
}

/* Updates the state, carries out what that asks for, and frees what was not taken. */
static void dispatch(struct loop *l, struct event *e)
{
    struct cmds commands = {0};
    note(l, e);
    app_update(l->app, e, &commands);
    event_clear(e);
    for (int i = 0; i < commands.n; i++)
        carry_out(l, &commands.items[i]);
    l->wants_frame = true;
}

static void resize(struct loop *l)
{
    struct event e = {.kind = EVENT_RESIZE, .seconds = clock_seconds()};
    screen_size(&e.height, &e.width);
    dispatch(l, &e);
    l->is_urgent = true;
}

static void take_signals(struct loop *l)
{
    struct screen_signals s = way_back_signals();
    if (s.suspend) {
        screen_suspend();
        screen_mouse(l->app->mouse_on);
    }
    if (s.resumed)
        screen_redraw();
    if (s.resized || s.suspend || s.resumed)
        resize(l);
}

static void draw(struct loop *l)
{
    struct grid grid;
    grid_init(&grid, l->app->height, l->app->width);
    view_frame(&grid, l->app);
    screen_blit(&grid, &l->app->theme);
    grid_clear(&grid);
    l->drawn_at = clock_seconds();
    l->wants_frame = l->is_urgent = false;
}

static void take_typed(struct loop *l, struct buf *typed)
{
    struct event e = {.kind = EVENT_PASTE, .seconds = clock_seconds()};
    if (typed->len == 0)
        return;
    e.text_len = typed->len;
    e.text = typed->data;
    *typed = (struct buf){0};
    dispatch(l, &e);
    l->is_urgent = true;
}

static bool is_text(const struct loop *l, const struct event *e)
{
    bool is_typing = l->app->mode == MODE_EDIT || l->app->mode == MODE_FILTER;
    return is_typing && e->kind == EVENT_KEY && e->key >= KEY_SPACE && e->key < KEY_SPECIAL &&
           e->key != KEY_RUBOUT;
}

/* Keys that ncurses holds do not show up in poll, so all are taken. Characters that have arrived
 * together (a paste into a terminal that does not mark it) are one insertion; what takes longer
 * than a frame shows how far it is. */
static void take_keys(struct loop *l)
{
    struct event e;
    struct buf typed = {0};
    while (!l->quit && screen_read(&e)) {
        if (is_text(l, &e)) {
            char bytes[4];
            buf_add(&typed, bytes, (size_t)utf8_encode(bytes, (uint32_t)e.key));
        } else {
            take_typed(l, &typed);
            e.seconds = clock_seconds();
            dispatch(l, &e);
            l->is_urgent = true;
        }
        if (clock_seconds() - l->drawn_at >= FRAME_SECONDS && l->drawn_at > 0) {
            take_typed(l, &typed);
            draw(l);
        }
    }
    take_typed(l, &typed);
}

static void take_worker(struct loop *l)
{
    size_t n;
    struct event **events = worker_events(l->worker, &n);
    for (size_t i = 0; i < n; i++) {
        events[i]->seconds = clock_seconds();
        dispatch(l, events[i]);
        free(events[i]);
    }
    free(events);
}

/* Milliseconds until something is due; -1: nothing is. */
static int timeout(const struct loop *l)
{
    double now = clock_seconds(), at = app_wake_at(l->app);
    double wait = at > 0 ? at - now : -1;
    if (l->wants_frame) {
        double frame = l->drawn_at + FRAME_SECONDS - now;
        wait = wait < 0 || frame < wait ? frame : wait;
        if (wait < 0)
            wait = 0;
    } else if (at > 0 && wait < 0) {
        wait = 0;
    }
    return wait < 0 ? -1 : (int)(wait * 1000) + 1;
}

static void wait_for_news(struct loop *l)
{
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0},
                           {worker_fd(l->worker), POLLIN, 0},
                           {way_back_signal_fd(), POLLIN, 0}};
    poll(fds, 3, timeout(l));
    if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        l->quit = true; /* the terminal is gone */
    take_signals(l);
    take_keys(l);
    if (!l->quit)
        take_worker(l);
    double at = app_wake_at(l->app);
    if (at > 0 && clock_seconds() >= at) {
        struct event e = {.kind = EVENT_TICK, .seconds = clock_seconds()};
        dispatch(l, &e);
    }
}

int loop_run(struct app *app, struct worker *worker, struct err *err)
{
    struct loop l = {.app = app, .worker = worker};
    screen_mouse(app->mouse_on);
    resize(&l);
    while (!l.quit) {
        if (l.is_urgent || (l.wants_frame && clock_seconds() - l.drawn_at >= FRAME_SECONDS))
            draw(&l);
        wait_for_news(&l);
    }
    concept_search_free(l.search);
    if (l.open_err.code == ERR_OK)
        return ERR_OK;
    *err = l.open_err;
    return err->code;
}
