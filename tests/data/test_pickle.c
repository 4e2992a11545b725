#include "data/mem.h"
#include "data/pickle.h"
#include "tests/support/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;
static const char *const globals[] = {"torch FloatStorage", "collections OrderedDict", "m f", NULL};

#define PARSE(p, bytes) pickle_parse(p, bytes, sizeof(bytes) - 1, globals, "t.pkl", &err)
#define REFUSE(bytes, code, reason) refuse(bytes, sizeof(bytes) - 1, code, reason)

static void refuse(const char *bytes, size_t size, int code, const char *reason)
{
    struct pickle p;
    void *block = mem_alloc(size, 1);
    memcpy(block, bytes, size);
    ck_assert_int_eq(pickle_parse(&p, block, size, globals, "t.pkl", &err), code);
    ck_assert_ptr_null(p.root);
    ck_assert_ptr_nonnull(strstr(err.message, "t.pkl: pickle byte"));
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(block);
}

START_TEST(numbers_of_all_widths_are_read)
{
    struct pickle p;
    ck_assert_int_eq(PARSE(&p,
                           "\x80\x02(K\xffM\xff\xffJ\xfe\xff\xff\xffJ\0\0\0\x40\x8a\0\x8a\x01\xff"
                           "\x8a\x02\x00\x01\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x88\x89t."),
                     ERR_OK);
    static const int64_t expected[] = {255, 65535, -2, 0x40000000, 0, -1, 256, INT64_MAX, 1, 0};
    ck_assert_int_eq(p.root->kind, PICKLE_TUPLE);
    ck_assert_uint_eq(p.root->n_items, 10);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_eq(p.root->items[i]->number, expected[i]);
        ck_assert_int_eq(p.root->items[i]->kind, i < 8 ? PICKLE_INT : PICKLE_BOOL);
    }
    pickle_clear(&p);
}
END_TEST

START_TEST(dicts_keep_their_items_in_order)
{
    struct pickle p;
    ck_assert_int_eq(PARSE(&p, "}(X\1\0\0\0aK\1X\1\0\0\0bK\2uX\1\0\0\0cK\3s."), ERR_OK);
    ck_assert_int_eq(p.root->kind, PICKLE_DICT);
    ck_assert_uint_eq(p.root->n_items, 6);
    ck_assert_str_eq(p.root->items[4]->text, "c");
    ck_assert_int_eq(p.root->items[5]->number, 3);
    pickle_clear(&p);
    ck_assert_int_eq(PARSE(&p, "ccollections\nOrderedDict\n)R(K\1)u."), ERR_OK);
    ck_assert_int_eq(p.root->kind, PICKLE_DICT);
    ck_assert_uint_eq(p.root->items[1]->n_items, 0);
    pickle_clear(&p);
}
END_TEST

START_TEST(attributes_of_a_dict_are_dropped)
{
    struct pickle p;
    ck_assert_int_eq(PARSE(&p, "ccollections\nOrderedDict\n)RX\1\0\0\0aK\1s"
                               "}X\1\0\0\0mccollections\nOrderedDict\n)Rsb."),
                     ERR_OK);
    ck_assert_int_eq(p.root->kind, PICKLE_DICT);
    ck_assert_uint_eq(p.root->n_items, 2);
    ck_assert_str_eq(p.root->items[0]->text, "a");
    pickle_clear(&p);
    REFUSE("cm\nf\n)R}b.", ERR_UNSUPPORTED, "no dict");
    REFUSE("})b.", ERR_UNSUPPORTED, "no dict");
    REFUSE("}(}b.", ERR_UNSUPPORTED, "no dict");
    REFUSE("b.", ERR_UNSUPPORTED, "no dict");
}
END_TEST

START_TEST(calls_and_persistent_ids_stay_data)
{
    struct pickle p;
    ck_assert_int_eq(PARSE(&p, "cm\nf\n(X\3\0\0\0xyzQK\7tR."), ERR_OK);
    ck_assert_int_eq(p.root->kind, PICKLE_CALL);
    ck_assert_str_eq(p.root->items[0]->text, "m f");
    const struct pickle_value *args = p.root->items[1];
    ck_assert_int_eq(args->items[0]->kind, PICKLE_PERSISTENT);
    ck_assert_str_eq(args->items[0]->items[0]->text, "xyz");
    pickle_clear(&p);
}
END_TEST

START_TEST(memorised_values_are_the_same_value)
{
    struct pickle p;
    ck_assert_int_eq(PARSE(&p, "}q\0(K\1h\0r\1\0\0\0K\2j\1\0\0\0u."), ERR_OK);
    ck_assert_ptr_eq(p.root->items[1], p.root); /* a dict that holds itself */
    ck_assert_ptr_eq(p.root->items[3], p.root);
    pickle_clear(&p);
}
END_TEST

START_TEST(what_could_run_code_is_refused_by_name)
{
    REFUSE("\x80\x02"
           "cos\nsystem\n(X\2\0\0\0lstR.",
           ERR_UNSUPPORTED, "'os system'");
    REFUSE("cposix\nsystem\n.", ERR_UNSUPPORTED, "'posix system'");
    REFUSE("cm\nff\n.", ERR_UNSUPPORTED, "'m ff'");
    REFUSE("cbuiltins\neval\n.", ERR_UNSUPPORTED, "byte 0: names 'builtins eval'");
    static const char others[] = "ioa]lNISFGUB0123dDePVLC\x81\x82\x8b\x8c\x8e\x8f\x90\x91\x92\x93"
                                 "\x94\x95\x96\x97\x98\xff";
    for (size_t i = 0; i + 1 < sizeof others; i++) {
        const char text[] = {')', others[i], 0};
        char reason[64];
        snprintf(reason, sizeof reason, "byte 1: has the instruction 0x%02x",
                 (unsigned)(unsigned char)others[i]);
        refuse(text, 2, ERR_UNSUPPORTED, reason);
    }
}
END_TEST

START_TEST(broken_stacks_are_refused)
{
    REFUSE("t.", ERR_FORMAT, "no mark");
    REFUSE("u.", ERR_FORMAT, "no mark");
    REFUSE("K\1(\x85.", ERR_FORMAT, "empty stack"); /* the value is below the mark */
    REFUSE("\x86.", ERR_FORMAT, "empty stack");
    REFUSE("Q.", ERR_FORMAT, "empty stack");
    REFUSE("q\0.", ERR_FORMAT, "empty stack");
    REFUSE("h\0.", ERR_FORMAT, "never memorised");
    REFUSE("K\1q\2h\1.", ERR_FORMAT, "never memorised");
    REFUSE("K\1r\xff\xff\xff\xff.", ERR_FORMAT, "memo number");
    REFUSE("K\1K\2s.", ERR_FORMAT, "without a dict");
    REFUSE("K\1K\2K\3s.", ERR_FORMAT, "no dict");
    REFUSE("}(K\1u.", ERR_FORMAT, "without a dict");
    REFUSE("K\1)R.", ERR_FORMAT, "no function");
    REFUSE("cm\nf\nK\1R.", ERR_FORMAT, "no function");
    REFUSE("R.", ERR_FORMAT, "no function");
    REFUSE(".", ERR_FORMAT, "other than one value");
    REFUSE("K\1K\2.", ERR_FORMAT, "other than one value");
    REFUSE("K\1(.", ERR_FORMAT, "other than one value");
    REFUSE("\x80\x09.", ERR_UNSUPPORTED, "protocol");
    REFUSE("\x8a\x09\1\2\3\4\5\6\7\x08\x09.", ERR_UNSUPPORTED, "64 bits");
    REFUSE("X\3\0\0\0a\0b.", ERR_FORMAT, "NUL");
    REFUSE("ccollections\nOrderedDict\nK\1\x85R.", ERR_UNSUPPORTED, "OrderedDict");
}
END_TEST

START_TEST(a_pickle_cut_at_any_byte_is_refused)
{
    static const char whole[] =
        "\x80\x02}(X\1\0\0\0acm\nf\nq\1M\1\2J\1\2\3\4\x8a\2\1\2\x87h\1r\5\0\0\0"
        "j\5\0\0\0\x86u";
    for (size_t len = 0; len < sizeof whole; len++)
        refuse(whole, len, ERR_FORMAT, "ends ");
}
END_TEST

Suite *suite_pickle(void)
{
    Suite *s = suite_create("pickle");
    TCase *t = tcase_create("pickle");
    tcase_add_test(t, numbers_of_all_widths_are_read);
    tcase_add_test(t, dicts_keep_their_items_in_order);
    tcase_add_test(t, attributes_of_a_dict_are_dropped);
    tcase_add_test(t, calls_and_persistent_ids_stay_data);
    tcase_add_test(t, memorised_values_are_the_same_value);
    tcase_add_test(t, what_could_run_code_is_refused_by_name);
    tcase_add_test(t, broken_stacks_are_refused);
    tcase_add_test(t, a_pickle_cut_at_any_byte_is_refused);
    suite_add_tcase(s, t);
    return s;
}
