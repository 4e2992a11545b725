/* Reading prompts: what they lack in the lower half, in batches that may hold several of them. */
#include "core/session_internal.h"

#include <assert.h>
#include <string.h>

/* Positions of a session's prompt that go into a batch, from n_read on. */
struct part {
    struct session *session;
    int n;
};

struct parts {
    struct part items[FORWARD_MAX_ROWS];
    int n, n_rows;
};

static int n_lacking(const struct session *s)
{
    return s->n_prompt - s->n_read;
}

/* Whole prompts as long as there is room; one that is longer than a batch comes in equal parts.
 * Returns how many sessions are done with that. */
static int collect(struct parts *parts, struct session *const *sessions, int n)
{
    parts->n = parts->n_rows = 0;
    for (int i = 0; i < n; i++) {
        int lacking = n_lacking(sessions[i]), n_rows = lacking > 0 ? session_chunk(lacking) : 0;
        if (parts->n_rows + n_rows > FORWARD_MAX_ROWS)
            return i;
        if (n_rows > 0)
            parts->items[parts->n++] = (struct part){sessions[i], n_rows};
        parts->n_rows += n_rows;
        if (n_rows < lacking)
            return i;
    }
    return n;
}

/* Embeddings enter, residuals at the hook leave. lead: whose rows, scratch and progress are used.
 */
static int run_parts(struct session *lead, const struct parts *parts, struct err *err)
{
    const size_t d_model = session_width(lead);
    struct batch batch = {.x = lead->x, .rows = lead->rows, .n = parts->n_rows};
    int t = 0;
    for (int i = 0; i < parts->n; i++) {
        struct session *s = parts->items[i].session;
        forward_embed(lead->x + (size_t)t * d_model, s->model, s->ids + s->n_read,
                      parts->items[i].n);
        for (int k = 0; k < parts->items[i].n; k++)
            lead->rows[t++] = (struct row){&s->line, s->n_read + k};
    }
    int rc = session_run(lead, &batch, 0, lead->hook_layer + 1, NULL, NULL, err);
    const float *x = lead->x;
    for (int i = 0; i < parts->n && rc == ERR_OK; i++) {
        struct session *s = parts->items[i].session;
        const size_t n_floats = (size_t)parts->items[i].n * d_model;
        memcpy(s->resid + (size_t)s->n_read * d_model, x, n_floats * sizeof *x);
        s->n_read += parts->items[i].n;
        x += n_floats;
    }
    return rc;
}

static int read_all(struct session *const *sessions, int n, struct err *err)
{
    struct session *lead = sessions[0];
    struct parts parts;
    int rc = session_reserve_batch(lead, err);
    for (int i = 0; i < n; i++)
        sessions[i]->n_computed = n_lacking(sessions[i]);
    for (int done = 0; done < n && rc == ERR_OK;) {
        done += collect(&parts, sessions + done, n - done);
        if (parts.n > 0)
            rc = run_parts(lead, &parts, err);
    }
    return rc;
}

int session_read_prompt(struct session *s, struct err *err)
{
    return read_all(&s, 1, err);
}

int session_read(struct session *s, struct err *err)
{
    return session_read_all(&s, 1, err);
}

int session_read_all(struct session *const *sessions, int n, struct err *err)
{
    long total = 0;
    assert(n > 0);
    for (int i = 0; i < n; i++) {
        assert(sessions[i]->model == sessions[0]->model);
        assert(sessions[i]->hook_layer == sessions[0]->hook_layer);
        total += n_lacking(sessions[i]);
    }
    session_start_progress(sessions[0], total * (sessions[0]->hook_layer + 1));
    return read_all(sessions, n, err);
}
