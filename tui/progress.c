#include "tui/progress.h"

#include "tui/clock.h"

#include <stdio.h>
#include <unistd.h>

void progress_start(struct progress *p, const char *what)
{
    *p = (struct progress){.is_on = isatty(STDERR_FILENO), .what = what};
    p->start = p->last = clock_seconds();
}

bool progress_step(void *data, long done, long total)
{
    struct progress *p = data;
    double now = clock_seconds(), elapsed = now - p->start;
    if (!p->is_on || total <= 0 || elapsed < 0.5 || (p->is_shown && now - p->last < 0.1))
        return false;
    fprintf(stderr, "\r%s %3ld %%", p->what, 100 * done / total);
    if (done > 0)
        fprintf(stderr, ", %.0f s left ", elapsed * (double)(total - done) / (double)done);
    fflush(stderr);
    p->last = now;
    p->is_shown = true;
    return false;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fprintf(stderr, "\r%*s\r", 60, "");
    p->is_shown = false;
}
