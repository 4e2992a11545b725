#include "data/model_gguf.h"
#include "tests/support/gguf_model.h"
#include "tests/support/runner.h"
#include "tests/support/tmp_dir.h"

#include <stdlib.h>
#include <string.h>

static struct err err;
/* --- numbers --- */

static struct layer one_layer = {.config = {.window = 77}};

static struct model sample(void)
{
    return (struct model){.config = {.n_layers = 3,
                                     .d_model = 96,
                                     .n_heads = 4,
                                     .n_kv_heads = 2,
                                     .d_head = 32,
                                     .d_ff = 192,
                                     .n_ctx = 512,
                                     .rms_eps = 1e-5f,
                                     .attn_softcap = 20,
                                     .final_softcap = 10},
                          .layers = &one_layer};
}

static void make_embed(struct gguf_maker *m)
{
    static const float rows[4] = {0};
    gguf_make_tensor_of(m, "token_embd.weight", 0, 2, (size_t[]){4, 1}, rows, sizeof rows);
}

static void make_sample(struct gguf_maker *m)
{
    const struct model model = sample();
    gguf_make_config(m, &model);
    make_embed(m);
}

/* Clears the maker. */
static struct model_gguf *opened(struct gguf_maker *m)
{
    struct model_gguf *g;
    char *path = gguf_make_file(m, test_dir, "m.gguf");
    ck_assert_msg(model_gguf_open(&g, path, &err) == ERR_OK, "%s", err.message);
    ck_assert_str_eq(model_gguf_path(g), path);
    free(path);
    return g;
}

static void refuse(struct gguf_maker *m, int code, const char *reason)
{
    struct model_gguf *g;
    char *path = gguf_make_file(m, test_dir, "m.gguf");
    int rc = model_gguf_open(&g, path, &err);
    ck_assert_msg(rc == code, "%d for '%s': %s", rc, reason, err.message);
    ck_assert_ptr_null(g);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(path);
}

START_TEST(numbers_are_read)
{
    struct gguf_maker m = {0};
    make_sample(&m);
    gguf_make_f32(&m, "gemma2.rope.freq_base", 5000);
    gguf_make_token_ids(&m, 2, 1, 0, 3);
    gguf_make_u32(&m, "tokenizer.ggml.eot_token_id", 107);
    gguf_make_string(&m, "tokenizer.chat_template", "{{ bos_token }}");
    struct model_gguf *g = opened(&m);
    const struct model_numbers *n = model_gguf_numbers(g);
    ck_assert_str_eq(n->architecture, "gemma2");
    ck_assert_str_eq(n->activation, "gelu_pytorch_tanh");
    ck_assert(n->n_layers == 3 && n->d_model == 96 && n->n_heads == 4 && n->n_kv_heads == 2);
    ck_assert(n->d_head == 32 && n->d_ff == 192 && n->n_ctx == 512 && n->n_vocab == 4);
    ck_assert(n->window == 77 && n->attn_softcap == 20 && n->final_softcap == 10);
    ck_assert(n->rope_theta == 5000 && (float)n->rms_eps == 1e-5f);
    ck_assert(n->query_pre_attn_scalar == 32 && n->tied_embeddings && !n->attention_bias);
    ck_assert(n->bos_id == 2 && n->pad_id == 0 && n->n_stop_ids == 2);
    ck_assert(n->stop_ids[0] == 1 && n->stop_ids[1] == 107);
    ck_assert_str_eq(model_gguf_chat_template(g), "{{ bos_token }}");
    ck_assert_uint_eq(model_gguf_bytes(g), 16);
    ck_assert_ptr_nonnull(model_gguf_tensor(g, "token_embd.weight"));
    ck_assert_ptr_null(model_gguf_tensor(g, "output.weight"));
    model_gguf_close(g);
}
END_TEST

START_TEST(absent_keys_have_the_defaults_of_llama_cpp)
{
    struct gguf_maker m = {0};
    gguf_make_string(&m, "general.architecture", "gemma2");
    gguf_make_u32(&m, "gemma2.context_length", 8192);
    gguf_make_u32(&m, "gemma2.embedding_length", 96);
    gguf_make_u32(&m, "gemma2.block_count", 46);
    gguf_make_u32(&m, "gemma2.feed_forward_length", 96);
    gguf_make_u32(&m, "gemma2.attention.head_count", 4);
    gguf_make_f32(&m, "gemma2.attention.layer_norm_rms_epsilon", 1e-6f);
    make_embed(&m);
    struct model_gguf *g = opened(&m);
    const struct model_numbers *n = model_gguf_numbers(g);
    ck_assert(n->n_kv_heads == 4 && n->d_head == 24 && n->window == 4096);
    ck_assert(n->attn_softcap == 50 && n->final_softcap == 30 && n->rope_theta == 10000);
    ck_assert(n->bos_id == -1 && n->pad_id == -1 && n->n_stop_ids == 0);
    ck_assert_ptr_null(model_gguf_chat_template(g));
    model_gguf_close(g);
}
END_TEST

START_TEST(the_largest_model_has_a_scale_of_its_own)
{
    struct gguf_maker m = {0};
    struct model model = sample();
    model.config.n_layers = 46; /* the 27B model: d_model / n_heads is not d_head */
    model.config.d_model = 4608;
    model.config.n_heads = 32;
    model.config.d_head = 128;
    gguf_make_config(&m, &model);
    make_embed(&m);
    struct model_gguf *g = opened(&m);
    ck_assert(model_gguf_numbers(g)->query_pre_attn_scalar == 144);
    model_gguf_close(g);
}
END_TEST

START_TEST(of_another_architecture_only_the_name_is_read)
{
    struct gguf_maker m = {0};
    gguf_make_string(&m, "general.architecture", "mamba");
    struct model_gguf *g = opened(&m);
    ck_assert_str_eq(model_gguf_numbers(g)->architecture, "mamba");
    model_gguf_close(g);
}
END_TEST

START_TEST(bad_values_are_refused_by_key)
{
    struct gguf_maker m = {0};
    struct model model = sample();
    const struct {
        int *field;
        int value;
        const char *key;
    } bad[] = {{&model.config.n_layers, 0, "gemma2.block_count"},
               {&model.config.d_model, -1, "gemma2.embedding_length"},
               {&model.config.n_heads, 0, "gemma2.attention.head_count"},
               {&model.config.d_ff, 1 << 25, "gemma2.feed_forward_length"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int was = *bad[i].field;
        *bad[i].field = bad[i].value;
        gguf_make_config(&m, &model);
        make_embed(&m);
        refuse(&m, ERR_FORMAT, bad[i].key);
        *bad[i].field = was;
    }
    model.config.final_softcap = 0;
    gguf_make_config(&m, &model);
    refuse(&m, ERR_FORMAT, "gemma2.final_logit_softcapping");
    gguf_make_string(&m, "general.architecture", "gemma2");
    refuse(&m, ERR_FORMAT, "gemma2.block_count is missing");
    make_sample(&m);
    gguf_make_u32(&m, "gemma2.rope.dimension_count", 16);
    refuse(&m, ERR_FORMAT, "key_length");
    make_sample(&m);
    gguf_make_string(&m, "gemma2.rope.scaling.type", "yarn");
    refuse(&m, ERR_UNSUPPORTED, "rope.scaling");
    make_sample(&m);
    gguf_make_u32(&m, "tokenizer.ggml.bos_token_id", 4);
    refuse(&m, ERR_FORMAT, "bos_token_id");
    make_sample(&m);
    gguf_make_string(&m, "tokenizer.ggml.eos_token_id", "1");
    refuse(&m, ERR_FORMAT, "eos_token_id");
    make_sample(&m);
    gguf_make_u32(&m, "tokenizer.chat_template", 1);
    refuse(&m, ERR_FORMAT, "chat_template");
    make_sample(&m);
    gguf_make_raw(&m, "split.count", GGUF_U16, "\3", 2);
    refuse(&m, ERR_UNSUPPORTED, "one of 3 parts");
}
END_TEST

/* --- the tokenizer --- */

static const struct scored_piece pieces[] = {
    {"<pad>", 5, 0, PIECE_CONTROL},
    {"<eos>", 5, 0, PIECE_CONTROL},
    {"<bos>", 5, 0, PIECE_CONTROL},
    {"<unk>", 5, 0, PIECE_UNKNOWN},
    {"<0x41>", 6, 0, PIECE_BYTE},
    {"<start_of_turn>", 15, 0, PIECE_USER_DEFINED},
    {"\xe2\x96\x81\xe2\x96\x81", 6, 0, PIECE_USER_DEFINED},
    {"ab", 2, -1, PIECE_NORMAL},
    {"\xe2\x96\x81", 3, -2, PIECE_NORMAL},
    {"a", 1, -3, PIECE_NORMAL},
    {"b", 1, -4, PIECE_NORMAL},
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

static int vocab_of(struct vocab **out, struct gguf_maker *m)
{
    char *path = gguf_make_file(m, test_dir, "v.gguf");
    int rc = model_gguf_vocab(out, path, &err);
    free(path);
    return rc;
}

static void compare_vocabs(const struct vocab *a, const struct vocab *b)
{
    size_t n_merges, n_added, n_merges_b, n_added_b;
    const struct vocab_merge *merges = vocab_merges(a, &n_merges);
    const struct vocab_merge *merges_b = vocab_merges(b, &n_merges_b);
    const struct vocab_added *added = vocab_added(a, &n_added);
    const struct vocab_added *added_b = vocab_added(b, &n_added_b);
    ck_assert_int_eq(vocab_size(a), vocab_size(b));
    for (int id = 0; id < vocab_size(a); id++) {
        size_t len, len_b;
        const char *text = vocab_piece(a, id, &len), *text_b = vocab_piece(b, id, &len_b);
        ck_assert(len == len_b && memcmp(text, text_b, len) == 0);
        ck_assert(vocab_is_special(a, id) == vocab_is_special(b, id));
        ck_assert_int_eq(vocab_byte_value(a, id), vocab_byte_value(b, id));
    }
    ck_assert(n_merges == n_merges_b && n_added == n_added_b);
    ck_assert_mem_eq(merges, merges_b, n_merges * sizeof *merges);
    for (size_t i = 0; i < n_added; i++)
        ck_assert(added[i].id == added_b[i].id && added[i].special == added_b[i].special);
}

START_TEST(the_tokenizer_is_that_of_its_pieces)
{
    struct gguf_maker m = {0};
    struct vocab *got, *want;
    const struct piece_options options = {
        .escape_whitespaces = true, .byte_fallback = true, .unk_id = 3};
    make_sample(&m);
    gguf_make_pieces(&m, pieces, N_PIECES);
    gguf_make_token_ids(&m, 2, 1, 0, 3);
    ck_assert_msg(vocab_of(&got, &m) == ERR_OK, "%s", err.message);
    ck_assert_int_eq(vocab_from_pieces(&want, pieces, N_PIECES, &options, "t", &err), ERR_OK);
    compare_vocabs(got, want);
    ck_assert_int_eq(vocab_id(got, "\xe2\x96\x81\xe2\x96\x81", 6), 6); /* stored as two spaces */
    ck_assert_int_eq(vocab_rules(got)->unk_id, 3);
    ck_assert(vocab_is_special(got, 2) && !vocab_is_special(got, 7));
    vocab_close(got);
    vocab_close(want);
}
END_TEST

START_TEST(a_file_may_have_no_tokenizer)
{
    struct gguf_maker m = {0};
    struct vocab *vocab;
    make_sample(&m);
    ck_assert_int_eq(vocab_of(&vocab, &m), ERR_OK);
    ck_assert_ptr_null(vocab);
    gguf_make_string(&m, "tokenizer.ggml.model", "no_vocab");
    ck_assert_int_eq(vocab_of(&vocab, &m), ERR_OK);
    ck_assert_ptr_null(vocab);
}
END_TEST

static void refuse_vocab(struct gguf_maker *m, int code, const char *reason)
{
    struct vocab *vocab;
    int rc = vocab_of(&vocab, m);
    ck_assert_msg(rc == code, "%d for '%s': %s", rc, reason, err.message);
    ck_assert_ptr_null(vocab);
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_ptr_nonnull(strstr(err.message, "v.gguf"));
}

START_TEST(tokenizers_of_another_kind_or_damaged_ones_are_refused)
{
    struct gguf_maker m = {0};
    gguf_make_string(&m, "tokenizer.ggml.model", "gpt2");
    refuse_vocab(&m, ERR_UNSUPPORTED, "'gpt2'");
    gguf_make_u32(&m, "tokenizer.ggml.model", 1);
    refuse_vocab(&m, ERR_UNSUPPORTED, "tokenizer.ggml.model");
    gguf_make_string(&m, "tokenizer.ggml.model", "llama");
    refuse_vocab(&m, ERR_FORMAT, "tokenizer.ggml.tokens");
    gguf_make_string(&m, "tokenizer.ggml.model", "llama");
    gguf_make_array(&m, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    gguf_add_string(&m.values, "a", 1);
    refuse_vocab(&m, ERR_FORMAT, "tokenizer.ggml.scores");
    struct scored_piece odd[N_PIECES];
    memcpy(odd, pieces, sizeof odd);
    odd[4].type = (enum piece_type)7;
    gguf_make_pieces(&m, odd, N_PIECES);
    refuse_vocab(&m, ERR_FORMAT, "token_type");
    gguf_make_pieces(&m, pieces, N_PIECES);
    gguf_make_bool(&m, "tokenizer.ggml.remove_extra_whitespaces", true);
    refuse_vocab(&m, ERR_UNSUPPORTED, "remove_extra_whitespaces");
    odd[4] = odd[7];
    gguf_make_pieces(&m, odd, N_PIECES);
    refuse_vocab(&m, ERR_FORMAT, "ab");
}
END_TEST

/* Whatever a byte becomes: a message and what to do, or numbers and a vocabulary that can be used.
 */
START_TEST(no_damaged_byte_is_believed)
{
    struct gguf_maker m = {0};
    struct buf file = {0};
    make_sample(&m);
    gguf_make_pieces(&m, pieces, N_PIECES);
    gguf_make_token_ids(&m, 2, 1, 0, 3);
    gguf_make_end(&file, &m);
    int n_read = 0, n_refused = 0;
    for (size_t at = 0; at < file.len; at++) {
        struct model_gguf *g;
        struct vocab *vocab;
        file.data[at] ^= (char)(1 + 127 * (at % 3));
        char *path = tmp_dir_write(test_dir, "m.gguf", file.data, file.len);
        file.data[at] ^= (char)(1 + 127 * (at % 3));
        int rc = model_gguf_open(&g, path, &err);
        ck_assert(rc == ERR_OK ? g != NULL : g == NULL && *err.message && *err.hint);
        n_read += rc == ERR_OK;
        n_refused += rc != ERR_OK;
        model_gguf_close(g);
        rc = model_gguf_vocab(&vocab, path, &err);
        ck_assert(rc == ERR_OK || (!vocab && *err.message && *err.hint));
        vocab_close(vocab);
        free(path);
    }
    ck_assert(n_read > 100 && n_refused > 100);
    buf_clear(&file);
    gguf_make_clear(&m);
}
END_TEST

Suite *suite_model_gguf(void)
{
    Suite *s = suite_create("model_gguf");
    TCase *t = tcase_create("numbers");
    tcase_add_checked_fixture(t, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(t, numbers_are_read);
    tcase_add_test(t, absent_keys_have_the_defaults_of_llama_cpp);
    tcase_add_test(t, the_largest_model_has_a_scale_of_its_own);
    tcase_add_test(t, of_another_architecture_only_the_name_is_read);
    tcase_add_test(t, bad_values_are_refused_by_key);
    suite_add_tcase(s, t);
    t = tcase_create("tokenizer");
    tcase_add_checked_fixture(t, test_dir_set_up, test_dir_tear_down);
    tcase_add_test(t, the_tokenizer_is_that_of_its_pieces);
    tcase_add_test(t, a_file_may_have_no_tokenizer);
    tcase_add_test(t, no_damaged_byte_is_believed);
    tcase_add_test(t, tokenizers_of_another_kind_or_damaged_ones_are_refused);
    suite_add_tcase(s, t);
    return s;
}
