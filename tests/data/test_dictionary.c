#include "data/dictionary.h"
#include "data/file.h"
#include "data/safetensors.h"
#include "data/torch_file.h"
#include "tests/support/runner.h"
#include "tests/support/shared.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MINI "tests/fixtures/gemma2-mini"
#define SAE "tests/fixtures/sae"

static struct err err;
/* Copies a fixture's file to `name` inside `sub`. */
static void copy(const char *from, const char *sub, const char *name)
{
    struct file_map map;
    ck_assert_int_eq(file_map(&map, from, &err), ERR_OK);
    char *folder = path_join(test_dir, sub);
    free(tmp_dir_write(folder, name, map.data, map.size));
    free(folder);
    file_unmap(&map);
}

/* A folder inside the test's own with the mini dictionary in it. */
static char *put_dictionary(const char *sub)
{
    char *path = path_join(test_dir, sub);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    copy(MINI "/l3/weight.pt", sub, "weight.pt");
    copy(MINI "/l3/metadata.jsonl", sub, "metadata.jsonl");
    return path;
}

static struct dictionary *open_ok(const char *path, int layer, const char *acts)
{
    struct dictionary *d;
    ck_assert_msg(dictionary_open(&d, path, layer, acts, NULL, &err) == ERR_OK, "%s", err.message);
    return d;
}

static void refuse(const char *path, int layer, int code, const char *reason)
{
    struct dictionary *d;
    ck_assert_int_eq(dictionary_open(&d, path, layer, NULL, NULL, &err), code);
    ck_assert_ptr_null(d);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
}

START_TEST(a_dictionary_is_opened_with_labels_and_layer)
{
    struct dictionary *d = open_ok(MINI "/l3", -1, NULL);
    ck_assert_uint_eq(d->n_concepts, 64);
    ck_assert_uint_eq(d->d_model, 96);
    ck_assert_int_eq(d->hook_layer, 3);
    ck_assert_str_eq(d->name, "gemma2-mini/l3");
    ck_assert_str_eq(d->path, MINI "/l3");
    ck_assert_uint_eq(d->labels.n, 64);
    ck_assert(!d->act_max && !d->threshold);
    float row[96];
    dictionary_direction(row, d, 0);
    ck_assert(row[0] == -0.0634765625f && row[1] == 0.0224609375f && row[2] == -0.00634765625f);
    double norm = 0;
    dictionary_direction(row, d, 63);
    for (int i = 0; i < 96; i++)
        norm += (double)row[i] * (double)row[i];
    ck_assert_double_eq_tol(norm, 1, 0.02);
    dictionary_close(d);
    dictionary_close(NULL);
}
END_TEST

START_TEST(the_only_layer_folder_is_found)
{
    struct dictionary *d = open_ok(MINI "/", -1, NULL);
    ck_assert_int_eq(d->hook_layer, 3);
    ck_assert_str_eq(d->path, MINI "/l3");
    ck_assert_str_eq(d->name, "gemma2-mini/l3");
    dictionary_close(d);
    d = open_ok(MINI, 1, NULL);
    ck_assert_int_eq(d->hook_layer, 1);
    dictionary_close(d);
}
END_TEST

START_TEST(one_of_several_layer_folders_must_be_picked)
{
    free(put_dictionary("l20"));
    free(put_dictionary("l3"));
    refuse(test_dir, -1, ERR_ARG, "several layers: l3, l20");
    refuse(test_dir, 10, ERR_IO, "no dictionary for layer 10, only l3, l20");
    struct dictionary *d = open_ok(test_dir, 20, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    ck_assert_ptr_nonnull(strstr(d->path, "/l20"));
    dictionary_close(d);
}
END_TEST

START_TEST(the_hook_layer_comes_from_flag_then_record_then_name)
{
    char *path = put_dictionary("l20"), *plain = put_dictionary("mine");
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    dictionary_close(d);
    char *slashes = path_join(path, "./");
    d = open_ok(slashes, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    dictionary_close(d);
    free(slashes);
    d = open_ok(plain, -1, NULL);
    ck_assert_int_eq(d->hook_layer, -1);
    dictionary_close(d);
    free(tmp_dir_write(plain, "config.json", "{\"layer\": 10}", 13));
    d = open_ok(plain, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 10);
    dictionary_close(d);
    d = open_ok(path, 7, NULL);
    ck_assert_int_eq(d->hook_layer, 7);
    dictionary_close(d);
    free(path);
    free(plain);
}
END_TEST

START_TEST(records_that_differ_are_refused_with_both_values)
{
    char *path = put_dictionary("l20");
    free(tmp_dir_write(path, "config.json", "{\"layer\": 10}", 13));
    refuse(path, -1, ERR_FORMAT, "its record says layer 10, its path says layer 20");
    refuse(test_dir, -1, ERR_FORMAT, "its record says layer 10, its path says layer 20");
    ck_assert_ptr_nonnull(strstr(err.hint, "--layer 10 or --layer 20"));
    struct dictionary *d = open_ok(path, 20, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    dictionary_close(d);
    free(tmp_dir_write(path, "config.json", "{\"layer\": 20}", 13));
    d = open_ok(path, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 20);
    dictionary_close(d);
    free(path);
}
END_TEST

START_TEST(a_snapshot_of_the_hub_is_called_by_its_repository)
{
    static const char *const parts[] = {"models--pyvene--gemma-reft-2b-it-res",
                                        "models--pyvene--gemma-reft-2b-it-res/snapshots",
                                        "models--pyvene--gemma-reft-2b-it-res/snapshots/0a1b"};
    for (size_t i = 0; i < 3; i++) {
        char *path = path_join(test_dir, parts[i]);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        free(path);
    }
    char *path = put_dictionary("models--pyvene--gemma-reft-2b-it-res/snapshots/0a1b/l20");
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert_str_eq(d->name, "gemma-reft-2b-it-res/l20");
    dictionary_close(d);
    free(path);
}
END_TEST

START_TEST(acts_beside_the_weights_are_used_unless_others_are_given)
{
    char *path = put_dictionary("l3");
    const char *own = "{\"max_act\": {\"0\": 1}, \"thresholds\": {\"0\": 0.5}}";
    free(tmp_dir_write(path, "acts.json", own, strlen(own)));
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert(d->act_max[0] == 1 && d->threshold[0] == 0.5f);
    dictionary_close(d);
    char *other = tmp_dir_write(test_dir, "other.json", "{\"max_act\": {\"63\": 9}}", 22);
    d = open_ok(path, -1, other);
    ck_assert(d->act_max[0] == 0 && d->act_max[63] == 9 && !d->threshold);
    dictionary_close(d);
    ck_assert_int_eq(dictionary_open(&d, path, -1, "none.json", NULL, &err), ERR_IO);
    free(tmp_dir_write(path, "acts.json", "{\"max_act\": {\"64\": 1}}", 22));
    refuse(path, -1, ERR_SHAPE, "row 64 is beyond");
    free(other);
    free(path);
}
END_TEST

/* A folder as the hub has it: ids with a gap at 3825, escapes, labels that repeat, both keys in
 * acts.json. The row is the line everywhere. */
START_TEST(a_dictionary_as_it_is_published)
{
    enum { ROWS = 3830 };
    uint16_t weights[2 * ROWS];
    struct buf lines = {0}, acts = {0};
    buf_str(&acts, "{\n    \"thresholds\": {");
    for (int row = 0; row < ROWS; row++)
        buf_printf(&acts, "%s\n        \"%d\": %d", row ? "," : "", row, row % 7);
    buf_str(&acts, "\n    },\n    \"max_act\": {");
    for (int row = 0; row < ROWS; row++) {
        const char *label = row == 3826 ? "the word \\\"\\u3092\\\"" : "the beginning";
        weights[2 * row] = f32_to_bf16((float)row);
        weights[2 * row + 1] = f32_to_bf16(1);
        buf_printf(&lines,
                   "{\"concept_id\": %d, \"concept\": \"%s\", \"ref\": \"u/%d\", "
                   "\"concept_genres_map\": {\"%s\": [\"math\"]}}\n",
                   row + (row >= 3825), label, row, label);
        buf_printf(&acts, "%s\n        \"%d\": %d.5", row ? "," : "", row, row);
    }
    buf_str(&acts, "\n    }\n}");
    char *folder = put_dictionary("l20"), *weight = path_join(folder, "weight.pt");
    struct tensor t = {.name = "", .dtype = DTYPE_BF16, .n_dims = 2, .shape = {ROWS, 2}};
    t.data = weights;
    t.n_bytes = sizeof weights;
    ck_assert_int_eq(torch_write(weight, &t, &err), ERR_OK);
    free(tmp_dir_write(folder, "metadata.jsonl", lines.data, lines.len));
    free(tmp_dir_write(folder, "acts.json", acts.data, acts.len));
    struct dictionary *d = open_ok(folder, -1, NULL);
    ck_assert(d->n_concepts == ROWS && d->hook_layer == 20);
    ck_assert(d->labels.rows[3824].id == 3824 && d->labels.rows[3825].id == 3826);
    ck_assert_str_eq(d->labels.rows[3826].text, "the word \"\xe3\x82\x92\"");
    ck_assert_str_eq(d->labels.rows[3826].ref, "u/3826");
    ck_assert_int_eq(d->labels.rows[3826].genre, GENRE_MATH);
    ck_assert_str_eq(d->labels.rows[0].text, d->labels.rows[1].text);
    ck_assert(d->act_max[3826] == 3826.5F && d->threshold[3826] == 3826 % 7);
    float row[2];
    dictionary_direction(row, d, 256);
    ck_assert(row[0] == 256 && row[1] == 1);
    ck_assert_uint_eq(dictionary_heap_bytes(d), 0); /* used where it lies */
    dictionary_close(d);
    buf_clear(&lines);
    buf_clear(&acts);
    free(weight);
    free(folder);
}
END_TEST

START_TEST(files_that_do_not_belong_together_are_refused)
{
    char *path = put_dictionary("l3");
    copy("tests/fixtures/gemma2-mini-f32/l2/metadata.jsonl", "l3", "metadata.jsonl");
    refuse(path, -1, ERR_SHAPE, "metadata.jsonl: has 32 lines, but the weights have 64 rows");
    free(tmp_dir_write(path, "weight.pt", "PK", 2));
    refuse(path, -1, ERR_FORMAT, "l3/weight.pt: is not a whole zip archive");
    free(path);
}
END_TEST

START_TEST(what_is_missing_is_named)
{
    refuse(test_dir, -1, ERR_IO, "holds no weight.pt and no folder like l20");
    char *path = put_dictionary("l3");
    refuse("/no such folder", -1, ERR_IO, "/no such folder: there is no such file or folder");
    char *file = path_join(path, "weight.pt"), *labels = path_join(path, "metadata.jsonl");
    ck_assert_int_eq(remove(labels), 0);
    refuse(path, -1, ERR_IO, "holds weight.pt but no metadata.jsonl");
    ck_assert_int_eq(remove(file), 0);
    free(tmp_dir_write(path, "sae_weights.safetensors", "", 0));
    refuse(path, -1, ERR_IO, "holds sae_weights.safetensors but no cfg.json");
    free(tmp_dir_write(path, "params.npz", "", 0));
    refuse(path, -1, ERR_FORMAT, "l3/params.npz: is not a whole zip archive");
    free(labels);
    free(file);
    free(path);
}
END_TEST

/* --- autoencoders --- */

START_TEST(a_gemma_scope_folder_or_file_is_opened)
{
    static const char *const paths[] = {SAE "/gemma-scope/layer_3/width_24/average_l0_9",
                                        SAE "/gemma-scope/layer_3/width_24/average_l0_9/",
                                        SAE
                                        "/gemma-scope/layer_3/width_24/average_l0_9/params.npz"};
    for (size_t i = 0; i < 3; i++) {
        struct dictionary *d = open_ok(paths[i], -1, NULL);
        ck_assert(d->sae && d->n_concepts == 24 && d->d_model == 96);
        ck_assert_int_eq(d->hook_layer, 3);
        ck_assert_str_eq(d->name, "gemma-scope/layer_3/width_24/average_l0_9");
        ck_assert_str_eq(dictionary_kind(d), "jumprelu");
        ck_assert_str_eq(d->labels.rows[23].text, "feature 23");
        ck_assert(d->labels.rows[23].id == 23 && d->labels.rows[23].text_len == 10);
        ck_assert_ptr_nonnull(d->threshold);
        ck_assert_uint_eq(dictionary_encoder_bytes(d), 24 * 96 * 4);
        ck_assert_uint_eq(dictionary_heap_bytes(d), 0);
        dictionary_close(d);
    }
}
END_TEST

START_TEST(a_saelens_folder_says_its_layer)
{
    struct dictionary *d = open_ok(SAE "/jumprelu", -1, NULL);
    ck_assert(d->hook_layer == 3 && d->n_concepts == 24);
    dictionary_close(d);
    d = open_ok(SAE "/gated/sae_weights.safetensors", 7, NULL);
    ck_assert(d->hook_layer == 7 && d->directions.dtype == DTYPE_BF16);
    ck_assert_str_eq(dictionary_kind(d), "gated");
    dictionary_close(d);
}
END_TEST

START_TEST(an_autoencoder_takes_labels_and_maxima_beside_it)
{
    struct buf lines = {0};
    for (int i = 0; i < 24; i++)
        buf_printf(&lines, "{\"concept_id\": %d, \"concept\": \"label %d\"}\n", i, i);
    copy(SAE "/GemmaScopeSAE.pt", ".", "sae.pt");
    char *path = path_join(test_dir, "sae.pt");
    char *labels = tmp_dir_write(test_dir, "metadata.jsonl", lines.data, lines.len);
    struct dictionary *d = open_ok(path, -1, NULL);
    ck_assert_str_eq(d->labels.rows[5].text, "label 5");
    ck_assert_int_eq(d->hook_layer, -1);
    dictionary_close(d);
    char *acts = tmp_dir_write(test_dir, "acts.json", "{\"max_act\": {\"0\": 4}}", 21);
    d = open_ok(path, 1, NULL);
    ck_assert_ptr_null(d->act_max);
    dictionary_close(d);
    d = open_ok(path, 1, acts);
    ck_assert(d->act_max[0] == 4 && d->threshold);
    dictionary_close(d);
    free(tmp_dir_write(test_dir, "metadata.jsonl", lines.data, lines.len / 2));
    struct dictionary *none;
    ck_assert_int_ne(dictionary_open(&none, path, -1, NULL, NULL, &err), ERR_OK);
    buf_clear(&lines);
    free(labels);
    free(acts);
    free(path);
}
END_TEST

/* Labels given by hand: joined to the features, and refused where they are of another source. */
START_TEST(labels_may_be_given)
{
    static const char own[] = "{\"index\": \"3\", \"description\": \"time travel\", \"modelId\": "
                              "\"gemma-2-mini\", \"layer\": \"3-mini-res-24\"}";
    static const char other[] = "[{\"index\": 3, \"description\": \"x\", \"modelId\": "
                                "\"gemma-2-mini\", \"layer\": \"4-mini-res-24\"}]";
    char *good = tmp_dir_write(test_dir, "good.jsonl", own, strlen(own));
    char *bad = tmp_dir_write(test_dir, "bad.json", other, strlen(other));
    struct dictionary *d;
    ck_assert_int_eq(dictionary_open(&d, SAE "/standard", -1, NULL, good, &err), ERR_OK);
    ck_assert_str_eq(d->labels.rows[3].text, "time travel");
    ck_assert_str_eq(d->labels.rows[2].text, "feature 2");
    ck_assert_str_eq(d->source, "gemma-2-mini/3-mini-res-24");
    dictionary_close(d);
    ck_assert_int_eq(dictionary_open(&d, SAE "/standard", -1, NULL, bad, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "labels are of source gemma-2-mini/4-mini-res-24, "
                                              "the weights of gemma-2-mini/3-mini-res-24"));
    const char *scope = SAE "/gemma-scope/layer_3/width_24/average_l0_9";
    ck_assert_int_eq(dictionary_open(&d, scope, -1, NULL, bad, &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "labels are of layer 4, the weights of 3"));
    ck_assert_str_ne(err.hint, "");
    ck_assert_int_eq(dictionary_open(&d, scope, 4, NULL, bad, &err), ERR_OK);
    ck_assert_str_eq(d->source, "gemma-2-mini/4-mini-res-24");
    dictionary_close(d);
    ck_assert_int_eq(dictionary_open(&d, MINI "/l3", -1, NULL, good, &err), ERR_OK);
    ck_assert_str_eq(d->labels.rows[0].text, "feature 0");
    dictionary_close(d);
    free(good);
    free(bad);
}
END_TEST

START_TEST(a_matrix_takes_the_lines_beside_it)
{
    copy("tests/fixtures/npy/c_f4.npy", ".", "mine.npy");
    free(tmp_dir_write(test_dir, "mine.labels.txt", "one\ntwo\nthree\n", 14));
    char *path = path_join(test_dir, "mine.npy");
    struct dictionary *d = open_ok(path, 0, NULL);
    ck_assert_str_eq(d->labels.rows[2].text, "three");
    dictionary_close(d);
    free(tmp_dir_write(test_dir, "mine.labels.txt", "one\ntwo\n", 8));
    refuse(path, 0, ERR_SHAPE, "mine.labels.txt: has 2 lines, but the weights have 3 rows");
    free(path);
}
END_TEST

START_TEST(files_that_axbench_wrote_are_opened)
{
    char *sae = shared_file("axbench/dump-2b-l10-fd/GemmaScopeSAE.pt");
    char *matrix = shared_file("axbench/dump-2b-l10-fd/DiffMean_weight.pt");
    if (!sae || !matrix)
        return;
    struct dictionary *d = open_ok(sae, -1, NULL);
    ck_assert(d->sae && d->n_concepts == 10 && d->d_model == 2304 && d->hook_layer == 10);
    ck_assert_uint_eq(d->labels.n, 10);
    ck_assert_ptr_nonnull(strstr(d->labels.rows[0].ref, "neuronpedia"));
    dictionary_close(d);
    d = open_ok(matrix, -1, NULL);
    ck_assert(!d->sae && d->n_concepts == 10 && d->hook_layer == 10);
    ck_assert_uint_eq(d->labels.n, 10);
    dictionary_close(d);
    free(sae);
    free(matrix);
}
END_TEST

/* --- a matrix alone --- */

START_TEST(a_matrix_in_any_format_is_a_dictionary)
{
    static float numbers[6] = {1, 2, 3, 4, 5, 6};
    struct tensor two[] = {
        {.name = "other", .n_dims = 1, .shape = {6}, .data = numbers, .n_bytes = 24},
        {.name = "weight", .n_dims = 2, .shape = {2, 3}, .data = numbers, .n_bytes = 24}};
    char *path = path_join(test_dir, "m.safetensors");
    ck_assert_int_eq(safetensors_write(path, two, 2, NULL, 0, &err), ERR_OK);
    struct dictionary *d = open_ok(path, 4, NULL);
    ck_assert(d->n_concepts == 2 && d->d_model == 3 && d->hook_layer == 4 && !d->sae);
    ck_assert_str_eq(d->labels.rows[1].text, "feature 1");
    dictionary_close(d);
    two[1].name = "mine";
    ck_assert_int_eq(safetensors_write(path, two, 2, NULL, 0, &err), ERR_OK);
    refuse(path, 4, ERR_FORMAT, "holds 2 tensors and none is called");
    ck_assert_int_eq(safetensors_write(path, two, 1, NULL, 0, &err), ERR_OK);
    refuse(path, 4, ERR_SHAPE, "is no matrix");
    d = open_ok("tests/fixtures/npy/fortran_f4.npy", -1, NULL);
    ck_assert(d->n_concepts == 3 && d->d_model == 5 && d->hook_layer == -1);
    ck_assert_uint_eq(dictionary_heap_bytes(d), 60);
    dictionary_close(d);
    d = open_ok("tests/fixtures/npy/v2_f8.npy", -1, NULL);
    ck_assert_int_eq(d->directions.dtype, DTYPE_F32);
    ck_assert_uint_eq(dictionary_heap_bytes(d), 60);
    dictionary_close(d);
    free(path);
}
END_TEST

START_TEST(a_file_in_a_layer_folder_belongs_to_that_layer)
{
    char *folder = put_dictionary("l12"), *file = path_join(folder, "weight.pt");
    struct dictionary *d = open_ok(file, -1, NULL);
    ck_assert_int_eq(d->hook_layer, 12);
    ck_assert_uint_eq(d->labels.n, 64);
    ck_assert_ptr_nonnull(strstr(d->name, "l12/weight.pt"));
    dictionary_close(d);
    free(file);
    free(folder);
}
END_TEST

Suite *suite_dictionary(void)
{
    Suite *s = suite_create("dictionary");
    TCase *t = tcase_create("dictionary");
    tcase_add_checked_fixture(t, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(t, a_dictionary_is_opened_with_labels_and_layer);
    tcase_add_test(t, the_only_layer_folder_is_found);
    tcase_add_test(t, one_of_several_layer_folders_must_be_picked);
    tcase_add_test(t, the_hook_layer_comes_from_flag_then_record_then_name);
    tcase_add_test(t, records_that_differ_are_refused_with_both_values);
    tcase_add_test(t, a_snapshot_of_the_hub_is_called_by_its_repository);
    tcase_add_test(t, acts_beside_the_weights_are_used_unless_others_are_given);
    tcase_add_test(t, a_dictionary_as_it_is_published);
    tcase_add_test(t, files_that_do_not_belong_together_are_refused);
    tcase_add_test(t, what_is_missing_is_named);
    tcase_add_test(t, a_gemma_scope_folder_or_file_is_opened);
    tcase_add_test(t, a_saelens_folder_says_its_layer);
    tcase_add_test(t, an_autoencoder_takes_labels_and_maxima_beside_it);
    tcase_add_test(t, labels_may_be_given);
    tcase_add_test(t, a_matrix_takes_the_lines_beside_it);
    tcase_add_test(t, files_that_axbench_wrote_are_opened);
    tcase_add_test(t, a_matrix_in_any_format_is_a_dictionary);
    tcase_add_test(t, a_file_in_a_layer_folder_belongs_to_that_layer);
    suite_add_tcase(s, t);
    return s;
}
