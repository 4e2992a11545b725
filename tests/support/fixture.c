#include "tests/support/fixture.h"

#include "data/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[N_FIXTURES] = {"gemma2-mini", "gemma2-mini-f32"};

void fixture_open(struct fixture *f, int i)
{
    struct err err = {0};
    char path[128];
    snprintf(path, sizeof path, "tests/fixtures/%s", names[i]);
    ck_assert_msg(model_open(&f->model, path, &err) == ERR_OK, "%s", err.message);
    ck_assert_msg(dictionary_open(&f->dict, path, -1, NULL, NULL, &err) == ERR_OK, "%s",
                  err.message);
    snprintf(path, sizeof path, "tests/fixtures/%s/expected.json", names[i]);
    ck_assert_msg(json_open(&f->doc, path, &err) == ERR_OK, "%s", err.message);
    f->expected = json_root(f->doc);
    f->hook_layer = fixture_int(f->expected, "hook_layer");
}

void fixture_close(struct fixture *f)
{
    json_close(f->doc);
    dictionary_close(f->dict);
    model_close(f->model);
}

float *fixture_floats(const struct json *array, size_t *n)
{
    ck_assert(json_is_array(array));
    size_t size = json_size(array), i = 0;
    float *out = mem_alloc(size + 1, sizeof *out);
    for (const struct json *v = json_first(array); v; v = json_next(v))
        out[i++] = (float)json_number(v);
    if (n)
        *n = size;
    return out;
}

int *fixture_ints(const struct json *array, size_t *n)
{
    ck_assert(json_is_array(array));
    size_t size = json_size(array), i = 0;
    int *out = mem_alloc(size + 1, sizeof *out);
    for (const struct json *v = json_first(array); v; v = json_next(v))
        out[i++] = (int)json_number(v);
    if (n)
        *n = size;
    return out;
}

int fixture_int(const struct json *object, const char *key)
{
    return (int)fixture_float(object, key);
}

float fixture_float(const struct json *object, const char *key)
{
    ck_assert_msg(json_is_number(json_get(object, key)), "no number '%s'", key);
    return (float)json_number(json_get(object, key));
}
