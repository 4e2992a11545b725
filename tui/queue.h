/* A mailbox between two threads: pointers, first in first out, under one lock. Pushing gives the
 * item away. */
#ifndef TUI_QUEUE_H
#define TUI_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void **items; /* [n] owned array of items that belong to the queue */
    size_t n, cap;
};

typedef bool queue_match_fn(const void *item);

void queue_init(struct queue *q);
void queue_destroy(struct queue *q); /* must be empty */

/* Returns whether the queue was empty before. */
bool queue_push(struct queue *q, void *item);
/* Puts the item where the first that matches is and returns that one, the caller's now; without
 * one, pushes and returns NULL: the latest of a kind wins. */
void *queue_push_latest(struct queue *q, void *item, queue_match_fn *match);

void *queue_wait(struct queue *q);                        /* blocks for the first item */
void *queue_take_if(struct queue *q, queue_match_fn *fn); /* first that matches, or NULL */
/* Takes everything at once: an array of *n items that the caller frees; NULL when empty. */
void **queue_take_all(struct queue *q, size_t *n);

#endif
