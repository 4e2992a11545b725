#include "core/pool.h"

#include "core/cpu_cores.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define POOL_MAX_THREADS 64

/* About 30 microseconds: longer than the pause between two products of a decode step. */
#define SPIN_ROUNDS 1500

/* Multiplications that take about as long as waking a thread. */
#define MIN_COST 150000

struct pool {
    pthread_mutex_t user; /* held by the one call that uses the threads */
    atomic_int n_threads; /* wanted, the caller's included */

    /* the job; guarded by lock but for what is atomic */
    pthread_mutex_t lock;
    pthread_cond_t posted; /* a job was opened, or quit was set */
    pthread_cond_t left;   /* n_inside became 0 */
    pool_task_fn *fn;
    void *data;
    size_t n_tasks;
    atomic_size_t next_task;
    atomic_uint n_posted; /* number of jobs so far: what waiting threads watch */
    atomic_int n_inside;  /* threads that work on the open job */
    bool is_open;
    bool quit;

    pid_t pid; /* process the threads belong to */
    int n_started;
    pthread_t threads[POOL_MAX_THREADS];
};

static struct pool pool = {
    .user = PTHREAD_MUTEX_INITIALIZER,
    .n_threads = 1,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .posted = PTHREAD_COND_INITIALIZER,
    .left = PTHREAD_COND_INITIALIZER,
};

static void cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(struct pool *p, pool_task_fn *fn, void *data, size_t n_tasks)
{
    for (;;) {
        size_t task = atomic_fetch_add(&p->next_task, 1);
        if (task >= n_tasks)
            return;
        fn(data, task);
    }
}

/* Returns with the lock held, a job newer than `seen` posted or quit set. */
static void wait_for_job(struct pool *p, unsigned seen)
{
    for (int i = 0; i < SPIN_ROUNDS && atomic_load(&p->n_posted) == seen; i++)
        cpu_pause();
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->n_posted) == seen && !p->quit)
        pthread_cond_wait(&p->posted, &p->lock);
}

/* A thread joins a job only while it is open, so the caller never waits for a thread that the
 * system has not scheduled yet. */
static void *thread_main(void *arg)
{
    struct pool *p = arg;
    unsigned seen = 0;
    for (;;) {
        wait_for_job(p, seen);
        if (p->quit)
            break;
        seen = atomic_load(&p->n_posted);
        if (!p->is_open) {
            pthread_mutex_unlock(&p->lock);
            continue;
        }
        pool_task_fn *fn = p->fn;
        void *data = p->data;
        size_t n_tasks = p->n_tasks;
        atomic_fetch_add(&p->n_inside, 1);
        pthread_mutex_unlock(&p->lock);

        work(p, fn, data, n_tasks);

        pthread_mutex_lock(&p->lock);
        if (atomic_fetch_sub(&p->n_inside, 1) == 1)
            pthread_cond_signal(&p->left);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void open_job(struct pool *p, pool_task_fn *fn, void *data, size_t n_tasks)
{
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->data = data;
    p->n_tasks = n_tasks;
    atomic_store(&p->next_task, 0);
    p->is_open = true;
    atomic_fetch_add(&p->n_posted, 1);
    pthread_cond_broadcast(&p->posted);
    pthread_mutex_unlock(&p->lock);
}

static void close_job(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_open = false;
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < SPIN_ROUNDS && atomic_load(&p->n_inside) > 0; i++)
        cpu_pause();
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->n_inside) > 0)
        pthread_cond_wait(&p->left, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

/* A child of fork has the parent's counters but none of its threads. */
static void forget_parent(struct pool *p)
{
    if (p->pid == getpid())
        return;
    p->pid = getpid();
    p->n_started = 0;
    p->is_open = false;
    p->quit = false;
    atomic_store(&p->n_inside, 0);
    atomic_store(&p->n_posted, 0);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->posted, NULL);
    pthread_cond_init(&p->left, NULL);
}

static void start_threads(struct pool *p)
{
    forget_parent(p);
    if (p->n_started >= p->n_threads - 1)
        return;
    /* signals are for the threads that know what to do with them */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* Fewer threads than wanted are no error: the caller works in any case. */
    while (p->n_started < p->n_threads - 1 &&
           pthread_create(&p->threads[p->n_started], NULL, thread_main, p) == 0)
        p->n_started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void stop_threads(struct pool *p)
{
    forget_parent(p);
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->posted);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_started; i++)
        pthread_join(p->threads[i], NULL);
    p->n_started = 0;
    p->quit = false;
    atomic_store(&p->n_posted, 0);
}

void pool_set_threads(int n_threads)
{
    assert(n_threads >= 0);
    if (n_threads == 0)
        n_threads = cpu_cores();
    if (n_threads < 1)
        n_threads = 1;
    if (n_threads > POOL_MAX_THREADS)
        n_threads = POOL_MAX_THREADS;
    pthread_mutex_lock(&pool.user);
    if (n_threads < pool.n_threads)
        stop_threads(&pool);
    pool.n_threads = n_threads;
    pthread_mutex_unlock(&pool.user);
}

int pool_threads(void)
{
    return pool.n_threads;
}

static void run_here(pool_task_fn *fn, void *data, size_t n_tasks)
{
    for (size_t task = 0; task < n_tasks; task++)
        fn(data, task);
}

void pool_run(pool_task_fn *fn, void *data, size_t n_tasks, double cost)
{
    bool is_small = n_tasks < 2 || cost < MIN_COST;
    if (is_small || pthread_mutex_trylock(&pool.user) != 0) {
        run_here(fn, data, n_tasks);
        return;
    }
    if (pool.n_threads > 1) {
        start_threads(&pool);
        open_job(&pool, fn, data, n_tasks);
        work(&pool, fn, data, n_tasks);
        close_job(&pool);
    } else {
        run_here(fn, data, n_tasks);
    }
    pthread_mutex_unlock(&pool.user);
}
