#include "tui/way_back.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t active; /* the terminal is ours */
static struct termios saved_termios;
static char restore_bytes[256]; /* leaves the alternate screen, shows the cursor, ... */
static size_t restore_len;
static int signal_pipe[2] = {-1, -1};
static volatile sig_atomic_t got_resize, got_suspend, got_resume;

static void write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
}

void way_back_write(const char *s)
{
    write_all(s, strlen(s));
}

/* --- the terminal --- */

bool way_back_keep(void)
{
    restore_len = 0;
    return tcgetattr(STDIN_FILENO, &saved_termios) == 0;
}

void way_back_add(const char *s)
{
    while (s && s != (const char *)-1 && *s && restore_len < sizeof restore_bytes) {
        if (s[0] == '$' && s[1] == '<') {
            s += strcspn(s, ">");
            s += *s == '>';
            continue;
        }
        restore_bytes[restore_len++] = *s++;
    }
}

void way_back_arm(void)
{
    active = 1;
}

bool way_back_is_armed(void)
{
    return active;
}

void way_back_take(void)
{
    if (!active)
        return;
    active = 0;
    write_all(restore_bytes, restore_len);
    tcsetattr(STDIN_FILENO, TCSANOW, &saved_termios);
}

/* --- signals --- */

static void on_fatal(int signal_number)
{
    way_back_take();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void on_note(int signal_number)
{
    int saved = errno;
    if (signal_number == SIGWINCH)
        got_resize = 1;
    else if (signal_number == SIGTSTP)
        got_suspend = 1;
    else
        got_resume = 1;
    ssize_t ignored = write(signal_pipe[1], "!", 1);
    (void)ignored;
    errno = saved;
}

static void handle(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static void open_pipe(void)
{
    if (signal_pipe[0] >= 0 || pipe(signal_pipe) != 0)
        return;
    for (int i = 0; i < 2; i++) {
        fcntl(signal_pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(signal_pipe[i], F_SETFD, FD_CLOEXEC);
    }
}

void way_back_catch_signals(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL, SIGABRT,
                                SIGTERM, SIGHUP, SIGQUIT, SIGINT};
    static char stack[1 << 16]; /* a handler needs one even when the stack has overflowed */
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    open_pipe();
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        handle(fatal[i], on_fatal, SA_ONSTACK);
    handle(SIGWINCH, on_note, SA_RESTART);
    handle(SIGTSTP, on_note, SA_RESTART);
    handle(SIGCONT, on_note, SA_RESTART);
    handle(SIGPIPE, SIG_IGN, 0);
}

void way_back_suspend(void)
{
    way_back_take();
    handle(SIGTSTP, SIG_DFL, 0);
    raise(SIGTSTP); /* stops here */
    handle(SIGTSTP, on_note, SA_RESTART);
    tcgetattr(STDIN_FILENO, &saved_termios); /* the shell may have changed it */
}

int way_back_signal_fd(void)
{
    return signal_pipe[0];
}

struct screen_signals way_back_signals(void)
{
    char drain[64];
    while (read(signal_pipe[0], drain, sizeof drain) > 0)
        ;
    struct screen_signals s = {got_resize != 0, got_suspend != 0, got_resume != 0};
    got_resize = got_suspend = got_resume = 0;
    return s;
}
