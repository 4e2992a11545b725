/* How long the screens take to appear. */
#ifndef TUI_BENCH_START_H
#define TUI_BENCH_START_H

#include "core/bench.h"
#include "tui/args.h"

/* Runs this program's screens on the same files in a pseudo terminal of 80 x 24 and adds, from the
 * fork on: "first_frame" (the last line of a frame has arrived) and "labels" (the list of concepts,
 * which is asked for when the first frame is there, shows rows: from then on it can be
 * searched). */
void bench_start(struct bench *b, const struct args *args);

#endif
