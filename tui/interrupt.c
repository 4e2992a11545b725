#include "tui/interrupt.h"

#include <stddef.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define N_SIGNALS (sizeof signals / sizeof *signals)

static volatile sig_atomic_t came;

static void on_signal(int signal)
{
    (void)signal;
    came = 1;
}

void interrupt_catch(struct interrupt *i)
{
    struct sigaction action = {.sa_handler = on_signal};
    came = 0;
    for (size_t k = 0; k < N_SIGNALS; k++) {
        sigaction(signals[k], &action, &i->old[k]);
        if (i->old[k].sa_handler == SIG_IGN) /* under nohup, say */
            sigaction(signals[k], &i->old[k], NULL);
    }
}

void interrupt_release(const struct interrupt *i)
{
    for (size_t k = 0; k < N_SIGNALS; k++)
        sigaction(signals[k], &i->old[k], NULL);
}

bool interrupt_came(void)
{
    return came;
}
