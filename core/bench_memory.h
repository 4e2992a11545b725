/* Memory of this process: the weights that are mapped, and what is its own. */
#ifndef CORE_BENCH_MEMORY_H
#define CORE_BENCH_MEMORY_H

#include "core/bench_model.h"

/* Reads a prompt that leaves room for two tokens of answer in n_tokens, then decodes those without
 * and with steering, and adds, in MB: "memory_mapped" (pages of files that are in memory),
 * "memory_read" (the largest amount of its own memory at any layer of the reading), "memory_heap"
 * (the same with both answers) and "memory_peak" (the largest of all together since the process
 * began). The kernel tells the first three on Linux only. What was measured before is part of it:
 * alone it is exact. */
void bench_memory(struct bench *b, const struct bench_subject *s, int n_tokens);

#endif
