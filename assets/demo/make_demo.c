/* Makes the bundled demo from the world's files: tokenizer, model, dictionary, figures.
 * `make demo-model`, or one stage: make_demo --world DIR --out DIR --stage train --resume */
#include "assets/demo/demo.h"
#include "core/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_STEPS = 5500 };

static const struct {
    const char *name;
    int (*run)(const struct demo *demo, struct err *err);
} stages[] = {
    {"tokenizer", demo_tokenizer},   {"train", demo_train},       {"tune", demo_tune},
    {"dictionary", demo_dictionary}, {"evaluate", demo_evaluate},
};
enum { N_STAGES = sizeof stages / sizeof *stages };

static int usage(void)
{
    fputs("usage: make_demo --world DIR --out DIR [--stage "
          "tokenizer|train|tune|dictionary|evaluate]\n"
          "                 [--steps N] [--layer L] [--threads N] [--seed N] [--resume]\n",
          stderr);
    return 2;
}

struct arguments {
    struct demo demo;
    const char *world, *stage;
};

/* false: not understood */
static bool parse(struct arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--resume") == 0) {
            a->demo.resume = true;
            continue;
        }
        if (i + 1 >= argc)
            return false;
        const char *flag = argv[i], *value = argv[++i];
        if (strcmp(flag, "--world") == 0)
            a->world = value;
        else if (strcmp(flag, "--out") == 0)
            a->demo.out = value;
        else if (strcmp(flag, "--stage") == 0)
            a->stage = value;
        else if (strcmp(flag, "--steps") == 0)
            a->demo.n_steps = strtol(value, NULL, 10);
        else if (strcmp(flag, "--layer") == 0)
            a->demo.layer = (int)strtol(value, NULL, 10);
        else if (strcmp(flag, "--threads") == 0)
            a->demo.n_threads = (int)strtol(value, NULL, 10);
        else if (strcmp(flag, "--seed") == 0)
            a->demo.seed = strtoull(value, NULL, 10);
        else
            return false;
    }
    return a->world && a->demo.out && a->demo.n_steps > 0 && a->demo.n_threads > 0;
}

static int run_stages(const struct arguments *a, struct err *err)
{
    bool known = false;
    for (int i = 0; i < N_STAGES; i++) {
        if (a->stage && strcmp(a->stage, stages[i].name) != 0)
            continue;
        known = true;
        int rc = stages[i].run(&a->demo, err);
        if (rc)
            return rc;
    }
    return known ? ERR_OK : err_set(err, ERR_ARG, "there is no stage \"%s\"", a->stage);
}

int main(int argc, char **argv)
{
    long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments a = {.demo = {.seed = 1,
                                   .layer = -1,
                                   .n_steps = N_STEPS,
                                   .n_threads = n_cores > 8 ? 8 : (int)n_cores}};
    struct err err = {0};
    if (!parse(&a, argc, argv))
        return usage();
    pool_set_threads(a.demo.n_threads);
    int rc = world_open(&a.demo.world, a.world, &err);
    if (!rc)
        rc = run_stages(&a, &err);
    if (rc)
        fprintf(stderr, "make_demo: %s\n%s%s", err.message, err.hint, err.hint[0] ? "\n" : "");
    world_close(a.demo.world);
    return rc ? 1 : 0;
}
