#include "core/thread_room.h"

#include "data/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define ALIGNMENT 64

struct rooms {
    struct {
        void *block; /* owned */
        void *start; /* in it, aligned */
        size_t n_bytes;
    } room[N_ROOMS];
};

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void free_rooms(void *data)
{
    struct rooms *rooms = data;
    for (int i = 0; i < N_ROOMS; i++)
        free(rooms->room[i].block);
    free(rooms);
}

static void make_key(void)
{
    int failed = pthread_key_create(&key, free_rooms);
    assert(!failed);
}

static struct rooms *rooms_of_thread(void)
{
    pthread_once(&key_once, make_key);
    struct rooms *rooms = pthread_getspecific(key);
    if (!rooms) {
        rooms = mem_zalloc(1, sizeof *rooms);
        pthread_setspecific(key, rooms);
    }
    return rooms;
}

void *thread_room(enum room room, size_t n_bytes)
{
    struct rooms *rooms = rooms_of_thread();
    if (rooms->room[room].n_bytes < n_bytes) {
        free(rooms->room[room].block);
        rooms->room[room].block = mem_alloc(n_bytes + ALIGNMENT, 1);
        uintptr_t at = (uintptr_t)rooms->room[room].block;
        rooms->room[room].start =
            (char *)rooms->room[room].block + (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT;
        rooms->room[room].n_bytes = n_bytes;
    }
    return rooms->room[room].start;
}
