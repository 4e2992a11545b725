#include "data/tensor_index.h"
#include "tests/support/runner.h"

#include <string.h>

static struct err err;
static const uint8_t bytes[8];

static struct tensor at(const char *name, size_t offset, size_t n_bytes)
{
    return (struct tensor){.name = name, .data = bytes + offset, .n_bytes = n_bytes};
}

START_TEST(every_tensor_is_found_by_its_name)
{
    const struct tensor tensors[] = {at("b", 4, 4), at("a", 0, 4), at("none", 4, 0), at("", 8, 0)};
    struct tensor_index index;
    ck_assert_int_eq(tensor_index_init(&index, tensors, 4, "f", &err), ERR_OK);
    for (size_t i = 0; i < 4; i++)
        ck_assert_ptr_eq(tensor_index_find(&index, tensors[i].name), &tensors[i]);
    ck_assert_ptr_null(tensor_index_find(&index, "c"));
    tensor_index_clear(&index);
    ck_assert_int_eq(tensor_index_init(&index, NULL, 0, "f", &err), ERR_OK);
    ck_assert_ptr_null(tensor_index_find(&index, "a"));
    tensor_index_clear(&index);
}
END_TEST

START_TEST(tensors_that_share_a_byte_or_a_name_are_refused)
{
    const struct tensor overlap[] = {at("a", 0, 5), at("b", 4, 4)};
    const struct tensor twice[] = {at("a", 0, 4), at("b", 4, 2), at("a", 6, 2)};
    struct tensor_index index;
    ck_assert_int_eq(tensor_index_init(&index, overlap, 2, "f", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "f: tensors 'a' and 'b' overlap"));
    ck_assert_int_eq(tensor_index_init(&index, twice, 3, "f", &err), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "f: tensor 'a' occurs twice"));
}
END_TEST

Suite *suite_tensor_index(void)
{
    Suite *s = suite_create("tensor_index");
    TCase *t = tcase_create("tensor_index");
    tcase_add_test(t, every_tensor_is_found_by_its_name);
    tcase_add_test(t, tensors_that_share_a_byte_or_a_name_are_refused);
    suite_add_tcase(s, t);
    return s;
}
