/* Scratch memory that a thread keeps from one product or attention to the next. Freed when the
 * thread ends. */
#ifndef CORE_THREAD_ROOM_H
#define CORE_THREAD_ROOM_H

#include <stddef.h>

/* Users that hold a room at the same time need different ones. */
enum room {
    ROOM_TASK,   /* inside a task of the pool */
    ROOM_PACKED, /* of the thread that runs the pool, while it does */
    N_ROOMS,
};

/* At least n_bytes, 64-byte aligned, valid until the thread's next call for the same room. */
void *thread_room(enum room room, size_t n_bytes);

#endif
