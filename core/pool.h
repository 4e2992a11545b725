/* A small pool of threads for loops whose iterations are independent.
 *
 * One pool per process. It starts its threads in the first pool_run that can use them, and starts
 * again after a fork (a child has none of its parent's threads). Idle threads spin for some tens
 * of microseconds, then sleep: a thread that spins on a shared core stops the work it waits for.
 * A call that finds the pool busy, because another thread or an enclosing task uses it, runs its
 * tasks on the calling thread. Any thread may call pool_run. */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stddef.h>

typedef void pool_task_fn(void *data, size_t task);

/* Number of threads in all, the caller's included; 0: one per physical core. Until it is called
 * there is one: everything runs on the caller. Not while a pool_run is under way. */
void pool_set_threads(int n_threads);
int pool_threads(void);

/* Runs fn(data, i) for every i in [0, n_tasks), in no order, and returns when all are done.
 * cost: multiplications of the whole loop; a small one is not worth waking threads for. */
void pool_run(pool_task_fn *fn, void *data, size_t n_tasks, double cost);

#endif
