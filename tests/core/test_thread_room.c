#include "core/thread_room.h"
#include "tests/support/runner.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

static void check_room(void *room, size_t n_bytes)
{
    ck_assert_uint_eq((uintptr_t)room % 64, 0);
    memset(room, 1, n_bytes); /* a sanitizer sees what is not there */
}

START_TEST(a_room_is_aligned_and_as_large_as_asked_for)
{
    for (size_t n = 1; n < 100000; n = n * 3 + 1) {
        check_room(thread_room(ROOM_TASK, n), n);
        check_room(thread_room(ROOM_PACKED, 2 * n), 2 * n);
    }
}
END_TEST

START_TEST(what_fits_is_kept_from_call_to_call)
{
    char *room = thread_room(ROOM_TASK, 1000);
    memset(room, 7, 1000);
    ck_assert_ptr_eq(thread_room(ROOM_TASK, 1000), room);
    ck_assert_ptr_eq(thread_room(ROOM_TASK, 10), room);
    ck_assert_int_eq(room[999], 7);
}
END_TEST

START_TEST(rooms_of_two_users_do_not_overlap)
{
    char *task = thread_room(ROOM_TASK, 500), *packed = thread_room(ROOM_PACKED, 500);
    memset(task, 1, 500);
    memset(packed, 2, 500);
    for (int i = 0; i < 500; i++)
        ck_assert(task[i] == 1 && packed[i] == 2);
}
END_TEST

static void *other_room(void *data)
{
    char **room = data;
    *room = thread_room(ROOM_TASK, 500);
    memset(*room, 2, 500);
    return NULL;
}

/* The other thread's is freed with it, which the address sanitizer would notice missing. */
START_TEST(every_thread_has_its_own)
{
    char *mine = thread_room(ROOM_TASK, 500), *other = NULL;
    pthread_t thread;
    memset(mine, 1, 500);
    ck_assert_int_eq(pthread_create(&thread, NULL, other_room, &other), 0);
    pthread_join(thread, NULL);
    ck_assert_ptr_ne(other, mine);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(mine[i], 1);
}
END_TEST

Suite *suite_thread_room(void)
{
    Suite *s = suite_create("thread_room");
    TCase *t = tcase_create("thread_room");
    tcase_add_test(t, a_room_is_aligned_and_as_large_as_asked_for);
    tcase_add_test(t, what_fits_is_kept_from_call_to_call);
    tcase_add_test(t, rooms_of_two_users_do_not_overlap);
    tcase_add_test(t, every_thread_has_its_own);
    suite_add_tcase(s, t);
    return s;
}
