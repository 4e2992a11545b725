#include "tui/queue.h"

#include <check.h>
#include <stdlib.h>

static int numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static bool is_odd(const void *item)
{
    return *(const int *)item % 2 == 1;
}

START_TEST(items_come_out_in_order)
{
    struct queue q;
    size_t n;
    queue_init(&q);
    ck_assert(queue_push(&q, &numbers[1]));
    ck_assert(!queue_push(&q, &numbers[2]));
    ck_assert_ptr_eq(queue_wait(&q), &numbers[1]);
    queue_push(&q, &numbers[3]);
    void **all = queue_take_all(&q, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_ptr_eq(all[0], &numbers[2]);
    ck_assert_ptr_eq(all[1], &numbers[3]);
    free(all);
    ck_assert_ptr_null(queue_take_all(&q, &n));
    ck_assert_uint_eq(n, 0);
    queue_destroy(&q);
}
END_TEST

START_TEST(the_latest_of_a_kind_takes_the_place_of_the_older)
{
    struct queue q;
    queue_init(&q);
    queue_push(&q, &numbers[1]);
    queue_push(&q, &numbers[2]);
    ck_assert_ptr_eq(queue_push_latest(&q, &numbers[3], is_odd), &numbers[1]);
    ck_assert_ptr_eq(queue_wait(&q), &numbers[3]);
    ck_assert_ptr_null(queue_push_latest(&q, &numbers[5], is_odd));
    ck_assert_ptr_eq(queue_take_if(&q, is_odd), &numbers[5]);
    ck_assert_ptr_null(queue_take_if(&q, is_odd));
    ck_assert_ptr_eq(queue_wait(&q), &numbers[2]);
    queue_destroy(&q);
}
END_TEST

static void *push_numbers(void *data)
{
    for (int i = 0; i < 10000; i++)
        queue_push(data, &numbers[i % 10]);
    return NULL;
}

START_TEST(two_threads_lose_nothing)
{
    struct queue q;
    pthread_t thread;
    queue_init(&q);
    ck_assert_int_eq(pthread_create(&thread, NULL, push_numbers, &q), 0);
    for (int i = 0; i < 10000; i++)
        ck_assert_ptr_eq(queue_wait(&q), &numbers[i % 10]);
    pthread_join(thread, NULL);
    queue_destroy(&q);
}
END_TEST

Suite *suite_queue(void)
{
    Suite *s = suite_create("queue");
    TCase *t = tcase_create("queue");
    tcase_add_test(t, items_come_out_in_order);
    tcase_add_test(t, the_latest_of_a_kind_takes_the_place_of_the_older);
    tcase_add_test(t, two_threads_lose_nothing);
    suite_add_tcase(s, t);
    return s;
}
