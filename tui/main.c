/* The program: arguments, locale, dispatch, error texts and exit statuses. */
#include "core/isa.h"
#include "core/matmul.h"
#include "data/mem.h"
#include "tui/app_run.h"
#include "tui/commands.h"
#include "tui/version.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_FINE, EXIT_FAILED, EXIT_USAGE };

/* Only LC_CTYPE: another LC_NUMERIC would change how numbers are read and printed. */
static void choose_locale(void)
{
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static int report(const struct err *err)
{
    fprintf(stderr, "axscope: %s\n", err->message);
    if (*err->hint)
        fprintf(stderr, "  %s\n", err->hint);
    return err->code == ERR_ARG ? EXIT_USAGE : EXIT_FAILED;
}

static int print_buf(struct buf *text)
{
    fwrite(buf_cstr(text), 1, text->len, stdout);
    buf_clear(text);
    return ERR_OK;
}

static int run(const struct args *args, struct err *err)
{
    struct buf text = {0};
    if (args->help) {
        args_help(&text, args->command);
        return print_buf(&text);
    }
    if (args->version) {
        printf("axscope %s\n", version_string());
        return ERR_OK;
    }
    if (args->completions) {
        int rc = args_completions(&text, args->completions, err);
        return rc == ERR_OK ? print_buf(&text) : rc;
    }
    static int (*const commands[N_COMMANDS])(const struct args *, struct err *) = {
        [COMMAND_TUI] = app_run,
        [COMMAND_READ] = cli_read,
        [COMMAND_SEARCH] = cli_search,
        [COMMAND_SHOW] = cli_show,
        [COMMAND_STEER] = cli_steer,
        [COMMAND_TOKENIZE] = cli_tokenize,
        [COMMAND_DUMP] = cli_dump,
        [COMMAND_INFO] = cli_info,
        [COMMAND_CALIBRATE] = cli_calibrate,
        [COMMAND_OPEN] = app_run,
        [COMMAND_SELFTEST] = cli_selftest,
        [COMMAND_BENCH] = cli_bench,
    };
    int rc = isa_check_forced(err);
    return rc == ERR_OK ? commands[args->command](args, err) : rc;
}

int main(int argc, char **argv)
{
    struct args args;
    struct err err = {0};
    mem_return_large();
    choose_locale();
    /* a reader that has seen enough ends the program quietly, whatever the parent ignored */
    signal(SIGPIPE, SIG_DFL);
    /* a file that may not grow further is an error like a full disk, which leaves nothing behind */
    signal(SIGXFSZ, SIG_IGN);
    if (args_parse(&args, argc, argv, &err) != ERR_OK)
        return report(&err);
    matmul_set_exact(args.exact);
    int rc = run(&args, &err);
    args_clear(&args);
    if (rc != ERR_OK)
        return report(&err);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("axscope: standard output");
        return EXIT_FAILED;
    }
    return EXIT_FINE;
}
