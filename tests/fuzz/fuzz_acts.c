/* Any bytes as acts.json of a dictionary of 50 rows: what is accepted holds finite numbers. */
#include "data/acts.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define N_CONCEPTS 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    float *max, *threshold;
    struct err err;
    if (acts_parse(&max, &threshold, (const char *)data, size, "fuzz", N_CONCEPTS, &err) !=
        ERR_OK) {
        assert(!max && !threshold && *err.message);
        return 0;
    }
    assert(max || threshold);
    for (size_t i = 0; i < N_CONCEPTS; i++)
        assert((!max || isfinite(max[i])) && (!threshold || isfinite(threshold[i])));
    free(max);
    free(threshold);
    return 0;
}
