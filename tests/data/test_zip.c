#include "data/bytes.h"
#include "data/file.h"
#include "data/zip.h"
#include "tests/support/runner.h"
#include "tests/support/zip_maker.h"

#include <stdlib.h>
#include <string.h>

static struct err err;
static struct zip_maker maker;
static uint8_t long_text[6000];

static void set_up(void)
{
    for (size_t i = 0; i < sizeof long_text; i++)
        long_text[i] = (uint8_t)("compressible "[i % 13] + (i / 500));
    zip_maker_add(&maker, "w/stored", "hello", 5, false);
    zip_maker_add(&maker, "w/packed", long_text, sizeof long_text, true);
    zip_maker_add(&maker, "w/empty", "", 0, false);
    zip_maker_add(&maker, "w/nothing", "", 0, true);
    zip_maker_end(&maker);
}

static void tear_down(void)
{
    zip_maker_clear(&maker);
}

static uint8_t *central(size_t entry)
{
    uint8_t *p =
        (uint8_t *)maker.bytes.data + load_u32((uint8_t *)maker.bytes.data + maker.bytes.len - 6);
    for (; entry > 0; entry--)
        p += 46 + load_u16(p + 28);
    return p;
}

static uint8_t *end_record(void)
{
    return (uint8_t *)maker.bytes.data + maker.bytes.len - 22;
}

/* Parses a copy of exactly the right size, so that a sanitizer sees a read past the end. */
static int parse(struct zip *zip, size_t len, void **block)
{
    *block = mem_alloc(len, 1);
    memcpy(*block, maker.bytes.data, len);
    return zip_parse(zip, *block, len, "t.zip", &err);
}

static void refuse(int code, const char *reason)
{
    struct zip zip;
    void *block;
    ck_assert_int_eq(parse(&zip, maker.bytes.len, &block), code);
    ck_assert_ptr_nonnull(strstr(err.message, "t.zip"));
    ck_assert_msg(strstr(err.message, reason) != NULL, "%s: no '%s'", err.message, reason);
    ck_assert_str_ne(err.hint, "");
    free(block);
}

START_TEST(stored_and_deflated_entries_unpack)
{
    struct zip zip;
    ck_assert_int_eq(zip_parse(&zip, maker.bytes.data, maker.bytes.len, "t.zip", &err), ERR_OK);
    ck_assert_uint_eq(zip.n, 4);
    const struct zip_entry *e = zip_find(&zip, "w/stored");
    ck_assert(e && !e->deflated && e->size == 5);
    ck_assert_mem_eq(e->packed, "hello", 5);
    ck_assert_uint_eq((size_t)((const char *)e->packed - maker.bytes.data) % 64, 0);
    e = zip_find(&zip, "w/packed");
    ck_assert(e && e->deflated && e->size == sizeof long_text && e->packed_size < e->size);
    uint8_t *out = mem_alloc(e->size, 1);
    ck_assert_int_eq(zip_unpack(out, e, "t.zip", &err), ERR_OK);
    ck_assert_mem_eq(out, long_text, sizeof long_text);
    ck_assert_int_eq(zip_unpack(out, zip_find(&zip, "w/stored"), "t.zip", &err), ERR_OK);
    ck_assert_mem_eq(out, "hello", 5);
    ck_assert_int_eq(zip_unpack(out, zip_find(&zip, "w/empty"), "t.zip", &err), ERR_OK);
    ck_assert_int_eq(zip_unpack(out, zip_find(&zip, "w/nothing"), "t.zip", &err), ERR_OK);
    free(out);
    ck_assert_ptr_null(zip_find(&zip, "w/none"));
    zip_clear(&zip);
}
END_TEST

START_TEST(an_archive_cut_at_any_byte_is_refused)
{
    for (size_t len = 0; len < maker.bytes.len; len++) {
        struct zip zip;
        void *block;
        ck_assert_int_eq(parse(&zip, len, &block), ERR_FORMAT);
        free(block);
    }
}
END_TEST

START_TEST(a_comment_behind_the_end_record_is_allowed)
{
    store_u16(end_record() + 20, 9);
    buf_str(&maker.bytes, "a comment");
    struct zip zip;
    ck_assert_int_eq(zip_parse(&zip, maker.bytes.data, maker.bytes.len, "t", &err), ERR_OK);
    ck_assert_uint_eq(zip.n, 4);
    zip_clear(&zip);
}
END_TEST

START_TEST(any_changed_byte_is_survived)
{
    uint8_t *out = mem_alloc(1, 1 << 20);
    for (size_t at = 0; at < maker.bytes.len; at++) {
        for (int flip = 1; flip < 256; flip = flip * 4 - 1) {
            struct zip zip;
            maker.bytes.data[at] ^= (char)flip;
            if (zip_parse(&zip, maker.bytes.data, maker.bytes.len, "t", NULL) == ERR_OK) {
                for (size_t i = 0; i < zip.n; i++) {
                    bool same = zip.entries[i].size <= 1 << 20 &&
                                zip_unpack(out, &zip.entries[i], "t", NULL) == ERR_OK;
                    if (!same && !zip.entries[i].deflated)
                        ck_abort_msg("byte %zu: a stored entry does not unpack", at);
                }
                zip_clear(&zip);
            }
            maker.bytes.data[at] ^= (char)flip;
        }
    }
    free(out);
}
END_TEST

START_TEST(offsets_and_sizes_outside_the_file_are_refused)
{
    store_u32(central(0) + 42, 0x7fffffff);
    refuse(ERR_FORMAT, "beyond the end");
    store_u32(central(0) + 42, 1);
    refuse(ERR_FORMAT, "differs from the directory");
    store_u32(central(0) + 42, 0);
    store_u32(central(0) + 20, 0x7fffffff);
    refuse(ERR_FORMAT, "longer than the file");
    store_u32(central(0) + 20, 5);
    store_u32(central(0) + 24, 6);
    refuse(ERR_FORMAT, "sizes contradict");
    store_u32(central(0) + 24, 5);
    store_u32(central(1) + 24, 0xfffffffe);
    refuse(ERR_FORMAT, "sizes contradict");
    store_u32(end_record() + 16, (uint32_t)maker.bytes.len);
    refuse(ERR_FORMAT, "central directory outside");
}
END_TEST

START_TEST(more_entries_than_records_are_refused)
{
    store_u16(end_record() + 10, 5);
    refuse(ERR_FORMAT, "central directory outside");
    store_u16(end_record() + 10, 4);
    store_u16(central(3) + 28, 10);
    refuse(ERR_FORMAT, "cut short");
    store_u32(central(3), 0);
    refuse(ERR_FORMAT, "no directory record");
}
END_TEST

START_TEST(encrypted_entries_and_other_methods_are_refused)
{
    store_u16(central(1) + 8, 1);
    refuse(ERR_UNSUPPORTED, "'w/packed'");
    store_u16(central(1) + 8, 0);
    store_u16(central(1) + 10, 12);
    refuse(ERR_UNSUPPORTED, "method 12");
}
END_TEST

START_TEST(a_wrong_checksum_of_a_deflated_entry_is_noticed)
{
    struct zip zip;
    store_u32(central(1) + 16, 0x12345678);
    ck_assert_int_eq(zip_parse(&zip, maker.bytes.data, maker.bytes.len, "t.zip", &err), ERR_OK);
    uint8_t *out = mem_alloc(sizeof long_text, 1);
    ck_assert_int_eq(zip_unpack(out, zip_find(&zip, "w/packed"), "t.zip", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "t.zip: entry 'w/packed'"));
    free(out);
    zip_clear(&zip);
}
END_TEST

START_TEST(entries_may_not_overlap_or_repeat_a_name)
{
    struct zip_maker twice = {0};
    zip_maker_add(&twice, "a", "x", 1, false);
    zip_maker_add(&twice, "a", "y", 1, false);
    zip_maker_end(&twice);
    struct zip zip;
    ck_assert_int_eq(zip_parse(&zip, twice.bytes.data, twice.bytes.len, "t", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "same name"));
    zip_maker_clear(&twice);
    store_u32(central(0) + 20, 100); /* runs into the next entry's header and data */
    store_u32(central(0) + 24, 100);
    refuse(ERR_FORMAT, "overlap");
}
END_TEST

/* Rewrites the archive with zip64 fields, as numpy and large files have them. */
static void make_zip64(void)
{
    zip_maker_clear(&maker);
    zip_maker_add(&maker, "w", "hello", 5, false);
    uint8_t extra[28] = {1, 0, 24, 0};
    store_u64(extra + 4, 5);
    store_u64(extra + 12, 5);
    uint8_t *p = (uint8_t *)maker.directory.data;
    store_u32(p + 20, 0xffffffff);
    store_u32(p + 24, 0xffffffff);
    store_u32(p + 42, 0xffffffff);
    store_u16(p + 30, sizeof extra);
    buf_add(&maker.directory, extra, sizeof extra);
    size_t offset = maker.bytes.len, size = maker.directory.len;
    buf_add(&maker.bytes, maker.directory.data, size);
    uint8_t end[56 + 20 + 22] = {0};
    store_u32(end, 0x06064b50);
    store_u64(end + 4, 44);
    store_u64(end + 24, 1);
    store_u64(end + 32, 1);
    store_u64(end + 40, size);
    store_u64(end + 48, offset);
    store_u32(end + 56, 0x07064b50);
    store_u64(end + 64, offset + size);
    store_u32(end + 72, 1);
    store_u32(end + 76, 0x06054b50);
    memset(end + 76 + 8, 0xff, 12);
    buf_add(&maker.bytes, end, sizeof end);
}

START_TEST(zip64_fields_take_over_from_narrow_ones)
{
    make_zip64();
    struct zip zip;
    ck_assert_msg(zip_parse(&zip, maker.bytes.data, maker.bytes.len, "t", &err) == ERR_OK, "%s",
                  err.message);
    const struct zip_entry *e = zip_find(&zip, "w");
    ck_assert(e && e->size == 5);
    ck_assert_mem_eq(e->packed, "hello", 5);
    zip_clear(&zip);
    for (size_t len = 0; len < maker.bytes.len; len++) {
        void *block;
        ck_assert_int_eq(parse(&zip, len, &block), ERR_FORMAT);
        free(block);
    }
    memset(end_record() - 20 + 8, 0xff, 8);
    refuse(ERR_FORMAT, "zip64");
}
END_TEST

Suite *suite_zip(void)
{
    Suite *s = suite_create("zip");
    TCase *t = tcase_create("zip");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, stored_and_deflated_entries_unpack);
    tcase_add_test(t, an_archive_cut_at_any_byte_is_refused);
    tcase_add_test(t, a_comment_behind_the_end_record_is_allowed);
    tcase_add_test(t, any_changed_byte_is_survived);
    tcase_add_test(t, offsets_and_sizes_outside_the_file_are_refused);
    tcase_add_test(t, more_entries_than_records_are_refused);
    tcase_add_test(t, encrypted_entries_and_other_methods_are_refused);
    tcase_add_test(t, a_wrong_checksum_of_a_deflated_entry_is_noticed);
    tcase_add_test(t, entries_may_not_overlap_or_repeat_a_name);
    tcase_add_test(t, zip64_fields_take_over_from_narrow_ones);
    suite_add_tcase(s, t);
    return s;
}
