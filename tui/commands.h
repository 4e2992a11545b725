/* The subcommands. Each carries out its args and prints to standard output only when all of it
 * has succeeded; a failure is described in *err and nothing is printed. */
#ifndef TUI_COMMANDS_H
#define TUI_COMMANDS_H

#include "data/err.h"
#include "tui/args.h"

int cli_read(const struct args *args, struct err *err) ERR_CHECK;
int cli_search(const struct args *args, struct err *err) ERR_CHECK;
int cli_show(const struct args *args, struct err *err) ERR_CHECK;
int cli_steer(const struct args *args, struct err *err) ERR_CHECK;
int cli_tokenize(const struct args *args, struct err *err) ERR_CHECK;
int cli_dump(const struct args *args, struct err *err) ERR_CHECK;
int cli_calibrate(const struct args *args, struct err *err) ERR_CHECK;
int cli_selftest(const struct args *args, struct err *err) ERR_CHECK;
int cli_bench(const struct args *args, struct err *err) ERR_CHECK;
int cli_info(const struct args *args, struct err *err) ERR_CHECK;

#endif
