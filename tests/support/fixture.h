/* The tiny random Gemma 2 models under tests/fixtures, with what a reference computed for them. */
#ifndef TESTS_SUPPORT_FIXTURE_H
#define TESTS_SUPPORT_FIXTURE_H

#include "core/model.h"
#include "data/dictionary.h"
#include "data/json.h"

#define N_FIXTURES 2

struct fixture {
    struct model *model;
    struct dictionary *dict;
    struct json_doc *doc; /* expected.json */
    const struct json *expected;
    int hook_layer;
};

/* i in [0, N_FIXTURES). Fails the running test when a file cannot be read. */
void fixture_open(struct fixture *f, int i);
void fixture_close(struct fixture *f);

/* Copies of JSON arrays of numbers; the caller frees. *n: number of elements, may be NULL. */
float *fixture_floats(const struct json *array, size_t *n);
int *fixture_ints(const struct json *array, size_t *n);
int fixture_int(const struct json *object, const char *key);
float fixture_float(const struct json *object, const char *key);

#endif
