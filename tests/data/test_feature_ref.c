#include "data/feature_ref.h"

#include "data/labels_internal.h"
#include "data/sae_params.h"
#include "tests/support/runner.h"

#include <string.h>

#define SCOPE "https://www.neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k/"

static struct sae_params sae;

static struct dictionary with_refs(const char *const *refs, size_t n)
{
    struct label_builder b = {0};
    struct dictionary d = {.n_concepts = n, .hook_layer = 20};
    for (size_t i = 0; i < n; i++)
        label_builder_add(&b, (long)i, "x", 1, refs[i], GENRE_TEXT);
    label_builder_end(&d.labels, &b);
    return d;
}

static struct dictionary unlabelled_sae(size_t n, int layer)
{
    struct dictionary d = {.n_concepts = n, .hook_layer = layer, .sae = &sae};
    labels_unnamed(&d.labels, n);
    return d;
}

START_TEST(a_ref_is_the_feature_of_an_autoencoder_and_back)
{
    static const char *const refs[] = {SCOPE "10004", NULL, SCOPE "7", SCOPE "10004", "x", SCOPE};
    struct dictionary plain = with_refs(refs, 6), scope = unlabelled_sae(16384, 20);
    size_t rows[4];
    ck_assert_uint_eq(feature_links(rows, 4, &plain, 0, &scope), 1);
    ck_assert_uint_eq(rows[0], 10004);
    for (size_t row = 1; row < 6; row += 3)
        ck_assert_uint_eq(feature_links(rows, 4, &plain, row, &scope), 0);
    ck_assert_uint_eq(feature_links(rows, 4, &scope, 10004, &plain), 2);
    ck_assert(rows[0] == 0 && rows[1] == 3);
    ck_assert_uint_eq(feature_links(rows, 1, &scope, 10004, &plain), 1);
    ck_assert_uint_eq(feature_links(rows, 4, &scope, 8, &plain), 0);
    /* two dictionaries of concepts made from the same feature */
    ck_assert_uint_eq(feature_links(rows, 4, &plain, 2, &plain), 1);
    ck_assert_uint_eq(rows[0], 2);
    ck_assert_uint_eq(feature_links(rows, 4, &scope, 3, &scope), 0);
    labels_close(&plain.labels);
    labels_close(&scope.labels);
}
END_TEST

START_TEST(another_layer_width_or_source_is_not_meant)
{
    static const char *const refs[] = {SCOPE "5"};
    char source[] = "gemma-2-2b/20-gemmascope-res-16k",
         other[] = "gemma-2-2b-it/20-gemmascope-res-16k";
    struct dictionary plain = with_refs(refs, 1), small = unlabelled_sae(10, 20);
    size_t rows[1];
    ck_assert_uint_eq(feature_links(rows, 1, &plain, 0, &small), 0);
    small.source = source; /* it says itself what it is */
    ck_assert_uint_eq(feature_links(rows, 1, &plain, 0, &small), 1);
    small.source = other;
    ck_assert_uint_eq(feature_links(rows, 1, &plain, 0, &small), 0);
    struct dictionary scope = unlabelled_sae(16384, 19);
    ck_assert_uint_eq(feature_links(rows, 1, &plain, 0, &scope), 0);
    scope.hook_layer = -1;
    ck_assert_uint_eq(feature_links(rows, 1, &plain, 0, &scope), 0);
    labels_close(&plain.labels);
    labels_close(&small.labels);
    labels_close(&scope.labels);
}
END_TEST

START_TEST(widths_are_written_in_thousands)
{
    static const struct {
        const char *ref;
        size_t width;
    } cases[] = {{"m/3-s-16k/1", 16384},  {"m/3-s-65k/1", 65536}, {"m/3-s-131k/1", 131072},
                 {"m/3-s-1m/1", 1048576}, {"m/3-s-24/1", 24},     {"m/3-s-24/1", 24}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dictionary plain = with_refs(&cases[i].ref, 1);
        struct dictionary wide = unlabelled_sae(cases[i].width, 3);
        size_t rows[1];
        ck_assert_uint_eq(feature_links(rows, 1, &plain, 0, &wide), 1);
        labels_close(&plain.labels);
        labels_close(&wide.labels);
    }
}
END_TEST

START_TEST(odd_refs_link_to_nothing)
{
    static const char *const refs[] = {"/5",       "5",         "a/5",     "/a/5",
                                       "m/-16k/5", "m/20/5",    "m/20-/5", "m/99999999999-16k/5",
                                       "//5",      "m/20-x-k/5"};
    struct dictionary plain = with_refs(refs, 10), scope = unlabelled_sae(16384, 20);
    size_t rows[1];
    for (size_t i = 0; i < 10; i++)
        ck_assert_uint_eq(feature_links(rows, 1, &plain, i, &scope), 0);
    labels_close(&plain.labels);
    labels_close(&scope.labels);
}
END_TEST

Suite *suite_feature_ref(void)
{
    Suite *s = suite_create("feature_ref");
    TCase *c = tcase_create("feature_ref");
    tcase_add_test(c, a_ref_is_the_feature_of_an_autoencoder_and_back);
    tcase_add_test(c, another_layer_width_or_source_is_not_meant);
    tcase_add_test(c, widths_are_written_in_thousands);
    tcase_add_test(c, odd_refs_link_to_nothing);
    suite_add_tcase(s, c);
    return s;
}
