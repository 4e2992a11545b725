#include "data/file.h"
#include "data/sentencepiece.h"
#include "tests/support/piece_list.h"
#include "tests/support/runner.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE "tests/fixtures/tokenizer/tokenizer"

static struct err err;

/* The fixture's vocabulary as a tokenizer.model. */
static void make_model(struct buf *out, const struct piece_model *model)
{
    struct vocab *v = NULL;
    struct piece_list list;
    ck_assert_int_eq(vocab_open(&v, FIXTURE ".json", &err), ERR_OK);
    piece_list_from(&list, v);
    piece_list_write(out, &list, model);
    piece_list_clear(&list);
    vocab_close(v);
}

static void check_refused(const void *bytes, size_t len, int code, const char *message)
{
    struct vocab *v = NULL;
    int got = sentencepiece_parse(&v, bytes, len, "tokenizer.model", &err);
    ck_assert_msg(got == code, "code %d instead of %d for \"%s\"", got, code, message);
    ck_assert_msg(strstr(err.message, message) != NULL, "\"%s\" is not in \"%s\"", message,
                  err.message);
    ck_assert_msg(strncmp(err.message, "tokenizer.model: ", 17) == 0, "%s", err.message);
}

START_TEST(pieces_come_back_as_they_were_written)
{
    struct vocab *want = NULL, *got = NULL;
    struct buf bytes = {0};
    make_model(&bytes, &(struct piece_model){.kind = 2});
    ck_assert_int_eq(vocab_open(&want, FIXTURE ".json", &err), ERR_OK);
    ck_assert_msg(sentencepiece_parse(&got, bytes.data, bytes.len, "m", &err) == ERR_OK, "%s",
                  err.message);
    ck_assert_int_eq(vocab_size(got), vocab_size(want));
    for (int id = 0; id < vocab_size(want); id++) {
        size_t n_got, n_want;
        const char *g = vocab_piece(got, id, &n_got), *w = vocab_piece(want, id, &n_want);
        ck_assert_uint_eq(n_got, n_want);
        ck_assert_mem_eq(g, w, n_want);
        ck_assert_int_eq(vocab_is_special(got, id), vocab_is_special(want, id));
    }
    const struct vocab_rules *r = vocab_rules(got);
    ck_assert_int_eq(r->unk_id, vocab_rules(want)->unk_id);
    ck_assert(r->byte_fallback && r->n_normalizer == 1 && r->n_decoder == 1);
    vocab_close(want);
    vocab_close(got);
    buf_clear(&bytes);
}
END_TEST

START_TEST(the_fixture_is_what_the_writer_makes)
{
    struct vocab *v = NULL;
    struct buf bytes = {0};
    make_model(&bytes, &(struct piece_model){.kind = 2});
    ck_assert_int_eq(sentencepiece_open(&v, FIXTURE ".model", &err), ERR_OK);
    vocab_close(v);
    struct buf file = {0};
    ck_assert_int_eq(file_read(&file, FIXTURE ".model", 1 << 20, &err), ERR_OK);
    ck_assert_uint_eq(file.len, bytes.len);
    ck_assert_mem_eq(file.data, bytes.data, bytes.len);
    buf_clear(&file);
    buf_clear(&bytes);
}
END_TEST

START_TEST(a_dummy_prefix_becomes_a_rule)
{
    struct vocab *v = NULL;
    struct buf bytes = {0};
    make_model(&bytes, &(struct piece_model){.kind = 2, .add_dummy_prefix = true});
    ck_assert_int_eq(sentencepiece_parse(&v, bytes.data, bytes.len, "m", &err), ERR_OK);
    ck_assert_uint_eq(vocab_rules(v)->n_normalizer, 2);
    ck_assert_uint_eq(vocab_rules(v)->normalizer[0].from_len, 0);
    vocab_close(v);
    buf_clear(&bytes);
}
END_TEST

START_TEST(other_kinds_and_normalisers_are_refused_by_name)
{
    static const struct {
        struct piece_model model;
        const char *message;
    } cases[] = {
        {{.kind = 1}, "model kind Unigram"},
        {{.kind = 0}, "model kind Unigram"}, /* the format's default */
        {{.kind = 3}, "model kind Word"},
        {{.kind = 4}, "model kind Char"},
        {{.kind = 9}, "model kind of no known kind"},
        {{.kind = 2, .charsmap = "x"}, "normalizer nmt_nfkc"},
        {{.kind = 2, .remove_extra_whitespaces = true}, "remove_extra_whitespaces"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf bytes = {0};
        make_model(&bytes, &cases[i].model);
        check_refused(bytes.data, bytes.len, ERR_UNSUPPORTED, cases[i].message);
        buf_clear(&bytes);
    }
}
END_TEST

/* One piece "u" of the unknown type; BPE; a normaliser without blank removal. */
#define PIECE_U "\x0a\x05\x0a\x01u\x18\x02"
#define KIND_BPE "\x12\x02\x18\x02"
#define NORMAL "\x1a\x02\x20\x00"
#define BYTES(text) text, sizeof(text) - 1

START_TEST(a_model_of_one_piece_is_read)
{
    struct vocab *v = NULL;
    /* fields that are not known are passed over: 9 varint, 10 fixed64, 11 bytes, 12 fixed32 */
    static const char bytes[] = PIECE_U KIND_BPE NORMAL "\x48\x80\x01\x51"
                                                        "12345678\x5a\x02xx\x65"
                                                        "1234";
    ck_assert_msg(sentencepiece_parse(&v, BYTES(bytes), "m", &err) == ERR_OK, "%s", err.message);
    ck_assert_int_eq(vocab_size(v), 1);
    ck_assert(!vocab_rules(v)->byte_fallback);
    vocab_close(v);
}
END_TEST

START_TEST(broken_files_say_what_is_wrong_and_where)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } cases[] = {
        {BYTES(""), "byte 0: the file ends without a piece"},
        {BYTES("\x0a"), "byte 1: the file ends within a number"},
        {BYTES("\x0a\xff"), "byte 2: the file ends within a number"},
        {BYTES("\x0a\x7f"), "byte 2: a field is longer"},
        {BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "byte 11: a field is longer"},
        {BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "more than ten bytes"},
        {BYTES("\x00\x00"), "no valid number"},
        {BYTES("\x0b"), "no valid type"},
        {BYTES("\x08\x01"), "wrong type"},
        {BYTES("\x0a\x02\x08\x01"), "byte 4: a field has the wrong type"},
        {BYTES("\x0a\x03\x0a\x01u" KIND_BPE NORMAL), "none of its pieces is the unknown one"},
        {BYTES("\x0a\x04\x0a\x01u\x18" KIND_BPE NORMAL), "ends within a number"},
        {BYTES(PIECE_U PIECE_U KIND_BPE NORMAL), "again"},
        {BYTES(PIECE_U "\x0a\x05\x0a\x01v\x18\x07" KIND_BPE NORMAL), "type 0"},
        {BYTES("version https://git-lfs.github.com/spec/v1\n"), "byte 1: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(cases[i].bytes, cases[i].len, ERR_FORMAT, cases[i].message);
    check_refused(BYTES(PIECE_U KIND_BPE), ERR_UNSUPPORTED, "lack of a normalizer_spec");
    check_refused(BYTES(PIECE_U NORMAL), ERR_UNSUPPORTED, "Unigram");
}
END_TEST

START_TEST(a_cut_file_is_an_error_at_every_length)
{
    struct buf bytes = {0};
    make_model(&bytes, &(struct piece_model){.kind = 2});
    for (size_t len = 0; len < bytes.len; len += len < bytes.len - 100 ? 97 : 1) {
        struct vocab *v = NULL;
        char *copy = malloc(len + 1); /* so that a sanitizer sees a read beyond */
        memcpy(copy, bytes.data, len);
        ck_assert_msg(sentencepiece_parse(&v, copy, len, "m", &err) != ERR_OK, "%zu bytes", len);
        free(copy);
    }
    buf_clear(&bytes);
}
END_TEST

Suite *suite_sentencepiece(void)
{
    Suite *s = suite_create("sentencepiece");
    TCase *t = tcase_create("sentencepiece");
    tcase_add_test(t, pieces_come_back_as_they_were_written);
    tcase_add_test(t, the_fixture_is_what_the_writer_makes);
    tcase_add_test(t, a_dummy_prefix_becomes_a_rule);
    tcase_add_test(t, other_kinds_and_normalisers_are_refused_by_name);
    tcase_add_test(t, a_model_of_one_piece_is_read);
    tcase_add_test(t, broken_files_say_what_is_wrong_and_where);
    tcase_add_test(t, a_cut_file_is_an_error_at_every_length);
    suite_add_tcase(s, t);
    return s;
}
