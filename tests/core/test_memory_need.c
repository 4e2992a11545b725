#include "core/memory_need.h"

#include "core/forward.h"
#include "tests/support/fixture.h"
#include "tests/support/runner.h"

#include <string.h>

static struct err err;
static struct fixture f;

static void setup(void)
{
    fixture_open(&f, 0); /* bf16, 6 layers */
}

static void teardown(void)
{
    fixture_close(&f);
}

/* Elements of a layer's matrices, by the shapes of the fixture's config.json. */
static const size_t per_layer = 2 * 96 * 128 + 2 * 96 * 64 + 3 * 96 * 192;
static const size_t embed = 384 * 96;

static struct memory_plan all_of_it(void)
{
    return (struct memory_plan){.model = f.model, .n_layers = 6, .has_logits = true};
}

START_TEST(weights_as_stored_are_mapped_and_the_rest_is_heap)
{
    struct memory_plan use = all_of_it();
    struct memory_need need;
    memory_need(&need, &use);
    ck_assert_uint_eq(need.weights, 2 * (6 * per_layer + embed));
    ck_assert_uint_eq(need.mapped, need.weights);
    ck_assert_uint_eq(need.per_token, 4 * (2 * 6 * 64 + 96));
    /* scratch: q, mixed 128; k, v 64; gate, up 192; y, out 96; two halves of a head */
    ck_assert_uint_eq(need.heap,
                      MEMORY_NEED_TOKENS * need.per_token +
                          FORWARD_MAX_ROWS * 4 * (2 * 128 + 2 * 64 + 2 * 192 + 2 * 96 + 2 * 16));
    use.n_upper = 2;
    struct memory_need twice;
    memory_need(&twice, &use);
    ck_assert_uint_eq(twice.per_token, need.per_token + 4 * (2 * 2 * 64));
    use.n_upper = 0;
    use.n_pieces = 1000;
    size_t heap = need.heap;
    memory_need(&need, &use);
    ck_assert_uint_eq(need.heap, heap + 100000);
    use.dict = f.dict;
    memory_need(&need, &use);
    ck_assert_uint_eq(need.per_token, 4 * (2 * 6 * 64 + 2 * 96));
    ck_assert_uint_eq(need.mapped + need.heap - dictionary_bytes(f.dict),
                      need.weights + heap + 100000 +
                          4 * (MEMORY_NEED_TOKENS * 96 + 128 * f.dict->n_concepts));
}
END_TEST

START_TEST(only_the_layers_that_run_count)
{
    struct memory_plan use = all_of_it();
    struct memory_need need;
    use.n_layers = 4;
    use.has_logits = false;
    memory_need(&need, &use);
    ck_assert_uint_eq(need.mapped, 2 * 4 * per_layer);
    use.n_layers = 0;
    use.has_logits = true;
    memory_need(&need, &use);
    ck_assert_uint_eq(need.mapped, 2 * embed);
}
END_TEST

START_TEST(in_8_bits_weights_are_heap_as_a_whole_or_mapped)
{
    struct memory_plan use = all_of_it();
    struct memory_need stored, heap, cached;
    memory_need(&stored, &use);
    use.is_q8 = use.is_cached = true;
    memory_need(&cached, &use);
    ck_assert_uint_eq(cached.weights, (6 * per_layer + embed) / 32 * 34);
    ck_assert_uint_eq(cached.mapped, cached.weights);
    ck_assert_uint_eq(cached.heap, stored.heap);
    use.is_cached = false;
    use.n_layers = 1; /* all are converted nevertheless; norms stay as they are */
    memory_need(&heap, &use);
    ck_assert_uint_eq(heap.weights, cached.weights + f.model->n_weight_bytes - stored.weights);
    ck_assert_uint_eq(heap.mapped, 0);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_with_the_numbers_and_a_way)
{
    struct memory_plan use = all_of_it();
    struct memory_need need, q8;
    memory_need(&need, &use);
    size_t all = need.heap + need.mapped;
    ck_assert_int_eq(memory_need_check(&use, all, &err), ERR_OK);
    ck_assert_int_eq(memory_need_check(&use, 0, &err), ERR_OK); /* unknown */
    ck_assert_int_eq(memory_need_check(&use, all - 1, &err), ERR_NOMEM);
    ck_assert_ptr_nonnull(strstr(err.message, "GB are available: every token would read weights"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--weights q8 takes"));
    ck_assert_ptr_nonnull(strstr(err.hint, "--force"));
    ck_assert_int_eq(memory_need_check(&use, need.heap - 1, &err), ERR_NOMEM);
    ck_assert_ptr_null(strstr(err.message, "every token"));
    ck_assert_ptr_null(strstr(err.hint, "--weights q8"));
    ck_assert_ptr_nonnull(strstr(err.hint, "axscope open"));
    use.is_q8 = true;
    memory_need(&q8, &use);
    ck_assert_int_eq(memory_need_check(&use, q8.heap, &err), ERR_OK);
    ck_assert_int_eq(memory_need_check(&use, q8.heap - 1, &err), ERR_NOMEM);
    ck_assert_ptr_null(strstr(err.hint, "--weights q8"));
}
END_TEST

START_TEST(a_dictionary_alone_has_no_weights)
{
    struct memory_plan use = {.dict = f.dict};
    struct memory_need need;
    memory_need(&need, &use);
    ck_assert_uint_eq(need.weights, 0);
    ck_assert_uint_eq(need.mapped + need.heap, dictionary_bytes(f.dict));
}
END_TEST

Suite *suite_memory_need(void)
{
    Suite *s = suite_create("memory_need");
    TCase *t = tcase_create("memory_need");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, weights_as_stored_are_mapped_and_the_rest_is_heap);
    tcase_add_test(t, only_the_layers_that_run_count);
    tcase_add_test(t, in_8_bits_weights_are_heap_as_a_whole_or_mapped);
    tcase_add_test(t, what_does_not_fit_is_refused_with_the_numbers_and_a_way);
    tcase_add_test(t, a_dictionary_alone_has_no_weights);
    suite_add_tcase(s, t);
    return s;
}
