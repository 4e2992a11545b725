#include "core/kv_cache.h"
#include "tests/support/runner.h"

#include <limits.h>
#include <math.h>

#define WIDTH 6
#define WINDOW 50

/* Every second layer has a window. */
static struct layer layers[6];
static struct model model = {.config = {.n_layers = 6, .n_kv_heads = 2, .d_head = 3},
                             .layers = layers};

static void setup(void)
{
    for (int l = 0; l < 6; l++)
        layers[l].config.window = l % 2 == 0 ? WINDOW : 0;
}

static float key_of(int layer, int pos, size_t i)
{
    return (float)(pos * 10 + layer) + (float)i / 8;
}

static void put(struct kv_cache *c, int layer, int pos)
{
    float key[WIDTH], value[WIDTH];
    for (size_t i = 0; i < WIDTH; i++) {
        key[i] = key_of(layer, pos, i);
        value[i] = -key[i];
    }
    kv_cache_put(c, layer, pos, key, value);
}

static void put_all(struct kv_cache *c, int first, int end)
{
    ck_assert_int_eq(kv_cache_reserve(c, end, NULL), ERR_OK);
    for (int pos = first; pos < end; pos++)
        for (int l = c->first_layer; l < c->first_layer + c->n_layers; l++)
            put(c, l, pos);
}

/* Of every layer, positions from first (where it has a window) up to end are as they were put. */
static void check(const struct kv_cache *c, int first, int end)
{
    size_t n_wrong = 0;
    for (int l = c->first_layer; l < c->first_layer + c->n_layers; l++) {
        struct kv_span span = kv_cache_span(c, l, end);
        ck_assert_int_eq(span.first_pos + span.n, end);
        ck_assert_int_le(span.first_pos, layers[l].config.window > 0 ? first : c->first_pos);
        for (int pos = span.first_pos; pos < end; pos++)
            for (size_t i = 0; i < WIDTH; i++) {
                size_t at = (size_t)(pos - span.first_pos) * WIDTH + i;
                n_wrong += ((const float *)span.keys)[at] != key_of(l, pos, i);
                n_wrong += ((const float *)span.values)[at] != -key_of(l, pos, i);
            }
    }
    ck_assert_uint_eq(n_wrong, 0);
}

START_TEST(growing_keeps_what_is_there)
{
    struct kv_cache c;
    kv_cache_init(&c, &model, 2, 5, DTYPE_F32);
    kv_cache_restart(&c, 10);
    for (int pos = 10; pos < 500; pos++)
        put_all(&c, pos, pos + 1);
    check(&c, 10, 500);
    check(&c, 10, 100);
    ck_assert_int_eq(kv_cache_span(&c, 3, 10).n, 0);
    kv_cache_clear(&c);
}
END_TEST

/* Of a long text, half as much again would be many megabytes that no answer fills. */
START_TEST(a_token_more_costs_a_long_text_few_slots)
{
    struct kv_cache c;
    kv_cache_init(&c, &model, 0, 6, DTYPE_F32);
    ck_assert_int_eq(kv_cache_reserve(&c, 2048, NULL), ERR_OK);
    ck_assert_int_eq(c.layers[1].cap, 2048);
    ck_assert_int_eq(kv_cache_reserve(&c, 2049, NULL), ERR_OK);
    ck_assert_int_gt(c.layers[1].cap, 2049);
    ck_assert_int_le(c.layers[1].cap, 2048 + 256);
    kv_cache_clear(&c);
}
END_TEST

START_TEST(a_window_and_a_margin_stay_of_a_long_text)
{
    enum { N = 5000 };
    struct kv_cache c;
    kv_cache_init(&c, &model, 0, 6, DTYPE_F32);
    put_all(&c, 0, N);
    check(&c, N - WINDOW - KV_MARGIN, N);
    for (int l = 0; l < 6; l++)
        ck_assert_int_eq(c.layers[l].cap, l % 2 == 0 ? WINDOW + 2 * KV_MARGIN : N);
    ck_assert_uint_eq(kv_cache_bytes(&model, N, DTYPE_F32),
                      2 * sizeof(float) * WIDTH * 3 * (N + WINDOW + 2 * KV_MARGIN));
    for (int pos = N; pos < N + 3000; pos += 7) /* as an answer grows */
        put_all(&c, pos, pos + 7);
    check(&c, N + 3000 - WINDOW - KV_MARGIN, N + 3000);
    kv_cache_clear(&c);
}
END_TEST

START_TEST(going_back_within_the_margin_keeps_what_is_there_and_beyond_it_starts_again)
{
    enum { N = 5000 };
    struct kv_cache c;
    kv_cache_init(&c, &model, 0, 6, DTYPE_F32);
    put_all(&c, 0, N);
    const int near = N - KV_MARGIN + 1;
    ck_assert_int_eq(kv_cache_rewind(&c, near), near);
    check(&c, near - WINDOW, near);
    put_all(&c, near, near + 100);
    check(&c, near - WINDOW, near + 100);
    ck_assert_int_eq(kv_cache_rewind(&c, 1000), 0);
    ck_assert_int_eq(kv_cache_rewind(&c, 0), 0);
    put_all(&c, 0, 300);
    check(&c, 0, 300);
    ck_assert_int_eq(kv_cache_rewind(&c, 20), 20); /* nothing has given way */
    kv_cache_clear(&c);
}
END_TEST

START_TEST(what_gives_way_leaves_the_window_and_a_margin_to_the_slot)
{
    enum { FULL = WINDOW + 2 * KV_MARGIN, LEFT = KV_MARGIN };
    struct kv_cache c;
    kv_cache_init(&c, &model, 0, 2, DTYPE_F32);
    put_all(&c, 0, FULL);
    ck_assert_int_eq(kv_cache_span(&c, 0, FULL).first_pos, 0);
    put_all(&c, FULL, FULL + 1);
    ck_assert_int_eq(kv_cache_span(&c, 0, FULL + 1).first_pos, LEFT);
    ck_assert_int_eq(kv_cache_span(&c, 1, FULL + 1).first_pos, 0);
    check(&c, LEFT, FULL + 1);
    /* position n - 1 may be run again: it sees WINDOW positions, itself among them */
    ck_assert_int_eq(kv_cache_rewind(&c, LEFT + WINDOW), LEFT + WINDOW);
    ck_assert_int_eq(kv_cache_rewind(&c, LEFT + WINDOW - 1), 0);
    kv_cache_clear(&c);
}
END_TEST

START_TEST(f16_is_within_2_to_the_minus_11)
{
    struct kv_cache c;
    kv_cache_init(&c, &model, 0, 6, DTYPE_F16);
    put_all(&c, 0, 100);
    for (int pos = 0; pos < 100; pos++) {
        struct kv_span span = kv_cache_span(&c, 3, pos + 1);
        ck_assert_int_eq(span.dtype, DTYPE_F16);
        for (size_t i = 0; i < WIDTH; i++) {
            float want = key_of(3, pos, i);
            float got = f16_to_f32(((const uint16_t *)span.keys)[(size_t)pos * WIDTH + i]);
            ck_assert_float_le(fabsf(got - want), want / 2048);
        }
    }
    ck_assert_uint_eq(2 * kv_cache_bytes(&model, 100, DTYPE_F16),
                      kv_cache_bytes(&model, 100, DTYPE_F32));
    kv_cache_clear(&c);
}
END_TEST

START_TEST(a_cache_of_no_layers_holds_any_number_of_positions)
{
    struct kv_cache c;
    kv_cache_init(&c, &model, 6, 6, DTYPE_F32);
    ck_assert_int_eq(kv_cache_reserve(&c, 100000, NULL), ERR_OK);
    kv_cache_clear(&c);
}
END_TEST

START_TEST(too_much_memory_is_an_error_that_names_the_size)
{
    struct model wide = {.config = {.n_kv_heads = 1 << 20, .d_head = 1 << 20}, .layers = layers};
    struct kv_cache c;
    struct err err = {0};
    kv_cache_init(&c, &wide, 1, 2, DTYPE_F32);
    ck_assert_int_eq(kv_cache_reserve(&c, INT_MAX, &err), ERR_NOMEM);
    ck_assert_str_ne(err.message, "");
    ck_assert_int_eq(c.layers[0].cap, 0);
    kv_cache_clear(&c);
}
END_TEST

Suite *suite_kv_cache(void)
{
    Suite *s = suite_create("kv_cache");
    TCase *t = tcase_create("kv_cache");
    tcase_add_unchecked_fixture(t, setup, NULL);
    tcase_add_test(t, growing_keeps_what_is_there);
    tcase_add_test(t, a_token_more_costs_a_long_text_few_slots);
    tcase_add_test(t, a_window_and_a_margin_stay_of_a_long_text);
    tcase_add_test(t, going_back_within_the_margin_keeps_what_is_there_and_beyond_it_starts_again);
    tcase_add_test(t, what_gives_way_leaves_the_window_and_a_margin_to_the_slot);
    tcase_add_test(t, f16_is_within_2_to_the_minus_11);
    tcase_add_test(t, a_cache_of_no_layers_holds_any_number_of_positions);
    tcase_add_test(t, too_much_memory_is_an_error_that_names_the_size);
    suite_add_tcase(s, t);
    return s;
}
