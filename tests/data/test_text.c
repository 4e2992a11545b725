#include "data/text.h"
#include "tests/support/runner.h"

#include <string.h>

/* Independent of the decoder: encodes by the definition's table of lengths. */
static int encode_by_definition(unsigned char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (unsigned char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (unsigned char)(0xc0 + cp / 64);
        out[1] = (unsigned char)(0x80 + cp % 64);
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (unsigned char)(0xe0 + cp / 4096);
        out[1] = (unsigned char)(0x80 + cp / 64 % 64);
        out[2] = (unsigned char)(0x80 + cp % 64);
        return 3;
    }
    out[0] = (unsigned char)(0xf0 + cp / 262144);
    out[1] = (unsigned char)(0x80 + cp / 4096 % 64);
    out[2] = (unsigned char)(0x80 + cp / 64 % 64);
    out[3] = (unsigned char)(0x80 + cp % 64);
    return 4;
}

START_TEST(every_character_is_encoded_and_decoded)
{
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        unsigned char want[4];
        char got[4];
        int n = encode_by_definition(want, cp);
        uint32_t back = 0;
        if (utf8_encode(got, cp) != n || memcmp(got, want, (size_t)n) != 0 ||
            utf8_decode(&back, got, 4) != n || back != cp)
            ck_abort_msg("character %x", (unsigned)cp);
    }
}
END_TEST

START_TEST(two_and_three_byte_strings_decode_only_as_defined)
{
    static bool valid[1 << 24];
    unsigned char b[4];
    for (uint32_t cp = 0x80; cp < 0x10000; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff)
            continue;
        int n = encode_by_definition(b, cp);
        valid[n == 2 ? b[0] << 8 | b[1] : b[0] << 16 | b[1] << 8 | b[2]] = true;
    }
    for (uint32_t v = 0x8000; v < 1 << 24; v++) {
        char s[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        int len = v < 0x10000 ? 2 : 3;
        uint32_t cp;
        int n = utf8_decode(&cp, s + 3 - len, (size_t)len);
        if ((unsigned char)s[3 - len] >= 0x80 && (n == len) != valid[v])
            ck_abort_msg("bytes %x: length %d", (unsigned)v, n);
    }
}
END_TEST

START_TEST(surrogates_overlong_forms_and_the_end_of_unicode_are_invalid)
{
    static const char *const bad[] = {
        "\xed\xa0\x80",     "\xed\xbf\xbf",     "\xc0\x80", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80",     "\xff"};
    uint32_t cp;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(utf8_decode(&cp, bad[i], strlen(bad[i])), 0);
    char out[4];
    ck_assert_int_eq(utf8_encode(out, 0xd800), 3);
    ck_assert_mem_eq(out, "\xef\xbf\xbd", 3);
}
END_TEST

START_TEST(a_cut_character_is_held_back_and_a_broken_one_is_not)
{
    const char *s = "a\xf0\x9f\x98\x80";
    for (size_t len = 2; len <= 4; len++)
        ck_assert_uint_eq(utf8_complete_len(s, len), 1);
    ck_assert_uint_eq(utf8_complete_len(s, 5), 5);
    ck_assert_uint_eq(utf8_complete_len("x\x80", 2), 2);
    ck_assert_uint_eq(utf8_complete_len("x\xed\xa0", 3), 3);
    ck_assert_uint_eq(utf8_complete_len("x\xe2\x82\x80", 4), 4);
    ck_assert_uint_eq(utf8_complete_len("\xe2", 1), 0);
    ck_assert_uint_eq(utf8_complete_len("", 0), 0);
}
END_TEST

START_TEST(the_first_invalid_byte_is_found)
{
    static const struct {
        const char *s;
        size_t len, at;
    } cases[] = {{"", 0, 0},
                 {"abc", 3, 3},
                 {"\xff", 1, 0},
                 {"ab\xff", 3, 2},
                 {"\xc3\xa4\xe2\x82", 4, 2},
                 {"\xe2\x82\xac", 3, 3},
                 {"a\0b\x80", 4, 3},
                 {"\xed\xa0\x80", 3, 0},
                 {"\xf0\x9f\x99\x82", 4, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_uint_eq(utf8_invalid_at(cases[i].s, cases[i].len), cases[i].at);
}
END_TEST

START_TEST(blanks_and_line_breaks_alone_are_a_blank_text)
{
    ck_assert(text_is_blank("", 0));
    ck_assert(text_is_blank(" \t\n\v\f\r", 6));
    ck_assert(!text_is_blank("  a ", 4));
    ck_assert(!text_is_blank(" \0", 2));
    ck_assert(!text_is_blank("\xc2\xa0", 2));
}
END_TEST

START_TEST(a_byte_order_mark_is_known_at_the_beginning_alone)
{
    ck_assert_uint_eq(text_bom_len("\xef\xbb\xbf", 3), 3);
    ck_assert_uint_eq(text_bom_len("\xef\xbb\xbfx", 4), 3);
    ck_assert_uint_eq(text_bom_len("\xef\xbb\xbf", 2), 0);
    ck_assert_uint_eq(text_bom_len("x\xef\xbb\xbf", 4), 0);
    ck_assert_uint_eq(text_bom_len("", 0), 0);
}
END_TEST

START_TEST(rows_end_at_blanks_or_where_a_word_is_too_long)
{
    ck_assert_uint_eq(text_wrap("", 5), 0);
    ck_assert_uint_eq(text_wrap("a few words", 11), 11);
    ck_assert_uint_eq(text_wrap("a few words", 10), 5);
    ck_assert_uint_eq(text_wrap("a few words", 5), 5);
    ck_assert_uint_eq(text_wrap("a few words", 4), 1);
    ck_assert_uint_eq(text_wrap("longer than that", 4), 4);
    ck_assert_uint_eq(text_wrap("\xe4\xb8\xad\xe6\x96\x87", 3), 3); /* two columns each */
    ck_assert_uint_eq(text_wrap("\xe4\xb8\xad\xe6\x96\x87", 1), 3); /* one at least */
    ck_assert_uint_eq(text_wrap("e\xcc\x81"
                                "e\xcc\x81",
                                1),
                      3); /* a mark stays with its letter */
}
END_TEST

START_TEST(a_suffix_is_the_end_or_all_of_a_text)
{
    ck_assert(text_ends_with("a.npy", ".npy"));
    ck_assert(text_ends_with(".npy", ".npy"));
    ck_assert(text_ends_with("a", ""));
    ck_assert(!text_ends_with("npy", ".npy"));
    ck_assert(!text_ends_with("a.npy.gz", ".npy"));
}
END_TEST

START_TEST(widths_follow_unicode)
{
    static const struct {
        uint32_t cp;
        int width;
    } facts[] = {
        {'a', 1},     {0xe9, 1},    {0x0301, 0},  {0x200d, 0}, {0x200b, 0},  {0xfe0f, 0},
        {0xad, 1},    {0x4e2d, 2},  {0x3042, 2},  {0xac00, 2}, {0x1161, 0},  {0xff21, 2},
        {0xff71, 1},  {0x1f600, 2}, {0x1f1e6, 1}, {0x2603, 1}, {0x231a, 2},  {0x2581, 1},
        {0x20000, 2}, {0x0e33, 1},  {0x0e34, 0},  {0x0903, 1}, {0x20ac, 1},  {0xfffd, 1},
        {0x1b, -1},   {0x7f, -1},   {0x9b, -1},   {0x2500, 1}, {0xe0100, 0}, {0x10ffff, 1},
        {0x00, -1},   {0x0600, 1},  {0x115f, 2},  {0x1100, 2}, {0x1fae0, 2}, {0x05d0, 1},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        ck_assert_msg(text_width_char(facts[i].cp) == facts[i].width, "U+%04X is %d columns",
                      (unsigned)facts[i].cp, text_width_char(facts[i].cp));
    ck_assert_int_eq(text_width("e\xcc\x81\xe4\xb8\xad", 6), 3);
    ck_assert_int_eq(text_width("\xff\x1bx", 3), 13);
}
END_TEST

START_TEST(whatever_is_written_is_valid_and_harmless)
{
    struct buf out = {0};
    const char bytes[] = "ok\n\t\x1b[31m\xc2\x9b\xff\xe2\x82\xe2\x82\xac\0z";
    text_safe(&out, bytes, sizeof bytes - 1, true);
    ck_assert_str_eq(out.data, "ok\n\t<0x1B>[31m<0x9B><0xFF><0xE2><0x82>\xe2\x82\xac<0x00>z");
    buf_clear(&out);
    text_safe(&out, bytes, 4, false);
    ck_assert_str_eq(out.data, "ok<0x0A><0x09>");
    buf_clear(&out);
    text_valid(&out, bytes, sizeof bytes - 1);
    ck_assert_uint_eq(out.len, 2 + 2 + 5 + 2 + 6 + 12 + 3 + 1 + 1);
    ck_assert_mem_eq(out.data + 4, "\x1b[31m\xc2\x9b<0xFF>", 13);
    buf_clear(&out);
}
END_TEST

Suite *suite_text(void)
{
    Suite *s = suite_create("text");
    TCase *t = tcase_create("text");
    tcase_add_test(t, every_character_is_encoded_and_decoded);
    tcase_add_test(t, two_and_three_byte_strings_decode_only_as_defined);
    tcase_add_test(t, surrogates_overlong_forms_and_the_end_of_unicode_are_invalid);
    tcase_add_test(t, a_cut_character_is_held_back_and_a_broken_one_is_not);
    tcase_add_test(t, the_first_invalid_byte_is_found);
    tcase_add_test(t, blanks_and_line_breaks_alone_are_a_blank_text);
    tcase_add_test(t, a_byte_order_mark_is_known_at_the_beginning_alone);
    tcase_add_test(t, rows_end_at_blanks_or_where_a_word_is_too_long);
    tcase_add_test(t, a_suffix_is_the_end_or_all_of_a_text);
    tcase_add_test(t, widths_follow_unicode);
    tcase_add_test(t, whatever_is_written_is_valid_and_harmless);
    suite_add_tcase(s, t);
    return s;
}
