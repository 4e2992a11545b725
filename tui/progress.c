#include "tui/progress.h"

#include <stdio.h>
#include <unistd.h>

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) * 1e-9;
}

void progress_start(struct progress *p, const char *what)
{
    *p = (struct progress){.is_on = isatty(STDERR_FILENO), .what = what};
    clock_gettime(CLOCK_MONOTONIC, &p->start);
    p->last = p->start;
}

bool progress_step(void *data, long done, long total)
{
    struct progress *p = data;
    double elapsed = seconds_since(&p->start);
    if (!p->is_on || total <= 0 || elapsed < 0.5 || (p->is_shown && seconds_since(&p->last) < 0.1))
        return false;
    fprintf(stderr, "\r%s %3ld %%", p->what, 100 * done / total);
    if (done > 0)
        fprintf(stderr, ", %.0f s left ", elapsed * (double)(total - done) / (double)done);
    fflush(stderr);
    clock_gettime(CLOCK_MONOTONIC, &p->last);
    p->is_shown = true;
    return false;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fprintf(stderr, "\r%*s\r", 60, "");
    p->is_shown = false;
}
