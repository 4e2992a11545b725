#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* posix_openpt */
#endif
#include "tui/pty.h"

#include "tui/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* The environment with another TERM: made before the fork, since in a child of a process with
 * threads nothing may be allocated. The caller frees the array. */
static char **make_environment(void)
{
    static char term[] = "TERM=xterm-256color";
    size_t n = 0;
    while (environ[n])
        n++;
    char **out = mem_alloc(n + 2, sizeof *out);
    size_t k = 0;
    out[k++] = term;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "TERM=", 5) != 0)
            out[k++] = environ[i];
    out[k] = NULL;
    return out;
}

/* In the child: the terminal becomes its controlling one. */
static void run_child(const char *terminal, const char *program, char *const *argv, char **env,
                      const struct winsize *size)
{
    setsid();
    int fd = open(terminal, O_RDWR);
    if (fd < 0)
        _exit(127);
#ifdef TIOCSCTTY
    ioctl(fd, TIOCSCTTY, 0);
#endif
    ioctl(fd, TIOCSWINSZ, size);
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    execve(program, argv, env);
    _exit(127);
}

int pty_start(struct pty *p, const char *program, char *const *argv, int rows, int columns,
              struct err *err)
{
    const struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    *p = (struct pty){.fd = posix_openpt(O_RDWR | O_NOCTTY), .pid = -1};
    const char *terminal =
        p->fd >= 0 && grantpt(p->fd) == 0 && unlockpt(p->fd) == 0 ? ptsname(p->fd) : NULL;
    if (terminal) {
        fcntl(p->fd, F_SETFD, FD_CLOEXEC);
        char **env = make_environment();
        p->pid = fork();
        if (p->pid == 0)
            run_child(terminal, program, argv, env, &size);
        free(env);
    }
    if (p->pid > 0)
        return ERR_OK;
    err_set(err, ERR_IO, "no pseudo terminal: %s", strerror(errno));
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    return ERR_IO;
}

/* Appends what there is to read; false when nothing will come any more. */
static bool take_output(struct pty *p, double seconds)
{
    char bytes[4096];
    struct pollfd poll_fd = {p->fd, POLLIN, 0};
    if (poll(&poll_fd, 1, (int)(seconds * 1000) + 1) <= 0)
        return true;
    ssize_t n = read(p->fd, bytes, sizeof bytes);
    if (n > 0)
        buf_add(&p->output, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool find_text(struct pty *p, const char *text)
{
    size_t len = strlen(text);
    for (size_t at = p->n_matched; at + len <= p->output.len; at++) {
        if (memcmp(p->output.data + at, text, len) != 0)
            continue;
        p->n_matched = at + len;
        return true;
    }
    return false;
}

int pty_expect(struct pty *p, const char *text, double seconds, struct err *err)
{
    double end = clock_seconds() + seconds;
    bool is_alive = true;
    while (!find_text(p, text)) {
        double left = end - clock_seconds();
        if (!is_alive || left <= 0)
            return err_set(err, ERR_LIMIT, "%s without printing '%s'",
                           is_alive ? "the time was up" : "the program ended", text);
        is_alive = take_output(p, left);
    }
    return ERR_OK;
}

int pty_type(struct pty *p, const char *keys, struct err *err)
{
    size_t len = strlen(keys);
    if (write(p->fd, keys, len) == (ssize_t)len)
        return ERR_OK;
    return err_set(err, ERR_IO, "the pseudo terminal takes no keys: %s", strerror(errno));
}

void pty_stop(struct pty *p)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    kill(p->pid, SIGTERM);
    for (int i = 0; i < 200 && waitpid(p->pid, NULL, WNOHANG) == 0; i++) {
        take_output(p, 0); /* it may wait for its last words to be read */
        nanosleep(&pause, NULL);
        if (i == 199) {
            kill(p->pid, SIGKILL);
            waitpid(p->pid, NULL, 0);
        }
    }
    close(p->fd);
    buf_clear(&p->output);
}
