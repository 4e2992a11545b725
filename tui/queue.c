#include "tui/queue.h"

#include "data/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *q)
{
    *q = (struct queue){0};
    int failed = pthread_mutex_init(&q->lock, NULL) | pthread_cond_init(&q->filled, NULL);
    assert(!failed);
}

void queue_destroy(struct queue *q)
{
    assert(q->n == 0);
    free(q->items);
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
}

static void append(struct queue *q, void *item)
{
    q->items = mem_grow(q->items, &q->cap, q->n + 1, sizeof *q->items);
    q->items[q->n++] = item;
    pthread_cond_signal(&q->filled);
}

static void *remove_at(struct queue *q, size_t i)
{
    void *item = q->items[i];
    memmove(q->items + i, q->items + i + 1, (q->n - i - 1) * sizeof *q->items);
    q->n--;
    return item;
}

static size_t find(const struct queue *q, queue_match_fn *match)
{
    size_t i = 0;
    while (i < q->n && !match(q->items[i]))
        i++;
    return i;
}

bool queue_push(struct queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    bool was_empty = q->n == 0;
    append(q, item);
    pthread_mutex_unlock(&q->lock);
    return was_empty;
}

void *queue_push_latest(struct queue *q, void *item, queue_match_fn *match)
{
    void *old = NULL;
    pthread_mutex_lock(&q->lock);
    size_t i = find(q, match);
    if (i < q->n) {
        old = q->items[i];
        q->items[i] = item;
    } else {
        append(q, item);
    }
    pthread_mutex_unlock(&q->lock);
    return old;
}

void *queue_wait(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == 0)
        pthread_cond_wait(&q->filled, &q->lock);
    void *item = remove_at(q, 0);
    pthread_mutex_unlock(&q->lock);
    return item;
}

void *queue_take_if(struct queue *q, queue_match_fn *match)
{
    pthread_mutex_lock(&q->lock);
    size_t i = find(q, match);
    void *item = i < q->n ? remove_at(q, i) : NULL;
    pthread_mutex_unlock(&q->lock);
    return item;
}

void **queue_take_all(struct queue *q, size_t *n)
{
    pthread_mutex_lock(&q->lock);
    void **items = q->n > 0 ? q->items : NULL;
    *n = q->n;
    if (items) {
        q->items = NULL;
        q->n = q->cap = 0;
    }
    pthread_mutex_unlock(&q->lock);
    return items;
}
